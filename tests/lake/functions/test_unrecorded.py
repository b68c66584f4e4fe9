"""Time in which nobody recorded is missing like any other: before a request, after a cancel, since the last byte."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from tests.conftest import ScriptedTape

from .conftest import NOON, MadeLake

STREAMS = {"trades": "all_last", "quotes": "quotes", "midpoints": "midpoints"}
AT_S = (8.9, 70, 130, 270, 310)
RANGE = "'AAPL', '2026-11-18T11:59Z', '2026-11-18T12:06Z'"


def add(made: MadeLake, table: str, at_s: float, **values: Any) -> None:
    price = {"quotes": {"bid_price": 99.0, "ask_price": 101.0}}.get(table, {"price": 100.0 + at_s})
    made.add(table, at_s, **price | values)


def event(made: MadeLake, at_s: float, name: str, request_id: int, stream: str, recorder: str = "main") -> None:
    made.add("subscriptions", at_s, event=name, request_id=request_id, stream=stream, recorder=recorder)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeLake]:
    """A lake to ask, of `fill`."""
    lake = MadeLake(tmp_path_factory.mktemp("asked") / "data")
    fill(lake)
    yield lake
    lake.close()


def fill(made: MadeLake) -> None:
    """Add rows of every kind, asked for from :05 on, given up at 2:20, and asked for again at 4:20."""
    for request_id, (table, stream) in enumerate(STREAMS.items()):
        for at_s, name, number in ((5, "requested", 0), (30, "requested", 10), (31, "cancelled", 0),
                                   (140, "cancelled", 10), (260, "requested", 20)):
            event(made, at_s, name, request_id + number, stream)
        for row_s in AT_S:
            add(made, table, row_s)


@pytest.mark.parametrize("kind", ["time", "quote", "midpoint"])
def test_bars_miss_what_nobody_asked_for(asked: MadeLake, kind: str) -> None:
    bars = asked.sql(f"from {kind}_bars('AAPL', '1 minute', null, null)")
    assert [(bar["ts"] - NOON, bar["gap_s"]) for bar in bars] == [
        (timedelta(minutes=minute), gap_s) for minute, gap_s in ((0, 5), (1, 0), (2, 40), (4, 20), (5, 0))]
    whole = asked.sql(f"from {kind}_bars('AAPL', '1 minute', null, null, whole := true)")
    assert [bar["ts"] - NOON for bar in whole] == [timedelta(minutes=minute) for minute in (1, 5)]


@pytest.mark.parametrize(("query", "gap_s"), [
    (f"vwap({RANGE})", [65 + 120]),
    (f"twap({RANGE})", [65 + 120]),
    (f"vwap({RANGE}, width := '3 minutes')", [5 + 40, 60 + 20]),
    ("session_bars('AAPL', null, null)", [120]),
    ("realized_volatility('AAPL', '1 minute', null, null)", [5 + 40 + 20]),
    ("realized_volatility('AAPL', '1 minute', null, null, whole := true)", [0]),
    ("tick_bars('AAPL', 2, null, null)", [0, 120, 0]),
    ("tick_bars('AAPL', 2, null, null, whole := true)", [0]),
    ("volume_bars('AAPL', 2, null, null, whole := true)", [0]),
    ("tick_bars('AAPL', 1, null, '2026-11-18T12:02:20Z', whole := true)", [0, 0, 0]),
    ("time_bars('AAPL', '1 week', null, null)", [2.5 * 86_400 + 5 + 120]),  # from Monday to Wednesday noon
])
def test_every_function_misses_what_nobody_asked_for(asked: MadeLake, query: str, gap_s: list[float]) -> None:
    assert [row["gap_s"] for row in asked.sql(f"from {query}")] == gap_s


def test_missing_time_names_what_nobody_asked_for(asked: MadeLake) -> None:
    spans = [(NOON - timedelta(minutes=1), NOON + timedelta(seconds=5)),
             (NOON + timedelta(seconds=140), NOON + timedelta(seconds=260))]
    for query, expected in ((RANGE, spans), ("'AAPL', null, null", spans[1:])):
        found = asked.sql(f"from missing_time({query})")
        for table in STREAMS:
            assert [(row["from_ts"], row["to_ts"]) for row in found if row["missing"] == table] == expected


def test_a_quote_of_before_a_cancel_is_stale(made: MadeLake) -> None:
    fill(made)
    made.trade(262, 100)
    rows = made.sql("from trades_with_quotes('AAPL', null, null)")
    assert [row["price"] for row in rows if row["stale"]] == [100]


def test_history_of_time_that_nobody_asked_for_is_there(made: MadeLake) -> None:
    event(made, 5, "requested", 1, "all_last")
    for at_s in (-600.0, -560.0, -541.0):
        made.trade(at_s, 100, stream="history", origin="backfill")
    made.trade(8.9, 100)
    bars = made.sql("from time_bars('AAPL', '1 minute', null, null, fill := true)")
    assert [bar["gap_s"] for bar in bars] == [0 + 1, *[60] * 9, 5]


def test_one_stream_of_two_is_enough(made: MadeLake) -> None:
    for at_s, name, number, stream in ((5, "requested", 1, "last"), (65, "requested", 2, "all_last"),
                                       (66, "cancelled", 1, "last"), (200, "requested", 3, "last"),
                                       (210, "cancelled", 2, "all_last"), (230, "cancelled", 3, "last")):
        event(made, at_s, name, number, stream)
    for at_s, stream in ((8, "last"), (70, "all_last"), (130, "all_last"), (190, "all_last"), (225, "last")):
        made.trade(at_s, 100, stream=stream)
    bars = made.sql("from time_bars('AAPL', '1 minute', null, null)")
    assert [bar["gap_s"] for bar in bars] == [5, 0, 0, 10]


def test_each_recorder_begins_for_itself(made: MadeLake) -> None:
    for recorder, at_s in (("main", 5), ("second", 65)):
        event(made, at_s, "requested", 1, "all_last", recorder)
        for number in range(1 + (recorder == "main")):
            made.trade(70 + number, 100, recorder=recorder)
    query = "from time_bars('AAPL', '2 minutes', null, null{})"
    assert [row["gap_s"] for row in made.sql(query.format(""))] == [5]
    assert [row["gap_s"] for row in made.sql(query.format(", recorded_by := 'second'"))] == [65]
    # Of a date without rows that is missing which no recorder has.
    found = made.sql("from missing_time('AAPL', '2026-11-17', '2026-11-18')")
    assert [row["to_ts"] - row["from_ts"] for row in found] == [timedelta(days=1)]


def test_rows_of_which_no_request_is_known_miss_nothing(made: MadeLake) -> None:
    made.trade(8.9, 100)
    assert [bar["gap_s"] for bar in made.sql("from time_bars('AAPL', '1 minute', null, null)")] == [0]


class Clock:
    """A tape's clock, set by hand."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> int:
        return int((NOON.timestamp() + self.at_s) * 1e9)


