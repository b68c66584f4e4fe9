"""Pieces of SQL that queries over a lake's files are made of."""

from collections.abc import Iterable
from pathlib import Path

from capture.schemas import Table


def quoted(text: object) -> str:
    """Return text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def columns_sql(table: Table) -> str:
    """Return the columns of a table, in its order."""
    return ", ".join(f'"{column.name}"' for column in table.columns)


def paths_sql(paths: Iterable[Path]) -> str:
    """Return a list of files as `read_parquet` takes it."""
    return "[" + ", ".join(map(quoted, paths)) + "]"
