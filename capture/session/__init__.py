"""Sessions with a gateway as a pure state machine: events and a clock in, commands out; no I/O of its own (D2)."""
