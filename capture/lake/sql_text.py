"""Pieces of SQL that queries over a lake's files are made of."""

import re
from collections.abc import Iterable
from pathlib import Path

from capture.schemas import Table

_WILD = re.compile(r"([*?\[])")

# Every gap as it stands now: its newest row.
NEWEST_GAPS = '(select * from gaps qualify row_number() over (partition by gap_id order by seq desc, "row" desc) = 1)'


def quoted(text: object) -> str:
    """Return text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def pattern(path: Path) -> str:
    """Return the pattern by which DuckDB finds this path and no other; more of a pattern can be put behind it."""
    return _WILD.sub(r"[\1]", str(path))


def columns_sql(table: Table) -> str:
    """Return the columns of a table, in its order."""
    return ", ".join(f'"{column.name}"' for column in table.columns)


def paths_sql(paths: Iterable[Path]) -> str:
    """Return a list of files as `read_parquet` takes it."""
    return "[" + ", ".join(quoted(pattern(path)) for path in paths) + "]"
