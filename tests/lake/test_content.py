"""A hash of rows depends on their values and order, and on nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.lake.content import (
    UnreadableError,
    _check,
    _first_unequal,
    _holds,
    content_hash,
    difference,
    fault_of,
    is_readable,
    plain,
    read_rows,
    row_count,
)
from capture.lake.parquet_file import parquet_file, write_parquet
from capture.schemas import TABLES, TIMESTAMP, TRADES
from tests.lake.test_checksums import trades

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


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_text_does_not_flow_from_row_to_row(kind: pa.DataType) -> None:
    columns = [pa.table({"a": pa.array(texts, kind)})
               for texts in (["ab", "c"], ["a", "bc"], ["", "abc"], ["abc", ""], ["ab", "d"])]
    assert len({content_hash(rows) for rows in columns}) == 5


def test_hashes_are_those_of_every_version_as_lakes_are_compared_by_them() -> None:
    rows = pa.table({
        "text": pa.array(["a", None, "é"]), "bytes": pa.array([b"\0", b"", None], pa.binary()),
        "ts": pa.array([1, None, -1], TIMESTAMP), "flag": pa.array([True, None, False]),
        "number": pa.array([1, None, -7], pa.int32()), "price": pa.array([0.5, None, -0.0])})
    assert content_hash(rows) == "3d85f957487d1ad6d3342ec8636f863f"
    assert content_hash(rows.slice(1)) == "81c4e9ea824a220027a06a1553111163"
    texts = pa.table({"a": ["x", "yy", "z"], "b": [b"x", b"yy", b"z"]})
    assert content_hash(texts.slice(0, 2)) == content_hash(pa.table({"a": ["x", "yy"], "b": [b"x", b"yy"]}))
    assert content_hash(rows.slice(0, 0)) == "87b774e863281ce421c5625c0aa7b29c"


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


def test_the_first_difference_of_several_is_told_wherever_it_is() -> None:
    ours = table([("a", b"", 1.0, True), ("b", b"", 2.0, None), ("c", b"", None, None)])
    assert difference(ours, table([("x", b"", 1.0, True), ("b", b"", 2.0, None), ("c", b"", 5.0, None)])) == (
        "row 0: a is x, where the tape gives a")
    assert difference(ours, table([("a", b"", 1.0, True), ("b", b"", 2.0, None), ("c", b"", 5.0, None)])) == (
        "row 2: c is 5.0, where the tape gives None")
    assert difference(ours, ours) == "values are equal as numbers, but not bit by bit"
    column = pa.chunked_array([[1, None], [3]])
    for theirs, at in (([1, None, 3], None), ([2, None, 3], 0), ([1, 2, 3], 1), ([1, None, None], 2)):
        assert _first_unequal(column, pa.chunked_array([theirs])) == at


@pytest.mark.parametrize("name", TABLES)
def test_columns_that_came_later_are_null_in_rows_of_before_and_others_must_be_there(name: str) -> None:
    schema = TABLES[name]
    rows = schema.schema.empty_table()
    later = [column.name for column in schema.columns if column.since > 1]
    assert plain(schema, rows.drop_columns(later)).schema.names == schema.schema.names
    first = next(column.name for column in schema.columns if column.since == 1)
    with pytest.raises(KeyError):
        plain(schema, rows.drop_columns([first]))


@pytest.mark.parametrize(("least", "greatest", "nulls", "column", "holds"), [
    (1, 3, 1, [1, None, 3], True), (0, 3, 1, [1, None, 3], False), (1, 4, 1, [1, None, 3], False),
    (1, 3, 0, [1, None, 3], False), (1, 3, None, [1, None, 3], True), (None, None, 1, [1, None, 3], True),
    ("a", "c", 0, ["a", "c"], True), ("B", "d", 0, ["a", "c"], True), ("b", "d", 0, ["a", "c"], False),
    ("a", "b", 0, ["a", "c"], False), ("a", "b", 1, [None], True),
])  # fmt: skip
def test_what_a_file_says_of_a_column_holds_or_does_not(
    least: Any, greatest: Any, nulls: int | None, column: list[Any], holds: bool
) -> None:
    said = SimpleNamespace(min=least, max=greatest, null_count=nulls, has_min_max=least is not None)
    rows = pa.chunked_array([pa.array(column, pa.string() if isinstance(least, str) else pa.int64())])
    assert _holds(said, rows) == holds
    assert _holds(None, rows)


def test_a_file_is_counted_and_trusted_only_where_it_can_be_read(tmp_path: Path) -> None:
    path, gone = tmp_path / "x.parquet", tmp_path / "gone.parquet"
    write_parquet(TRADES, trades(3), path)
    assert (row_count(path), is_readable(TRADES, path), fault_of(TRADES, path)) == (3, True, None)
    assert (is_readable(TRADES, gone), fault_of(TRADES, gone)) == (False, None)
    with pytest.raises(FileNotFoundError):
        row_count(gone)
    path.write_bytes(path.read_bytes()[:-9])
    assert not is_readable(TRADES, path)
    assert "cannot be read" in (fault_of(TRADES, path) or "")
    with pytest.raises(UnreadableError, match="cannot be read"):
        row_count(path)


def test_a_row_group_holds_as_many_rows_as_the_file_says() -> None:
    column = SimpleNamespace(path_in_schema="seq", physical_type="INT64", statistics=None)

    def said(rows: int) -> Any:
        group = SimpleNamespace(num_rows=rows, num_columns=1, column=lambda _: column)
        return SimpleNamespace(row_group=lambda _: group, schema=SimpleNamespace(column=lambda _: column))

    _check(said(3), 0, trades(3))
    for rows in (2, 4):
        with pytest.raises(UnreadableError, match=f"^row group 7 is to hold {rows} rows, and holds 3$"):
            _check(said(rows), 7, trades(3))


def test_a_file_whose_own_words_do_not_hold_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(TRADES, trades(3), path)

    @contextmanager
    def of_more_rows(path: Path) -> Iterator[Any]:
        with parquet_file(path) as file:
            metadata = SimpleNamespace(num_rows=4, row_group=file.metadata.row_group, schema=file.metadata.schema)
            yield SimpleNamespace(schema_arrow=file.schema_arrow, num_row_groups=file.num_row_groups,
                                  read_row_group=file.read_row_group, metadata=metadata)

    with monkeypatch.context() as patch:
        patch.setattr("capture.lake.content.parquet_file", of_more_rows)
        assert fault_of(TRADES, path) == "it says that it holds 4 rows, and holds 3"
    wrong = SimpleNamespace(null_count=2, has_min_max=False)
    seq, price = (TRADES.schema.names.index(name) for name in ("seq", "price"))
    monkeypatch.setattr("capture.lake.content.statistics_of",
                        lambda _, __, at: wrong if at in (seq, price) else None)
    assert fault_of(TRADES, path) == "its statistics are wrong for price, seq"


def test_columns_of_other_names_order_or_kind_are_told(tmp_path: Path) -> None:
    path, rows = tmp_path / "x.parquet", trades(2)

    def fault(changed: pa.Table) -> str:
        pq.write_table(changed, path)
        return fault_of(TRADES, path) or ""

    price = rows.column_names.index("price")
    assert fault(rows) == ""
    assert fault(rows.select([*rows.column_names[1:], rows.column_names[0]])) == (
        "its columns are not those of trades: another order")
    assert fault(rows.append_column("more", rows["price"])) == "its columns are not those of trades: more"
    assert fault(rows.set_column(price, "price", rows["price"].cast(pa.string()))) == (
        "price is of type string, and must be double")
    assert fault(rows.set_column(price, "price", rows["price"].cast(pa.float32()))) == "", "of earlier versions"
    seq = rows.column_names.index("seq")
    assert fault(rows.set_column(seq, "seq", rows["seq"].cast(pa.int32()))) == ""
