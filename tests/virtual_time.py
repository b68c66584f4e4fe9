"""A clock that jumps: an event loop whose time stands still while there is work, and skips the waiting between.

A recorder and a gateway in one process, connected over real sockets, then live through days in minutes, and a busy
machine is never late. Loopback hands over what is sent before `send` returns, so nothing is under way when time jumps.
"""

import asyncio
import os
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

FOREVER_S = 1.0  # real time, where nothing is due ever: only a signal can help


class VirtualTime:
    """The present: `now_ns` since 1970, and `mono_ns` since the beginning.

    Seconds since 1970 as a float are too coarse for an event loop, which would wait for a moment that never comes.
    """

    def __init__(self, start_us: int) -> None:
        self.start_ns = start_us * 1_000
        self.mono_ns = 0

    @property
    def now_ns(self) -> int:
        """The wall clock."""
        return self.start_ns + self.mono_ns

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Make this the time that `time.time` and `time.monotonic` tell."""
        clocks: dict[str, Any] = {
            "time": lambda: self.now_ns / 1e9, "monotonic": lambda: self.mono_ns / 1e9,
            "time_ns": lambda: self.now_ns, "monotonic_ns": lambda: self.mono_ns}  # fmt: skip
        with patch.multiple(time, **clocks):
            yield


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, without threads: what is to be done in one is done at once and takes no time."""

    def __init__(self, virtual: VirtualTime) -> None:
        self.virtual = virtual
        super().__init__(_Jumping(virtual))

    def time(self) -> float:
        """Return the virtual time in seconds since its beginning."""
        return self.virtual.mono_ns / 1e9

    def run_in_executor(  # type: ignore[override]  # the stubs' types of `args` say nothing that is needed here
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Call `func`, and return a future that is done."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: where no socket is ready, it is later."""

    def __init__(self, virtual: VirtualTime) -> None:
        super().__init__()
        self._virtual = virtual

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(FOREVER_S)
        if (ready := super().select(0)) or timeout <= 0:
            return ready
        os.sched_yield()  # what the kernel does in threads of its own gets its turn
        if ready := super().select(0):
            return ready
        self._virtual.mono_ns += max(int(timeout * 1e9), 1_000)
        return []


@contextmanager
def _nothing_by_chance() -> Iterator[None]:
    """Draw the same lots each time, and leave files in memory: no power is cut here, and a disk takes its real time."""
    syncs: dict[str, Any] = {"fsync": lambda descriptor: None, "fdatasync": lambda descriptor: None}
    with patch.multiple(os, **syncs), patch("capture.session.backoff.Random", lambda: Random(1)):
        yield


def run(main: Coroutine[Any, Any, Any], start_us: int) -> Any:
    """Run a coroutine to its end in virtual time that begins at `start_us`, and return its result."""
    virtual = VirtualTime(start_us)
    made = partial(VirtualLoop, virtual)
    with virtual.everywhere(), _nothing_by_chance(), asyncio.Runner(loop_factory=made) as runner:
        return runner.run(main)