@pytest.mark.parametrize("seen", ["on the tape", "rolled", "by the views file"])
def test_time_since_the_recorder_last_heard_anything_is_missing(tmp_path: Path, seen: str) -> None:
    clock = Clock()
    script = ScriptedTape(tmp_path / "data", now=clock)
    clock.at_s = 5
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for at_s in (8.9, 70, 130):
        clock.at_s = at_s
        script.trade(5, 100)
    clock.at_s = 150
    script.answer("current_time", time=1).mark()
    if seen != "on the tape":
        list(Roller(Layout(script.data), "main").roll())
    bars = "select epoch(ts - timestamptz '2026-11-18 12:00+00') as at, gap_s from time_bars('AAPL', '1 minute', {})"
    queries = [*map(bars.format, ("null, null", "null, '2026-11-18T12:02:11Z'", "null, null, whole := true")),
               "select epoch(to_ts - from_ts), gap_s "
               "from missing_time('AAPL', '2026-11-18T12:00Z', '2026-11-18T12:05Z')",
               "select vwap, gap_s from vwap('AAPL', '2026-11-18T12:00Z', '2026-11-18T12:05Z')"]
    with capture.open_lake(script.data) as lake:
        answers = [lake.sql(query).rows() for query in queries]
    if seen == "by the views file":
        with duckdb.connect(str(script.data / "ticktape.duckdb"), read_only=True) as connection:
            answers = [connection.execute(query).fetchall() for query in queries]
    script.writer.close()
    assert answers == [*[[(0, 5), (60, 0), (120, 30)]] * 2, [(60, 0)], [(5, 5), (150, 150)], [(100, 155)]]


def test_the_text_that_says_when_something_was_heard_is_the_one_that_rolling_writes(script: ScriptedTape) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    layout = Layout(script.data)
    list(Roller(layout, "main").roll())
    capture.open_lake(script.data).close()
    heard_us = json.loads(layout.rolled("main").read_text())["gaps"]["heard_us"]
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        found = connection.execute("select recorder, epoch_us(ts) from last_heard").fetchall()
    assert found == [("main", heard_us)]
    assert abs(heard_us / 1e6 - datetime.now(UTC).timestamp()) < 3600
