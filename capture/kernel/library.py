"""The kernel's shared library, found and loaded once; None, and a reason, where there is none or not the right one.

It lies beside this module, put there by `capture/kernel/making/kernel_backend.py` when ticktape is installed.
"""

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

ABI = 1  # as KERNEL_ABI in kernel.h
FOLDER = Path(__file__).parent
LIBRARY = "libkernel.so"
NOT_BUILT = "not_built.txt"  # why the installation has no library

SWITCH = "TICKTAPE_KERNEL"
OFF = "off"
AGAIN = "install ticktape again: `make install` in a checkout, else pip install --force-reinstall ticktape"


Functions = TypeVar("Functions")
Table = Mapping[str, tuple[Any, Sequence[Any]]]  # of functions: what each gives, and what it takes


class KernelAbsentError(Exception):
    """There is no kernel to use; the text says why and what helps."""


def library() -> ctypes.CDLL | None:
    """Return the loaded library, whose functions take pointers and sizes; None where all is done without."""
    return _found()[0]


def functions(of: Callable[[ctypes.CDLL], Functions]) -> Functions | None:
    """Return the functions of a file of the kernel, made once; None where the kernel is not there, or is not wanted."""
    loaded = library()
    return None if loaded is None else _made(of, loaded)


@cache
def _made(of: Callable[[ctypes.CDLL], Functions], loaded: ctypes.CDLL) -> Functions:
    return of(loaded)


def declare(loaded: ctypes.CDLL, table: Table) -> None:
    """Say of functions of a library what each gives and takes."""
    for name, (gives, takes) in table.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = gives, takes


def absence() -> str | None:
    """Return why there is no kernel and what helps; None where there is one."""
    return _found()[1]


def forget() -> None:
    """Look for the library again at the next question: for tests, which go with and without it."""
    _found.cache_clear()


@cache
def _found() -> tuple[ctypes.CDLL | None, str | None]:
    if os.environ.get(SWITCH) == OFF:
        return None, f"{SWITCH}={OFF}"
    try:
        return load(FOLDER), None
    except KernelAbsentError as error:
        return None, str(error)


def load(folder: Path) -> ctypes.CDLL:
    """Return the library of a folder, loaded; KernelAbsentError where there is none that fits this program."""
    path = folder / LIBRARY
    if not path.exists():
        said = folder / NOT_BUILT
        raise KernelAbsentError(f"{said.read_text().strip() if said.exists() else 'it was not built'}: {AGAIN}")
    try:
        loaded = ctypes.CDLL(str(path))
        loaded.kernel_sources.restype = ctypes.c_char_p
        abi, made_of = int(loaded.kernel_abi()), loaded.kernel_sources().decode()
    except (OSError, AttributeError, UnicodeDecodeError) as error:
        raise KernelAbsentError(f"{path} cannot be loaded: {error}: {AGAIN}") from None
    if abi != ABI:
        raise KernelAbsentError(f"{path} has the calls of version {abi}, this program makes those of {ABI}: {AGAIN}")
    if sources(folder) and made_of != digest(folder):
        raise KernelAbsentError(f"{path} was not made of the C files that lie beside it: {AGAIN}")
    return loaded


def sources(folder: Path) -> list[Path]:
    """Return the C files of a folder, in order: those of a checkout; an installed wheel has none."""
    return sorted([*folder.glob("*.c"), *folder.glob("*.h")])


def digest(folder: Path) -> str:
    """Return what tells the C files of a folder from any others."""
    return sha256(b"".join(path.name.encode() + b"\0" + path.read_bytes() for path in sources(folder))).hexdigest()
