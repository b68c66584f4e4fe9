"""A process that is confined by some layers and then tries what it is told.

    python -m tests.serve.confined LAYERS DATA

LAYERS: all, as the product; duckdb: its settings alone; kernel: Landlock and limits alone, DuckDB as it comes.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import duckdb

from capture.lake.layout import Layout
from capture.query.database import Database
from capture.serve.sandbox import limit_resources, restrict_files
from capture.serve.sql_child import (
    answer_one,
    confined_database,
    listable_paths,
    open_tables,
    readable_paths,
    settings,
    warm,
)


def main() -> None:
    layers, layout = sys.argv[1], Layout(Path(sys.argv[2]))
    tables, tried = open_tables(accounts=False), json.loads(sys.stdin.read())
    warm()
    if layers == "all":
        database = confined_database(layout, tables)
        found = [_asked(database, tables, one) for one in tried]
    elif layers == "duckdb":
        connection = Database(layout, None, settings(layout, tables)).connection([])
        found = [_run(connection, one) for one in tried]
    else:
        limit_resources()
        restrict_files(readable_paths(layout, tables), listable_paths(layout))
        found = [_tried(one) for one in tried]
    print(json.dumps(found))


def _asked(database: Database, tables: Any, query: str) -> str:
    out = io.BytesIO()
    answer_one(database, tables, {"sql": query, "rows": 100, "bytes": 1 << 20, "form": "grid"}, out)
    said = out.getvalue().decode()
    error = json.loads(said.partition("\n")[0])["error"]
    return f"refused: {error}" if error else said


def _run(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    try:
        return str(connection.execute(query).fetchall())
    except (duckdb.Error, MemoryError) as error:
        return f"refused: {error}"


def _tried(text: str) -> str:
    """Try some Python, or SQL on a DuckDB as it comes."""
    kind, _, rest = text.partition(":")
    if kind == "sql":
        return _run(duckdb.connect(), rest)
    try:
        return str(eval(rest))
    except (OSError, ImportError) as error:
        return f"refused: {error}"


if __name__ == "__main__":
    main()
