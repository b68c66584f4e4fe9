"""Sealed days against the tape: as many rows as the tape gives, and the same ones, whatever their order (D126)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from capture.lake.archive import fingerprint, rows_sql
from capture.lake.content import fault_of
from capture.lake.layout import Layout, archive_marks
from capture.lake.pruned import PrunedDay, PrunedTables
from capture.lake.versions import newer_columns, oldest_version
from capture.schemas import TABLES, Table


@dataclass(slots=True)
class Day:
    """What the tape gives for a table and date: rows, the sum of their hashes, the first and the last mark.

    `wanted` says whether any of it is to be verified. `hashed_by` says how the hashes came about: sums of others cannot
    be compared with these.
    """

    first: int
    last: int
    hashed_by: str
    rows: int = 0
    total: int = 0
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
    """Takes what the tape gives for sealed days, part by part; `faults` then looks at the archive.

    `pruned` says which rows are not there any more, which therefore are not to be added.
    """

    layout: Layout
    recorder: str
    pruned: PrunedTables = field(default_factory=PrunedTables)
    days: dict[tuple[str, str], Day] = field(default_factory=dict)
    _connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    _without: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def begin_with(self, days: Iterable[PrunedDay], *, wanted: bool) -> None:
        """Take what a part of the tape that is gone gave."""
        for day in days:
            if not self.pruned.holds(day.table, day.day, self.recorder, day.last):
                self.days[day.table, day.day] = Day(day.first, day.last, day.hashed_by, day.rows, day.total, wanted)

    def as_pruned(self) -> tuple[PrunedDay, ...]:
        """Return what the tape gave so far, to be remembered when that part of it goes."""
        return tuple(PrunedDay(*key, day.rows, day.total, day.first, day.last, day.hashed_by)
                     for key, day in sorted(self.days.items()))

    def add(self, table: Table, day: str, rows: pa.Table, mark: int, *, wanted: bool) -> None:
        """Take plain rows that followed a mark."""
        self._connection.register("part", rows)
        count, total = fingerprint(self._connection, table, "part", self._left_out(table, day))
        known = self.days.setdefault((table.name, day), Day(mark, mark, self._hashed_by(table, day)))
        known.rows += count
        known.total += total
        if known.hashed_by != self._hashed_by(table, day):
            known.hashed_by = ""  # two kinds of hashes in one sum
        known.last = mark
        known.wanted |= wanted

    def faults(self, before_mark: int, walked_to: int) -> Iterator[DayFault]:
        """Yield the wanted days whose archive files, of rows that followed marks before a mark, hold other rows.

        Without days that the walk along the tape, which ended at a mark, has not met whole.
        """
        for (name, day), given in self.days.items():
            files = {path: marks for path, marks in archived(self.layout, name, day, self.recorder).items()
                     if not self.pruned.holds(name, day, self.recorder, marks[1])}
            paths = [path for path, (first, _) in files.items() if first < before_mark]
            if not given.wanted or any(files[path][1] >= walked_to for path in paths):
                continue
            place = paths[0] if len(paths) == 1 else self.layout.archive(name) / f"date={day}"
            if not paths:
                yield DayFault(place, "file missing", f"the tape gives {given.rows:,} rows for it",
                               given.first, given.last)
                continue
            if faults := {path: why for path in paths if (why := fault_of(TABLES[name], path))}:
                yield from (DayFault(path, "file unreadable", why, given.first, given.last)
                            for path, why in faults.items())
                continue
            try:
                source = rows_sql(self._connection, TABLES[name], paths)
                count, total = fingerprint(self._connection, TABLES[name], source, self._left_out(TABLES[name], day))
            except duckdb.Error as error:
                yield DayFault(place, "file unreadable", str(error).splitlines()[0], given.first, given.last)
                continue
            if count != given.rows:
                detail = f"{count:,} rows, where the tape gives {given.rows:,}"
            elif total != given.total and given.hashed_by == self._hashed_by(TABLES[name], day):
                detail = "as many rows, of other values"
            else:
                continue
            yield DayFault(place, "file different", detail, given.first, given.last)

    def _left_out(self, table: Table, day: str) -> frozenset[str]:
        """Return the columns not to compare: which pruning has made unknown, or which files of the day do not have."""
        if (table.name, day) not in self._without:
            version = oldest_version(table, archived(self.layout, table.name, day, self.recorder))
            unknown = (column for name, column in self.pruned.not_known if name == table.name)
            self._without[table.name, day] = newer_columns(table, version).union(unknown)
        return self._without[table.name, day]

    def _hashed_by(self, table: Table, day: str) -> str:
        # DuckDB does not say that its hashes stay the same.
        return f"DuckDB {duckdb.__version__}, version {table.version} without {sorted(self._left_out(table, day))}"


def archived(layout: Layout, table: str, day: str, recorder: str) -> dict[Path, tuple[int, int]]:
    """Return a recorder's archive files of a date, each with the first and the last mark it covers."""
    named = {path: archive_marks(path) for path in (layout.archive(table) / f"date={day}").glob("*.parquet")}
    return {path: marks[1:] for path, marks in sorted(named.items()) if marks and marks[0] == recorder}
