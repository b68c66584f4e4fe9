"""Which files and folders are opened below a folder, by any library in this process: the kernel says it (inotify)."""

import ctypes
import os
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED, _IS_FOLDER = 0x20, 0x40000000
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Opened:
    """How often each file was opened, and each folder that was listed, since it began."""

    def __init__(self, root: Path) -> None:
        self.files: Counter[Path] = Counter()
        self.folders: Counter[Path] = Counter()
        self._fd = _libc.inotify_init1(os.O_NONBLOCK)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        self._watched = {}
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            watch = _libc.inotify_add_watch(self._fd, os.fsencode(folder), _OPENED)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._watched[watch] = folder
        self.take()
        self.files.clear()
        self.folders.clear()

    def take(self) -> None:
        """Count what came since."""
        while said := self._read():
            while said:
                watch, mask, _, length = _EVENT.unpack_from(said)
                name = said[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                said = said[_EVENT.size + length :]
                # A folder that is listed is told of by itself, and by the one it lies in.
                if name and not mask & _IS_FOLDER:
                    self.files[self._watched[watch] / name] += 1
                elif not name:
                    self.folders[self._watched[watch]] += 1

    def close(self) -> None:
        """Look no more."""
        os.close(self._fd)

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 1 << 20)
        except BlockingIOError:
            return b""


@contextmanager
def opened(root: Path) -> Iterator[Opened]:
    """Count what is opened below a folder, for as long as this is entered."""
    found = Opened(root)
    try:
        yield found
        found.take()
    finally:
        found.close()
