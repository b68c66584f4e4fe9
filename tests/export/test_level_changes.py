"""Changes by price, applied one by one, give every book again."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.export.level_changes import ASK, BID, CHANGES, NEITHER, LevelChanges
from capture.schemas import TIMESTAMP

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LEVELS = 3
WIDE = [f"{side}_{what}_{level:02}" for level in range(LEVELS) for what in ("px", "sz") for side in ("bid", "ask")]
SCHEMA = pa.schema([
    ("ts", TIMESTAMP), ("symbol", pa.dictionary(pa.int32(), pa.string())), ("instrument_id", pa.int64()),
    ("valid", pa.bool_()), *((name, pa.float64()) for name in WIDE)])  # fmt: skip
SIDES = {BID: "bid", ASK: "ask"}
WHO = [("AAPL", 265598), ("MSFT", 272093), ("ODD", None), ("EVEN", None)]

# Few prices, so that levels often have the same; halves, so that sums are exact.
prices, sizes = st.sampled_from([-1.0, 0.0, 280.33, 280.34, 5.5]), st.sampled_from([None, 0.0, 0.5, 2.0, 7.0])
level = st.none() | st.tuples(prices, sizes)
side = st.lists(level, min_size=LEVELS, max_size=LEVELS)
book = st.none() | st.tuples(side, side)
batches = st.lists(st.lists(st.tuples(st.sampled_from(WHO), book), max_size=12), max_size=4)

Row = tuple[tuple[str, int | None], Any]


def wide(rows: list[Row], start: int = 0) -> pa.RecordBatch:
    """Return rows as `source.books` gives them; a book of None is void."""
    made = []
    for at, ((symbol, instrument_id), sides) in enumerate(rows, start):
        row = {"ts": NOON + timedelta(microseconds=at), "symbol": symbol, "instrument_id": instrument_id,
               "valid": sides is not None}
        for name, levels in zip(("bid", "ask"), sides or (), strict=False):
            for number, one in enumerate(levels):
                row |= {f"{name}_px_{number:02}": one and one[0], f"{name}_sz_{number:02}": one and one[1]}
        made.append(row)
    return pa.RecordBatch.from_pylist(made, schema=SCHEMA)


def by_price(sides: Any) -> dict[int, dict[float, float]]:
    """Return what should be known of a book: the size of each price of each side."""
    found: dict[int, dict[float, float]] = {BID: {}, ASK: {}}
    for key, levels in zip((BID, ASK), sides or (), strict=False):
        for one in levels:
            if one and one[1]:
                found[key][one[0]] = found[key].get(one[0], 0.0) + one[1]
    return found


def apply(known: dict[int, dict[float, float]], change: dict[str, Any]) -> None:
    if change["void"]:
        assert (change["side"], change["price"], change["size"]) == (NEITHER, None, None)
        known[BID].clear()
        known[ASK].clear()
    elif change["size"]:
        assert known[change["side"]].get(change["price"]) != change["size"]
        known[change["side"]][change["price"]] = change["size"]
    else:
        del known[change["side"]][change["price"]]


@given(batches)
def test_changes_give_every_book_again(given_batches: list[list[Row]]) -> None:
    changes = LevelChanges()
    known: dict[Any, dict[int, dict[float, float]]] = defaultdict(lambda: {BID: {}, ASK: {}})
    valid: dict[Any, bool] = defaultdict(bool)
    for number, rows in enumerate(given_batches):
        found = changes.of(wide(rows, number * 100))
        assert found.schema == CHANGES
        by_row = defaultdict(list)
        for change in found.to_pylist():
            by_row[change["row"]].append(change)
        assert [change["row"] for change in found.to_pylist()] == sorted(found["row"].to_pylist())
        for at, (who, sides) in enumerate(rows):
            of_row = by_row[at]
            for change in of_row:
                assert change["ts"] == NOON + timedelta(microseconds=number * 100 + at)
                assert change["instrument_id"] == who[1]
                assert change["first"] == (sides is not None and not valid[who])
                apply(known[who], change)
            assert known[who] == by_price(sides)
            assert [change["last"] for change in of_row] == [False] * (len(of_row) - 1) + [True] * bool(of_row)
            assert [change["void"] for change in of_row].count(True) == (sides is None and valid[who])
            # What is gone comes first.
            assert [bool(change["size"]) for change in of_row] == sorted(bool(change["size"]) for change in of_row)
            valid[who] = sides is not None


def test_a_level_that_moves_by_one_is_said_at_two_prices() -> None:
    before = wide([(WHO[0], ([(5.0, 3.0), (4.0, 2.0), None], [(6.0, 1.0), None, None]))])
    after = wide([(WHO[0], ([(5.5, 9.0), (5.0, 3.0), (4.0, 1.0)], [(7.0, 1.0), (7.0, 2.0), None]))])
    changes = LevelChanges()
    changes.of(before)
    told = [(row["side"], row["price"], row["size"]) for row in changes.of(after).to_pylist()]
    assert told == [(ASK, 6.0, 0.0), (BID, 5.5, 9.0), (BID, 4.0, 1.0), (ASK, 7.0, 3.0)]


@pytest.mark.parametrize("rows", [1, 4095, 4096, 4097, 10_000])
def test_long_batches_are_compared_across_their_parts(rows: int) -> None:
    books = wide([(WHO[0], ([(float(at // 2), 1.0), None, None], [None] * 3)) for at in range(rows)])
    found = LevelChanges().of(books)
    assert found["row"].to_pylist() == [at for at in range(0, rows, 2) for _ in range(1 + (at > 0))]
