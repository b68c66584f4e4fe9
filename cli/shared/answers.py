"""Answers of the lake, written in the formats of `ticktape sql`, a batch of rows at a time."""

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from capture.lake.parquet_file import parquet_writer
from capture.printable import printable
from capture.query import Answer

from .output import UNLIMITED, json_text, json_value

TABLE_ROWS = 40  # of a longer answer a table shows its beginning and end

# DuckDB's types that CSV can hold as they are; all others are written as DuckDB words them.
_PLAIN = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR"}


def write_table(answer: Answer, file: BinaryIO) -> None:
    """Write a drawn table: as wide as the terminal, or as its content where the file is none."""
    _draw(answer, file, shutil.get_terminal_size().columns if file.isatty() else UNLIMITED, TABLE_ROWS)


def write_whole_table(answer: Answer, file: BinaryIO) -> None:
    """Write a drawn table with all its rows."""
    _draw(answer, file, UNLIMITED, UNLIMITED)


def write_csv(answer: Answer, file: BinaryIO) -> None:
    """Write CSV with a line of names; an empty field is a null."""
    relation = answer.duckdb()
    columns = [_as_text(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    batches = Answer(relation.project(", ".join(columns))).batches()
    with pyarrow.csv.CSVWriter(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_json(answer: Answer, file: BinaryIO) -> None:
    """Write an array of objects, one a line; times in ISO form, intervals in seconds."""
    before = b"[\n"
    for line in _objects(answer):
        file.write(before + line)
        before = b",\n"
    file.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def write_json_lines(answer: Answer, file: BinaryIO) -> None:
    """Write an object per line, as `write_json` words them."""
    for line in _objects(answer):
        file.write(line + b"\n")


def _objects(answer: Answer) -> Iterator[bytes]:
    relation = answer.duckdb()
    columns = [_in_seconds(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    for batch in Answer(relation.project(", ".join(columns))).batches():
        for row in zip(*map(_json_values, batch.columns), strict=True):
            yield json_text(dict(zip(batch.schema.names, row, strict=True))).encode()


def write_parquet(answer: Answer, file: BinaryIO) -> None:
    """Write Parquet, compressed with zstd."""
    batches = answer.batches()
    with parquet_writer(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_arrow(answer: Answer, file: BinaryIO) -> None:
    """Write Arrow's stream format."""
    batches = answer.batches()
    with pa.ipc.new_stream(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_arrow_file(answer: Answer, file: BinaryIO) -> None:
    """Write Arrow's file format, which is Feather."""
    batches = answer.batches()
    with pa.ipc.new_file(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _json_values(column: pa.Array) -> list[Any]:
    """Return a column's values in the types that JSON has; whole columns at once, as far as that goes."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone = "+00:00" if kind.tz else ""
        column = pc.strftime(column.cast(pa.timestamp(kind.unit, zone and "UTC")), format=f"%Y-%m-%dT%H:%M:%S{zone}")
    elif pa.types.is_date(kind):
        column = column.cast(pa.string())
    elif pa.types.is_floating(kind):
        column = pc.if_else(pc.is_finite(column), column, None)
    elif not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)):
        return [json_value(value) for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _draw(answer: Answer, file: BinaryIO, width: int, rows: int) -> None:
    drawn = io.StringIO()
    with contextlib.redirect_stdout(drawn):  # DuckDB draws there and nowhere else
        answer.duckdb().show(max_width=width, max_rows=rows)
    file.write(printable(drawn.getvalue().rstrip("\n")).encode() + b"\n")


def _as_text(column: str, kind: str) -> str:
    name = _name(column)
    return name if kind in _PLAIN else f"cast({name} as varchar) as {name}"


def _in_seconds(column: str, kind: str) -> str:
    name = _name(column)
    return f"epoch({name}) as {name}" if kind == "INTERVAL" else name


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


WRITERS: dict[str, Callable[[Answer, BinaryIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "json-lines": write_json_lines,
    "parquet": write_parquet,
    "arrow": write_arrow,
}

# What of these a file takes otherwise than a pipe or a terminal.
TO_FILE = {"table": write_whole_table, "arrow": write_arrow_file}
