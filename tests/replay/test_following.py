"""A replay that goes on with what comes: each row once and in order, whatever happens between two of its reads."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
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

from .conftest import SYMBOLS, TABLES, late, subscribe, write

FIRST = datetime(2026, 1, 5, 22, tzinfo=UTC)
FOLLOWED = [*TABLES, "gaps", "sessions", "subscriptions", "notices"]
Rows = list[dict[str, Any]]


class Tape(ScriptedTape):
    """A tape that is gone on with after its recorder was killed."""

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
        self.late = 0
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
        tape = self.chance.choice(list(self.tapes.values()))
        kind = self.chance.choices(["rows", "mark", "roll", "kill", "late", "day", "seal", "third"],
                                   [12, 4, 4, 1, 1, 1, 1, 1])[0]
        if kind == "rows":
            for _ in range(self.chance.randint(1, 20)):
                self.now_s += self.chance.choice([0, 0, 0.000_2, 0.7])
                write(tape, self.chance)
        elif kind == "mark":
            tape.mark()
        elif kind == "roll":
            self.roll()
        elif kind == "kill":
            tape.again()
            subscribe(tape.open())
        elif kind == "late" and self.tapes["main"] is tape:
            self.late += 1
            late(tape)
        elif kind == "day":
            self.now_s += 6 * 3_600.0
        elif kind == "seal":
            self.seal()
        elif kind == "third" and "third" not in self.tapes:
            self.begin("third")

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


def whole(folder: Path, where: str = "true") -> Rows:
    with capture.open_lake(folder) as lake:
        return [{"table": table} | row for table in FOLLOWED
                for row in lake.sql(f'select * exclude (date) from "{table}" where {where}').arrow().to_pylist()]


def played(lake: capture.Lake, **options: Any) -> Iterator[Stretch]:
    """Return what a replay reads, one stretch each time it is asked, in this thread."""
    return lake.replay(**{"tables": FOLLOWED, "follow": True} | options)._read()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_INTERVAL_S", 0)
    monkeypatch.setattr(past, "STRETCH_ROWS", 60)
    monkeypatch.setattr(past, "SWEPT_ROWS", 30)


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("start", [None, FIRST + timedelta(hours=1)], ids=["all", "later"])
def test_every_row_comes_once_whatever_happens_between_two_reads(
    tmp_path: Path, seed: int, start: datetime | None
) -> None:
    chance = random.Random(seed)
    scene = Scene(tmp_path / "data", chance)
    for _ in range(60):
        scene.step()
    parts: list[Stretch] = []
    with closing(scene), capture.open_lake(tmp_path / "data") as lake:
        stretches = played(lake, start=start)
        for _ in range(80):
            parts += [stretch for stretch in islice(stretches, chance.randint(0, 2)) if not stretch.initial]
            scene.step()
        while not parts[-1].live:
            parts.append(next(stretches))
        for _ in range(20):
            scene.step()
            parts.append(next(stretches))
        parts.append(next(stretches))
        live = [told(stretch) for stretch in parts if stretch.live]
        before = [row for stretch in parts if not stretch.live for row in told(stretch)]
        assert scene.late and before and any(live)
        assert before == sorted(before, key=place), "the past is in order"
        assert all(rows == sorted(rows, key=place) for rows in live), "and what comes together is"
        found = [*before, *(row for rows in live for row in rows)]
    expected = whole(tmp_path / "data", "true" if start is None else f"ts >= '{start}'")
    names = Counter((row["table"], row["recorder"], row["seq"], row["row"]) for row in found)
    assert max(names.values()) == 1
    by_name = {(row["table"], row["recorder"], row["seq"], row["row"]): row for row in found}
    assert by_name == {(row["table"], row["recorder"], row["seq"], row["row"]): row for row in expected}
