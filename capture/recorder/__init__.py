"""The recorder: owns socket, tape, timers and the processes beside it, and does what the session machine says (D18)."""
