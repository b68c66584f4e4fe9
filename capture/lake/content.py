"""What rows say, whatever holds them: a hash of their values, the values of a file, and where two differ."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.schemas import TIMESTAMP, Table

_AS_NUMBER = {TIMESTAMP: pa.int64(), pa.bool_(): pa.int8()}


class UnreadableError(OSError):
    """A file is not the Parquet file that rolling wrote; the text says why."""


def plain(table: Table, rows: pa.Table) -> pa.Table:
    """Return rows in the types of their table: text as text, whatever its encoding in memory was.

    Columns that came in a later version than these rows are null. Raises KeyError for another that is missing.
    """
    columns = [pa.nulls(len(rows), c.type) if c.since > 1 and c.name not in rows.column_names else rows[c.name]
               for c in table.columns]
    return pa.table(columns, names=table.schema.names).cast(pa.schema([(c.name, c.type) for c in table.columns]))


def content_hash(rows: pa.Table) -> str:
    """Return a hash of plain rows: of every value, every null and their order, and of nothing else."""
    digest = blake2b(digest_size=16)
    for column in rows.columns:
        _hash(digest, column.combine_chunks())
    return digest.hexdigest()


def _hash(digest: blake2b, array: pa.Array) -> None:
    digest.update(len(array).to_bytes(8, "little"))
    digest.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).data)
    if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        texts = array.cast(pa.binary()).fill_null(b"")
        ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
        digest.update(np.diff(ends).data)
        if texts.buffers()[2] is not None:
            digest.update(memoryview(texts.buffers()[2])[ends[0] : ends[-1]])
        return
    numbers = array.cast(_AS_NUMBER.get(array.type, array.type)).fill_null(0)
    digest.update(np.ascontiguousarray(numbers.to_numpy(zero_copy_only=False)).data)


def read_rows(table: Table, path: Path) -> pa.Table:
    """Return all rows of a file, plain. Raises FileNotFoundError, and UnreadableError for what rolling did not write.

    What the file says of its columns (least, greatest, nulls) must hold: queries leave out parts of a file by it.
    """
    try:
        with pq.ParquetFile(path) as file:
            rows = plain(table, file.read())
            wrong = [name for group in range(file.num_row_groups) for name in _misjudged(file, group, rows)]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, ArithmeticError, pa.ArrowException) as error:
        raise UnreadableError(f"it cannot be read: {str(error).splitlines()[0]}") from error
    if wrong:
        raise UnreadableError(f"its statistics are wrong for {', '.join(sorted(set(wrong)))}")
    return rows


def _misjudged(file: pq.ParquetFile, group: int, rows: pa.Table) -> list[str]:
    """Return the columns whose statistics in a row group's metadata are not those of its rows."""
    metadata = file.metadata.row_group(group)
    begin = sum(file.metadata.row_group(before).num_rows for before in range(group))
    part = rows.slice(begin, metadata.num_rows)
    chunks = {chunk.path_in_schema: chunk for chunk in (metadata.column(i) for i in range(metadata.num_columns))}
    return [name for name in chunks if not _holds(chunks[name].statistics, part[name])]


def _holds(statistics: Any, column: pa.ChunkedArray) -> bool:
    if statistics is None:
        return True
    if statistics.null_count is not None and statistics.null_count != column.null_count:
        return False
    if not statistics.has_min_max:
        return True
    bounds = pc.min_max(column).as_py()
    return bool(statistics.min == bounds["min"] and statistics.max == bounds["max"])


def difference(expected: pa.Table, found: pa.Table) -> str:
    """Return in words where plain rows of a file first differ from those that the tape gives."""
    if expected.num_rows != found.num_rows:
        return f"{found.num_rows:,} rows, where the tape gives {expected.num_rows:,}"
    places = {name: _first_unequal(expected[name], found[name]) for name in expected.column_names}
    row, name = min(((row, name) for name, row in places.items() if row is not None), default=(0, ""))
    if not name:
        return "values are equal as numbers, but not bit by bit"
    return f"row {row}: {name} is {found[name][row]}, where the tape gives {expected[name][row]}"


def _first_unequal(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> int | None:
    unequal = pc.or_(pc.not_equal(ours, theirs).fill_null(False), pc.xor(ours.is_null(), theirs.is_null()))
    at = pc.index(unequal, True).as_py()
    return at if at >= 0 else None
