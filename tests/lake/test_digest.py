"""What is kept of rows of archive files gives the answers that all rows give, whatever became of files since."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow.parquet as pq
import pytest

import capture
from bench.dates import table_rows
from capture.lake import digest
from capture.lake.digest import MARKET, WHOLE, Digest, keep, nothing, read_digest
from capture.lake.layout import Layout, day_folders
from capture.lake.parquet_file import write_parquet
from capture.lake.proof.verify import misremembered
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.query import QueryError
from capture.schemas import TABLES
from tests.opened import opened

FIRST = date(2026, 3, 6)  # New York's clocks go forward two days later
DAYS = [FIRST + timedelta(days=number) for number in range(6)]
# Days of the second and the third begin on the UTC date before, or end on the one after.
ZONES = {"AAPL": "US/Eastern", "7203": "Japan", "NIFTY": "Asia/Kolkata", "VOD": None}
RECORDERS = ("main", "other")
Rows = list[dict[str, Any]]

pytestmark = pytest.mark.slow


def us(day: date, second: float = 0) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + second) * 1_000_000)


def trades(day: date, recorder: str) -> Rows:
    """Trades at any time of a date, some of them late, in most of its minutes or in few."""
    some = random.Random(f"{day}{recorder}")
    found = []
    for at, symbol in enumerate(ZONES):
        for _ in range(some.choice((20, 400))):
            ts = us(day, some.uniform(0, 86_399))
            late_us = some.choice((0, some.randrange(1_000_000), some.randrange(10_000_000)))
            found.append({"ts": ts, "ts_event": ts - late_us if some.random() < 0.9 else None, "recorder": recorder,
                          "symbol": symbol, "instrument_id": at + 1, "stream": some.choice(("all_last", "last")),
                          "origin": some.choice(("live", "live", "backfill")), "price": 1.0, "size": 1.0})
    return found


def others(day: date, recorder: str, zones: dict[str, str | None]) -> Iterator[tuple[str, Rows]]:
    names = [{"ts": us(day, 5), "recorder": recorder, "symbol": symbol, "instrument_id": at + 1}
             for at, symbol in enumerate(zones)]
    hours = f"{day:%Y%m%d}:0800-{day:%Y%m%d}:1600"
    yield "instruments", [one | {"time_zone": zone, "trading_hours": hours}
                          for one, zone in zip(names, zones.values(), strict=True) if zone]
    yield "subscriptions", [one | {"stream": stream, "event": "requested", "request_id": at}
                            for one in names for at, stream in enumerate(("all_last", "last"))]
    yield "gaps", [{"recorder": recorder, "symbol": "AAPL", "instrument_id": 1, "stream": "last", "reason": "reset",
                    "gap_id": f"{recorder}.{day}", "state": state, "ts": us(day, 50_400 + at),
                    "from_ts": us(day, 50_400), "to_ts": us(day, 51_000) if at else None}
                   for at, state in enumerate(("open", "closed"))]
    yield "sessions", [{"ts": us(day, 1), "recorder": recorder, "event": "opened"}]


def write(layout: Layout, table: str, day: date, rows: Rows, recorder: str, mark: int, *, live: bool = False) -> Path:
    path = (layout.live_file(table, str(day), recorder, mark) if live
            else layout.archive_file(table, str(day), recorder, mark, mark))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(*table_rows(table, rows), path)
    return path


def settle(layout: Layout) -> None:
    """Have all folders as those that nobody writes any more."""
    then_s = time.time() - 3_600
    for folder in (folder for table in TABLES for folder in day_folders(layout.archive(table)).values()):
        if time.time() - folder.stat().st_mtime < 1_800:
            os.utime(folder, (then_s, then_s))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("digest") / "data")
    prepare(layout)
    for mark, day in enumerate(DAYS):
        for recorder in RECORDERS:
            for table, rows in (("trades", trades(day, recorder)), *others(day, recorder, ZONES)):
                write(layout, table, day, rows, recorder, mark, live=day == DAYS[-1])
    for table in TABLES:
        seal_through(layout, table, DAYS[-2])
    settle(layout)
    keep(layout)
    return layout


def all_rows(table: str, lake: capture.Lake) -> list[tuple[Any, ...]]:
    return lake.sql(f"select * from {table} order by all").rows()


QUESTIONS: dict[str, Callable[[capture.Lake], Any]] = {
    "coverage": lambda lake: lake.coverage(end="2026-04-01"),
    "coverage of one": lambda lake: lake.coverage(["7203"], end="2026-04-01"),
    "coverage within dates": lambda lake: lake.coverage(None, f"{DAYS[0]}T13:00Z", f"{DAYS[4]}T02:00Z"),
    "gaps": lambda lake: lake.gaps().rows(),
    **{f"all {table}": partial(all_rows, table) for table in WHOLE},
    "of a date": lambda lake: lake.sql(f"select * from gaps where date = '{DAYS[1]}' order by all").rows(),
}


SHORT = ("coverage of one", "all subscriptions")


def answers(layout: Layout, names: Iterable[str] = QUESTIONS) -> dict[str, Any]:
    with capture.open_lake(layout.root) as lake:
        return {name: QUESTIONS[name](lake) for name in names}


@contextmanager
def without_digests(layout: Layout) -> Iterator[None]:
    hidden = [(path, path.with_suffix(".hidden")) for path in map(layout.digest, TABLES) if path.exists()]
    for path, away in hidden:
        path.rename(away)
    yield
    for path, away in hidden:
        away.rename(path)


def agree(layout: Layout, names: Iterable[str] = QUESTIONS) -> dict[str, Any]:
    """Return the answers, which are those of a lake of whose rows nothing is kept."""
    with without_digests(layout):
        slow = answers(layout, names)
    found = answers(layout, names)
    for name, answer in slow.items():
        assert found[name] == answer, name
    return found


def first_file(layout: Layout, table: str, day: date) -> Path:
    return min((layout.archive(table) / f"date={day}").iterdir())


def test_answers_are_those_of_all_rows_and_read_none_of_what_is_kept(layout: Layout) -> None:
    assert {name for name in TABLES if read_digest(layout, name).files} == {"trades", *WHOLE}
    found = agree(layout)
    assert all(found.values())
    assert len({row["lag_p50_s"] for row in found["coverage"]}) > 10
    assert {row["day"] for row in found["coverage"]} >= {str(day) for day in DAYS}
    with capture.open_lake(layout.root) as lake, opened(layout.root) as files:
        lake.coverage()
    read = {path.parent.name for path in files.files if path.parent.parent.parent.name == "archive"}
    # The last UTC date is not sealed, and days of all zones but one touch the one before too.
    assert read <= {"date=1970-01-01", f"date={DAYS[-2]}"}


def rewritten(layout: Layout) -> None:
    write(layout, "trades", DAYS[2], trades(DAYS[2], "another")[:300], "main", 2)
    write(layout, "gaps", DAYS[2], dict(others(DAYS[2], "another", ZONES))["gaps"], "main", 2)


def removed(layout: Layout) -> None:
    for table in ("trades", "subscriptions"):
        first_file(layout, table, DAYS[1]).unlink()


def pruned(layout: Layout) -> None:
    for table in ("trades", "gaps"):
        for day in DAYS[:2]:
            shutil.rmtree(layout.archive(table) / f"date={day}")


def late(layout: Layout) -> None:
    for table, rows in (("trades", trades(DAYS[3], "late")), *others(DAYS[3], "late", ZONES)):
        write(layout, table, DAYS[3], rows, "late", 77)


def moved(layout: Layout) -> None:
    """Contract details name another zone than before: all days of that instrument begin elsewhere."""
    later = dict(others(DAYS[-1], "zzz", {"AAPL": "Japan", "7203": "US/Eastern", "NIFTY": None, "VOD": "GMT"}))
    write(layout, "instruments", DAYS[-1], later["instruments"], "zzz", 99, live=True)


def sealed(layout: Layout) -> None:
    for table in ("trades", *WHOLE):
        shutil.copytree(layout.live(table) / f"date={DAYS[-1]}", layout.archive(table) / f"date={DAYS[-1]}")
        for path in (layout.archive(table) / f"date={DAYS[-1]}").iterdir():
            mark = path.stem.partition(".")[2]
            path.rename(path.with_stem(f"{path.stem}-{mark}"))
        seal_through(layout, table, DAYS[-1])


def undone(layout: Layout) -> None:
    """Seal a day less, as of a lake whose days were sorted and not sealed yet."""
    for table in TABLES:
        seal_through(layout, table, DAYS[-3])
        for path in (layout.archive(table) / f"date={DAYS[-2]}").glob("*.parquet"):
            mark = path.stem.rpartition("-")[2]
            live = layout.live_file(table, str(DAYS[-2]), path.stem.partition(".")[0], int(mark))
            live.parent.mkdir(exist_ok=True)
            shutil.copy(path, live)


CHANGES = (rewritten, removed, pruned, late, moved, sealed, undone)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_answers_are_those_of_all_rows_after_files_changed_and_once_that_is_kept(
    layout: Layout, change: Callable[[Layout], None]
) -> None:
    before = answers(layout, SHORT)
    change(layout)
    found = agree(layout)
    assert ({name: found[name] for name in SHORT} == before) == (change in (sealed, undone))
    settle(layout)
    keep(layout)
    assert answers(layout) == found
    assert misremembered(layout) == []
    fresh = {name: read_digest(layout, name) for name in (*WHOLE, *MARKET)}
    for name in fresh:
        layout.digest(name).unlink(missing_ok=True)
    keep(layout)
    for name, one in fresh.items():
        again = read_digest(layout, name)
        assert (again.files, again.unread) == (one.files, one.unread)
        assert rows(name, again) == rows(name, one), "made step by step it is as made at once"


def rows(name: str, of: Digest) -> list[dict[str, Any]]:
    found = of.rows.cast(nothing(name).rows.schema).to_pylist()
    return sorted(found, key=lambda row: tuple(map(str, row.values())))


def test_what_is_too_large_to_look_at_once_is_read_in_parts(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows("trades", read_digest(layout, "trades"))
    layout.digest("trades").unlink()
    monkeypatch.setattr(digest, "WINDOW_ROWS", 1)
    keep(layout)
    assert rows("trades", read_digest(layout, "trades")) == whole


def test_rows_are_kept_of_as_many_dates_as_there_is_room_for(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls of accounts give thousands of rows a day: after months the digest of before them is still worth it."""
    whole = rows("gaps", read_digest(layout, "gaps"))
    days = sorted({row["date"] for row in whole})
    first = [row for row in whole if row["date"] in days[:2]]
    monkeypatch.setattr(digest, "MOST_ROWS", len(first))
    layout.digest("gaps").unlink()
    for _ in range(2):  # the second time nothing is new
        keep(layout)
        found = read_digest(layout, "gaps")
        assert rows("gaps", found) == first
        assert (sorted(found.files), len(found.unread)) == ([str(day) for day in days[:2]], len(days) - 2)
    agree(layout, SHORT)


