"""Locks between the processes of a lake. One roller for each tape: whoever writes a recorder's files holds its lock."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .layout import Layout


class RollerBusyError(OSError):
    """Another process is rolling this recorder's tape."""


@contextmanager
def roller_lock(layout: Layout, recorder: str) -> Iterator[None]:
    """Hold the roller's lock of a recorder. Raises RollerBusyError where another process holds it."""
    busy = RollerBusyError(f"the tape of {recorder} in {layout.root} is being rolled: stop its recorder first")
    with locked(layout.tape / recorder / "roller.lock", fcntl.LOCK_EX | fcntl.LOCK_NB, busy):
        yield


@contextmanager
def locked(path: Path, how: int, busy: OSError | None = None) -> Iterator[None]:
    """Hold the lock of a file, `how` as for `flock`. Raises `busy` where another holds it and `how` says LOCK_NB."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError as error:
            raise busy or error from None
        yield
