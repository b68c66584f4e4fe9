"""The market as it goes by the paper broker: what happens to instruments, and what of it matters to their orders."""
