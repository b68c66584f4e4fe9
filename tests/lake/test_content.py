"""A hash of rows depends on their values and order, and on nothing else."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.lake.content import UnreadableError, content_hash, difference, plain, read_rows
from capture.lake.parquet_file import write_parquet
from capture.schemas import TRADES

TEXT = st.none() | st.sampled_from(["", "a", "ab", "é"])
ROWS = st.lists(st.tuples(TEXT, TEXT, st.none() | st.floats(allow_nan=False), st.none() | st.booleans()), max_size=9)


def table(rows: list[Any]) -> pa.Table:
    return pa.Table.from_arrays([pa.array([row[i] for row in rows], kind) for i, kind in enumerate(
        (pa.string(), pa.binary(), pa.float64(), pa.bool_()))], names=list("abcd"))  # fmt: skip


def as_bytes(rows: list[Any]) -> list[Any]:
    return [(a, b if b is None else b.encode(), c, d) for a, b, c, d in rows]


@given(ROWS, ROWS, st.integers(0, 9))
def test_equal_rows_have_equal_hashes_however_they_lie_in_memory(ours: list[Any], more: list[Any], cut: int) -> None:
    rows = table(as_bytes(ours))
    parts = pa.concat_tables([table(as_bytes([*more, *ours])).slice(len(more)).slice(0, cut), rows.slice(cut)])
    assert content_hash(parts) == content_hash(rows)
    encoded = rows.set_column(0, "a", rows["a"].dictionary_encode()).cast(rows.schema)
    assert content_hash(encoded) == content_hash(rows)


@given(ROWS, ROWS)
def test_different_rows_have_different_hashes(ours: list[Any], theirs: list[Any]) -> None:
    same = [[*map(repr, row)] for row in ours] == [[*map(repr, row)] for row in theirs]
    assert (content_hash(table(as_bytes(ours))) == content_hash(table(as_bytes(theirs)))) == same


def test_text_does_not_flow_from_field_to_field() -> None:
    assert content_hash(table([("ab", b"c", 1.0, None)])) != content_hash(table([("a", b"bc", 1.0, None)]))
    assert content_hash(table([("", None, None, None)])) != content_hash(table([(None, None, None, None)]))


def test_a_difference_is_told_by_row_and_column() -> None:
    ours = table([("a", b"", 1.0, True), ("b", b"", 2.0, None)])
    assert difference(ours, ours.slice(1)) == "1 rows, where the tape gives 2"
    assert difference(ours, table([("a", b"", 1.0, True), ("b", b"", 2.0, False)])) == (
        "row 1: d is False, where the tape gives None")
    assert "not bit by bit" in difference(table([("", b"", 0.0, None)]), table([("", b"", -0.0, None)]))


def test_a_file_gives_back_its_rows_and_another_table_none(tmp_path: Any) -> None:
    row = dict.fromkeys(TRADES.schema.names) | {
        "ts": 1, "seq": 1, "row": 0, "recorder": "r", "request_id": 1, "origin": "live", "price": 1.5,
        "past_limit": False, "unreported": True}
    rows = pa.Table.from_pylist([row, row | {"seq": 2}], TRADES.schema)
    write_parquet(TRADES, rows, tmp_path / "good")
    assert content_hash(read_rows(TRADES, tmp_path / "good")) == content_hash(plain(TRADES, rows))
    pq.write_table(rows.drop_columns(["price"]), tmp_path / "bad")
    with pytest.raises(UnreadableError, match="price"):
        read_rows(TRADES, tmp_path / "bad")
    with pytest.raises(FileNotFoundError):
        read_rows(TRADES, tmp_path / "none")
