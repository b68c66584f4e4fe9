"""Questions of pages to the lake: asked of a process that starts with the first and ends when none came for long."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .account_view import answers
from .lake_child import ACCOUNTS, LENGTH, packed

IDLE_S = 120.0
MOST_S = 60.0  # for one answer
MOST_WAITING = 32
FRESH_S = 2.0  # for which an answer is given again to the same question
MOST_KEPT = 32
_UNASKABLE = "the lake did not answer: `ticktape serve` says why where it runs"


class AskerError(Exception):
    """The lake gave no answer; the text says why. `status` is that of HTTP."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Asker:
    """Asks one question after the other; `names` are those that may be asked, of accounts only with `accounts`."""

    def __init__(self, data: Path, *, accounts: bool) -> None:
        self._command = [sys.executable, "-m", "capture.serve.lake_child", str(data), *([ACCOUNTS] if accounts else [])]
        self.names = frozenset(answers(accounts=accounts))
        self._process: Process | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._kept: dict[tuple[str, str], tuple[float, bytes]] = {}
        self._end: asyncio.TimerHandle | None = None

    async def ask(self, name: str, parameters: Mapping[str, str]) -> bytes:
        """Return an answer as JSON. Raises AskerError."""
        if self._waiting >= MOST_WAITING:
            raise AskerError("too many questions wait: try again", 503)
        question = json.dumps({"name": name, "parameters": dict(parameters)})
        key = name, question
        self._waiting += 1
        try:
            async with self._lock:
                at, said = self._kept.get(key, (float("-inf"), b""))
                if time.monotonic() - at > FRESH_S:
                    said = await self._asked(question)
                    self._keep(key, said)
        finally:
            self._waiting -= 1
        if said.startswith(b"-"):
            raise AskerError(said[1:].decode())
        return said[1:]

    def _keep(self, key: tuple[str, str], said: bytes) -> None:
        self._kept[key] = time.monotonic(), said
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _asked(self, question: str) -> bytes:
        """Return what the process says; the lock is held."""
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        process = self._process
        assert process.stdin
        assert process.stdout
        whole = False
        try:
            async with asyncio.timeout(MOST_S):
                process.stdin.write(packed(question))
                head = await process.stdout.readexactly(LENGTH.size)
                said = await process.stdout.readexactly(LENGTH.unpack(head)[0])
            whole = True
        except TimeoutError:
            raise AskerError(f"the lake took more than {MOST_S:.0f} s: ask for less time, or fewer instruments",
                             504) from None
        except (asyncio.IncompleteReadError, OSError) as error:
            raise AskerError(_UNASKABLE, 500) from error
        finally:
            if not whole:
                self.close()  # or the next question would get this one's answer
        if self._end:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(IDLE_S, self.close)
        return said

    def close(self) -> None:
        """End the process."""
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process = None
