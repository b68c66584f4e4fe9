"""What recorders say, told to whoever listens, as soon as it changes: server-sent events.

Nothing is looked at while nobody listens. A listener who is slow gets the newest state when it has taken the one
before, never a queue.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from capture.data_folder import ROLLED, ROLLER_STATUS, STATUS
from capture.lake.layout import Layout
from capture.watch.condition import Condition, Watcher

from .now_view import Versions, as_json, stream_rows, summary

POLL_S = 1.0  # between looks at which files changed
LONGEST_S = 5.0  # between looks at what is in them: silence changes no file
PACE = 50.0  # times what a look costs are the least between two of them: 2 % of a core
MOST_LISTENERS = 64
_DIGITS = 16
BEAT_S = 15.0  # a comment at least so often, by which both sides notice a connection that is gone

log = logging.getLogger("ticktape.serve")


class Feed:
    """Looks at a data folder while anybody listens, and tells what is new."""

    def __init__(self, data: Path) -> None:
        self._layout = Layout(data)
        self._watcher = Watcher(data)
        self._lock = asyncio.Lock()
        self._versions = Versions()
        self._life = secrets.token_hex(4)
        self._summary: dict[str, Any] = {}
        self._condition: Condition | None = None
        self._looked_s = self._cost_s = float("-inf")
        self._seen: object = None
        self._new = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._listeners = 0
        self.ended = False

    async def condition(self, most_age_s: float = LONGEST_S) -> Condition:
        """Return how it is, looked at no longer ago than asked for."""
        async with self._lock:
            if self._condition is None or time.monotonic() - self._looked_s > most_age_s:
                await self._look()
            assert self._condition is not None
            return self._condition

    async def start(self) -> dict[str, Any]:
        """Return all that a page begins with."""
        await self.condition()
        return self._told(0)

    async def head(self) -> dict[str, Any]:
        """Return what a page begins with that shows no streams."""
        condition = await self.condition()
        return {"version": self._name(0), "at": condition.at, "verdict": condition.verdict, "line": condition.line}

    def join(self) -> bool:
        """Count one more listener, who has to `leave`; False where there are too many."""
        joined = self._listeners < MOST_LISTENERS
        self._listeners += joined
        return joined

    def leave(self) -> None:
        """Count one listener less."""
        self._listeners -= 1

    async def events(self, since: str) -> AsyncIterator[str]:
        """Yield server-sent events with what changed since a version, all where it is none of ours."""
        version = self._number(since)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await self.condition()
        while not self.ended:
            if self._versions.version > version:
                told = self._told(version)
                version = self._versions.version
                yield f"id: {told['version']}\ndata: {as_json(told)}\n\n"
                continue
            yield await self._wait(version)

    async def _wait(self, version: int) -> str:
        """Wait for a newer version, or long enough for a sign of life."""
        async with self._new:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._new.wait_for(lambda: self.ended or self._versions.version > version)
        return ": beat\n\n"

    async def close(self) -> None:
        """End every stream."""
        self.ended = True
        if self._task:
            self._task.cancel()
        async with self._new:
            self._new.notify_all()

    def _told(self, version: int) -> dict[str, Any]:
        told = {"version": self._name(self._versions.version), **self._summary}
        return told | {"streams": self._versions.since(version)}

    def _name(self, version: int) -> str:
        return f"{self._life}.{version}"

    def _number(self, since: str) -> int:
        """Return the version that a listener knows; 0 for that of another life of this server."""
        life, _, number = since.partition(".")
        known = life == self._life and number.isascii() and number.isdigit() and len(number) < _DIGITS
        return int(number) if known else 0

    async def _run(self) -> None:
        while self._listeners:
            try:
                await self._step()
            except OSError as error:  # the lake is not to be read just now
                log.warning("cannot look at %s: %s", self._layout.root, error)
            await asyncio.sleep(max(POLL_S, PACE * self._cost_s))

    async def _step(self) -> None:
        seen = await asyncio.to_thread(self._files)
        if seen == self._seen and time.monotonic() - self._looked_s < LONGEST_S:
            return
        self._seen = seen
        async with self._lock:
            await self._look()

    async def _look(self) -> None:
        """Look once; the lock is held."""
        began_s = time.process_time()
        condition, rows = await asyncio.to_thread(self._looked)
        self._condition, self._summary = condition, summary(condition)
        self._versions.take(rows)
        self._looked_s, self._cost_s = time.monotonic(), time.process_time() - began_s
        async with self._new:
            self._new.notify_all()

    def _looked(self) -> tuple[Condition, dict[str, Any]]:
        condition = self._watcher.look()
        return condition, stream_rows(condition)

    def _files(self) -> object:
        """Return what says that something was written: a status is a new file, one that is only touched is not."""
        found = []
        for recorder in self._layout.recorders():
            for name in (STATUS, ROLLER_STATUS, ROLLED):
                with suppress(FileNotFoundError):
                    found.append((recorder, name, (self._layout.tape / recorder / name).stat().st_ino))
        return found
