"""The TWS protocol, both roles, sans I/O: bytes to frames to messages to columns of named tables, and back."""
