"""Rows of few instruments, read from row groups and from tails without SQL (D147)."""
