"""What `make docs` writes from the code."""
