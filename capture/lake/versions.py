"""Schema versions of files: which one wrote a file, and what its rows therefore lack (D15).

A file of an older version reads as one of the newest: columns that came later are null, narrower numbers are widened.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.schemas import STATEMENT_TABLES, Table

from .layout import Layout, day_folders


def stored_version(path: Path) -> int | None:
    """Return the schema version of the oldest rows in a file; None where it does not say, or cannot be read."""
    try:
        said = pq.read_metadata(path).metadata or {}
        return int(said[b"ticktape.version"])
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def oldest_version(table: Table, paths: Iterable[Path]) -> int:
    """Return the oldest schema version among files of a table; the present one where none says an older."""
    return min((version for path in paths if (version := stored_version(path))), default=table.version)


def newer_columns(table: Table, version: int | None) -> frozenset[str]:
    """Return the columns of a table that rows of a version do not have, or whose values came about otherwise then."""
    return frozenset(column.name for column in table.columns
                     if max(column.since, column.revised) > (version or table.version))


def file_versions(layout: Layout, table: Table) -> Counter[int | None]:
    """Return how many files of a table there are of each schema version; None: it does not say, or cannot be read."""
    if table.name in STATEMENT_TABLES:
        rows = layout.statement_rows(table.name)
        return Counter([stored_version(rows)] if rows.exists() else [])
    paths = (path for folder in (layout.live(table.name), layout.archive(table.name))
             for day in day_folders(folder).values() for path in day.glob("*.parquet"))
    return Counter(map(stored_version, paths))
