"""The roller beside the recorder: a process that turns tape into Parquet, started again whenever it dies."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from .backoff import Backoff
from .settings import Settings
from .subscriptions import SETTLED_S

STOP_TIMEOUT_S = 60.0  # to roll what is left; what it does not manage, the next start's roller does


class RollerKeeper:
    """Keeps one roller process for a recorder; `report` is told when it dies."""

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        data, recorder, pid = str(settings.data), settings.recorder, str(os.getpid())
        self._command = [sys.executable, "-m", "capture.lake.roller", data, recorder, pid,
                         json.dumps(settings.retention)]  # fmt: skip
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep(self) -> None:
        """Run the roller, again and again, until it is stopped."""
        backoff = Backoff()
        while True:
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
        """End the roller after its last roll. One that was just starting dies of the signal: another gets more time."""
        patience_s = 1.0
        while (code := await self._terminate()) is None or code == -signal.SIGTERM:
            await self._start()
            await asyncio.sleep(patience_s)
            patience_s *= 2
        if code:
            self._report(f"the roller ended ({code}); the next start's goes on with its work")

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.DEVNULL)
        return self._process

    async def _terminate(self) -> int | None:
        """Tell the process to end and return its exit code, also of one that has ended; None where there is none."""
        process = self._process
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.terminate()
        return await process.wait()
