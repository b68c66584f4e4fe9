"""What the names of a lake's files say of its state: which dates are sealed, and how far a tape is rolled.

A file of state that is missing, or older than the archive, must not read as "the beginning": rows would be left out,
doubled or removed. So it is held against the names of files, which lie elsewhere and need no opening (D68).
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from capture.schemas import TABLES

from .layout import (
    NEVER_SEALED,
    LakeStateError,
    Layout,
    archive_marks,
    day_folders,
    days_in,
    live_mark,
    read_rolled,
    restored_by,
)
from .pruned import read_pruned_tables
from .sealed import sealed_through

# A folder that changed so short a time before it was listed may change once more without telling another time.
SETTLED_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SealedDay:
    """What the names of a table's files say of a date.

    `archived` are archive files of which the live files are gone: so the date is sealed. `live` are the marks, by
    recorder, of live files that are in no archive file: so it is not, unless an archive file was lost.
    """

    archived: tuple[Path, ...]
    live: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class SealedDays:
    """Says which dates of tables are sealed, by the names of files; lists folders anew only where they changed."""

    layout: Layout
    _known: dict[tuple[str, str], tuple[int, SealedDay]] = field(default_factory=dict)

    def fault(self, table: str, through: date) -> str | None:
        """Return in words in what the date up to which a table is sealed contradicts its files; None where it does not.

        It does where it leaves out rows of archive files, or of live ones. Looks only at dates of which both are there.
        """
        sealed, path = str(through), self.layout.sealed(table)
        for day in days_in(self.layout.archive(table)):
            if day > sealed and (found := self.of(table, day).archived):
                return f"{path} says that {table} is sealed up to {sealed}, but {found[0]} is of a sealed date; "
        for day in days_in(self.layout.live(table)):
            if day <= sealed and self._unsealed(table, day) and str(last_sealed(self.layout, table)) < day:
                return f"{path} says that {table} is sealed up to {sealed}, but rows of {day} are in no archive file; "
        return None

    def require(self, table: str, through: date) -> None:
        """Raise LakeStateError where the date up to which a table is sealed contradicts its files."""
        if fault := self.fault(table, through):
            raise LakeStateError(fault + restored_by(self.layout))

    def of(self, table: str, day: str) -> SealedDay:
        """Return what the names of files say of a date."""
        folders = self.layout.live(table) / f"date={day}", self.layout.archive(table) / f"date={day}"
        changed_ns = max(folder.stat().st_mtime_ns if folder.is_dir() else 0 for folder in folders)
        known = self._known.get((table, day))
        if known is not None and known[0] == changed_ns:
            return known[1]
        found = _sealed_day(*folders)
        if time.time_ns() - changed_ns > SETTLED_NS:
            self._known[table, day] = changed_ns, found
        return found

    def _unsealed(self, table: str, day: str) -> bool:
        """Return whether rows of a date are in live files alone, and neither pruned nor to be rolled once more."""
        live = self.of(table, day).live
        pruned = read_pruned_tables(self.layout) if live else None
        # Of a tape without a position all is to be rolled; what has no tape is rolled by nobody.
        rolled = {recorder: read_rolled(self.layout, recorder) for recorder in self.layout.recorders()}
        return pruned is not None and any(
            not pruned.holds(table, day, recorder, mark)
            and not (recorder in rolled and ((position := rolled[recorder]) is None or mark >= position.mark))
            for recorder, mark in live)


def _sealed_day(live: Path, archive: Path) -> SealedDay:
    rolled = set(filter(None, map(live_mark, live.glob("*.parquet"))))
    sorted_ = {path: named for path in sorted(archive.glob("*.parquet")) if (named := archive_marks(path))}
    return SealedDay(
        tuple(path for path, (recorder, first, _) in sorted_.items() if (recorder, first) not in rolled),
        tuple(mark for mark in sorted(rolled) if not is_archived(mark, sorted_.values())))


def is_archived(mark: tuple[str, int], archive: Iterable[tuple[str, int, int]]) -> bool:
    """Return whether what followed a mark of a recorder is in an archive file, given recorder and marks of each."""
    return any(recorder == mark[0] and first <= mark[1] <= last for recorder, first, last in archive)


def last_sealed(layout: Layout, table: str) -> date:
    """Return the date up to which a table is sealed for sure, by the names of its files and what was pruned."""
    pruned = read_pruned_tables(layout).tables.get(table)
    days = (day for day in reversed(day_folders(layout.archive(table))) if SealedDays(layout).of(table, day).archived)
    return max(date.fromisoformat(next(days, str(NEVER_SEALED))),
               date.fromisoformat(pruned.through) if pruned else NEVER_SEALED)


def require_sealed(layout: Layout) -> None:
    """Raise LakeStateError where any table's sealed date is not known, or contradicts its files."""
    days = SealedDays(layout)
    for table in TABLES:
        days.require(table, sealed_through(layout, table))


def archived_through(paths: Iterable[Path]) -> dict[str, int]:
    """Return for each recorder the last mark that sorted archive files hold.

    Without files of one mark: they are made anew under the same name when that mark is rolled once more.
    """
    found: dict[str, int] = {}
    for recorder, first, last in filter(None, map(archive_marks, paths)):
        if first < last:
            found[recorder] = max(last, found.get(recorder, last))
    return found


def archive_files(layout: Layout) -> Iterator[Path]:
    """Yield the archive files of all tables."""
    return (path for table in TABLES for folder in day_folders(layout.archive(table)).values()
            for path in folder.glob("*.parquet"))


def position_fault(layout: Layout, recorder: str, mark: int | None, archived: Mapping[str, int]) -> str | None:
    """Return in words how a rolled position contradicts the last marks in sorted archive files; None where it fits."""
    last = archived.get(recorder, -1)
    if last < (0 if mark is None else mark):
        return None
    says = "is missing" if mark is None else f"says that the tape is rolled up to mark {mark}"
    return f"{layout.rolled(recorder)} {says}, but the archive holds rows of mark {last}; {restored_by(layout)}"


def require_position(layout: Layout, recorder: str) -> None:
    """Raise LakeStateError where a recorder's rolled position is not known, or contradicts the archive."""
    rolled = read_rolled(layout, recorder)
    mark = rolled.mark if rolled else None
    if fault := position_fault(layout, recorder, mark, archived_through(archive_files(layout))):
        raise LakeStateError(fault)
