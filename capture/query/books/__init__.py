"""Order books of a lake, rebuilt from their operations without a loop over them."""
