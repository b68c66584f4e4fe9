"""Whether there is room for more tape: recording stops a little before the disk is full, and goes on when it is not."""

import shutil
from pathlib import Path

LEAST_BYTES = 16 << 20  # kept free for the end of the session, the roller and everybody else
ENOUGH_BYTES = 64 << 20  # to begin again with


def no_room(folder: Path, needed_bytes: int) -> str | None:
    """Return in words that fewer bytes than needed are free where `folder` is, None where they are or none can tell."""
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError:  # who cannot tell finds out by writing
        return None
    if free_bytes >= needed_bytes:
        return None
    return (f"no room for more tape: {free_bytes >> 20} MiB are free on the disk of {folder}, recording takes "
            f"{needed_bytes >> 20}: free space there; recording goes on by itself")
