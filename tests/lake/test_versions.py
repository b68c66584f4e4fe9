"""Which columns rows of an older schema version lack."""

from pathlib import Path

import pytest

from capture.lake.parquet_file import write_parquet
from capture.lake.versions import newer_columns, oldest_version, stored_version
from capture.schemas import TABLES, Table


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_that_came_or_changed_since_a_version_are_newer(table: Table) -> None:
    for version in range(table.version + 1):
        assert newer_columns(table, version or None) == {
            column.name for column in table.columns if version and max(column.since, column.revised) > version}


def test_a_file_says_its_version_and_the_oldest_counts(tmp_path: Path) -> None:
    table = TABLES["instruments"]
    write_parquet(table, table.schema.empty_table(), tmp_path / "new")
    (tmp_path / "odd").write_bytes(b"no Parquet")
    assert stored_version(tmp_path / "new") == table.version
    assert stored_version(tmp_path / "odd") is stored_version(tmp_path / "none") is None
    assert oldest_version(table, [tmp_path / name for name in ("new", "odd", "none")]) == table.version
    assert oldest_version(table, []) == table.version
