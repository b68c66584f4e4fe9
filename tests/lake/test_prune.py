"""Pruning: what is old goes and is not missed, what is left stays proven, and a kill at any step does no harm."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.lake.layout import LakeStateError, Layout
from capture.lake.proof import prune as pruning
from capture.lake.proof.prune import PruneError, old_rows, old_tape, prune
from capture.lake.proof.rebuild import Rebuilder, link_tape
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.pruned import read_pruned_tables, read_pruned_tape
from capture.lake.roll import Roller
from capture.lake.sealed import SealerBusyError, sealed_through, sealer_lock
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.tape import compress_closed, segments
from capture.tape.notes import BACKFILL, BACKFILLED
from tests.lake.killed import Killed, dying

DAYS = [date(2026, 1, day) for day in (5, 6, 7, 8, 9)]
TODAY = date(2026, 1, 10)
HOUR_S = 3_600


class Week:
    """A lake of which time passes as told: two sessions a day, each ending with a new segment of the tape."""

    def __init__(self, folder: Path, make: Callable[..., Any]) -> None:
        self.now_ns = 0
        self.at(DAYS[0], 9)
        self.script = make(folder / "data", now=self.tick)
        self.layout = Layout(folder / "data")
        prepare(self.layout)
        self.open()

    def tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    @property
    def now_s(self) -> int:
        return self.now_ns // 1_000_000_000

    def at(self, day: date, hour: float) -> "Week":
        self.now_ns = int((datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + hour * HOUR_S) * 1e9)
        return self

    def open(self) -> "Week":
        self.script.open()
        for request_id, symbol in ((5, "MSFT"), (6, "AAPL")):
            self.script.ask(request_id, "req_tick_by_tick", con_id=request_id, symbol=symbol, tick_kind="AllLast")
        return self

    def trades(self) -> "Week":
        for number in range(3):
            for request_id in (5, 6):
                self.script.trade(request_id, 100 + number, time=self.now_s)
        self.script.mark()
        return self

    def rotate(self) -> "Week":
        self.script.marks += 1
        self.script.writer.rotate(self.script.line.as_mark(self.script.marks))
        return self

    def gap(self) -> "Week":
        """Lose the line, and fill the gap from history: two prints, of which one was captured."""
        self.script.close("lost")
        self.now_ns += 60_000_000_000
        self.open().trades()
        with_gap = f"main.all_last.5.{self.gaps[5]}"
        second = self.now_s
        self.script.writer.note({"note": BACKFILL, "request_id": 8, "from": second, "to": second, "gap_id": with_gap})
        self.script.ask(8, "req_historical_ticks", con_id=5, symbol="MSFT", what="TRADES")
        ticks = [{"time": second, "mask": 0, "price": price, "size": 100, "exchange": "NASDAQ", "conditions": ""}
                 for price in (100, 7)]
        self.script.answer("historical_trades", request_id=8, done=True, ticks=ticks)
        self.script.writer.note({"note": BACKFILLED, "gap_id": with_gap, "state": "backfilled", "reason": None})
        self.script.mark()
        return self

    @property
    def gaps(self) -> dict[int, int]:
        self.roll()
        with open_lake(self.layout.root) as lake:
            rows = lake.sql("select instrument_id, max(seq) from gaps where state = 'open' group by all").rows()
        return dict(rows)

    def roll(self) -> "Week":
        list(Roller(self.layout, "main").roll())
        return self

    def seal(self) -> "Week":
        compress_closed(self.layout.tape / "main")
        sealer = Sealer(self.layout, settle_s=0, grace_s=-1e12, now_s=lambda: self.now_ns / 1e9)
        list(sealer.seal())
        sealer.clear()
        return self


def make(folder: Path, script: Any) -> Week:
    """Five days, four of them sealed; segments end at noon and in the evening; the second has a gap that was filled."""
    made = Week(folder, type(script))
    for day in DAYS:
        made.at(day, 10).trades().rotate()
        if day == DAYS[1]:
            made.gap()
        made.at(day, 20).trades().rotate()
    return made.at(DAYS[-1], 21).roll().seal()


@pytest.fixture
def going_on(tmp_path: Path, script: Any) -> Iterator[Week]:
    """The week, still being recorded."""
    week = make(tmp_path / "week", script)
    yield week
    week.script.writer.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the week is made once: it syncs many files, copying them does not."""
    return tmp_path_factory.mktemp("week")


