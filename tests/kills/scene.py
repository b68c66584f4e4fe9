"""One lake whose recorder and roller are killed again and again, verified after every restart."""

import asyncio
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from capture import open_lake
from capture.lake.layout import Layout, read_rolled
from capture.lake.proof.verify import Finding, Verifier, foreign
from capture.tape import Kind, read_from, segments

from .evidence import Evidence
from .process import RecorderProcess, processes_of
from .proxy import KERNEL_TABLE, Connection, Proxy

DEADLINE_S = 120.0
LOOK_S = 0.01
LONGEST_START_S = 2.0
LONGEST_RUN_S = 0.8
LONGEST_HOLD_S = 0.6
FLOWING_BYTES = 1 << 14  # a session that said so much is beyond its handshake and contracts
HISTORY_REQUEST = re.compile(rb"\0\0..96\0", re.DOTALL)  # message 96 asks for ticks; in front of it, a frame's length
HISTORY = "history"
# How often each kind of kill is drawn, of a recorder under load.
KINDS = {"recorder": 5, "roller": 3, "both": 3, "start": 4, "compressing": 2, "burst": 3}


@dataclass
class Recording:
    """What is known of a lake beside the lake itself: what came to each recorder, and how each was killed.

    `runs` holds, for each recorder process, the connections whose session is on the tape. `forwarded` says by run how
    many bytes its last connection had carried when it was killed; `consumed`, of those that were frozen first, how many
    of them the recorder had read. `filled_us` is until when, UTC, history has filled all gaps.
    """

    layout: Layout
    backfills: bool
    kills: Counter[str] = field(default_factory=Counter)
    runs: list[list[Connection]] = field(default_factory=list)
    consumed: dict[int, int] = field(default_factory=dict)
    forwarded: dict[int, int] = field(default_factory=dict)
    restarts_s: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    verified: int = 0
    rows: int = 0
    frames: int = 0
    torn: int = 0
    leftovers: int = 0
    filled_us: int = 0
    exit_codes: list[int] = field(default_factory=list)

    @cached_property
    def evidence(self) -> Evidence:
        """What the tape and the files hold at the end."""
        return Evidence(self.layout)


