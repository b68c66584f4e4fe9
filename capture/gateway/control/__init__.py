"""A gateway that is told, while it runs, to break on purpose or to move in time."""