@pytest.fixture
def layout(template: Path, tmp_path: Path, script: Any) -> Layout:
    """The week, with nobody recording."""
    if not (template / "data").exists():
        make(template, script).script.writer.close()
    shutil.copytree(template / "data", tmp_path / "week")
    return Layout(tmp_path / "week")


def verified(layout: Layout) -> Verifier:
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    assert verifier.findings + foreign(layout) == []
    return verifier


def rows(layout: Layout, table: str = "trades", since: date = DAYS[0]) -> list[Any]:
    with open_lake(layout.root) as lake:
        query = f"from {table} where date >= $since order by seq, \"row\""
        return lake.sql(query, {"since": since}).rows()


def dates(layout: Layout, table: str = "trades") -> set[date]:
    with open_lake(layout.root) as lake:
        return {row[0] for row in lake.sql(f"select distinct date from {table}").rows()}


def marks(layout: Layout) -> list[int]:
    return [segment.first_mark for segment in segments(layout.tape / "main")]


def test_old_rows_go_and_are_not_missed(layout: Layout, tmp_path: Path) -> None:
    kept, gaps = rows(layout, since=DAYS[2]), rows(layout, "gaps")
    (old,) = old_rows(layout, {"trades": 3}, TODAY)
    assert (old.table, old.through, len(old.paths)) == ("trades", "2026-01-06", 2)
    assert prune(layout, {"trades": 3}, TODAY) == old.size_bytes
    assert dates(layout) == set(DAYS[2:])
    assert rows(layout) == kept
    assert verified(layout).pruned_rows == 30 + 2, "of what history gave, one had been captured: by rows that went"
    assert prune(layout, {"trades": 3}, TODAY) == 0
    list(Rebuilder(layout, "main").ranges())
    assert rows(layout) == kept
    assert rows(layout, "gaps") == gaps, "how many rows a gap got back is not forgotten with them"
    other = Layout(tmp_path / "other")
    link_tape(layout, "main", other)
    list(Rebuilder(other, "main").ranges())
    assert rows(other) == kept
    verified(other)


def test_all_tables_but_those_that_say_what_others_mean(layout: Layout) -> None:
    prune(layout, {"tables": 3}, TODAY)
    assert dates(layout) == set(DAYS[2:])
    assert dates(layout, "notices") <= set(DAYS[2:])
    assert DAYS[0] in dates(layout, "subscriptions")
    verified(layout)


def test_what_is_not_sealed_stays(layout: Layout) -> None:
    prune(layout, {"trades": 2, "tape": 2}, date(2026, 2, 1))
    assert dates(layout) == {DAYS[-1]}
    (*_, first) = segments(layout.tape / "main")[:1]
    assert first.first_mark > 1
    verified(layout)


@pytest.mark.slow
def test_late_rows_of_a_pruned_date_are_kept_until_the_next_time(going_on: Week) -> None:
    week = going_on
    prune(week.layout, {"trades": 3}, TODAY)
    week.script.ask(9, "req_historical_ticks", con_id=6, symbol="AAPL", what="TRADES")
    second = int(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp())
    week.script.answer("historical_trades", request_id=9, done=True, ticks=[
        {"time": second, "mask": 0, "price": 7.0, "size": 1, "exchange": "X", "conditions": ""}])
    week.script.mark()
    week.roll()
    assert dates(week.layout) == {DAYS[0], *DAYS[2:]}
    verified(week.layout)
    list(Rebuilder(week.layout, "main").ranges())
    assert dates(week.layout) == {DAYS[0], *DAYS[2:]}
    prune(week.layout, {"trades": 3}, TODAY)
    assert dates(week.layout) == set(DAYS[2:])
    verified(week.layout)


