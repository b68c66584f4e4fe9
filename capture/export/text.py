"""Files of text, plain or compressed as their names say: what CSV and JSON lines share."""

import gzip
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl
import pyarrow as pa
import zstandard

GZIP_LEVEL = 3  # the slowest part of such an export by far; a higher level makes files hardly smaller
ZSTD_LEVEL = 3


def open_text(path: Path, name: str = "") -> BinaryIO:
    """Open a file to write into, compressed where its name says so, or the `name` that it will have."""
    ending = Path(name or path.name).suffix.lower()
    if ending == ".gz":
        return cast(BinaryIO, gzip.open(path, "wb", GZIP_LEVEL))
    if ending == ".zst":
        return cast(BinaryIO, zstandard.open(path, "wb", zstandard.ZstdCompressor(ZSTD_LEVEL)))
    return path.open("wb")


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows without dictionaries, and raw bytes as hexadecimal text."""
    columns = [_plain(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_binary(column.type):
        return pl.Series(column).bin.encode("hex").to_arrow().cast(pa.string())
    return column
