"""How TWS messages are written since they are text: frames, fields split by NULs, and columns of many at once."""
