"""Keeps a process beside the recorder: it is started again whenever it dies, and ends with the recorder (D63)."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from capture.log_lines import FORMAT
from capture.session.backoff import Backoff
from capture.session.subscriptions import SETTLED_S


class ProcessKeeper:
    """Keeps one process; `report` is told when it dies.

    `given` is what the process reads on stdin. What the process does not manage within `stop_s` once it is told to end,
    is left to the next start's: `left` says so.
    """

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], report: Callable[[str], None], *,
        log_format: str, stop_s: float, left: str, given: bytes | None = None,
    ) -> None:
        self._name, self._left, self._stop_s, self._given = name, left, stop_s, given
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = os.environ | {FORMAT: log_format}
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep(self) -> None:
        """Run the process, again and again, until it is stopped."""
        backoff = Backoff()
        while not self._stopping:
            started_s = monotonic()
            try:
                ended: object = await (await self._start()).wait()
            except Exception as error:  # no process can be had: recording goes on without
                ended = error
            if self._stopping:
                return
            if monotonic() - started_s > SETTLED_S:
                backoff.reset()
            wait_s = backoff.next_s()
            self._report(f"the {self._name} ended ({ended}), starting it again in {wait_s:.0f} s; nothing is lost")
            await asyncio.sleep(wait_s)

    async def stop(self, task: "asyncio.Task[None]") -> None:
        """Have it end once its work is done, given the task that runs `keep`."""
        self._stopping = True
        try:
            async with asyncio.timeout(self._stop_s):
                await self._finish()
        except TimeoutError:
            self._report(f"the {self._name} did not finish within {self._stop_s:g} s; {self._left}")
            if self._process:
                self._process.kill()
                await self._process.wait()
        except OSError as error:
            self._report(f"no {self._name} can be had ({error}); {self._left}")
        task.cancel()
        await asyncio.wait({task})

    async def _finish(self) -> None:
        """Tell the process to end, where one runs."""
        if self._process is not None and self._process.returncode is None and (code := await self._terminate()):
            self._report(f"the {self._name} ended ({code}); {self._left}")

    async def _start(self) -> asyncio.subprocess.Process:
        # The process inherits this and takes the signal when it is ready for it, however long it takes to begin.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            stdin = asyncio.subprocess.DEVNULL if self._given is None else asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=stdin, env=self._environment)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        if self._given is not None and self._process.stdin is not None:
            with suppress(ConnectionError):  # it died at once: that is seen by who waits for it
                self._process.stdin.write(self._given)
                await self._process.stdin.drain()
            self._process.stdin.close()
        return self._process

    async def _terminate(self) -> int:
        """Tell the process to end and return its exit code."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        return await self._process.wait()
