"""Tables to Parquet files and back: encodings chosen per column in the schemas, a checksum in every page.

All that is written or read through pyarrow goes through here, so no page is without a checksum, and none is read
without looking at it (D74).
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.schemas import DELTA, DICTIONARY, PLAIN, Subject, Table

# Of zstd. Live files are there for a day and written while the market is open; archives stay (D73).
LIVE_LEVEL, ARCHIVE_LEVEL = 1, 15
# DuckDB works on row groups in parallel and skips whole ones by their statistics; this is its own size.
ROW_GROUP_ROWS = 122_880
FILE_MODE = 0o644
PERSONAL_MODE = 0o600  # of files that say something of an account
# A file says so where its pages have checksums: those of earlier versions of ticktape have none.
CHECKSUMS: Mapping[str, str] = {"ticktape.page_checksums": "crc32"}
# So does an archive file whose row groups are cut by symbol: those of earlier versions are made anew by
# capture.lake.row_groups.compactor (D146).
ROW_GROUPS: Mapping[str, str] = {"ticktape.row_groups": "by symbol"}

_LINE_BYTES = 9  # of a checksum behind a file: a line's end, and eight digits

_ENCODINGS = {DELTA: "DELTA_BINARY_PACKED", PLAIN: "PLAIN"}


def file_mode(table: Table, rows: pa.Table) -> int:
    """Return the mode of a file of rows: its owner's alone where the table, or a row, is about an account."""
    named = (column.name for column in table.columns if column.personal)
    is_personal = table.subject is Subject.ACCOUNT or any(rows[name].null_count < rows.num_rows for name in named)
    return PERSONAL_MODE if is_personal else FILE_MODE


def joint_mode(paths: Iterable[Path]) -> int:
    """Return the mode of a file that is made from others: its owner's alone where one of them is."""
    return FILE_MODE if all(path.stat().st_mode & 0o077 for path in paths) else PERSONAL_MODE


def write_parquet(table: Table, rows: pa.Table, path: Path) -> None:
    """Write rows of a table to a file.

    Columns may be dictionary-encoded in memory; the file says plain text, with Parquet's own dictionaries, as Arrow's
    dictionary type in a file is a hindrance to other engines (D14).
    """
    schema = stored_schema(table, rows)
    with open_parquet(table, schema, path) as writer:
        writer.write_table(_narrowed(table, rows.cast(schema)), row_group_size=ROW_GROUP_ROWS)


def open_parquet(
    table: Table, schema: pa.Schema, path: Path, *, archive: bool = False, version: int | None = None
) -> pq.ParquetWriter:
    """Open a file for rows of a table, with statistics for what queries narrow down by: numbers, times and symbols.

    Its metadata names table and schema version, an older one where rows of it are among them. An `archive` file is
    compressed harder, as it stays, and what it says of row groups it does not say again of pages: each column of a row
    group is one.
    """
    pages: dict[str, Any] = {"max_rows_per_page": ROW_GROUP_ROWS} if archive else {"write_page_index": True}
    writer = parquet_writer(
        path,
        schema,
        compression_level=ARCHIVE_LEVEL if archive else LIVE_LEVEL,
        use_dictionary=[c.name for c in table.columns if c.encoding == DICTIONARY],
        column_encoding={c.name: _ENCODINGS[c.encoding] for c in table.columns if c.encoding != DICTIONARY},
        write_statistics=_measured(table),
        store_schema=False,
        **pages,
    )
    said = {k.decode(): v.decode() for k, v in table.schema.metadata.items()} | dict(CHECKSUMS)
    said |= ROW_GROUPS if archive else {}
    writer.add_key_value_metadata(said if version is None else said | {"ticktape.version": str(version)})
    return writer


def stored_schema(table: Table, rows: pa.Table) -> pa.Schema:
    """Return the table's schema, with the dictionary encoding that `rows` have in memory."""
    fields = []
    for column in table.columns:
        kind = rows.schema.field(column.name).type
        kept = kind if pa.types.is_dictionary(kind) else column.type
        fields.append(pa.field(column.name, kept, nullable=column.nullable))
    return pa.schema(fields)


def _measured(table: Table) -> list[str]:
    """Return the columns with statistics."""
    return [c.name for c in table.columns if c.name == "symbol" or not pa.types.is_string(c.type)]


def _narrowed(table: Table, rows: pa.Table) -> pa.Table:
    """Return rows whose dictionaries hold no word that no row has: statistics would count these among the values.

    Arrow leaves such words out by itself, but takes null for one of them: with one word too many it sees none.
    """
    for name in _measured(table):
        column = rows[name]
        if pa.types.is_dictionary(column.type) and column.null_count:
            at = rows.schema.get_field_index(name)
            again = pc.dictionary_encode(column.cast(column.type.value_type)).cast(column.type)
            rows = rows.set_column(at, rows.schema.field(at), again)
    return rows


def parquet_writer(where: Path | BinaryIO, schema: pa.Schema, **options: Any) -> pq.ParquetWriter:
    """Open a file for rows, compressed with zstd, with a checksum in every page; other options are Arrow's."""
    return pq.ParquetWriter(where, schema, compression="zstd", write_page_checksum=True, **options)


def write_rows(rows: pa.Table, path: Path) -> None:
    """Write rows to a file as Arrow does, with a checksum in every page."""
    pq.write_table(rows, path, write_page_checksum=True)


def parquet_file(path: Path | BinaryIO, **options: Any) -> pq.ParquetFile:
    """Open a file whose pages are compared with their checksums when they are read, where they have any.

    Reading raises OSError for a page that is not what was written.
    """
    return pq.ParquetFile(path, page_checksum_verification=True, **options)


def read_parquet(path: Path, **options: Any) -> pa.Table:
    """Return rows of a file, its pages compared with their checksums. Raises OSError, and what Arrow raises."""
    return pq.read_table(path, partitioning=None, page_checksum_verification=True, **options)


def checked_bytes(rows: pa.Table) -> bytes:
    """Return rows, and what their schema says besides, as Parquet; behind it, in a line of its own, its checksum."""
    content = BytesIO()
    with parquet_writer(content, rows.schema) as writer:
        writer.write_table(rows)
    written = content.getvalue()
    return written + _checksum_line(written)


def read_checked(path: Path, **options: Any) -> pa.Table:
    """Return the rows of a file of `checked_bytes`. Raises OSError where it is not what was written, and as Arrow does.
    """
    content = path.read_bytes()
    written, line = content[:-_LINE_BYTES], content[-_LINE_BYTES:]
    if line != _checksum_line(written):
        raise OSError(f"{path} is not what was written")
    with parquet_file(BytesIO(written), **options) as file:
        return file.read()


def _checksum_line(content: bytes) -> bytes:
    return f"\n{crc32(content):08x}".encode()


def says(metadata: pq.FileMetaData, told: Mapping[str, str]) -> bool:
    """Return whether a file says all of what is told of itself."""
    said = metadata.metadata or {}
    return all(said.get(name.encode()) == value.encode() for name, value in told.items())


def statistics_of(metadata: pq.FileMetaData, group: int, column: int) -> Any:
    """Return what a file says of a column in a row group: least, greatest, nulls; None where it says nothing.

    Raises ValueError where it calls the column's type by two names: Arrow would end the process.
    """
    chunk, kind = metadata.row_group(group).column(column), metadata.schema.column(column).physical_type
    if chunk.physical_type != kind:
        raise ValueError(f"{chunk.path_in_schema} is of type {kind}, and in row group {group} {chunk.physical_type}")
    return chunk.statistics
