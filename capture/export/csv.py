"""CSV: a line of names, then a line per row; times in UTC, nothing between two commas is a null, "" an empty text."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa

from capture.schemas import TABLES

from .job import Job
from .row_writer import Rows, Writer
from .source import rows
from .text import open_text, plain

TAKES = dict.fromkeys(TABLES, "lines of the same columns")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"
LEAVES_OUT = "CSV has no types: a reader has to be told which columns are times. Raw bytes are hexadecimal text."


class CsvWriter:
    """Writes lines, whole batches at once."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = open_text(path)
        self._write(pl.DataFrame(schema.empty_table()), header=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._write(pl.DataFrame(plain(batch)), header=False)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _write(self, frame: pl.DataFrame, *, header: bool) -> None:
        # polars writes times several times as fast as pyarrow.
        text = BytesIO()
        frame.write_csv(text, include_header=header, datetime_format=TIME_FORMAT)
        self._file.write(text.getbuffer())


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file."""
    del job
    return CsvWriter(path, rows.schema)


__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
