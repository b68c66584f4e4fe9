"""What rows say, whatever holds them: a hash of their values, the values of a file, and where two differ (D125)."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TIMESTAMP, Table

from .parquet_file import parquet_file, statistics_of

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
    digest.update(np.ascontiguousarray(numbers.to_numpy()).data)


def read_rows(table: Table, path: Path) -> pa.Table:
    """Return all rows of a file, plain. Raises FileNotFoundError, UnreadableError for what rolling did not write."""
    return pa.concat_tables([plain(table, table.schema.empty_table()), *row_groups(table, path)])


def row_groups(table: Table, path: Path) -> Iterator[pa.Table]:
    """Yield the rows of a file, plain, a row group at a time; raises as `read_rows` does.

    Pages must be what their checksums say, if they have any. What the file says of its columns (least, greatest, nulls)
    and of how many rows it has must hold: queries leave out parts of a file by it, and count by it.
    """
    try:
        with parquet_file(path) as file:
            _check_columns(table, file.schema_arrow)
            count = 0
            for group in range(file.num_row_groups):
                rows = plain(table, file.read_row_group(group))
                _check(file.metadata, group, rows)
                count += len(rows)
                yield rows
            if count != file.metadata.num_rows:
                raise UnreadableError(f"it says that it holds {file.metadata.num_rows:,} rows, and holds {count:,}")
    except (FileNotFoundError, UnreadableError):
        raise
    except (OSError, ValueError, TypeError, KeyError, ArithmeticError, pa.ArrowException) as error:
        raise UnreadableError(f"it cannot be read: {(str(error).splitlines() or [type(error).__name__])[0]}") from error


def fault_of(table: Table, path: Path) -> str | None:
    """Return why a file cannot be trusted, read whole but never held whole; None where it can, or is gone."""
    try:
        for _ in row_groups(table, path):
            pass
    except FileNotFoundError:
        return None
    except UnreadableError as error:
        return str(error)
    return None


def _check_columns(table: Table, stored: pa.Schema) -> None:
    """Raise UnreadableError where a file calls its columns by other names or types than its version of a table has."""
    version = (stored.metadata or {}).get(b"ticktape.version", b"").decode()
    if version == str(table.version) and stored.names != table.schema.names:
        differ = sorted(set(stored.names).symmetric_difference(table.schema.names))
        raise UnreadableError(f"its columns are not those of {table.name}: {', '.join(differ) or 'another order'}")
    for name in set(stored.names).intersection(table.schema.names):
        found, wanted = stored.field(name).type, table.column(name).type
        if found != wanted and not (_is_number(found) and _is_number(wanted)):  # earlier versions had narrower ones
            raise UnreadableError(f"{name} is of type {found}, and must be {wanted}")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _check(metadata: Any, group: int, rows: pa.Table) -> None:
    """Raise UnreadableError where the metadata of a row group are not those of its rows."""
    described = metadata.row_group(group)
    if described.num_rows != len(rows):
        raise UnreadableError(f"row group {group} is to hold {described.num_rows:,} rows, and holds {len(rows):,}")
    names = [described.column(at).path_in_schema for at in range(described.num_columns)]
    wrong = [name for at, name in enumerate(names)
             if not _holds(statistics_of(metadata, group, at), rows[name])]
    if wrong:
        raise UnreadableError(f"its statistics are wrong for {', '.join(sorted(wrong))}")


def _holds(statistics: Any, column: pa.ChunkedArray) -> bool:
    if statistics is None:
        return True
    if statistics.null_count is not None and statistics.null_count != column.null_count:
        return False
    if not statistics.has_min_max:
        return True
    bounds = pc.min_max(column).as_py()
    if pa.types.is_string(column.type):
        # Earlier versions counted words that no row has: bounds too wide leave out nothing that is there.
        return bounds["min"] is None or bool(statistics.min <= bounds["min"] and statistics.max >= bounds["max"])
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


def is_readable(table: Table, path: Path) -> bool:
    """Return whether a file is there and can be read whole."""
    try:
        read_rows(table, path)
    except (FileNotFoundError, UnreadableError):
        return False
    return True


def row_count(path: Path) -> int:
    """Return how many rows a file says it has. Raises FileNotFoundError, UnreadableError."""
    try:
        with parquet_file(path) as file:
            return int(file.metadata.num_rows)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UnreadableError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
