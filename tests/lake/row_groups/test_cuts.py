"""Sorted rows are cut into row groups that lose nothing, where symbols end, and within bounds."""

from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.lake.row_groups import cuts

MOST, OWN, SHARED, SHARED_MOST = 40, 6, 10, 20


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, rows in (("ROW_GROUP_ROWS", MOST), ("OWN_ROWS", OWN), ("SHARED_ROWS", SHARED),
                       ("SHARED_MOST_ROWS", SHARED_MOST)):
        monkeypatch.setattr(cuts, name, rows)


def cut(
    symbols: Sequence[str | None], batch_rows: int = 1_000, column: str | None = "symbol"
) -> list[list[str | None]]:
    """Return the symbols of each row group that rows of such symbols come to."""
    rows = pa.table({"symbol": pa.array(symbols, pa.string()), "n": pa.array(range(len(symbols)))})
    found = list(cuts.groups(rows.to_batches(max_chunksize=batch_rows), column))
    assert [number for group in found for number in group["n"].to_pylist()] == list(range(len(symbols)))
    return [group["symbol"].to_pylist() for group in found]


def test_a_symbol_of_enough_rows_has_groups_of_its_own() -> None:
    assert cut(["A"] * 6 + ["B"] * 100 + ["C"] * 7) == [["A"] * 6, ["B"] * 40, ["B"] * 40, ["B"] * 20, ["C"] * 7]


def test_symbols_of_fewer_rows_share_groups_that_end_where_one_does() -> None:
    assert cut(["A"] * 5 + ["B"] * 4 + ["C"] * 4 + ["D"] * 5) == [["A"] * 5 + ["B"] * 4 + ["C"] * 4, ["D"] * 5]


def test_a_small_symbol_before_a_large_one_lies_in_a_group_of_bounded_size() -> None:
    assert cut(["A"] * 2 + ["B"] * 90) == [["A"] * 2 + ["B"] * 18, ["B"] * 40, ["B"] * 32]


def test_rows_that_are_sorted_by_no_symbol_are_cut_by_number() -> None:
    assert list(map(len, cut(["A", "B"] * 50, column=None))) == [40, 40, 20]


def test_no_rows_are_no_group() -> None:
    assert cut([]) == []


COUNTS = st.lists(st.integers(1, 90), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(counts=COUNTS, batch_rows=st.integers(1, 130))
def test_groups_are_the_same_however_rows_come_and_a_symbol_is_read_with_few_others(
    counts: list[int], batch_rows: int
) -> None:
    symbols = [f"{place:02}" for place, count in enumerate(counts) for _ in range(count)]
    found = cut(symbols, batch_rows)
    assert found == cut(symbols)
    assert all(len(group) <= (MOST if len(set(group)) == 1 else SHARED_MOST) for group in found)
    for group, after in pairwise(found):
        ends_with_symbol = group[-1] != after[0]
        assert len(group) >= OWN and (ends_with_symbol or len(group) in (MOST, SHARED_MOST))


def test_rows_without_a_symbol_are_the_last_and_one_run() -> None:
    assert cut(["A"] * 6 + [None] * 7) == [["A"] * 6, [None] * 7]
