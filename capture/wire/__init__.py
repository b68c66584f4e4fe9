"""The TWS protocol, both roles, sans I/O: its messages as tables, frames of text, and what they make of rows (D2)."""
