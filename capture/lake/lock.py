"""One roller for each tape: whoever writes a recorder's files in the lake holds its lock."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from .layout import Layout


class RollerBusyError(OSError):
    """Another process is rolling this recorder's tape."""


@contextmanager
def roller_lock(layout: Layout, recorder: str) -> Iterator[None]:
    """Hold the roller's lock of a recorder. Raises RollerBusyError where another process holds it."""
    path = layout.tape / recorder / "roller.lock"
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RollerBusyError(
                f"the tape of {recorder} in {layout.root} is being rolled: stop its recorder first") from None
        yield
