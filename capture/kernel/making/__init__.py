"""How the kernel is made: with every installation, and for other machines by `make wheels`."""
