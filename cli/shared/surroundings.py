"""What a command's process is given: too little memory, no UTF-8, closed streams are met before libraries fail."""

import io
import os
import resource
import sys
from pathlib import Path
from typing import Literal, TextIO

LEAST_MIB = 3_584  # of addresses, which DuckDB, Arrow and their threads take, most of them without using them
PICTURE_MIB = 65_536  # what draws pictures reserves tens of gigabytes of addresses at once
_UTF8_MODE = "PYTHONUTF8"


def lacking(least_mib: int = LEAST_MIB) -> str | None:
    """Return in words that the limit of this process's memory is too low, None where it is not."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit >> 20 >= least_mib:
        return None
    return (f"this process may take {limit >> 20:,} MiB of memory (ulimit -v), and {least_mib:,} are needed, most of "
            "them only reserved: `ulimit -v unlimited` lifts it")


def speak_utf8() -> None:
    """Begin anew in Python's UTF-8 mode where the locale has another encoding: names of files would be half understood.

    Does not return then; the process stays the same one.
    """
    if sys.getfilesystemencoding().lower() != "utf-8" and os.environ.get(_UTF8_MODE) != "1":
        os.environ[_UTF8_MODE] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class _Nowhere(io.TextIOBase):
    """In place of a stdout that was closed: results would be lost unseen."""

    def write(self, _text: str, /) -> int:
        """Refuse."""
        raise OSError("stdout is closed, so there is nowhere to write results: leave it open, or send it to a file")

    def fileno(self) -> int:
        """Return what stands for it, so that what writes by number is no file of ours."""
        return 1


def hold_streams() -> None:
    """Open what was closed of stdin, stdout and stderr: files would get their numbers, and be written into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or _devnull("r")
    sys.stderr = sys.stderr or _devnull("w")
    sys.stdout = sys.stdout or _Nowhere()


def _devnull(mode: Literal["r", "w"]) -> TextIO:
    return Path(os.devnull).open(mode)  # as long as the process
