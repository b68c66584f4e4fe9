"""Sealed days against the tape: as many rows as the tape gives, and the same ones, whatever their order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from capture.schemas import TABLES, Table

from .archive import files_sql, fingerprint
from .layout import Layout, archive_marks


@dataclass(slots=True)
class Day:
    """What the tape gives for a table and date: rows, the sum of their hashes, the first and the last mark.

    `wanted` says whether any of it is to be verified.
    """

    rows: int = 0
    total: int = 0
    first: int = 0
    last: int = 0
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class DayFault:
    """A sealed day that is not what the tape gives: where, what is wrong, and the marks that it came from."""

    place: Path
    problem: str
    detail: str
    first: int
    last: int


@dataclass(slots=True)
class DayCheck:
    """Takes what the tape gives for sealed days, part by part; `faults` then looks at the archive."""

    layout: Layout
    recorder: str
    days: dict[tuple[str, str], Day] = field(default_factory=dict)
    _connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def add(self, table: Table, day: str, rows: pa.Table, mark: int, *, wanted: bool) -> None:
        """Take plain rows that followed a mark."""
        self._connection.register("part", rows)
        count, total = fingerprint(self._connection, table, "part")
        known = self.days.setdefault((table.name, day), Day(first=mark))
        known.rows += count
        known.total += total
        known.last = mark
        known.wanted |= wanted

    def faults(self, before_mark: int, walked_to: int) -> Iterator[DayFault]:
        """Yield the wanted days whose archive files, of rows that followed marks before a mark, hold other rows.

        Without days that the walk along the tape, which ended at a mark, has not met whole.
        """
        for (name, day), given in self.days.items():
            files = archived(self.layout, name, day, self.recorder)
            paths = [path for path, (first, _) in files.items() if first < before_mark]
            if not given.wanted or any(files[path][1] >= walked_to for path in paths):
                continue
            place = paths[0] if len(paths) == 1 else self.layout.archive(name) / f"date={day}"
            if not paths:
                yield DayFault(place, "file missing", f"the tape gives {given.rows:,} rows for it",
                               given.first, given.last)
                continue
            try:
                found = fingerprint(self._connection, TABLES[name], files_sql(paths))
            except duckdb.Error as error:
                yield DayFault(place, "file unreadable", str(error).splitlines()[0], given.first, given.last)
                continue
            if found != (given.rows, given.total):
                rows = "as many rows, of other values" if found[0] == given.rows else (
                    f"{found[0]:,} rows, where the tape gives {given.rows:,}")
                yield DayFault(place, "file different", rows, given.first, given.last)


def archived(layout: Layout, table: str, day: str, recorder: str) -> dict[Path, tuple[int, int]]:
    """Return a recorder's archive files of a date, each with the first and the last mark it covers."""
    named = {path: archive_marks(path) for path in (layout.archive(table) / f"date={day}").glob("*.parquet")}
    return {path: marks[1:] for path, marks in sorted(named.items()) if marks and marks[0] == recorder}
