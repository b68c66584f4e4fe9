"""Verbs that ask a lake."""
