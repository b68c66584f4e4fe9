"""Orders of clients: what they say, how they are held, joined and refused, and what became of them."""
