"""What is to be recorded: settings, instruments, streams, trading hours, restart windows, and IB's limits on it all."""
