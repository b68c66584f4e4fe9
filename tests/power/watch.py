"""What stands between the product and the system: every change of files below a folder is told to a simulated disk.

The calls really happen, but for syncs, which only the simulated disk takes. Files that pyarrow, DuckDB and zstd write
by themselves are looked at when their name or content is next asked of the system: nothing was promised of them before.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.disk import Disk, read_tree

REAL: dict[str, Callable[..., Any]] = {
    name: getattr(os, name) for name in ("open", "close", "dup", "write", "pwrite", "ftruncate", "fsync", "fdatasync",
                                         "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "chmod")}
OPEN = io.open

# An operation on the disk: the method's name and its arguments, to be done again on a copy.
Operation = tuple[Any, ...]
# Asked before each call with its name and the path below the root; raises what is to go wrong.
Fault = Callable[[str, str], None]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and what is done on its way out is not done."""


class Short(Exception):  # noqa: N818 - named for what happens
    """A write is to stop half-way."""


@dataclass(slots=True)
class _Opened:
    inode: int
    path: str
    appends: bool
    process: str
    told: int  # failures of the file's syncs that whoever has it open was told of


class Watch:
    """Tells `disk` what this process does below `root`, and keeps it as `operations`.

    `process` says for whom it is done at present; `fault` may let it fail. `end` is what the system does when a process
    ends.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root, self.disk = root, disk
        self.operations: list[Operation] = []
        self.process = ""
        self.fault: Fault | None = None
        self.killed = False
        self._opened: dict[int, _Opened] = {}
        self._failures: dict[int, int] = {}

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        """Stand between; at the end the files must hold what the disk was told."""
        ours: dict[str, Callable[..., Any]] = {name: getattr(self, f"_{name}") for name in REAL}
        try:
            for name, function in ours.items():
                setattr(os, name, function)
            io.open = builtins.open = self._io_open
            yield self
        finally:
            for name, function in REAL.items():
                setattr(os, name, function)
            io.open = builtins.open = OPEN
        self.settle()

    def end(self, process: str) -> None:
        """Close what a process had open."""
        for descriptor in [one for one, opened in self._opened.items() if opened.process == process]:
            del self._opened[descriptor]
            REAL["close"](descriptor)
        self.killed = False

    def settle(self) -> None:
        """Take note of what was written without a call of ours, and make sure that nothing was missed."""
        there = read_tree(self.root)
        for path in (path for path, content in there.items() if content is not None):
            self._look(path)
        assert self.disk.tree() == there, "files were changed in a way that the disk was not told"

    # How the calls are taken

    def _do(self, *operation: Any) -> Any:
        self.operations.append(operation)
        return getattr(self.disk, operation[0])(*operation[1:])

    def _ours(self, path: Any) -> str | None:
        """Return a path below the root, which itself is ""; None for any other."""
        if isinstance(path, int):
            return None
        text, root = str(Path(os.fsdecode(path)).absolute()), str(self.root)
        return text[len(root) + 1 :] if f"{text}/".startswith(f"{root}/") else None

    def _ask(self, call: str, path: str) -> None:
        if self.killed:
            raise Killed
        if self.fault:
            self.fault(call, path)

    def _look(self, path: str) -> int | None:
        """Take note of what a file holds that may have been written without a call of ours; return its inode."""
        inode, place = self.disk.find(path), self.root / path
        if inode in self.disk.folders or not place.is_file():
            return inode
        with OPEN(place, "rb") as file:
            content = file.read()
        inode = self._do("make", path) if inode is None else inode
        known = self.disk.files[inode].content
        if content != known:
            self._do("write", inode, content, 0, max(len(content), len(known)))
        return inode

    # Names

    def _mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if (ours := self._ours(path)) is None or dir_fd is not None:
            REAL["mkdir"](path, mode, dir_fd=dir_fd)
            return
        self._ask("mkdir", ours)
        REAL["mkdir"](path, mode)
        self._do("make", ours, None)

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        if (ours := self._ours(path)) is None or dir_fd is not None:
            REAL["unlink"](path, dir_fd=dir_fd)
            return
        self._ask("unlink", ours)
        REAL["unlink"](path)
        if self.disk.find(ours) is not None:
            self._do("change", ours, None)

    _remove = _unlink

    def _rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        if (ours := self._ours(path)) is None or dir_fd is not None:
            REAL["rmdir"](path, dir_fd=dir_fd)
            return
        self._ask("rmdir", ours)
        REAL["rmdir"](path)
        self._do("change", ours, None)

    def _rename(self, source: Any, target: Any, **folders: Any) -> None:
        ours, to = self._ours(source), self._ours(target)
        if ours is None or to is None:
            REAL["rename"](source, target, **folders)
            return
        self._ask("rename", ours)
        inode = self._look(ours)
        REAL["replace"](source, target)
        self._do("change", to, inode, ours)

    _replace = _rename

    def _link(self, source: Any, target: Any, **options: Any) -> None:
        ours, to = self._ours(source), self._ours(target)
        if ours is None or to is None:
            REAL["link"](source, target, **options)
            return
        self._ask("link", ours)
        inode = self._look(ours)
        REAL["link"](source, target, **options)
        self._do("change", to, inode)

    def _chmod(self, path: Any, mode: int, **options: Any) -> None:
        if (ours := self._ours(path)) is not None:
            self._ask("chmod", ours)  # where whoever wrote a file by itself may find the disk full
            self._look(ours)
        REAL["chmod"](path, mode, **options)

    # Content

    def _io_open(self, file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        ours = self._ours(file)
        if ours is None or mode in ("r", "rb", "rt"):
            return OPEN(file, mode, *arguments, **named)
        self._ask("open", ours)
        opened = OPEN(file, mode, *arguments, **named)
        self._look(ours)
        return opened

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if (ours := self._ours(path)) is None or dir_fd is not None:
            return int(REAL["open"](path, flags, mode, dir_fd=dir_fd))
        if flags & os.O_CREAT:
            self._ask("open", ours)
        elif self.killed:
            raise Killed
        descriptor = int(REAL["open"](path, flags, mode))
        inode = self._look(ours)
        assert inode is not None
        told = self._failures.get(inode, 0)
        self._opened[descriptor] = _Opened(inode, ours, bool(flags & os.O_APPEND), self.process, told)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._opened.pop(descriptor, None)
        REAL["close"](descriptor)

    def _dup(self, descriptor: int) -> int:
        copy = int(REAL["dup"](descriptor))
        if opened := self._opened.get(descriptor):
            self._opened[copy] = opened
        return copy

    def _write(self, descriptor: int, data: Any) -> int:
        if (opened := self._opened.get(descriptor)) is None:
            return int(REAL["write"](descriptor, data))
        assert opened.appends, "to write where the file stands is not known here"
        return self._written(opened, data, len(self.disk.files[opened.inode].content),
                             lambda part: int(REAL["write"](descriptor, part)))

    def _pwrite(self, descriptor: int, data: Any, offset: int) -> int:
        if (opened := self._opened.get(descriptor)) is None:
            return int(REAL["pwrite"](descriptor, data, offset))
        return self._written(opened, data, offset, lambda part: int(REAL["pwrite"](descriptor, part, offset)))

    def _written(self, opened: _Opened, data: Any, at: int, write: Callable[[bytes], int]) -> int:
        data = bytes(data)
        try:
            self._ask("write", opened.path)
        except Short:
            data = data[: len(data) // 2]
        count = write(data)
        before = self.disk.files[opened.inode].content
        after = before[:at].ljust(at, b"\0") + data[:count] + before[at + count :]
        self._do("write", opened.inode, after, at, at + count)
        return count

    def _ftruncate(self, descriptor: int, size: int) -> None:
        opened = self._opened.get(descriptor)
        if opened:
            self._ask("truncate", opened.path)
        REAL["ftruncate"](descriptor, size)
        if opened:
            before = self.disk.files[opened.inode].content
            if len(before) != size:
                after = before[:size].ljust(size, b"\0")
                self._do("write", opened.inode, after, min(size, len(before)), max(size, len(before)))

    def _fsync(self, descriptor: int) -> None:
        if (opened := self._opened.get(descriptor)) is None:
            return
        inode = opened.inode
        try:
            self._ask("fsync", opened.path)
        except OSError:
            self._do("lose", inode)
            self._failures[inode] = opened.told = self._failures.get(inode, 0) + 1
            raise
        if opened.told != self._failures.get(inode, 0):
            opened.told = self._failures[inode]
            raise OSError(errno.EIO, "an earlier sync failed")
        if inode in self.disk.files and not opened.appends:
            self._look(opened.path)
        self._do("sync", inode)

    _fdatasync = _fsync
