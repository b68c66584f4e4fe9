"""The process that answers one question in SQL of somebody's, and may do nothing else: four layers around it.

    python -m capture.serve.sql_child DATA [accounts]

The question comes as JSON on stdin, the answer goes to stdout: a line of JSON that says what follows or why nothing
does, then the rows. The layers: the question stands within a SELECT (`capture.query.statement`); DuckDB may read some
folders, and no setting can be changed; an empty environment, no more memory than allowed, and a caller that kills it
after a time; Landlock, by which only those folders can be read, nothing can be written, and nobody be spoken to.
"""

import csv
import io
import json
import signal
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from capture.data_folder import PRUNED_TABLES, PRUNED_TABLES_COPY
from capture.lake.layout import Layout
from capture.lake.parquet_file import parquet_writer
from capture.lake.sql_text import quoted
from capture.query import QueryError
from capture.query.answer import Answer, as_query_error
from capture.query.database import Database
from capture.query.explained import hint
from capture.query.statement import enclosed
from capture.query.tables_named import needed_tables
from capture.schemas import EVERY_TABLE, STATEMENT_TABLES, UNDECODED, Subject, Table

from .now_view import plain
from .sandbox import landlock_version, limit_resources, restrict_files

MEMORY_MIB = 1024
MOST_CELL = 2_000  # characters of a value that a grid shows
BATCH_ROWS = 8_192
READY = b"ready\n"


def open_tables(*, accounts: bool) -> dict[str, Table]:
    """Return the tables that may be asked: those of accounts only where they are given."""
    return {name: table for name, table in EVERY_TABLE.items()
            if accounts or (table.subject is not Subject.ACCOUNT and table != UNDECODED)}


def readable_paths(layout: Layout, tables: dict[str, Table]) -> list[Path]:
    """Return what has to be read to answer questions about tables: of tapes only how far they are rolled."""
    found = [*(layout.rolled(name) for name in layout.recorders()), layout.root / PRUNED_TABLES,
             layout.root / PRUNED_TABLES_COPY]  # fmt: skip
    found += [layout.statements / name for name in STATEMENT_TABLES.keys() & tables.keys()]
    for name in tables.keys() - STATEMENT_TABLES.keys():
        found += [layout.live(name), layout.archive(name), layout.sealed(name), layout.kept(name), layout.digest(name),
                  layout.groups(name), layout.rowless(layout.live(name)), layout.rowless(layout.archive(name))]
    return [path.resolve() for path in found]


def listable_paths(layout: Layout) -> list[Path]:
    """Return the folders of which names have to be seen."""
    return [layout.tape.resolve()] if layout.tape.is_dir() else []


def settings(layout: Layout, tables: dict[str, Table]) -> dict[str, str]:
    """Return how DuckDB is set so that a question reads files of tables and no others, and writes none."""
    of_tapes = tables.keys() - STATEMENT_TABLES.keys()
    folders = [path for name in of_tapes for path in (layout.live(name), layout.archive(name))]
    files = [layout.rowless(folder).resolve() for folder in folders]
    of_statements = STATEMENT_TABLES.keys() & tables.keys()
    folders += [layout.statements / name for name in of_statements]
    files += [layout.statement_rowless(name).resolve() for name in of_statements]
    named = ", ".join(quoted(f"{path.resolve()}/") for path in folders)
    return {"allowed_directories": f"[{named}]", "allowed_paths": f"[{', '.join(map(quoted, files))}]",
            "temp_directory": "''", "threads": "1", "memory_limit": f"'{MEMORY_MIB}MiB'",
            "enable_external_access": "false"}  # fmt: skip


def warm() -> None:
    """Load what is loaded late otherwise: once confined, no module can be read."""
    moment = pa.array([0], pa.timestamp("us", "UTC"))
    table = pa.table({"a": moment, "b": pa.array([Decimal(1)]), "c": pa.array([date(2026, 1, 1)])})
    table = table.append_column("d", pa.array([0], pa.duration("us")))
    for column in table.columns:
        column.to_pylist()
    with parquet_writer(pa.PythonFile(_Sink(), "w"), table.schema) as writer:
        writer.write_table(table)


