"""What every format gives: rows in, a file or a folder out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """Batches of rows in order of time, and the columns that all of them have; texts are dictionary-encoded."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Writer(Protocol):
    """Writes one output; batches come in order of time."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""

    def close(self) -> None:
        """Finish what was begun; not called where something failed, as all of it is thrown away then."""
