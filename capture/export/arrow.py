"""Arrow's file format, which is Feather too: for pyarrow, polars, pandas, R and others, without parsing."""

from pathlib import Path

import pyarrow as pa

from capture.schemas import TABLES

from .job import Job
from .row_writer import Rows, Writer
from .source import decoded, rows

TAKES = dict.fromkeys(TABLES, "a table of the same columns")
LEAVES_OUT = ""


class ArrowWriter:
    """Writes record batches, compressed with LZ4, as Feather's readers expect it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Plain texts: a file may hold one dictionary per column only, and what comes later is not known yet.
        self._schema = decoded(schema)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_file(str(path), self._schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._writer.write_batch(batch.cast(self._schema))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file."""
    del job
    return ArrowWriter(path, rows.schema)


__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
