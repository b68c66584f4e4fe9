"""Tape to rows, pure: bytes and a state in, rows of tables and a state out; no files, clocks or sockets (D2)."""
