"""Sealing: the same rows before and after, killed at every step, sorted, and late rows beside them."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture import open_lake
from capture.lake import kept, roll, sealing
from capture.lake.content import UnreadableError
from capture.lake.layout import NEVER_SEALED, Layout, archive_marks, read_rolled, write_rolled
from capture.lake.processes.sealer import SealerKeeper
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.sealed import SealerBusyError, seal_through, sealed_through, sealer_lock
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.schemas import TABLES
from tests.lake.killed import Killed, dying

FIRST, SECOND, THIRD = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
HOUR_S = 3_600


def seconds(day: date, hour: float = 0) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + hour * HOUR_S


class Days:
    """A lake of which time passes as told."""

    def __init__(self, folder: Path, make: Callable[..., Any]) -> None:
        self.now_ns = int(seconds(FIRST, 12) * 1e9)
        self.script = make(folder / "data", now=self.tick)
        self.layout = Layout(folder / "data")
        prepare(self.layout)
        self.script.open()
        for request_id, symbol in ((5, "MSFT"), (6, "AAPL")):
            self.script.ask(request_id, "req_tick_by_tick", con_id=request_id, symbol=symbol, tick_kind="AllLast")

    def tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    def at(self, day: date, hour: float = 0) -> "Days":
        self.now_ns = int(seconds(day, hour) * 1e9)
        return self

    def trades(self, count: int = 3) -> "Days":
        for number in range(count):
            for request_id in (5, 6):
                self.script.trade(request_id, 100 + number, time=self.now_ns // 1_000_000_000)
        self.script.mark()
        return self

    def late(self, day: date, price: float = 7.0, request_id: int = 7) -> "Days":
        """Two prints of one second of a date that is over, which come from history."""
        self.script.ask(request_id, "req_historical_ticks", con_id=6, symbol="AAPL", what="TRADES")
        self.script.answer("historical_trades", request_id=request_id, done=True, ticks=[
            {"time": int(seconds(day, 9)), "mask": 0, "price": price, "size": size, "exchange": "X", "conditions": ""}
            for size in (1, 2)])
        self.script.mark()
        return self

    def roll(self) -> "Days":
        list(Roller(self.layout, "main").roll())
        return self

    def sealer(self, **settings: Any) -> Sealer:
        return Sealer(self.layout, settle_s=0, now_s=lambda: self.now_ns / 1e9, **settings)

    def through(self) -> set[date]:
        return {sealed_through(self.layout, table) for table in TABLES}


@pytest.fixture
def days(tmp_path: Path, script: Any) -> Iterator[Days]:
    """Two days and the morning of a third, rolled, nothing sealed."""
    made = Days(tmp_path / "days", type(script))
    for day in (FIRST, SECOND):
        made.at(day, 12).trades().at(day, 13).trades()
    yield made.at(THIRD, 2).trades().roll()
    made.script.writer.close()


def rows(layout: Layout) -> dict[str, list[dict[str, Any]]]:
    """Return all rows that the views file, `open_lake` and polars give, which must be the same."""
    found = {}
    with duckdb.connect(str(layout.database), read_only=True) as connection, open_lake(layout.root) as lake:
        connection.execute("set TimeZone = 'UTC'")
        for table in TABLES:
            query = f'select * from {table} order by recorder, seq, "row"'
            found[table] = connection.sql(query).to_arrow_table().to_pylist()
            assert lake.sql(query).arrow().to_pylist() == found[table], table
    return found


def findings(layout: Layout) -> list[Any]:
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    return verifier.findings + foreign(layout)


def test_a_date_is_due_once_it_is_over_and_rolled(days: Days) -> None:
    assert days.sealer().due() == [FIRST, SECOND]
    assert days.at(SECOND, 0.5).sealer().due() == []  # a while is left for the last gaps to be fetched
    assert days.at(SECOND, 1.5).sealer().due() == [FIRST]


def test_a_date_that_is_not_rolled_is_not_due(days: Days) -> None:
    days.at(THIRD, 3).trades()  # on the tape, not rolled: of a date that is not over
    assert days.at(date(2026, 1, 9)).sealer().due() == [FIRST, SECOND]
    days.roll()
    assert days.sealer().due() == [FIRST, SECOND, THIRD]


def test_a_record_of_the_first_moment_of_a_date_holds_back_that_date_alone(days: Days) -> None:
    fourth = date(2026, 1, 8)
    days.at(fourth, 0).trades()  # not rolled
    assert days.at(fourth, 5).sealer().due() == [FIRST, SECOND, THIRD]


def test_no_date_moves_between_publishing_rows_and_counting_them_as_rolled(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []

    def counted(*given: Any) -> None:
        with (days.layout.root / "sealed" / "dates.lock").open() as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            moved.append(given)
        write_rolled(*given)

    monkeypatch.setattr(roll, "write_rolled", counted)
    before = read_rolled(days.layout, "main")
    days.trades().roll()
    assert read_rolled(days.layout, "main") != before
    assert moved == []


def test_answers_are_the_same_after_sealing_and_after_clearing(days: Days) -> None:
    before = rows(days.layout)
    assert [one.day for one in days.sealer().seal()] == [FIRST, SECOND]
    assert days.through() == {SECOND}
    assert rows(days.layout) == before
    assert findings(days.layout) == []
    assert days.sealer().clear() == 0  # queries may still read them
    files = days.sealer(grace_s=-1e12).clear()
    assert files > 0
    assert {path.name for path in days.layout.live("trades").glob("date=*")} == {"date=1970-01-01", f"date={THIRD}"}
    assert rows(days.layout) == before
    assert findings(days.layout) == []
    assert list(days.sealer().seal()) == []


def test_sealed_files_are_sorted_and_hold_a_date_each(days: Days) -> None:
    list(days.sealer().seal())
    for day in (FIRST, SECOND):
        [path] = (days.layout.archive("trades") / f"date={day}").glob("*.parquet")
        found = pq.read_table(path, partitioning=None)
        assert found.equals(found.sort_by([(name, "ascending") for name in TABLES["trades"].sort_key]))
        assert found.num_rows == 12
        assert set(found["ts"].cast("date32").to_pylist()) == {day}
        assert pq.read_schema(path).equals(pq.read_schema(next(
            (days.layout.live("trades") / f"date={day}").glob("*.parquet"))))
    everything = pl.scan_parquet(str(days.layout.archive("trades") / "**/*.parquet")).collect()
    assert len(everything) == 24


def test_late_rows_of_a_sealed_date_come_into_the_archive(days: Days) -> None:
    list(days.sealer().seal())
    before = rows(days.layout)
    days.script.ask(7, "req_historical_ticks", con_id=6, symbol="AAPL", what="TRADES")
    days.script.answer("historical_trades", request_id=7, done=True, ticks=[
        {"time": int(seconds(FIRST, 9)), "mask": 0, "price": 7.0, "size": 1, "exchange": "X", "conditions": ""}])
    with open_lake(days.layout.root) as lake:  # not rolled: from the tape's tail
        found = lake.sql("select count(*) as rows from trades").arrow().to_pylist()
    assert found == [{"rows": len(before["trades"]) + 1}]
    days.script.mark()
    days.roll()
    assert len(rows(days.layout)["trades"]) == len(before["trades"]) + 1
    names = [archive_marks(path) for path in (days.layout.archive("trades") / f"date={FIRST}").glob("main*.parquet")]
    assert len(names) == 2
    assert findings(days.layout) == []
    assert days.sealer().due() == []


def test_rows_that_are_rolled_for_a_date_while_it_is_sealed_are_in_its_archive(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer, expected = days.sealer(), []
    request_ids = iter(range(7, 99))

    def late() -> None:
        for day in (FIRST, SECOND):
            request_id = next(request_ids)
            days.late(day, request_id, request_id).roll()
            expected.extend([(day, float(request_id))] * 2)

    monkeypatch.setattr(sealer, "settle", late)
    sealed = {one.day: one for one in sealer.seal()}
    asked = "select date, price from trades where stream = 'history'"
    with open_lake(days.layout.root) as lake:
        assert sorted(lake.sql(asked).rows()) == sorted(expected)
    assert findings(days.layout) == []
    assert days.sealer(grace_s=-1e12).clear() > 0
    with open_lake(days.layout.root) as lake:
        assert sorted(lake.sql(asked).rows()) == sorted(expected)
    assert sealed[FIRST].rows["trades"] == 12 + 2
    archive = days.layout.archive("trades") / f"date={FIRST}"
    files = [marks for path in archive.glob("main*.parquet") if (marks := archive_marks(path))]
    assert sorted(last - first for _, first, last in files)[:2] == [0, 0]  # each late roll a file of its own


def test_late_rows_that_are_published_and_not_yet_counted_as_rolled_are_there_once(days: Days) -> None:
    list(days.sealer().seal())
    before, position = rows(days.layout), read_rolled(days.layout, "main")
    assert position is not None
    days.late(FIRST).late(SECOND, 8.0, 8).trades().roll()
    write_rolled(days.layout, "main", position)  # as if the roller had died before it moved its position
    asked = 'select "row" from trades order by seq, "row"'
    with open_lake(days.layout.root) as lake:
        assert len(lake.sql(asked).rows()) == len(before["trades"]) + 2 + 2 + 6
        assert lake.sql("select count(*) from trades where stream = 'history'").rows() == [(4,)]
    days.roll()
    assert len(rows(days.layout)["trades"]) == len(before["trades"]) + 2 + 2 + 6
    assert findings(days.layout) == []


STEPS = ("write_sorted", "publish", "time.sleep", "moving_dates", "seal_through", "live_mark")


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("survived", [0, 1, 5])
def test_killed_at_any_step_the_lake_answers_right_and_the_next_run_finishes(
    days: Days, monkeypatch: pytest.MonkeyPatch, step: str, survived: int
) -> None:
    before = rows(days.layout)
    with monkeypatch.context() as patch:
        owner, _, name = step.rpartition(".")
        where = getattr(sealing, owner) if owner else sealing
        patch.setattr(where, name, dying(getattr(where, name), survived))
        with suppress(Killed):
            list(days.sealer().seal())
    assert rows(days.layout) == before
    list(days.sealer().seal())
    assert days.through() == {SECOND}
    days.sealer(grace_s=-1e12).clear()
    assert rows(days.layout) == before
    assert findings(days.layout) == []


def test_a_date_that_was_sealed_for_some_tables_before_a_kill_is_sealed_for_the_others(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(sealing, "seal_through", dying(seal_through, 1))
        list(days.sealer().seal())
    sealed = next(iter(TABLES))
    assert {table for table in TABLES if sealed_through(days.layout, table) == FIRST} == {sealed}
    written_ns = [path.stat().st_mtime_ns for path in days.layout.archive(sealed).glob(f"date={FIRST}/*")]
    assert [done.day for done in days.sealer().seal()] == [FIRST, SECOND]
    assert days.through() == {SECOND}
    assert [path.stat().st_mtime_ns for path in days.layout.archive(sealed).glob(f"date={FIRST}/*")] == written_ns
    assert findings(days.layout) == []


def test_what_sorted_files_hold_is_kept_once_it_is_known(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "UNCHANGED_NS", -1)
    done = list(days.sealer().seal())
    assert sum(one.files for one in done) == len(list(days.layout.root.glob("archive/*/date=2*/*.parquet")))
    held = kept.read_kept(days.layout, "trades")
    assert {day: sum(file.rows for file in found.files.values()) for day, found in held.items()} == {
        str(FIRST): 12, str(SECOND): 12}


def test_an_archive_file_that_lacks_a_row_is_found_and_rebuilt(days: Days) -> None:
    before = rows(days.layout)
    list(days.sealer().seal())
    days.sealer(grace_s=-1e12).clear()
    [path] = (days.layout.archive("trades") / f"date={FIRST}").glob("*.parquet")
    whole = pq.read_table(path, partitioning=None)
    pq.write_table(whole.slice(1), path, store_schema=False)
    assert [found.problem for found in findings(days.layout)] == ["file different"]
    list(Rebuilder(days.layout, "main").ranges())
    assert rows(days.layout) == before
    assert findings(days.layout) == []


def test_a_file_that_cannot_be_read_is_named_and_the_date_stays(days: Days) -> None:
    path = next((days.layout.live("trades") / f"date={FIRST}").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableError, match=re.escape(str(path))):
        list(days.sealer().seal())
    assert days.through() == {NEVER_SEALED}


@pytest.mark.slow
def test_the_sealer_process_seals_and_a_roller_starts_it(days: Days) -> None:
    before = rows(days.layout)  # these dates are long over, by the true clock
    keeper = SealerKeeper(days.layout)
    keeper.look()
    keeper.stop()
    assert rows(days.layout) == before
    command = [sys.executable, "-m", "capture.lake.processes.sealer", str(days.layout.root)]
    assert subprocess.run(command, check=False).returncode == 0
    assert days.through() == {THIRD}
    assert rows(days.layout) == before


def test_one_seals_at_a_time(days: Days) -> None:
    with sealer_lock(days.layout), pytest.raises(SealerBusyError, match="another process"):
        list(days.sealer().seal())
    assert days.through() == {NEVER_SEALED}


def test_an_archive_file_of_a_date_without_rows_on_the_tape_is_found_and_set_aside(days: Days) -> None:
    before = rows(days.layout)
    list(days.sealer().seal())
    days.sealer(grace_s=-1e12).clear()
    [path] = (days.layout.archive("trades") / f"date={FIRST}").glob("*.parquet")
    stray = days.layout.archive("trades") / "date=2025-12-01" / path.name
    stray.parent.mkdir()
    shutil.copy(path, stray)
    [found] = findings(days.layout)
    assert (found.problem, found.place) == ("file unexplained", str(stray))
    assert "rebuild --data" in found.repair
    rebuilder = Rebuilder(days.layout, "main")
    list(rebuilder.ranges())
    assert rebuilder.set_aside == [stray.with_name(f"{stray.name}.bad")]
    assert rows(days.layout) == before
    assert findings(days.layout) == []


def test_rows_beyond_those_of_the_tape_are_kept_aside_by_a_rebuild_of_their_date(days: Days) -> None:
    list(days.sealer().seal())
    days.sealer(grace_s=-1e12).clear()
    [path] = (days.layout.archive("trades") / f"date={FIRST}").glob("*.parquet")
    twice = pa.concat_tables([pq.read_table(path, partitioning=None)] * 2)
    pq.write_table(twice, path, store_schema=False)
    rebuilder = Rebuilder(days.layout, "main")
    list(rebuilder.ranges())
    [aside] = rebuilder.set_aside
    assert pq.read_table(aside, partitioning=None).num_rows == twice.num_rows
    assert findings(days.layout) == []


def test_what_a_killed_sealer_left_half_done_goes_with_the_next_one(days: Days) -> None:
    folder = days.layout.archive("trades") / f"date={FIRST}"
    (folder / ".sort-abc").mkdir(parents=True)
    left = [folder / ".main.000000000001-000000000002.parquet.123.tmp", folder / ".sort-abc" / "duckdb.tmp"]
    fresh, old = folder / ".main.000000000009-000000000009.parquet.5.tmp", days.layout.root / ".ticktape.duckdb.7.tmp"
    for path in (*left, fresh, old):
        path.touch()
    os.utime(old, (0, 0))
    list(days.sealer().seal())
    assert not any(path.exists() for path in (*left, left[1].parent, old))
    assert fresh.exists()  # a roller may be at it
