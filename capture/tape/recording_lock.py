"""One writer for each tape: an exclusive lock, which the operating system drops when its process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from capture.data_folder import LOCK
from capture.publish import give

from .tape_error import RecorderBusy

LOCK_MODE = 0o600


class FolderLock:
    """Holds the lock file of `folder`; `RecorderBusy` when another recorder holds it.

    The file stays when the lock is released: removing it could part two recorders that wait for it.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, LOCK_MODE)
        if os.fstat(self._descriptor).st_uid == os.geteuid():
            os.fchmod(self._descriptor, LOCK_MODE)
        give(folder / LOCK)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise RecorderBusy(
                f"process {holder} is recording to {folder}: stop it, or give this recorder another --recorder"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another recorder have the folder."""
        os.close(self._descriptor)


@contextmanager
def recording_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a tape for a while, so that nobody records to it. Raises RecorderBusy."""
    lock = FolderLock(folder)
    try:
        yield
    finally:
        lock.release()
