"""Parquet: the tables' own columns, encodings and compression, or those of bars and books."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.parquet_file import ROW_GROUP_ROWS, open_parquet, parquet_writer
from capture.schemas import TABLES

from .job import Job
from .row_writer import Rows, Writer
from .source import rows

TAKES = dict.fromkeys(TABLES, "a table of the same columns")
LEAVES_OUT = ""


class ParquetWriter:
    """Writes row groups of the size that DuckDB has."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._waiting: list[pa.RecordBatch] = []
        self._count = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._waiting.append(batch)
        self._count += len(batch)
        if self._count >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the rest."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._count:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=ROW_GROUP_ROWS)
        self._waiting, self._count = [], 0


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file; one that holds a table's rows as they are says which version of it."""
    known = set(job.table.schema.names)
    if set(rows.schema.names) == known and job.every is None:
        return ParquetWriter(open_parquet(job.table, rows.schema, path))
    return ParquetWriter(parquet_writer(path, rows.schema, store_schema=False))


__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
