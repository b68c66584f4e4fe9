"""A replay that goes on with what comes: each row once and in order, whatever happens between two of its reads."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.query import QueryError
from capture.recorder.resume import resume
from capture.replay import Stretch, following, past
from capture.tape import TapeWriter
from tests.conftest import ScriptedTape

from .conftest import TABLES, late, subscribe, write

FIRST = datetime(2026, 1, 5, 22, tzinfo=UTC)
FOLLOWED = [*TABLES, "gaps", "sessions", "subscriptions", "notices"]
STEPS = {"rows": 14, "mark": 4, "roll": 4, "kill": 1, "late": 1, "day": 1, "seal": 1, "third": 1}
Rows = list[dict[str, Any]]


class Tape(ScriptedTape):
    """A tape that is gone on with after its recorder was killed."""

    clocks: dict[str, Any]

    def again(self) -> None:
        self.writer.close()  # with no word of it on the tape
        self.line, mark = resume(self.data / "tape" / self.recorder)
        self.writer = TapeWriter.open(self.data / "tape", self.recorder, self.line.as_mark(mark), **self.clocks)
        self.marks = mark
        if self.line.session is not None:
            self.close("killed")
        self.mark()


class Scene:
    """A lake that is recorded, rolled and sealed, one random step after the other."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.layout, self.chance, self.now_s = Layout(folder), chance, FIRST.timestamp()
        self.deck: list[str] = []
        self.tapes: dict[str, Tape] = {}
        prepare(self.layout)
        self.begin("main")
        self.begin("second")

    def begin(self, name: str) -> None:
        def now() -> int:
            return int(self.now_s * 1e9)

        tape = self.tapes[name] = Tape(self.layout.root, name, now)
        tape.clocks = {"wall_ns": now, "mono_ns": now}
        subscribe(tape.open())

    def step(self) -> None:
        if not self.deck:
            self.deck = [kind for kind, count in STEPS.items() for _ in range(count)]
            self.chance.shuffle(self.deck)
        getattr(self, self.deck.pop())()

    @property
    def one(self) -> Tape:
        return self.chance.choice(list(self.tapes.values()))

    def rows(self) -> None:
        tape = self.one
        for _ in range(self.chance.randint(1, 20)):
            self.now_s += self.chance.choice([0, 0, 0.000_2, 0.7])
            write(tape, self.chance)

    def mark(self) -> None:
        self.one.mark()

    def kill(self) -> None:
        tape = self.one
        tape.again()
        subscribe(tape.open())

    def late(self) -> None:
        late(self.tapes["main"])

    def third(self) -> None:
        if "third" not in self.tapes:
            self.begin("third")

    def day(self) -> None:
        self.now_s += 6 * 3_600.0

    def roll(self) -> None:
        for name in self.tapes:
            list(Roller(self.layout, name).roll())

    def seal(self) -> None:
        for tape in self.tapes.values():
            tape.mark()
        self.roll()
        sealer = Sealer(self.layout, settle_s=0, now_s=lambda: self.now_s)
        list(sealer.seal())

    def close(self) -> None:
        for tape in self.tapes.values():
            tape.writer.close()


def told(stretch: Stretch) -> Rows:
    return [{"table": record.table} | record.as_dict() for record in stretch.records()]


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["ts"], row["recorder"], row["seq"], row["row"]


