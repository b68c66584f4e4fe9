"""Archive files: all rows of their sources, by the whole sort key of the table, in row groups of one size."""

import random
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.lake import archive
from capture.lake.archive import write_sorted
from capture.lake.parquet_file import write_parquet
from capture.schemas import TABLES, TIMESTAMP, Column, Table


def value(column: Column, number: int) -> Any:
    """Return a value of a column's type: greater for a greater number."""
    kind = column.type
    if pa.types.is_string(kind):
        return f"{number}"
    if pa.types.is_binary(kind):
        return bytes([number])
    if pa.types.is_boolean(kind):
        return bool(number)
    return datetime.fromtimestamp(number, UTC) if kind == TIMESTAMP else kind.to_pandas_dtype()(number).item()


def row(table: Table, **given: Any) -> dict[str, Any]:
    return {c.name: None if c.nullable else value(c, 0) for c in table.columns} | given


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_sorted_upwards_by_every_column_of_the_key_nulls_last(name: str, tmp_path: Path) -> None:
    table = TABLES[name]
    keys = [table.column(key) for key in table.sort_key]
    choices = [[value(key, 0), value(key, 1), *([None] if key.nullable else [])] for key in keys]
    expected = [dict(zip(table.sort_key, values, strict=True)) for values in product(*choices)]
    assert all(choice[0] < choice[1] for choice in choices)
    shuffled = random.Random(1).sample(expected, len(expected))
    sources = [tmp_path / "first", tmp_path / "second"]
    for path, part in zip(sources, (shuffled[::2], shuffled[1::2]), strict=True):
        write_parquet(table, pa.Table.from_pylist([row(table, **keyed) for keyed in part], table.schema), path)
    assert write_sorted(table, sources, tmp_path / "sorted") == len(expected)
    found = pq.read_table(tmp_path / "sorted", columns=list(table.sort_key), partitioning=None).to_pylist()
    assert [tuple(one[key] for key in table.sort_key) for one in found] == [*product(*choices)]


@given(st.lists(st.integers(0, 25), max_size=9), st.integers(1, 10))
def test_row_groups_are_full_but_for_the_last_and_lose_nothing(sizes: list[int], full: int) -> None:
    numbers = pa.array(range(sum(sizes)))
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    batches = [pa.record_batch([numbers[start:end]], ["n"]) for start, end in pairwise(ends)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "ROW_GROUP_ROWS", full)
        pieces = [piece["n"].to_pylist() for piece in archive._pieces(batches)]
    assert [number for piece in pieces for number in piece] == numbers.to_pylist()
    assert all(piece and not len(piece) % full for piece in pieces[:-1])
