"""Archive files: all rows of their sources, by the whole sort key of the table, in row groups of one size."""

import random
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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


def test_what_memory_does_not_hold_is_sorted_beside_the_file(tmp_path: Path) -> None:
    with archive._database(tmp_path, 64) as connection:
        asked = "select current_setting('temp_directory'), current_setting('TimeZone'), current_setting('memory_limit')"
        folder, zone, memory = connection.sql(asked).fetchall()[0]
        assert Path(folder).parent == tmp_path
        assert Path(folder).name.startswith(archive.SORT_PREFIX)
        assert Path(folder).is_dir()
        assert (zone, memory) == ("UTC", "64.0 MiB")
    assert list(tmp_path.iterdir()) == []


def test_a_sorted_file_that_does_not_hold_the_rows_of_its_sources_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TABLES["notices"]
    write_parquet(table, pa.Table.from_pylist([row(table), row(table)], table.schema), tmp_path / "source")
    assert write_sorted(table, [tmp_path / "source"], tmp_path / "sorted") == 2
    monkeypatch.setattr(archive, "groups", lambda reader, _: [pa.Table.from_batches(reader).slice(1)])
    with pytest.raises(archive.SealError, match="was to hold 2 rows and holds 1, or others"):
        write_sorted(table, [tmp_path / "source"], tmp_path / "sorted")


def test_rows_have_one_fingerprint_in_any_order_and_others_another(tmp_path: Path) -> None:
    table = TABLES["notices"]
    one, two = row(table, message="one"), row(table, message="two")
    with archive._database(tmp_path, 64) as connection:
        def print_of(rows: list[dict[str, Any]], *without: str) -> tuple[int, int]:
            connection.register("given", pa.Table.from_pylist(rows, table.schema))
            return archive.fingerprint(connection, table, "given", without)

        assert print_of([one, two]) == print_of([two, one])
        assert print_of([]) == (0, 0)
        assert print_of([one, one]) != print_of([two, two])
        assert print_of([one, one], "message") == print_of([two, two], "message")
        assert print_of([one])[0] == 1