def name(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["table"], row["recorder"], row["seq"], row["row"]


def whole(lake: capture.Lake, **options: Any) -> Rows:
    """Return what is to be played in the end: as SQL tells it, and where not all is wanted, a replay of the past."""
    if options.keys() - {"start"}:
        given: dict[str, Any] = {"tables": FOLLOWED, "state": False} | options
        return [{"table": record.table} | record.as_dict() for record in lake.replay(**given)]
    where = f"ts >= '{options['start']}'" if options else "true"
    return [{"table": table} | row for table in FOLLOWED
            for row in lake.sql(f'select * exclude (date) from "{table}" where {where}').arrow().to_pylist()]


def played(lake: capture.Lake, **options: Any) -> Iterator[Stretch]:
    """Return what a replay reads, one stretch each time it is asked, in this thread."""
    given: dict[str, Any] = {"tables": FOLLOWED, "follow": True} | options
    return lake.replay(**given)._read()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_INTERVAL_S", 0)
    monkeypatch.setattr(past, "STRETCH_ROWS", 60)
    monkeypatch.setattr(past, "SWEPT_ROWS", 30)
    for name in ("fsync", "fdatasync"):  # no power is cut here
        monkeypatch.setattr(os, name, lambda descriptor: None)


LATER = FIRST + timedelta(hours=1)
CASES: dict[str, dict[str, Any]] = {
    "everything": {}, "from a moment on": {"start": LATER},
    "by event": {"start": LATER, "clock": "event"},
    "chosen": {"instruments": "AAPL", "stream": ["all_last", "quotes"], "columns": ["price"], "tables": TABLES},
}


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("case", CASES)
def test_every_row_comes_once_whatever_happens_between_two_reads(tmp_path: Path, case: str) -> None:
    chance = random.Random(case)
    scene = Scene(tmp_path / "data", chance)
    for _ in range(40):
        scene.step()
    parts: list[Stretch] = []
    with closing(scene), capture.open_lake(tmp_path / "data") as lake:
        stretches = played(lake, **CASES[case])
        for _ in range(80):
            scene.step()
            if chance.random() < 0.2:
                parts.append(next(stretches))
        while not parts[-1].live:
            parts.append(next(stretches))
        parts.append(next(stretches))
        expected = whole(lake, **CASES[case])
    before = [row for stretch in parts if not (stretch.live or stretch.initial) for row in told(stretch)]
    live = [told(stretch) for stretch in parts if stretch.live]
    assert before and any(live)
    assert before == sorted(before, key=place), "the past is in order"
    assert all(rows == sorted(rows, key=place) for rows in live), "and what comes together is"
    found = [*before, *(row for rows in live for row in rows)]
    assert max(Counter(map(name, found)).values()) == 1
    assert {name(row): row for row in found} == {name(row): row for row in expected}


@pytest.mark.usefixtures("hasty")
def test_a_recorder_that_begins_while_the_past_is_read_is_followed_from_its_first_row(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "data", random.Random(1))
    for _ in range(600):
        write(scene.tapes["main"], scene.chance)
        scene.now_s += 1
    with closing(scene), capture.open_lake(tmp_path / "data") as lake:
        stretches = played(lake, tables=["trades"])
        parts = [next(stretches)]
        scene.begin("third")
        scene.tapes["third"].trade(10, 3.5)
        scene.tapes["third"].mark()
        scene.tapes["main"].trade(10, 4.5)
        scene.roll()
        while not parts[-1].live:
            parts.append(next(stretches))
        assert [row["price"] for row in told(parts[-1])] == [4.5, 3.5]
        assert sum(map(len, parts)) == lake.sql("select count(*) from trades").rows()[0][0]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Scene]:
    """A lake with one trade, of which more can come; by the clock of this machine."""
    scene = Scene(tmp_path / "data", random.Random(1))
    scene.now_s = time.time()
    scene.tapes["main"].trade(10, 1.0)
    with closing(scene):
        yield scene


def test_what_comes_comes_at_once_and_it_ends_when_nobody_asks_on(live: Scene) -> None:
    with capture.open_lake(live.layout.root) as lake:
        records = iter(lake.replay(tables=["trades"], follow=True, speed=1000))
        assert next(records).price == 1.0
        for price in (2.0, 3.0, 4.0):
            live.tapes["main"].trade(10, price).mark()
            live.roll()
            assert next(records).price == price
        records.close()  # while it waits for more
        batches = lake.replay(tables=["trades"], follow=True).batches()
        assert batches.read_next_batch()["price"].to_pylist() == [1.0, 2.0, 3.0, 4.0]
        live.tapes["second"].trade(10, 5.0)
        assert batches.read_next_batch()["price"].to_pylist() == [5.0]


def test_an_async_replay_that_waits_for_more_can_be_cancelled(live: Scene) -> None:
    async def play(lake: capture.Lake) -> list[float]:
        found: list[float] = []

        async def follow() -> None:
            async for record in lake.replay(tables=["trades"], follow=True):
                found.append(record.price)
                live.tapes["main"].trade(10, 2.0) if len(found) == 1 else reached.set()

        reached = asyncio.Event()
        running = asyncio.create_task(follow())
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return found

    with capture.open_lake(live.layout.root) as lake:
        assert asyncio.run(play(lake)) == [1.0, 2.0]


def test_what_is_followed_has_no_end(live: Scene) -> None:
    with capture.open_lake(live.layout.root) as lake, pytest.raises(QueryError, match="leave out end"):
        lake.replay(end="2026-01-06", follow=True)
