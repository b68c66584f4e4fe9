"""Pruning: old rows of tables, and the old part of tapes, go as their owner wishes.

What goes is written down first (see capture.lake.pruned), durably, and only then are files removed: killed at any
moment the lake verifies, and the next run goes on. Only what is sealed goes. Of a tape only whole segments go, after it
was verified, with all that the tables hold of them.
"""

from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from capture.lake.layout import Layout, archive_marks, day_folders, live_mark, read_rolled
from capture.lake.pruned import (
    PrunedRows,
    PrunedTables,
    PrunedTape,
    read_pruned_tables,
    read_pruned_tape,
    removable,
    write_pruned_tables,
    write_pruned_tape,
)
from capture.lake.ranges import Range
from capture.lake.sealed import sealed_dates, sealer_lock
from capture.lake.state import require_position, require_sealed
from capture.publish import sync_path
from capture.schemas import KEPT_FOR_EVER, RETENTION_TABLES, RETENTION_TAPE, TABLES
from capture.tape import Kind, SegmentReader, segments
from capture.tape.segment import Segment

from .tape_part import Span
from .verify import Verifier


class PruneError(OSError):
    """A tape cannot be pruned, as it and the tables do not agree."""


@dataclass(frozen=True, slots=True)
class OldRows:
    """What is to go from a table: files of sealed dates up to `through`.

    `known` says that this was written down before, and only the removing is left to do.
    """

    table: str
    through: str
    paths: tuple[Path, ...]
    size_bytes: int
    known: bool


@dataclass(frozen=True, slots=True)
class OldTape:
    """What is to go from a recorder's tape: compressed segments before `mark`, at which the next one begins.

    `through` is the UTC date of that mark. `known` says that they were verified and written down before, and only the
    removing is left to do.
    """

    recorder: str
    mark: int
    through: str
    paths: tuple[Path, ...]
    size_bytes: int
    known: bool


def old_rows(layout: Layout, days: Mapping[str, int], today: date) -> list[OldRows]:
    """Return what is older than so many days, by table, and can go; empty where nothing is. Raises LakeStateError."""
    require_sealed(layout)
    pruned, sealed = read_pruned_tables(layout), sealed_dates(layout)
    marks = _rolled_marks(layout)
    found = []
    for table in (name for name in TABLES if name not in KEPT_FOR_EVER):
        count = days.get(table, days.get(RETENTION_TABLES))
        before = pruned.tables[table].through if table in pruned.tables else ""
        through = "" if count is None else min(str(_first_kept(today, count) - timedelta(days=1)), sealed[table])
        known = through < before  # as days were changed meanwhile: nothing more goes
        paths = [path for path in _old_files(layout, table, max(through, before))
                 if _goes(path, marks, pruned, table, "" if known else through)]
        if paths:
            found.append(OldRows(table, max(through, before), tuple(paths), _size_bytes(paths), known))
    return found


def old_tape(layout: Layout, recorder: str, days: Mapping[str, int], today: date) -> OldTape | None:
    """Return what of a tape is older than so many days, by the word for tapes, and can go; None where nothing is.

    Raises LakeStateError where it is not known what is sealed and rolled, or what was pruned before.
    """
    folder = layout.tape / recorder
    require_sealed(layout)
    require_position(layout, recorder)
    pruned, tape, rolled = read_pruned_tape(folder), segments(folder), read_rolled(layout, recorder)
    if RETENTION_TAPE in days and rolled is not None:
        limit = min(_first_kept(today, days[RETENTION_TAPE]) - timedelta(days=1),
                    date.fromisoformat(min(sealed_dates(layout).values())))
        unsealed = _first_unsealed_mark(layout, recorder)
        ends = list(_prunable(tape, limit, min(rolled.mark, rolled.mark if unsealed is None else unsealed)))
        if ends and (pruned is None or ends[-1][0].first_mark > pruned.mark):
            mark, through = ends[-1][0].first_mark, ends[-1][1]
            paths = [segment.path for segment in tape if segment.first_mark < mark]
            return OldTape(recorder, mark, str(through), tuple(paths), _size_bytes(paths), known=False)
    agreed = min(removable(folder), rolled.mark if rolled else 0)
    left = [segment.path for segment in tape if segment.compressed and segment.first_mark < agreed]
    if pruned is None or not left:
        return None
    return OldTape(recorder, pruned.mark, pruned.through, tuple(left), _size_bytes(left), known=True)


def prune_rows(layout: Layout, old: Collection[OldRows]) -> int:
    """Remove old rows, and return how many bytes went. Raises SealerBusyError.

    Queries that are reading these files fail, and can be asked again.
    """
    with sealer_lock(layout):
        marks, tables = _rolled_marks(layout), dict(read_pruned_tables(layout).tables)
        for rows in (rows for rows in old if not rows.known):
            # Marks never go back, also where a rolled position did.
            before = tables[rows.table].marks if rows.table in tables else {}
            merged = {name: max(mark, before.get(name, 0)) for name, mark in (before | marks).items()}
            tables[rows.table] = PrunedRows(rows.through, merged)
        if tables:
            write_pruned_tables(layout, PrunedTables(tables))
        for rows in old:
            _remove(rows.paths)
    return sum(rows.size_bytes for rows in old)