def test_a_longer_retention_brings_nothing_back_and_removes_nothing(layout: Layout) -> None:
    prune(layout, {"trades": 3}, TODAY)
    assert prune(layout, {"trades": 4}, TODAY) == 0
    assert read_pruned_tables(layout).tables["trades"].through == "2026-01-06"


def test_days_beyond_the_calendar_keep_for_ever(layout: Layout) -> None:
    for days in (10**6, 10**30):
        assert old_rows(layout, {"tables": days}, TODAY) == []
        assert old_tape(layout, "main", {"tape": days}, TODAY) is None


def test_an_old_tape_goes_and_what_it_gave_stays_proven(layout: Layout, tmp_path: Path) -> None:
    before, content = rows(layout), verified(layout).rows
    old = old_tape(layout, "main", {"tape": 3}, TODAY)
    assert old is not None
    assert old.through == "2026-01-06"  # a day more than asked for is kept, and all that began on it
    for days, through in ((4, "2026-01-05"), (2, "2026-01-07")):
        other_days = old_tape(layout, "main", {"tape": days}, TODAY)
        assert other_days is not None
        assert other_days.through == through
    assert old_tape(layout, "main", {"tape": 5}, TODAY) is None
    went, oldest = [path.name for path in old.paths], old.paths[0].read_bytes()
    assert prune(layout, {"tape": 3}, TODAY) == old.size_bytes
    assert old_tape(layout, "main", {"tape": 3}, TODAY) is None
    old.paths[0].write_bytes(oldest)  # as if pruning had been killed
    left = old_tape(layout, "main", {"tape": 3}, TODAY)
    assert left is not None
    assert (left.known, left.mark, left.paths, left.size_bytes) == (True, old.mark, old.paths[:1], len(oldest))
    assert prune(layout, {"tape": 3}, TODAY) == len(oldest)
    assert marks(layout)[0] == old.mark
    assert not {path.name for path in (layout.tape / "main").iterdir()} & set(went)
    assert rows(layout) == before
    pruned = read_pruned_tape(layout.tape / "main")
    assert pruned is not None
    verifier = verified(layout)
    assert verifier.pruned_tape == pruned
    assert pruned.size_bytes == old.size_bytes
    assert verifier.rows + sum(day.rows for day in pruned.days) == content
    list(Rebuilder(layout, "main").ranges())
    assert rows(layout) == before
    other = Layout(tmp_path / "other")
    link_tape(layout, "main", other)
    list(Rebuilder(other, "main").ranges())
    assert rows(other) == before
    verified(other)
    verified(layout)


def test_a_sealed_day_without_tape_is_still_compared(layout: Layout) -> None:
    prune(layout, {"tape": 3}, TODAY)
    (path,) = (layout.archive("trades") / f"date={DAYS[0]}").glob("*.parquet")
    path.unlink()
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    assert [(found.problem, found.repair.split(":")[0]) for found in verifier.findings] == [("file missing", "none")]


@pytest.mark.slow
def test_a_tape_goes_piece_by_piece_and_with_it_rows(going_on: Week) -> None:
    week = going_on
    before = rows(week.layout, since=DAYS[3])
    for today in (date(2026, 1, 8), date(2026, 1, 9), date(2026, 1, 10), date(2026, 1, 11)):
        prune(week.layout, {"tape": 2, "trades": 3}, today)
        verified(week.layout)
    week.at(DAYS[-1], 22).trades().rotate().roll()
    verified(week.layout)
    assert rows(week.layout, since=DAYS[3])[: len(before)] == before
    list(Rebuilder(week.layout, "main").ranges())
    verified(week.layout)


