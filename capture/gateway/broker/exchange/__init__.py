"""What the market of an instrument does to orders: what it shows, what sets them off, where they stand, what fills."""