def prune_tape(layout: Layout, old: OldTape) -> Iterator[Range]:
    """Verify an old part of a tape range by range, yielding each, and remove it when all are done.

    Raises SealerBusyError, and PruneError where anything does not verify.
    """
    folder = layout.tape / old.recorder
    with sealer_lock(layout):
        if not old.known:
            write_pruned_tape(folder, (yield from _verified(layout, old)))
        for path in old.paths:
            path.unlink(missing_ok=True)
        sync_path(folder)


def prune(layout: Layout, days: Mapping[str, int], today: date | None = None) -> int:
    """Remove all that is older than the days said; return how many bytes went. Raises SealerBusyError, PruneError."""
    today = today or datetime.now(UTC).date()
    removed_bytes = prune_rows(layout, old_rows(layout, days, today))
    for recorder in layout.recorders():
        if old := old_tape(layout, recorder, days, today):
            deque(prune_tape(layout, old), maxlen=0)
            removed_bytes += old.size_bytes
    return removed_bytes


# Rows


def _first_kept(today: date, days: int) -> date:
    # A number that is beyond the calendar means: for ever. The day before is asked for too.
    return date.fromordinal(max(today.toordinal() - days, 2))


def _rolled_marks(layout: Layout) -> dict[str, int]:
    positions = {recorder: read_rolled(layout, recorder) for recorder in layout.recorders()}
    return {recorder: position.mark for recorder, position in positions.items() if position}


def _old_files(layout: Layout, table: str, through: str) -> Iterator[Path]:
    """Yield the files of sealed dates: those of the archive, and those that it replaced, where they are there yet."""
    for of in (layout.live(table), layout.archive(table)):
        for day, folder in day_folders(of).items():
            if day <= through:
                yield from sorted(folder.glob("*.parquet"))


def _goes(path: Path, marks: dict[str, int], pruned: PrunedTables, table: str, through: str) -> bool:
    """Return whether a file is to go: for its date, or as a run that was killed has left it."""
    named, day = archive_marks(path) or live_mark(path), path.parent.name.removeprefix("date=")
    if named is None or named[0] not in marks:
        return False  # nobody here has written it
    recorder, last = named[0], named[-1]
    return pruned.holds(table, day, recorder, last) or (day <= through and last < marks[recorder])


def _remove(paths: Collection[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        if folder.is_dir() and not any(folder.iterdir()):  # what was set aside by hand stays
            folder.rmdir()


def _size_bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


# Tapes


def _prunable(tape: list[Segment], limit: date, before_mark: int) -> Iterator[tuple[Segment, date]]:
    """Yield the segments that may be the first one to be kept, oldest first, with the date of their first record.

    Before such a one there are only compressed segments, of dates up to `limit`, as time on a tape never goes back.
    """
    for segment, following in pairwise(tape):
        first = next(SegmentReader(following.path).records(), None)
        if not segment.compressed or following.first_mark > before_mark or first is None or first.kind != Kind.MARK:
            return
        day = datetime.fromtimestamp(first.wall_ns // 1_000_000_000, UTC).date()
        if day > limit:
            return
        yield following, day


def _first_unsealed_mark(layout: Layout, recorder: str) -> int | None:
    """Return the first mark that rows of dates which are not sealed followed; None where there are none."""
    sealed = sealed_dates(layout)
    marks = [named[1] for table in TABLES for day, folder in day_folders(layout.live(table)).items()
             if day > sealed[table] for path in folder.glob("*.parquet")
             if (named := live_mark(path)) and named[0] == recorder]
    return min(marks, default=None)


def _verified(layout: Layout, old: OldTape) -> Generator[Range, None, PrunedTape]:
    """Verify the part of a tape that is to go, and return what to remember of it. Raises PruneError."""
    verifier = Verifier(layout, old.recorder, Span(None, _end_of_days(layout, old)))
    before = verifier.pruned_tape
    pruned: PrunedTape | None = None
    for found in verifier.ranges():
        yield found
        if found.to_mark == old.mark:
            pruned = PrunedTape(old.mark, found.state, found.end.json()["seq"], old.size_bytes, old.through,
                                verifier.days.as_pruned())
    if verifier.findings or pruned is None:
        first = next(iter(verifier.findings), None)
        what = f"{first.problem}: {first.place}" if first else f"mark {old.mark} is gone"
        raise PruneError(f"the tape of {old.recorder} stays as it is, as it does not verify ({what}): run `ticktape "
                         f"verify --data {layout.root}`, which says what repairs it, and prune again")
    return replace(pruned, size_bytes=pruned.size_bytes + (before.size_bytes if before else 0))


def _end_of_days(layout: Layout, old: OldTape) -> int:
    """Return the mark up to which to read, so that every sealed date with rows of an old part is met whole."""
    rolled = _rolled_marks(layout)[old.recorder]
    end = old.mark
    for folder in (folder for table in TABLES for folder in day_folders(layout.archive(table)).values()):
        named = [marks for path in folder.glob("*.parquet") if (marks := archive_marks(path))]
        spans = [(first, last) for recorder, first, last in named if recorder == old.recorder and first < rolled]
        if any(first < old.mark for first, _ in spans):
            end = max(end, *(last for _, last in spans))
    return end + 1