def test_a_tape_that_does_not_verify_stays(layout: Layout) -> None:
    (path,) = (layout.archive("trades") / f"date={DAYS[0]}").glob("*.parquet")
    path.unlink()
    before = marks(layout)
    with pytest.raises(PruneError, match=r"file missing: .*verify --data"):
        prune(layout, {"tape": 3}, TODAY)
    assert marks(layout) == before
    assert read_pruned_tape(layout.tape / "main") is None


def test_a_segment_that_is_not_sealed_ends_what_can_go(layout: Layout) -> None:
    from capture.tape.segment import SegmentFile

    third = segments(layout.tape / "main")[2]
    with SegmentFile(third.path) as file:
        third.path.with_suffix("").write_bytes(file.read(1 << 30))
    prune(layout, {"tape": 2}, TODAY)
    assert marks(layout)[0] == third.first_mark
    verified(layout)


def test_nobody_else_may_seal_meanwhile(layout: Layout) -> None:
    with sealer_lock(layout), pytest.raises(SealerBusyError):
        prune(layout, {"trades": 3}, TODAY)
    assert dates(layout) == set(DAYS)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["write_pruned_tables", "write_pruned_tape", "unlink", "sync_path"])
@pytest.mark.parametrize("survived", [0, 1, 3])
def test_killed_at_any_step_the_lake_verifies_and_the_next_run_finishes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, step: str, survived: int
) -> None:
    kept = rows(layout, since=DAYS[2])
    with monkeypatch.context() as patch:
        owner = Path if step == "unlink" else pruning
        patch.setattr(owner, step, dying(getattr(owner, step), survived))
        with suppress(Killed):
            prune(layout, {"trades": 3, "tape": 3}, TODAY)
    verified(layout)
    assert rows(layout, since=DAYS[2]) == kept
    prune(layout, {"trades": 3, "tape": 3}, TODAY)
    assert rows(layout) == kept
    assert marks(layout)[0] > 1
    assert prune(layout, {"trades": 3, "tape": 3}, TODAY) == 0
    verified(layout)


@pytest.mark.parametrize("name", ["sealed/pruned.json", "tape/main/pruned.json", "tape/main/rolled.json",
                                  "sealed/trades.parquet"])
@pytest.mark.parametrize("text", ["", '{"mark', "[1]"])
def test_what_says_what_went_is_named_where_it_cannot_be_read(layout: Layout, name: str, text: str) -> None:
    (layout.root / name).write_text(text)
    with pytest.raises(LakeStateError, match=f"{name} cannot be read"):
        prune(layout, {"tables": 3, "tape": 3}, TODAY)


def test_coverage_does_not_speak_of_what_went(layout: Layout) -> None:
    with open_lake(layout.root) as lake:
        assert str(DAYS[0]) in {row["day"] for row in lake.coverage()}
    prune(layout, {"trades": 3}, TODAY)
    with open_lake(layout.root) as lake:
        assert min(row["day"] for row in lake.coverage()) == str(DAYS[2])


@pytest.mark.slow
def test_the_sealer_process_prunes_after_sealing_if_it_is_told(going_on: Week) -> None:
    layout = going_on.layout
    command = [sys.executable, "-m", "capture.lake.processes.sealer", str(layout.root), '{"trades": 2, "tape": 2}']
    assert sealed_through(layout, "trades") == DAYS[3]
    assert subprocess.run(command[:-1], check=False).returncode == 0
    assert sealed_through(layout, "trades") == DAYS[4], "by the true clock the last day is over, too"
    assert dates(layout) == set(DAYS)
    assert subprocess.run(command, check=False).returncode == 0
    assert dates(layout) == set(DAYS), "nothing was sealed: not today's turn"
    going_on.at(date(2026, 1, 12), 12).trades().rotate().roll()
    compress_closed(layout.tape / "main")
    assert subprocess.run(command, check=False).returncode == 0
    assert dates(layout) == set()
    assert len(segments(layout.tape / "main")) == 1
    verified(layout)
