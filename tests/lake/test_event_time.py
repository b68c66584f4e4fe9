"""Up to when a row proves its stream whole, by IB's time."""

from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from capture.decode.event_time import LAG_SQL, LONGEST_LAG_US, MOMENT_SQL, OVER_SQL, proven_us
from capture.schemas import TIMESTAMP
from capture.times import DAY_S
from capture.wire.lookup import BACKFILL

S = 1_000_000
CAME_S = 1_000_000


def rows(table: str, events: list[int | None], history: bool = False, **columns: Any) -> Any:
    """Rows that came one a frame, a second apart, with IB's times in microseconds."""
    codes = pa.array([BACKFILL if history else 0] * len(events), pa.int32())
    words = pa.array([f"word {number}" for number in range(BACKFILL + 1)])
    return SimpleNamespace(table=table, frames=np.arange(len(events)), columns={
        "ts_event": pa.array(events, TIMESTAMP), "origin": pa.DictionaryArray.from_arrays(codes, words), **columns})


def proven(given: Any) -> list[int]:
    """Return what is proven, in microseconds from when the first row came."""
    times_us = (CAME_S + np.arange(9)) * S
    return [int(at) - CAME_S * S for at in proven_us(given, times_us)]


@pytest.mark.parametrize(("late_us", "known"), [
    (0, True), (7 * S, True), (-7 * S, True), (LONGEST_LAG_US, True), (LONGEST_LAG_US + 1, False),
    (-LONGEST_LAG_US, True), (-LONGEST_LAG_US - 1, False)])  # fmt: skip
def test_a_tick_proves_all_before_its_second_unless_its_time_cannot_be(late_us: int, known: bool) -> None:
    assert proven(rows("trades", [CAME_S * S - late_us])) == [-late_us if known else 0]
    assert proven(rows("trades", [CAME_S * S - late_us], history=True)) == [0]


def test_a_row_without_time_of_ib_proves_what_came_before_it() -> None:
    assert proven(rows("trades", [None, CAME_S * S])) == [0, 0]
    given = rows("depth", [CAME_S * S, CAME_S * S])
    del given.columns["ts_event"]
    assert proven(given) == [0, S]


def test_a_finished_bar_proves_all_before_its_end_and_one_in_the_making_what_came() -> None:
    sizes = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, None], pa.int32()),
                                           pa.array(["5 secs", "1 min", "1 day", "another"]))
    starts: list[int | None] = [(CAME_S - 100) * S] * 5
    given = rows("bars", starts, bar_size=sizes, form=pa.array(["closed"] * 5))
    assert proven(given) == [-95 * S, -40 * S, 2 * S, 3 * S, 4 * S], "a day's date is no moment"
    sizes = pa.DictionaryArray.from_arrays(pa.array([1, 1], pa.int32()), pa.array(["5 secs", "1 min"]))
    making = rows("bars", [(CAME_S - 100) * S, (CAME_S - 10) * S], bar_size=sizes,
                  form=pa.array(["update", "update"]).dictionary_encode())  # fmt: skip
    assert proven(making) == [-40 * S, 1 * S]


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints", "bars"])
def test_the_same_is_asked_of_stored_rows(table: str) -> None:
    assert LAG_SQL.keys() == MOMENT_SQL.keys() == OVER_SQL.keys() == {"trades", "quotes", "midpoints", "bars"}
    width_s = 5 if table == "bars" else 0
    given = [(came, event, origin) for came, event, origin in (
        (100.5, 100, "live"), (103, 100, "live"), (99, 100, "live"), (103, 100, "backfill"), (103, None, "live"),
        (100 + DAY_S + width_s, 100, "live"), (101 + DAY_S + width_s, 100, "live"))]  # fmt: skip
    asked = ", ".join(f"({came}, {'null' if event is None else event}, '{origin}')" for came, event, origin in given)
    stored = f"select to_timestamp(came) as ts, to_timestamp(event) as ts_event, origin, 'closed' as form from " \
             f"(values {asked}) as given(came, event, origin)"
    found = duckdb.execute(f"select {LAG_SQL[table]}, epoch_us({MOMENT_SQL[table]}) from ({stored})").fetchall()
    over, last = 100 + width_s, (100 + width_s) * S + 999_999
    assert found == [
        (100.5 - over, int(max(100.5, over) * S)), (103 - over, min(max(103, over) * S, last)), (99 - over, over * S),
        (None, 103 * S), (None, 103 * S), (DAY_S, last), (None, (101 + DAY_S + width_s) * S)]