def confined_database(layout: Layout, tables: dict[str, Table]) -> Database:
    """Confine this process, and return a database that questions of others may ask."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails with an error instead
    limit_resources()
    if landlock_version():
        restrict_files(readable_paths(layout, tables), listable_paths(layout))
    return Database(layout, None, settings(layout, tables))


def ask(database: Database, tables: dict[str, Table], query: str, most_rows: int) -> Answer:
    """Return the answer to a question about tables, of at most so many rows. Raises QueryError."""
    whole = enclosed(query)
    if whole.startswith("select "):  # not what is explained, which stands outside of it and has few rows
        whole = f"select * from (\n{whole}\n) limit {most_rows}"
    wanted = [table for table in needed_tables(query) if table.name in tables]
    with as_query_error(lambda error: f"{error}{hint(query, str(error))}"):
        connection = database.connection(database.views({}, wanted), query)
        return Answer(connection.sql(whole))


def _grid(answer: Answer, asked: dict[str, Any]) -> Iterator[bytes]:
    """Yield columns and rows as JSON, and whether there are more of them than were asked for."""
    reader = answer.batches(BATCH_ROWS)
    columns = [{"name": one.name, "type": str(one.type)} for one in reader.schema]
    rows: list[list[Any]] = []
    size_bytes, more = 0, False
    for batch in reader:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            values = [_short(plain(value)) for value in row]
            size_bytes += sum(len(value) if isinstance(value, str) else 8 for value in values)
            more = len(rows) >= asked["rows"] or size_bytes > asked["bytes"]
            if more:
                break
            rows.append(values)
        if more:
            break
    yield json.dumps({"columns": columns, "rows": rows, "more": more}, separators=(",", ":")).encode()


def _short(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value)
    return f"{value[:MOST_CELL]}…" if isinstance(value, str) and len(value) > MOST_CELL else value


def _csv(answer: Answer, _: dict[str, Any]) -> Iterator[bytes]:
    reader, text = answer.batches(BATCH_ROWS), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(reader.schema.names)
    for batch in reader:
        writer.writerows([plain(value) for value in row]
                         for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))  # fmt: skip
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _parquet(answer: Answer, _: dict[str, Any]) -> Iterator[bytes]:
    reader, sink = answer.batches(BATCH_ROWS * 8), _Sink()
    with parquet_writer(pa.PythonFile(sink, "w"), reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes what is written, for who sends it on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Take some bytes."""
        self._parts.append(bytes(data))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """Return how much was written."""
        return self._size

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        data, self._parts = b"".join(self._parts), []
        return data


FORMS = {"grid": _grid, "csv": _csv, "parquet": _parquet}


def answer_one(database: Database, tables: dict[str, Table], asked: dict[str, Any], out: BinaryIO) -> None:
    """Answer one question: a line that says that rows follow, or an error, then the rows."""
    try:
        extra = 1 if asked["form"] == "grid" else 0  # by which it is seen that there are more
        answer = ask(database, tables, asked["sql"], asked["rows"] + extra)
        parts = FORMS[asked["form"]](answer, asked)
        first = next(parts)
    except QueryError as error:
        _refuse(out, str(error))
        return
    except MemoryError:
        _refuse(out, "the answer takes more memory than a question may: ask for less")
        return
    out.write(b'{"error":null}\n' + first)
    for part in parts:
        out.write(part)
    out.flush()


def _refuse(out: BinaryIO, text: str) -> None:
    out.write(json.dumps({"error": text}).encode() + b"\n")
    out.flush()


def main() -> None:
    """Get ready, answer the one question that comes, and end."""
    warm()
    layout = Layout(Path(sys.argv[1]))
    tables = open_tables(accounts=sys.argv[2:] == ["accounts"])
    database = confined_database(layout, tables)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    if line := sys.stdin.buffer.readline():
        answer_one(database, tables, json.loads(line), sys.stdout.buffer)


if __name__ == "__main__":
    main()
