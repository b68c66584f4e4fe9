"""What is to be recorded: settings, instruments, streams, trading hours and restart windows."""
