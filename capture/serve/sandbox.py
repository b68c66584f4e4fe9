"""Confine this process by the kernel (Linux): Landlock for files, network and signals, limits for memory and writing.

It is for a process that answers SQL of others: DuckDB alone is no sandbox. It lasts until the process ends, also for
what it starts. Threads that run already would stay free, so there may be none.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MEMORY_BYTES = 3 << 30  # of addresses, as the allocators of DuckDB and Arrow reserve more than they use
MOST_FILES = 1024

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # alike on all kinds of processors
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# By the version of Landlock that brought it: how many kinds of access to files it knows.
_KINDS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK, _SCOPES = 0b11, 0b11  # bind and connect by TCP; abstract sockets and signals to others
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
# DuckDB ends itself where it may not read these. Not all of /proc: environments of processes are there.
SYSTEM = ("/sys/devices/system/cpu", "/sys/fs/cgroup", "/proc/self/cgroup", "/proc/sys/vm/overcommit_memory",
          "/proc/meminfo", "/proc/self/status", "/dev/null", "/dev/urandom")  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(OSError):
    """This process could not be confined."""


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has, 0 where it has none."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)), 0)


def limit_resources(memory_bytes: int = MEMORY_BYTES) -> None:
    """Let this process take no more memory, write no byte to any file, and leave no image of itself."""
    for kind, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
                       (resource.RLIMIT_NOFILE, MOST_FILES)):  # fmt: skip
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def restrict_files(readable: Iterable[Path], listable: Iterable[Path] = ()) -> None:
    """Let this process read these files and folders and nothing else, write none, and open no connection.

    Of what is below `listable` it sees the names. Raises SandboxError where the kernel has no Landlock, or threads run
    already.
    """
    version = landlock_version()
    if not version:
        raise SandboxError("this kernel has no Landlock")
    if (threads := len(list(Path("/proc/self/task").iterdir()))) != 1:
        raise SandboxError(f"{threads} threads run already: they would stay free")
    handled = (1 << _KINDS.get(version, 16)) - 1
    fields = [handled, *([_NETWORK] if version >= _NETWORK_SINCE else []),
              *([_SCOPES] if version >= _SCOPES_SINCE else [])]  # fmt: skip
    ruleset = _call(_CREATE_RULESET, struct.pack(f"{len(fields)}Q", *fields), 8 * len(fields), 0)
    try:
        for path in (*map(Path, SYSTEM), *readable):
            with suppress(FileNotFoundError):
                _allow(ruleset, path, _READ_FILE | (_READ_FOLDER if path.is_dir() else 0))
        for path in listable:
            _allow(ruleset, path, _READ_FOLDER)
        if _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise SandboxError(ctypes.get_errno(), "cannot give up privileges")
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, kinds: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", kinds, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: int | bytes) -> int:
    found = int(_libc.syscall(number, *arguments))
    if found < 0:
        raise SandboxError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return found
