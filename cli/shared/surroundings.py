"""What a command's process is given: too little memory, or no UTF-8, is met before libraries fail by it."""

import os
import resource
import sys

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
