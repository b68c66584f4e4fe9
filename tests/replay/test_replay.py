"""A replay of a lake: every row once, in recorded order, whatever it lies in; and the state at its start."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import capture
from capture.query import QueryError
from capture.replay import Record, record_class
from capture.replay import past as replay
from capture.schemas import MARKET_TABLES

from .conftest import DAYS, ROWS, TABLES

ORDER = 'ts, recorder, seq, "row"'


def expected(lake: capture.Lake, where: str = "true", tables: list[str] = TABLES) -> list[dict[str, Any]]:
    """Return rows as SQL gives them, each with its table, in order."""
    rows: list[dict[str, Any]] = []
    for table in tables:
        found = lake.sql(f"select * exclude (date) from {table} where {where}").arrow().to_pylist()
        rows += [{"table": table} | row for row in found]
    return sorted(rows, key=lambda row: (row["ts"], row["recorder"], row["seq"], row["row"]))


def told(records: Any) -> list[dict[str, Any]]:
    return [{"table": record.table} | record.as_dict() for record in records]


@pytest.fixture
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "STRETCH_ROWS", 50)


@pytest.mark.slow
@pytest.mark.parametrize("stretch_rows", [7, 50, 500_000])
def test_every_row_comes_once_in_order(
    lake: capture.Lake, monkeypatch: pytest.MonkeyPatch, stretch_rows: int
) -> None:
    monkeypatch.setattr(replay, "STRETCH_ROWS", stretch_rows)
    found = told(lake.replay(tables=TABLES))
    assert len(found) == 3 * 400 + 3
    assert {row["recorder"] for row in found} == {"main", "second"}
    assert found == expected(lake)


@pytest.mark.usefixtures("small_stretches")
@pytest.mark.slow
def test_rows_are_chosen_by_instrument_time_stream_and_recorder(lake: capture.Lake) -> None:
    start, end = DAYS[0] + timedelta(seconds=20), DAYS[1] + timedelta(seconds=20)
    span = f"ts >= '{start}' and ts < '{end}'"
    none: dict[str, Any] = {"tables": TABLES, "state": False}
    assert told(lake.replay("AAPL", start, end, **none)) == expected(lake, f"{span} and symbol = 'AAPL'")
    assert told(lake.replay([1, "MSFT"], start, **none)) == expected(lake, f"ts >= '{start}'")
    assert told(lake.replay(end=end, recorder="second", **none)) == expected(
        lake, f"ts < '{end}' and recorder = 'second'")
    assert told(lake.replay(stream=["quotes", "depth"], **none)) == expected(lake, "stream in ('quotes', 'depth')")
    assert told(lake.replay([], **none)) == []
    assert told(lake.replay(start="2027-01-01", **none)) == []


def test_system_tables_are_replayed_with_the_rows_of_the_whole_line(lake: capture.Lake) -> None:
    records = lake.replay("AAPL", tables=["sessions", "subscriptions"])
    found = Counter((record.table, record.event) for record in records)
    assert found["sessions", "opened"] == 6
    assert found["subscriptions", "requested"] == 3 * 2 * 4 + 1


@pytest.mark.parametrize("rows", [64, 65_536])
def test_batches_hold_the_same_in_the_same_order(lake: capture.Lake, rows: int) -> None:
    reader = lake.replay(tables=TABLES).batches(rows)
    batches = list(reader)
    assert max(map(len, batches)) <= rows
    table = pa.Table.from_batches(batches)
    assert table.schema.names[:6] == ["table", "initial", "ts", "seq", "row", "recorder"]
    assert not any(table["initial"].to_pylist())
    names = {made.name: made.schema.names for made in MARKET_TABLES}
    rows_ = [{"table": row["table"]} | {name: row[name] for name in names[row["table"]]} for row in table.to_pylist()]
    assert rows_ == expected(lake)


def test_columns_are_narrowed_down_and_a_row_keeps_its_place(lake: capture.Lake) -> None:
    records = list(lake.replay(tables=["trades", "quotes"], columns=["price", "symbol"]))
    assert {record.table: record.fields for record in records} == {
        "trades": ("ts_us", "seq", "row", "recorder", "symbol", "price"),
        "quotes": ("ts_us", "seq", "row", "recorder", "symbol")}
    assert [record.price for record in records if record.table == "trades"] == [
        row["price"] for row in expected(lake, tables=["trades"])]


def test_records_are_typed(lake: capture.Lake) -> None:
    trade, quote = record_class("trades"), record_class("quotes")
    for record in lake.replay(tables=["trades", "quotes"]):
        match record:
            case trade(price=price, symbol=symbol):
                assert isinstance(price, float)
                assert symbol in ("AAPL", "MSFT")
            case _:
                assert isinstance(record, quote)
                assert record.bid_price < record.ask_price


def last(rows: list[dict[str, Any]], *key: str) -> list[dict[str, Any]]:
    """Return the last row of each key, in order."""
    found = {tuple(row[name] for name in key): row for row in rows}
    return [row for row in rows if row is found[tuple(row[name] for name in key)]]


@pytest.mark.usefixtures("small_stretches")
def test_a_start_within_a_session_begins_with_the_state_then(lake: capture.Lake) -> None:
    start = DAYS[2] + timedelta(seconds=30)
    records = list(lake.replay("AAPL", start, tables=TABLES, recorder="main"))
    state = [record for record in records if record.initial]
    assert records[: len(state)] == state
    before = expected(lake, f"ts < '{start}' and ts >= '{DAYS[2]}' and symbol = 'AAPL' and recorder = 'main'")
    for table, key in (("trades", ()), ("quotes", ()), ("ticks", ("tick_type",))):
        rows = [row for row in before if row["table"] == table]
        assert told(record for record in state if record.table == table) == last(rows, *key), table
    books: dict[str, list[tuple[float, float]]] = {"bid": [], "ask": []}
    operations = [row for row in before if row["table"] == "depth"]
    for row in operations:
        books[row["side"]].insert(row["position"], (row["price"], row["size"]))
        del books[row["side"]][ROWS:]
    levels = [record for record in state if record.table == "depth"]
    assert {record.operation for record in levels} == {"insert"}
    assert {record.ts for record in levels} == {operations[-1]["ts"]}
    for side, rows_ in books.items():
        found = [(record.position, (record.price, record.size)) for record in levels if record.side == side]
        assert found == list(enumerate(rows_))
    rest = told(record for record in records if not record.initial)
    assert rest == expected(lake, f"ts >= '{start}' and symbol = 'AAPL' and recorder = 'main'")


def test_of_a_session_that_ended_no_book_is_open(lake: capture.Lake) -> None:
    between = DAYS[1] + timedelta(hours=3)
    state = [record for record in lake.replay(start=between, tables=TABLES) if record.initial]
    assert {record.table for record in state} == {"trades", "quotes", "ticks"}
    assert state == [record for record in lake.replay(start=between, end=between, tables=TABLES) if record.initial]


def test_state_may_be_left_out(lake: capture.Lake) -> None:
    records = lake.replay(start=DAYS[2] + timedelta(seconds=30), tables=TABLES, state=False)
    assert not any(record.initial for record in records)


def test_a_replay_can_be_iterated_again_and_be_left_midway(lake: capture.Lake) -> None:
    playing = lake.replay("AAPL", tables=TABLES)
    first = next(iter(playing))
    assert next(iter(playing)) == first
    assert len(list(playing)) == len(list(playing))


def test_it_plays_on_while_the_lake_is_asked_and_closed(lake: capture.Lake) -> None:
    playing = iter(lake.replay(tables=TABLES))
    next(playing)
    assert lake.sql("select count(*) from trades").rows()
    lake.close()
    assert len(list(playing)) == 3 * 400 + 3 - 1


def test_async_iteration_gives_the_same_and_lets_others_run(lake: capture.Lake) -> None:
    async def play() -> tuple[list[Record], int]:
        found: list[Record] = []
        others = 0

        async def count() -> None:
            nonlocal others
            while True:
                await asyncio.sleep(0.001)
                others += 1

        other = asyncio.create_task(count())
        found += [record async for record in lake.replay(tables=TABLES, start=DAYS[2], speed=500)]
        other.cancel()
        return found, others

    found, others = asyncio.run(play())
    assert found == list(lake.replay(tables=TABLES, start=DAYS[2]))
    assert others > 10


def test_a_cancelled_async_replay_ends(lake: capture.Lake) -> None:
    async def play() -> None:
        async for _ in lake.replay(tables=TABLES, speed=1):
            pass

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(play(), 0.3)

    asyncio.run(cancelled())


def test_an_async_replay_that_is_cancelled_twice_ends_as_cancelled(lake: capture.Lake) -> None:
    async def play() -> None:
        async for _ in lake.replay(tables=TABLES, speed=1):
            pass

    async def cancelled() -> None:
        playing = asyncio.create_task(play())
        await asyncio.sleep(0.01)
        for _ in range(2):
            playing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await playing

    asyncio.run(cancelled())


def test_times_at_the_ends_of_the_calendar_are_no_limits(lake: capture.Lake) -> None:
    everything = told(lake.replay(tables=TABLES))
    assert told(lake.replay(tables=TABLES, start="0001-01-01", end="9999-12-31")) == everything
    assert told(lake.replay(tables=TABLES, end="0001-01-01")) == []


def test_a_replay_in_real_time_gives_nothing_before_its_time(lake: capture.Lake) -> None:
    late_ms = []
    begun_s = 0.0
    first_us = 0
    for record in lake.replay("AAPL", DAYS[0], DAYS[0] + timedelta(seconds=40), tables=TABLES, state=False, speed=40,
                              recorder="second"):
        now_s = time.monotonic()
        if not begun_s:
            begun_s, first_us = now_s, record.ts_us
        late_ms.append((now_s - begun_s - (record.ts_us - first_us) / 40e6) * 1000)
    assert len(late_ms) > 30
    assert min(late_ms) > -1, "before its time"


def test_mistakes_are_explained(lake: capture.Lake) -> None:
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"tables": ["payments"]}, "there is no table payments; there are trades"),
        ({"tables": []}, "no table is named"),
        ({"columns": ["cost"]}, "no.* column cost"), ({"speed": 0}, "speed is 0"),
        ({"longest_silence_s": -1.0}, "longest_silence_s is -1.0"), ({"start": "2026-01-05T12:00"}, "say its zone"),
        ({"start": "2026-01-06", "end": "2026-01-05"}, "before the start")]
    for wrong, says in mistakes:
        with pytest.raises(QueryError, match=says):
            lake.replay(**wrong)


def test_a_damaged_file_is_named(recorded: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(recorded, tmp_path / "copy")
    [path] = (copy / "archive" / "trades").glob("date=2026-01-05/main*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with capture.open_lake(copy) as opened, pytest.raises(QueryError, match=path.name):
        list(opened.replay(tables=TABLES))
