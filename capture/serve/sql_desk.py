"""Questions in SQL from the page: each goes to a process of its own, which is killed when it has answered.

One process waits ready while somebody asks, as its start takes a second.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .sql_child import READY

GRID_S, DOWNLOAD_S = 30.0, 600.0  # after which a question is ended
START_S = 60.0
IDLE_S = 60.0  # for which a process waits for a question
MOST_AT_ONCE = 2
MOST_ROWS, MOST_BYTES = 10_000, 8 << 20  # of a grid
MOST_DOWNLOAD_ROWS, MOST_DOWNLOAD_BYTES = 100_000_000, 1 << 30
MOST_QUERY = 100_000  # characters
_PIECE = 1 << 16
# Nothing of ours is in it. Threads of libraries would run before the process is confined, and stay free.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false",
               "ARROW_DEFAULT_MEMORY_POOL": "system"}  # fmt: skip


class BusyError(Exception):
    """There are as many questions as are answered at once."""


class AskedWrongError(Exception):
    """A question cannot be answered; the text says why."""


class SqlDesk:
    """Has questions about a lake answered."""

    def __init__(self, data: Path, *, accounts: bool) -> None:
        self._command = [sys.executable, "-I", "-m", "capture.serve.sql_child", str(data.resolve()),
                         *(["accounts"] if accounts else [])]  # fmt: skip
        self._spare: Process | None = None
        self._spare_end: asyncio.TimerHandle | None = None
        self._asked = 0

    async def grid(self, sql: str, rows: int) -> bytes:
        """Return the first rows of an answer as JSON. Raises BusyError, AskedWrongError."""
        wanted = {"sql": sql, "rows": min(max(rows, 1), MOST_ROWS), "bytes": MOST_BYTES, "form": "grid"}
        try:
            async with asyncio.timeout(GRID_S):
                return b"".join([piece async for piece in self._answer(wanted)])
        except TimeoutError:
            raise AskedWrongError(f"the question took more than {GRID_S:.0f} s and was ended: ask for less, such as "
                                  "fewer dates") from None

    async def download(self, sql: str, form: str) -> AsyncIterator[bytes]:
        """Yield a whole answer in a form. Raises BusyError, AskedWrongError, TimeoutError."""
        size_bytes = 0
        async with asyncio.timeout(DOWNLOAD_S):
            async for piece in self._answer({"sql": sql, "rows": MOST_DOWNLOAD_ROWS, "form": form}):
                size_bytes += len(piece)
                if size_bytes > MOST_DOWNLOAD_BYTES:
                    raise AskedWrongError("the answer is larger than 1 GiB: `ticktape sql -o` writes it to a file")
                yield piece

    async def _answer(self, wanted: dict[str, Any]) -> AsyncIterator[bytes]:
        if self._asked >= MOST_AT_ONCE:
            raise BusyError
        if len(wanted["sql"]) > MOST_QUERY:
            raise AskedWrongError(f"the question is longer than {MOST_QUERY:,} characters")
        self._asked += 1
        process = None
        try:
            process = await self._take()
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(wanted).encode() + b"\n")
            said = await process.stdout.readline()
            if not said:
                raise AskedWrongError("the question took more memory than it may, or ended its process: ask for less")
            if error := json.loads(said)["error"]:
                raise AskedWrongError(error)
            while piece := await process.stdout.read(_PIECE):
                yield piece
            if await process.wait():
                raise AskedWrongError("the process of the question ended before its answer was whole: ask for less")
        finally:
            self._asked -= 1
            if process:
                _kill(process)

    async def _take(self) -> Process:
        """Return a process that is ready, and have another get ready."""
        process = self._spare or await self._start()
        self._spare = None
        self._spare = await self._start()
        if self._spare_end:
            self._spare_end.cancel()
        self._spare_end = asyncio.get_running_loop().call_later(IDLE_S, self.close)
        assert process.stdout
        ready = None
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                ready = await process.stdout.readline()
        if ready != READY:
            _kill(process)
            raise AskedWrongError("no process could be started for the question: `ticktape serve` says why where it "
                                  "runs")
        return process

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, env=ENVIRONMENT)

    def close(self) -> None:
        """End the process that waits."""
        if self._spare:
            _kill(self._spare)
            self._spare = None


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
