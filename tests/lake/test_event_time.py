"""Up to when a row proves its stream whole, by IB's time."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture.decode.event_time import LONGEST_LAG_US, proven_us
from capture.schemas import TIMESTAMP
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
