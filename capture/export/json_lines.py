"""JSON lines: an object per row and line; times in ISO form, UTC."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa

from capture.schemas import TABLES

from .job import Job
from .source import rows
from .text import open_text, plain
from .writer import Rows, Writer

TAKES = dict.fromkeys(TABLES, "objects of the same columns")
LEAVES_OUT = "JSON has no times and no raw bytes: these are text, bytes in hexadecimal."


class JsonLinesWriter:
    """Writes lines, whole batches at once."""

    def __init__(self, path: Path) -> None:
        self._file = open_text(path)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        text = BytesIO()
        pl.DataFrame(plain(batch)).write_ndjson(text)
        self._file.write(text.getbuffer())

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file."""
    del rows, job
    return JsonLinesWriter(path)


__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
