"""The line to a gateway: a pure state machine and one thin runner that owns the socket."""
