"""Row groups named by footers hold all rows that are wanted, and a footer is read once while its file stays."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.lake.parquet_file import write_rows
from capture.lake.row_groups.bounds import Wanted
from capture.lake.row_groups.footers import Footers
from capture.lake.row_groups.group_index import ReplacedError

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BEGIN_US = int(BEGIN.timestamp() * 1e6)


def rows(names: Sequence[str | None], ids: Sequence[int | None] | None = None) -> pa.Table:
    moments = [BEGIN + timedelta(microseconds=place) for place in range(len(names))]
    return pa.table({
        "ts": pa.array(moments, pa.timestamp("us", "UTC")),
        "symbol": pa.array(names, pa.string()),
        "instrument_id": pa.array(ids or [None] * len(names), pa.int64())})


def written(path: Path, table: pa.Table, group_rows: int) -> Path:
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table, row_group_size=group_rows)
    return path


def read(path: Path, wanted: Wanted, footers: Footers) -> pa.Table:
    found = [part.opened().read_row_groups(part.groups) for part in footers.parts([path], wanted)]
    return pa.concat_tables([rows([]), *found])


NAMES = st.one_of(st.none(), st.sampled_from(["", "A", "AA", "B", "É", "\U00010437", "z"]))


@settings(deadline=None, max_examples=60)
@given(names=st.lists(st.tuples(NAMES, st.one_of(st.none(), st.integers(-3, 3))), min_size=1, max_size=30),
       group_rows=st.integers(1, 9), symbols=st.one_of(st.none(), st.lists(st.sampled_from(["", "A", "B", "É"]))),
       ids=st.one_of(st.none(), st.lists(st.integers(-3, 3))), span=st.tuples(st.integers(-2, 31), st.integers(-2, 31)))
def test_all_rows_that_are_wanted_lie_in_the_row_groups_named(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str | None, int | None]], group_rows: int,
    symbols: list[str] | None, ids: list[int] | None, span: tuple[int, int],
) -> None:
    path = tmp_path_factory.mktemp("groups") / "rows.parquet"
    table = rows([name for name, _ in names], [number for _, number in names])
    written(path, table, group_rows)
    wanted = Wanted(symbols, ids, BEGIN_US + span[0], BEGIN_US + span[1])
    moments = pc.cast(table["ts"], pa.int64())
    chosen = pc.and_(pc.greater_equal(moments, wanted.start_us), pc.less(moments, wanted.end_us))
    if symbols is not None or ids is not None:
        named = pc.or_(pc.is_in(table["symbol"], pa.array(symbols or [], pa.string())),
                       pc.is_in(table["instrument_id"], pa.array(ids or [], pa.int64())))
        chosen = pc.and_(chosen, named)
    missing = set(table.filter(chosen)["ts"].to_pylist()) - set(read(path, wanted, Footers())["ts"].to_pylist())
    assert not missing


def test_of_a_sorted_file_one_row_group_is_named_for_one_symbol(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.parquet", rows([name for name in "ABC" for _ in range(4)], [1] * 4 + [2] * 8), 4)
    groups = {symbol: [part.groups for part in Footers().parts([path], Wanted([symbol]))] for symbol in "ABCD"}
    assert groups == {"A": [(0,)], "B": [(1,)], "C": [(2,)], "D": []}
    assert [part.groups for part in Footers().parts([path], Wanted(ids=[2]))] == [(1, 2)]
    assert [part.groups for part in Footers().parts([path], Wanted(start_us=BEGIN_US + 3, end_us=BEGIN_US + 5))] == [
        (0, 1)]


def test_row_groups_without_statistics_are_always_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(rows(["A", "B"]), path, write_statistics=False)
    assert read(path, Wanted(["C"], start_us=BEGIN_US + 9), Footers()).num_rows == 2


def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path, footers = tmp_path / "rows.parquet", Footers()
    write_rows(rows(["A"]), path)
    assert footers.metadata(path) is footers.metadata(path)
    write_rows(rows(["B", "B"]), path)
    os.utime(path, ns=(1, 1))
    assert footers.metadata(path).num_rows == 2
    assert [part.groups for part in footers.parts([path], Wanted(["B"]))] == [(0,)]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(footers.parts([path], Wanted(["B"])))


def test_a_file_that_is_replaced_before_it_is_opened_is_not_read_by_the_footer_of_before(tmp_path: Path) -> None:
    path, footers = tmp_path / "rows.parquet", Footers()
    write_rows(rows(["A"] * 9), path)
    (part,) = footers.parts([path], Wanted(["A"]))
    write_rows(rows(["A"] * 8), tmp_path / "anew")
    (tmp_path / "anew").replace(path)
    with pytest.raises(ReplacedError, match="ask once more"):
        part.opened()
    (part,) = footers.parts([path], Wanted(["A"]))
    assert part.opened().read().num_rows == 8


def test_what_is_held_of_footers_is_bounded(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.parquet", rows(["A"]), 1) for number in range(5)]
    footers = Footers(most_bytes=2 * pq.read_metadata(paths[0]).serialized_size)
    first = [footers.metadata(path) for path in paths]
    again = [footers.metadata(path) for path in reversed(paths)]
    same = [one is other for one, other in zip(reversed(first), again, strict=True)]
    assert same == [True, True, False, False, False]