class Scene:
    """Plays one lake: `kills` kills, then a recorder that is told to stop."""

    def __init__(self, recording: Recording, kills: int, chance: random.Random, client_id: int, words: IO[str]) -> None:
        self.recording, self.layout = recording, recording.layout
        self.chance, self.client_id, self.words = chance, client_id, words
        drawn = chance.choices(list(KINDS), list(KINDS.values()), k=kills)
        self.kinds = ["recorder", *[HISTORY] * (kills - 1)] if recording.backfills else drawn
        self.tape = self.layout.tape / "main"

    async def play(self, gateway_port: int, instruments: list[str], streams: str) -> Recording:
        async with Proxy(gateway_port) as proxy:
            self.proxy, self.instruments, self.streams = proxy, instruments, streams
            self.recorder = self._started()
            try:
                while self.kinds:
                    kind = self.kinds.pop(0)
                    await _KILL[kind](self)
                    self.recording.kills[kind] += 1
                await self.up()
                await self.finished()
            finally:
                for process in (self.recorder.process, *processes_of(self.layout.root)):
                    process.kill()
        return self.recording

    # Restarts

    def _started(self) -> RecorderProcess:
        """Start a recorder; it hears nothing until `up` lets it, unless it is to be killed before that."""
        self.newest_mark = self._newest_mark()
        self.before = len(self.proxy.connections)
        self.is_up = False
        if self.kinds[:1] != ["start"]:
            self.proxy.hold()
        return RecorderProcess(self.layout.root, self.client_id, self.proxy.port, self.instruments, self.streams,
                               self.words)  # fmt: skip

    def _newest_mark(self) -> int:
        found = segments(self.tape)
        return found[-1].first_mark if found else 0

    def _connections(self) -> list[Connection]:
        """Return the connections of the present recorder."""
        return self.proxy.connections[self.before :]

    async def restart(self) -> None:
        """Take note of the sessions of the killed recorder, and start the next."""
        await self.noted()
        self.recorder = self._started()

    async def noted(self) -> None:
        """Take note of the sessions of a recorder that has ended."""
        for _ in range(10):  # for the proxy to accept what its backlog holds
            await asyncio.sleep(LOOK_S)
        own = [segment for segment in segments(self.tape) if segment.first_mark > self.newest_mark]
        records = read_from(self.tape, own[0].first_mark) if own else ()
        sessions = sum(record.kind == Kind.OPENED for record in records)
        assert sessions <= len(self._connections())
        self.recording.runs.append(self._connections()[:sessions])

    async def up(self) -> None:
        """Wait until the recorder has connected, and all before it is rolled; verify, and only then let it record.

        Otherwise the lake would grow while it is verified, and on a busy machine faster than that.
        """
        if self.is_up:
            return
        before = self.newest_mark
        await self.until(lambda: self._newest_mark() > before and self._connections(), "the recorder connects")
        self.recording.restarts_s.append(self.recorder.age_s)
        await self.rolled(self._newest_mark())
        await asyncio.to_thread(self.verify)
        self.proxy.release()
        await self.until(self._flows, "the recorder records")
        self.is_up = True

    def _flows(self) -> bool:
        return any(len(connection.received) > FLOWING_BYTES for connection in self._connections())

    async def rolled(self, mark: int) -> None:
        """Wait until the tape is rolled up to a mark."""
        def reached() -> bool:
            position = read_rolled(self.layout, "main")
            return position is not None and position.mark >= mark

        await self.until(reached, f"the roller has come to mark {mark}")

    def verify(self) -> Verifier:
        verifier = Verifier(self.layout, "main")
        for _ in verifier.ranges():
            pass
        self.recording.verified += 1
        self.recording.findings += verifier.findings + foreign(self.layout)
        assert not self.recording.findings, (self.recording.findings, self.recording.kills)
        return verifier

    async def until(self, condition: Callable[[], object], what: str, look_s: float = LOOK_S) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not condition():
                    assert self.recorder.runs, f"the recorder ended by itself with {self.recorder.process.returncode}"
                    await asyncio.sleep(look_s)
        except TimeoutError:
            raise AssertionError(f"not within {DEADLINE_S:g} s: {what} ({self.recording.kills})") from None

    # Kills

    async def kill_recorder(self) -> None:
        """Kill the recorder under load: half the time frozen first, so that one can see how far it had read."""
        await self.up()
        await asyncio.sleep(self.chance.uniform(0, LONGEST_RUN_S))
        if KERNEL_TABLE.exists() and self.chance.random() < 0.5:
            await self._freeze()
        await self._kill_and_restart()

    async def kill_roller(self) -> None:
        """Kill the roller and wait for the next; its lake is verified when the recorder is started again."""
        await self.up()
        await asyncio.sleep(self.chance.uniform(0, LONGEST_RUN_S))
        await self.until(self.recorder.roller, "a roller runs")
        roller = self.recorder.roller()
        assert roller
        roller.kill()
        mark = read_rolled(self.layout, "main")
        await self.until(lambda: self.recorder.roller() not in (roller, None), "another roller runs")
        await self.rolled(mark.mark + 1 if mark else 1)

    async def kill_both(self) -> None:
        await self.up()
        await asyncio.sleep(self.chance.uniform(0, LONGEST_RUN_S))
        roller = self.recorder.roller()
        self.recorder.process.kill()
        if roller:
            roller.kill()
        await self._kill_and_restart()

    async def kill_at_start(self) -> None:
        """Kill the recorder while it starts or resumes, at the latest when it just records."""
        await asyncio.sleep(self.chance.uniform(0, LONGEST_START_S))
        await self._kill_and_restart()

    async def kill_while_compressing(self) -> None:
        await self.up()
        await self.until(lambda: next(self.tape.glob(".*.zst.*.tmp"), None), "a segment is being compressed", 0.001)
        await asyncio.sleep(self.chance.uniform(0, 0.01))
        await self._kill_and_restart()

    async def kill_in_a_burst(self) -> None:
        """Kill the recorder when it has just been sent much at once, and is at work on it."""
        await self.up()
        self.proxy.hold()
        await asyncio.sleep(self.chance.uniform(0.1, LONGEST_HOLD_S))
        self.proxy.release()
        await asyncio.sleep(self.chance.uniform(0, 0.005))
        await self._kill_and_restart()

    async def kill_in_history(self) -> None:
        """Kill the recorder about when it asks for history, or has some, of what former kills cost."""
        await self.up()
        await self.until(self._asked, "history is asked for")
        await asyncio.sleep(self.chance.choice((0.01, 0.1, 1.0)) * self.chance.random())
        await self._kill_and_restart()

    def _asked(self) -> int:
        return sum(len(HISTORY_REQUEST.findall(connection.sent)) for connection in self._connections())

    async def _freeze(self) -> None:
        self.proxy.hold()
        self.recorder.freeze()
        self.recording.consumed[len(self.recording.runs)] = await self._connections()[-1].consumed_bytes()

    async def _kill_and_restart(self) -> None:
        assert self.recorder.process.returncode in (None, -signal.SIGKILL), "the recorder ended by itself"
        connections = self._connections()
        if connections:
            self.recording.forwarded[len(self.recording.runs)] = len(connections[-1].received)
        self.recorder.kill()
        self.proxy.release()
        await self.restart()

    # The end

    async def finished(self) -> None:
        """Stop the recorder, once history has filled all gaps where that is awaited; start and stop it once more."""
        if self.recording.backfills:
            await self.filled()
        await self.stopped()
        self._age_leftovers()
        self.recorder = self._started()
        await self.up()
        await self.stopped()
        verifier = await asyncio.to_thread(self.verify)
        self.recording.rows, self.recording.frames = verifier.rows, verifier.frames
        self.recording.torn = len(verifier.torn)

    async def stopped(self) -> None:
        self.recorder.process.terminate()
        self.recording.exit_codes.append(await asyncio.to_thread(self.recorder.process.wait, DEADLINE_S))
        await self.noted()

    def _age_leftovers(self) -> None:
        """Have what killed publishers left look as old as what the next start sweeps."""
        for path in self.layout.root.rglob(".*.tmp"):
            self.recording.leftovers += 1
            os.utime(path, (0, 0))

    async def filled(self) -> None:
        def states() -> set[str]:
            with open_lake(self.layout.root) as lake:
                rows = lake.sql("select arg_max(state, seq * 4e9 + row) from gaps group by gap_id").rows()
            return {state for (state,) in rows}

        async with asyncio.timeout(DEADLINE_S):
            while await asyncio.to_thread(states) != {"backfilled"}:  # noqa: ASYNC110 - a lake tells nobody
                await asyncio.sleep(0.5)
        self.recording.filled_us = (int(time.time()) - 2) * 1_000_000  # later rows may be under way


_KILL = {
    "recorder": Scene.kill_recorder,
    "roller": Scene.kill_roller,
    "both": Scene.kill_both,
    "start": Scene.kill_at_start,
    "compressing": Scene.kill_while_compressing,
    "burst": Scene.kill_in_a_burst,
    HISTORY: Scene.kill_in_history,
}


def recording_in(folder: Path, backfills: bool) -> Recording:
    """Return what is known of a lake that is yet to be made."""
    folder.mkdir(parents=True)
    return Recording(Layout(folder / "data"), backfills)
