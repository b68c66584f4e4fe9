"""Accounts: whose rows, by which names they are shown, and their functions by short names."""
