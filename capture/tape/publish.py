"""Publishing a file: visible whole or not at all, and still there after a power cut."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LEFTOVER_AGE_S = 3600  # far longer than any file takes to write
_SUFFIX = ".tmp"


def publish(path: Path, write: Callable[[Path], object], *, mode: int = 0o600) -> None:
    """Let `write` make a temporary file beside `path`, then rename it to `path`, replacing what was there.

    File and folder are synced to disk before this returns. When `write` fails, `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        write(temporary)
        temporary.chmod(mode)
        sync_path(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


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


def sweep(folder: Path) -> None:
    """Remove the temporary files that publishers killed an hour or more ago left in `folder`."""
    for leftover in folder.glob(f".*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # published or swept by another process meanwhile
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
                leftover.unlink()
