"""The kernel and numpy do the same: tests that run both ways."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from capture.kernel.library import OFF, SWITCH, forget, library


@pytest.fixture(scope="module", params=["kernel", "numpy"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module with the kernel, and once more without it."""
    if request.param == "numpy":
        with without_kernel():
            yield
    elif library() is None:
        pytest.skip("there is no kernel, for want of a C compiler")
    else:
        yield


@contextmanager
def without_kernel() -> Iterator[None]:
    """Have numpy do what the kernel does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, OFF)
        forget()
        assert library() is None
        yield
    forget()
