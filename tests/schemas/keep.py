"""Keeps a small file of each table in its present version, where there is none yet: every release must read it.

    python -m tests.schemas.keep

Run it when a table has got a new version, and keep what it writes for ever.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.parquet_file import write_parquet
from capture.schemas import EVERY_TABLE, TIMESTAMP, Column, Table

KEPT = Path(__file__).parents[1] / "golden" / "schemas"
VALUES: dict[pa.DataType, Any] = {
    pa.string(): "text", pa.binary(): b"\x00bytes", pa.bool_(): True, pa.float64(): 101.25, pa.int8(): 5, pa.int16(): 5,
    pa.int32(): 5, pa.int64(): 5, TIMESTAMP: datetime(2026, 1, 5, 14, 30, 0, 123456, UTC)}  # fmt: skip


def kept_file(table: Table, version: int) -> Path:
    """Return where the file of a table in a version is kept."""
    return KEPT / str(version) / f"{table.name}.parquet"


def expected(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Return the rows of a kept file: one with a value in every column, one with nulls wherever they may be."""
    full = {column.name: VALUES[column.type] for column in columns}
    return [full, full | {column.name: None for column in columns if column.nullable}]


def main() -> None:
    """Write the files that are missing."""
    for table in EVERY_TABLE.values():
        path = kept_file(table, table.version)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_parquet(table, pa.Table.from_pylist(expected(table.columns), table.schema), path)
            print(path)


if __name__ == "__main__":
    main()
