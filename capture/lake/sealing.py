"""Sealing: a date that is over becomes one sorted file per table and recorder (D76).

Every step can be repeated: sorted files are published first and seen by nobody, then the date is moved by a rename, and
the live files go hours later, when no query that began before can still read them. Killed at any moment, the lake
answers as before or as after, and the next run goes on.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from capture.publish import make_folder, publish, sync_path
from capture.schemas import TABLES, Table
from capture.tape import Follower, segments

from .archive import MEMORY_MIB, SealError, write_sorted
from .content import UnreadableError, row_count
from .damage import damage, hint
from .digest import keep
from .layout import Layout, archive_marks, day_folders, live_mark, read_rolled
from .leftovers import sweep_lake
from .parquet_file import joint_mode
from .sealed import moving_dates, seal_through, sealed_through, sealer_lock
from .state import is_archived, require_sealed

# How long after midnight UTC a date is left open: what is fetched from IB's history for the day's last gaps then comes
# in time to be sorted in.
DELAY_S = 3_600.0
# Between publishing sorted files and moving the date: any query that listed files before has read the date then (D78).
SETTLE_S = 10.0
# How long live files of a sealed date stay for queries that are still reading them (D79).
GRACE_S = 3 * 3_600.0


@dataclass(slots=True)
class Sealed:
    """What sealing one date did: rows per table, files written, and seconds."""

    day: date
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    seconds: float = 0.0


class Sealer:
    """Seals the dates of a lake that are over. `now_s` is the time in seconds since 1970."""

    def __init__(
        self,
        layout: Layout,
        *,
        delay_s: float = DELAY_S,
        settle_s: float = SETTLE_S,
        grace_s: float = GRACE_S,
        memory_mib: int = MEMORY_MIB,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.layout = layout
        self._delay_s, self._settle_s, self._grace_s = delay_s, settle_s, grace_s
        self._memory_mib = memory_mib
        self._now_s = now_s

    def due(self) -> list[date]:
        """Return the dates that can be sealed, oldest first: those over, and rolled by every recorder."""
        waiting = sorted({day for _, day, sealed in self._live_days() if not sealed})
        if not waiting or waiting[0] >= self._over():
            return []
        reached = self._reached()
        return [day for day in waiting if day < reached]

    def seal(self) -> Iterator[Sealed]:
        """Seal every date that can be, and yield what was done for each. Raises SealerBusyError.

        Raises SealError or UnreadableError where a date's files cannot be sorted; what is not sealed stays as it is.
        Raises LakeStateError where it is not known what is sealed.
        """
        with sealer_lock(self.layout):
            require_sealed(self.layout)
            sweep_lake(self.layout)
            for day in self.due():
                yield self._seal(day)
            keep(self.layout)

    def clear(self) -> int:
        """Remove live files of dates that were sealed long enough ago, and return how many."""
        return sum(self._remove(folder) for folder in self.clearable())

    def clearable(self) -> list[Path]:
        """Return the folders of live files that no query can still be reading."""
        return [self.layout.live(table) / f"date={day}" for table, day, sealed in self._live_days()
                if sealed and self._now_s() - self._sealed_s(table, day) > self._grace_s and self._archived(table, day)]

    def settle(self) -> None:
        """Let queries that listed files before they were sorted read the date, before it is moved."""
        time.sleep(self._settle_s)

    # What is over

    def _over(self) -> date:
        """Return the first date that is not over."""
        return datetime.fromtimestamp(self._now_s() - self._delay_s, UTC).date()

    def _reached(self) -> date:
        """Return the first date of which rows may still come."""
        return min((self._date_of_next(recorder) for recorder in self.layout.recorders()), default=self._over())

    def _date_of_next(self, recorder: str) -> date:
        """Return the date of the first record of a tape that is not rolled; of what will be, where all is rolled."""
        folder, rolled = self.layout.tape / recorder, read_rolled(self.layout, recorder)
        tape = segments(folder)
        if not tape:
            return self._over()
        mark = tape[0].first_mark if rolled is None else rolled.mark
        records = iter(Follower(folder, mark))
        if rolled is not None:
            next(records)  # the mark itself: everything before it is rolled
        following = next(records, None)
        if following is None:
            return self._over()
        return min(datetime.fromtimestamp(following.wall_ns // 1_000_000_000, UTC).date(), self._over())

    def _live_days(self) -> Iterator[tuple[str, date, bool]]:
        """Yield table and date of each folder of live files, and whether that date is sealed."""
        for table in TABLES:
            through = sealed_through(self.layout, table)
            for day in map(date.fromisoformat, day_folders(self.layout.live(table))):
                yield table, day, day <= through

    # Sealing a date

    def _seal(self, day: date) -> Sealed:
        begun_s = time.monotonic()
        done = Sealed(day)
        tables = [table for table in TABLES.values() if sealed_through(self.layout, table.name) < day]
        sorted_in = {table.name: self._sort(table, day, done) for table in tables}
        self.settle()
        with moving_dates(self.layout):
            for table in tables:
                self._latecomers(table, day, sorted_in[table.name], done)
                assert sealed_through(self.layout, table.name) < day, "a sealed date never goes back"
                seal_through(self.layout, table.name, day)
        done.seconds = time.monotonic() - begun_s
        return done

    def _sort(self, table: Table, day: date, done: Sealed) -> set[Path]:
        """Publish the sorted files of a table and date, and return the live files that are in them."""
        folder = self.layout.archive(table.name) / f"date={day}"
        files = self._rolled_files(table.name, day)
        targets = {}
        for recorder, paths in files.items():
            marks = [_mark(path) for path in paths]
            targets[self.layout.archive_file(table.name, str(day), recorder, marks[0], marks[-1])] = paths
        for leftover in set(folder.glob("*.parquet")) - targets.keys():
            if _holds_no_more(leftover, files):
                leftover.unlink()  # of an attempt that was killed: the date is not sealed, nobody reads it
        for target, paths in targets.items():
            self._write(table, target, paths, done)
        return {path for paths in files.values() for path in paths}

    def _latecomers(self, table: Table, day: date, sorted_in: set[Path], done: Sealed) -> None:
        """Publish what was rolled for a date while it was sorted, one file each."""
        for recorder, paths in self._rolled_files(table.name, day).items():
            for path in sorted(set(paths) - sorted_in):
                mark = _mark(path)
                self._write(table, self.layout.archive_file(table.name, str(day), recorder, mark, mark), [path], done)

    def _write(self, table: Table, target: Path, sources: list[Path], done: Sealed) -> None:
        import duckdb  # late, as a roller asks here what is due: it stays without

        make_folder(target.parent)
        counts: list[int] = []
        write = partial(_write_counted, table, sources, self._memory_mib, counts)
        try:
            publish(target, write, mode=joint_mode(sources))
        except UnreadableError as error:
            raise UnreadableError(f"{error}; {hint(self.layout)}") from error
        except duckdb.Error as error:
            raise UnreadableError(damage(self.layout, [table.name]) or f"{target}: {error}") from error
        done.rows[table.name] = done.rows.get(table.name, 0) + counts[0]
        done.files += 1

    def _rolled_files(self, table: str, day: date) -> dict[str, list[Path]]:
        """Return the live files of a date by recorder, in the order of their marks.

        Without those at or beyond the rolled position: their roll will be done again, and then into the archive.
        """
        found: dict[str, list[Path]] = {}
        positions = {recorder: read_rolled(self.layout, recorder) for recorder in self.layout.recorders()}
        for path in sorted((self.layout.live(table) / f"date={day}").glob("*.parquet")):
            if (named := live_mark(path)) is None:
                continue
            position = positions.get(named[0])
            if named[0] not in positions or (position is not None and named[1] < position.mark):
                found.setdefault(named[0], []).append(path)
        return found

    # Clearing

    def _sealed_s(self, table: str, day: date) -> float:
        """Return when a date was sealed, or later."""
        folder = self.layout.archive(table) / f"date={day}"
        paths = [*folder.glob("*.parquet"), self.layout.live(table) / f"date={day}"]
        return max(path.stat().st_mtime for path in paths)

    def _archived(self, table: str, day: date) -> dict[Path, list[Path]]:
        """Return the live files of a sealed date, by the archive file that holds their rows."""
        live = {path: named for path in sorted((self.layout.live(table) / f"date={day}").glob("*.parquet"))
                if (named := live_mark(path))}
        archive = {path: marks for path in (self.layout.archive(table) / f"date={day}").glob("*.parquet")
                   if (marks := archive_marks(path))}
        found = {path: [one for one, mark in live.items() if is_archived(mark, [marks])]
                 for path, marks in archive.items()}
        return {path: replaced for path, replaced in found.items() if replaced}

    def _remove(self, folder: Path) -> int:
        table, day = folder.parent.name, date.fromisoformat(folder.name.removeprefix("date="))
        paths = []
        for target, replaced in self._archived(table, day).items():
            rows, held = sum(map(row_count, replaced)), row_count(target)
            if rows > held:
                raise SealError(f"{target} holds {held:,} rows, and the files that it replaced {rows:,}: these stay; "
                                f"{hint(self.layout)}")
            paths.append(replaced)
        # The first marks first, for good: by them a sealed date is known (see capture.lake.state).
        for gone in ([files[0] for files in paths], [path for files in paths for path in files[1:]]):
            for path in gone:
                path.unlink()
            sync_path(folder)  # else a power cut may bring back some of them, when the archive's are pruned
        if not any(folder.iterdir()):  # what was set aside by hand stays
            folder.rmdir()
            sync_path(folder.parent)
        return sum(map(len, paths))


def _mark(path: Path) -> int:
    named = live_mark(path)
    assert named is not None  # it was chosen by its name
    return named[1]


def _holds_no_more(leftover: Path, files: Mapping[str, list[Path]]) -> bool:
    """Return whether an archive file of a date, by recorder and marks, holds the rows of live files and no others.

    Any other may be all that is left of its rows.
    """
    if (named := archive_marks(leftover)) is None:
        return False
    recorder, first, last = named
    there = {_mark(path): path for path in files.get(recorder, ())}
    within = [path for mark, path in there.items() if first <= mark <= last]
    return {first, last} <= there.keys() and row_count(leftover) <= sum(map(row_count, within))


def _write_counted(table: Table, sources: list[Path], memory_mib: int, counts: list[int], path: Path) -> None:
    counts.append(write_sorted(table, sources, path, memory_mib))

