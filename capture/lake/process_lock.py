"""Locks between processes of a lake. One roller for each tape: who writes a recorder's files holds its lock (D64)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from capture.data_folder import ROLLER_LOCK
from capture.publish import give

from .layout import Layout

LOCK_MODE, TAPE_LOCK_MODE = 0o644, 0o600


class RollerBusyError(OSError):
    """Another process is rolling this recorder's tape."""


@contextmanager
def roller_lock(layout: Layout, recorder: str) -> Iterator[None]:
    """Hold the roller's lock of a recorder. Raises RollerBusyError where another process holds it."""
    busy = RollerBusyError(f"the tape of {recorder} in {layout.root} is being rolled: stop its recorder first")
    with locked(layout.tape / recorder / ROLLER_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB, busy, TAPE_LOCK_MODE):
        yield


@contextmanager
def locked(path: Path, how: int, busy: OSError | None = None, mode: int = LOCK_MODE) -> Iterator[None]:
    """Hold the lock of a file, `how` as for `flock`. Raises `busy` where another holds it and `how` says LOCK_NB."""
    lock = os.open(path, os.O_RDONLY | os.O_CREAT, mode)  # to be held it need not be written, by whom it be made
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            os.fchmod(lock, mode)
            give(path)
        try:
            fcntl.flock(lock, how)
        except BlockingIOError as error:
            raise busy or error from None
        yield
    finally:
        os.close(lock)
