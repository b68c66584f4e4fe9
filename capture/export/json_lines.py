"""JSON lines: an object per row and line; times in ISO form, UTC."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES

from .job import Job
from .row_writer import Rows, Writer
from .source import rows
from .text import open_text, plain

TAKES = dict.fromkeys(TABLES, "objects of the same columns")
LEAVES_OUT = "JSON has no times and no raw bytes: these are text, bytes in hexadecimal."


class JsonLinesWriter:
    """Writes lines, whole batches at once."""

    def __init__(self, path: Path, job: Job) -> None:
        self._file, self._job = open_text(path), job

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        for column in batch.columns:
            if pa.types.is_floating(column.type):
                odd = pc.sum(pc.invert(pc.is_finite(column))).as_py() or 0
                self._job.lose("numbers that are none or infinite, null in JSON", odd)
        text = BytesIO()
        pl.DataFrame(plain(batch)).write_ndjson(text)
        self._file.write(text.getbuffer())

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file."""
    del rows
    return JsonLinesWriter(path, job)


__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
