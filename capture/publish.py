"""Publishing files and folders: visible whole or not at all, and still there after a power cut (D65)."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Modes are given, never left to the umask of whoever starts a command.
PRIVATE = 0o700  # of a data folder that we make, and of tapes: their owner's alone
OPEN = 0o755  # of folders within a data folder, whose own mode says who comes that far
LEFTOVER_AGE_S = 3600  # far longer than any file takes to write
_SUFFIX = ".tmp"
_CHUNK_BYTES = 1 << 20
_on_disk: dict[Path, int] = {}  # folders of which this process knows that their names are safe: inode by path
_TEMPORARY = re.compile(rf"\.(.+)\.\d+{re.escape(_SUFFIX)}")


def publish(path: Path, write: Callable[[Path], object], *, mode: int = 0o600, sync: bool = True) -> None:
    """Let `write` make a temporary file beside `path`, then rename it to `path`, replacing what was there.

    File and folder are synced to disk before this returns; without `sync` a power cut may leave any part of the file.
    When `write` fails, `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        write(temporary)
        temporary.chmod(mode)
        give(temporary)
        if sync:
            sync_path(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # what failed is said, not that nothing can be removed either
            temporary.unlink()
        raise
    if sync:
        sync_path(path.parent)


def give(path: Path) -> None:
    """Let what the superuser made belong to whom its folder belongs: nobody is locked out of his own lake by a sudo."""
    above = path.parent.stat()
    if os.geteuid() == 0 and above.st_uid != 0:
        os.chown(path, above.st_uid, above.st_gid)


def make_folder(path: Path, mode: int = OPEN) -> None:
    """Make a folder, and those above it, where they are missing; their names are safely on disk when this returns.

    All that are missing get the same mode. Names that somebody else made are synced too, as he may have been killed
    before he did: once by each process, up to where it may not write, or another disk begins.
    """
    path = path.absolute()
    try:
        _make(path, mode)
    except FileNotFoundError:
        make_folder(path.parent, mode)
        with suppress(FileExistsError):
            _make(path, mode)
    except OSError:  # which one a folder that is there gives depends on the system
        if not path.is_dir():
            raise
    inode = path.stat().st_ino
    if _on_disk.get(path) != inode:
        _sync_name(path, mode)
        _on_disk[path] = inode


def _make(path: Path, mode: int) -> None:
    path.mkdir(mode)
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)
    give(path)


def _sync_name(path: Path, mode: int) -> None:
    if not path.is_mount() and os.access(path.parent, os.R_OK | os.W_OK):
        sync_path(path.parent)
        make_folder(path.parent, mode)


def temporary_of(path: Path) -> str | None:
    """Return the name of the file that a temporary one was to become; None for a file of another kind."""
    match = _TEMPORARY.fullmatch(path.name)
    return match[1] if match else None


def clear_leftovers(path: Path) -> None:
    """Remove what killed publishers of this very file left; only for who alone publishes it."""
    for leftover in path.parent.glob(f".{path.name}.*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def sync_path(path: Path) -> None:
    """Bring a file, or a folder's list of names, safely to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_content(path: Path) -> None:
    """Bring a file to disk, as `sync_path` does; where that fails, by writing what it holds once more."""
    try:
        sync_path(path)
    except FileNotFoundError:
        raise
    except OSError:
        write_again(path)


def write_again(path: Path, first: int = 0, end: int | None = None) -> None:
    """Write the bytes of a file from `first` to before `end` into their places again, and sync them.

    For after a failed sync: the system takes what it could not write for written, so that the next sync succeeds and
    brings nothing. Others may append meanwhile.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        end = os.fstat(descriptor).st_size if end is None else end
        while first < end and (chunk := os.pread(descriptor, min(_CHUNK_BYTES, end - first), first)):
            first += os.pwrite(descriptor, chunk, first)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the temporary files that publishers killed an hour or more ago left in `folder`."""
    for leftover in folder.glob(f".*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # published or swept by another process meanwhile
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
                leftover.unlink()
