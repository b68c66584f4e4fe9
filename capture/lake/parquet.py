"""Tables to Parquet files: one set of encodings, chosen per column in the schemas."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.schemas import DELTA, DICTIONARY, PLAIN, Table

# Of zstd. Live files are there for a day and written while the market is open; archives stay.
LIVE_LEVEL, ARCHIVE_LEVEL = 1, 15
# DuckDB works on row groups in parallel and skips whole ones by their statistics; this is its own size.
ROW_GROUP_ROWS = 122_880
FILE_MODE = 0o644

_ENCODINGS = {DELTA: "DELTA_BINARY_PACKED", PLAIN: "PLAIN"}


def write_parquet(table: Table, rows: pa.Table, path: Path) -> None:
    """Write rows of a table to a file.

    Columns may be dictionary-encoded in memory; the file says plain text, with Parquet's own dictionaries, as Arrow's
    dictionary type in a file is a hindrance to other engines.
    """
    schema = stored_schema(table, rows)
    with open_parquet(table, schema, path) as writer:
        writer.write_table(rows.cast(schema), row_group_size=ROW_GROUP_ROWS)


def open_parquet(
    table: Table, schema: pa.Schema, path: Path, *, archive: bool = False, version: int | None = None
) -> pq.ParquetWriter:
    """Open a file for rows of a table, with statistics for what queries narrow down by: numbers, times and symbols.

    Its metadata names table and schema version, an older one where rows of it are among them. An `archive` file is
    compressed harder, as it stays.
    """
    writer = pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=ARCHIVE_LEVEL if archive else LIVE_LEVEL,
        use_dictionary=[c.name for c in table.columns if c.encoding == DICTIONARY],
        column_encoding={c.name: _ENCODINGS[c.encoding] for c in table.columns if c.encoding != DICTIONARY},
        write_statistics=[c.name for c in table.columns if c.name == "symbol" or not pa.types.is_string(c.type)],
        store_schema=False,
        write_page_index=True,
    )
    said = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
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
