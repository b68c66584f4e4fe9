"""The kernel and numpy do the same: how tests go one way or the other."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from capture.kernel import library

WAYS = ("kernel", "numpy")


@contextmanager
def one_way(way: str) -> Iterator[None]:
    """Have the kernel or numpy do what both can; skips the test where there is no kernel."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "numpy":
            patch.setenv(library.SWITCH, library.OFF)
        library.forget()
        if way == "kernel" and library.absence():
            pytest.skip(f"there is no kernel: {library.absence()}")
        yield
    library.forget()
