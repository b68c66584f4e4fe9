"""The kernel: plain C for what is done to every byte, called through ctypes; without it all is done by numpy."""
