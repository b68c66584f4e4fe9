"""The roller beside the recorder: a process that turns tape into Parquet, started again whenever it dies (D63)."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from capture.session.backoff import Backoff
from capture.session.subscriptions import SETTLED_S
from capture.wanted.settings import Settings

STOP_TIMEOUT_S = 60.0  # to roll what is left; what it does not manage, the next start's roller does


class RollerKeeper:
    """Keeps one roller process for a recorder; `report` is told when it dies."""

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        data, recorder, pid = str(settings.data), settings.recorder, str(os.getpid())
        self._command = [sys.executable, "-m", "capture.lake.processes.roller", data, recorder, pid,
                         json.dumps(settings.retention)]  # fmt: skip
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep(self) -> None:
        """Run the roller, again and again, until it is stopped."""
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
            self._report(f"the roller ended ({ended}), starting it again in {wait_s:.0f} s; nothing is lost")
            await asyncio.sleep(wait_s)

    async def stop(self, task: "asyncio.Task[None]") -> None:
        """Have it roll up to the last mark and end, given the task that runs `keep`."""
        self._stopping = True
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._roll_up()
        except TimeoutError:
            self._report(f"the roller did not finish within {STOP_TIMEOUT_S:g} s; the next start's goes on with it")
            if self._process:
                self._process.kill()
                await self._process.wait()
        except OSError as error:
            self._report(f"no roller can be had ({error}); the next start's goes on with its work")
        task.cancel()
        await asyncio.wait({task})

    async def _roll_up(self) -> None:
        """End the roller after its last roll; where none runs, one is started for it."""
        if self._process is None or self._process.returncode is not None:
            await self._start()
        if code := await self._terminate():
            self._report(f"the roller ended ({code}); the next start's goes on with its work")

    async def _start(self) -> asyncio.subprocess.Process:
        # The process inherits this and takes the signal when it is ready for it, however long it takes to begin.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.DEVNULL)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return self._process

    async def _terminate(self) -> int:
        """Tell the process to end and return its exit code."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        return await self._process.wait()