@pytest.mark.parametrize("name", ["MOST_ROWS", "MOST_DAYS"])
def test_of_too_many_rows_nothing_is_kept(layout: Layout, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(digest, name, 1)
    table = "gaps" if name == "MOST_ROWS" else "trades"
    layout.digest(table).unlink()
    keep(layout)
    found = read_digest(layout, table)
    assert (len(found.rows), found.files, len(found.unread)) == (0, {}, 5)
    agree(layout, SHORT)


@pytest.mark.parametrize("table", ["trades", "gaps"])
def test_of_a_file_that_cannot_be_read_nothing_is_kept_and_of_others_all(layout: Layout, table: str) -> None:
    path = first_file(layout, table, DAYS[2])
    content = bytearray(path.read_bytes())
    end = pq.read_metadata(path).row_group(0).column(0).total_compressed_size
    content[4 : 4 + end] = bytes(end)
    path.write_bytes(content)
    keep(layout)
    found = read_digest(layout, table)
    assert str(DAYS[2]) in found.unread
    assert str(DAYS[0]) in found.files
    with capture.open_lake(layout.root) as lake, pytest.raises(QueryError, match=str(path)):
        lake.sql(f"select * from {table}").rows()


# Beside those of tests/lake/test_state.py.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
    "no parquet": lambda content: (text := b"no parquet") + f"\n{crc32(text):08x}".encode(),
}


@pytest.mark.parametrize("table", ["trades", "subscriptions"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_digest_counts_as_none_and_is_written_anew(layout: Layout, table: str, damage: str) -> None:
    whole, path = answers(layout, SHORT), layout.digest(table)
    before = path.read_bytes()
    path.write_bytes(DAMAGES[damage](before))
    assert read_digest(layout, table).files == {}
    assert answers(layout, SHORT) == whole
    keep(layout)
    assert path.read_bytes() == before


def test_a_digest_of_another_table_counts_as_none(layout: Layout) -> None:
    shutil.copy(layout.digest("gaps"), layout.digest("subscriptions"))
    assert read_digest(layout, "subscriptions").files == {}
    agree(layout, SHORT)


@pytest.mark.parametrize("table", ["trades", "subscriptions"])
def test_verify_finds_a_digest_that_says_something_else_than_the_archive(layout: Layout, table: str) -> None:
    assert misremembered(layout) == []
    found = read_digest(layout, table)
    digest._write(layout.digest(table), Digest(found.rows.slice(1), found.files))
    (one,) = misremembered(layout)
    assert (one.place, one.repair) == (str(layout.digest(table)), f"rm {layout.digest(table)}")
