"""A gateway that is told, while it runs, to break on purpose or to move in time.

`faults` and `missed` are part of the shared state, and know streams but no client. `commands` and `replay_commands` act
on that state, on the clients in it, and on a server only as `controlled` allows; `command_socket` takes them from
outside.
"""
