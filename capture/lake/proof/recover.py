"""Restoring what a lake must know of itself, from tapes and the names of files: no row is lost or made (D68, D69)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from capture.lake.digest import keep
from capture.lake.layout import (
    LakeStateError,
    Layout,
    Rolled,
    archive_marks,
    day_folders,
    live_mark,
    read_rolled,
    write_rolled,
)
from capture.lake.process_lock import roller_lock
from capture.lake.pruned import copies, read_pruned_tables, read_pruned_tape, write_pruned_tables, write_pruned_tape
from capture.lake.ranges import Ranges, beginning, readable
from capture.lake.sealed import moving_dates, seal_through, sealed_through, sealer_lock
from capture.lake.state import SealedDays, archive_files, archived_through, last_sealed, position_fault
from capture.lake.stored_rows import Files
from capture.lake.views import is_prepared, prepare
from capture.schemas import TABLES
from capture.tape import bad_path, segments


def restore(layout: Layout, recorders: list[str]) -> Iterator[str]:
    """Restore what is missing, cannot be read or contradicts the files, and yield in words what was.

    What cannot be read is set aside under the name `<file>.bad`. Nothing is touched where all is right. Raises
    SealerBusyError, RollerBusyError, and LakeStateError for what nothing tells.
    """
    yield from _pruned(layout, recorders)
    yield from _sealed(layout)
    for recorder in recorders:
        yield from _position(layout, recorder)
    if not is_prepared(layout):
        prepare(layout)
    keep(layout)


def _pruned(layout: Layout, recorders: list[str]) -> Iterator[str]:
    """Write what went once more where a file and its copy do not say the same."""
    for recorder in recorders:
        of_tables, of_tape = copies(layout, recorder)
        if _differ(of_tables) and (tables := read_pruned_tables(layout)).tables:
            write_pruned_tables(layout, tables)
            yield f"{of_tables[0]} and its copy {of_tables[1]}, which say what was pruned"
        if _differ(of_tape) and (tape := read_pruned_tape(layout.tape / recorder)):
            write_pruned_tape(layout.tape / recorder, tape)
            yield f"{of_tape[0]} and its copy {of_tape[1]}, which say what was pruned"


def _differ(paths: tuple[Path, ...]) -> bool:
    held = {path.read_bytes() if path.exists() else b"" for path in paths}
    return len(held) > 1


def _sealed(layout: Layout) -> Iterator[str]:
    wrong = [table for table in TABLES if not _is_known(layout, table)]
    if not wrong:
        return
    with sealer_lock(layout), moving_dates(layout):
        for table in wrong:
            day, path = last_sealed(layout, table), layout.sealed(table)
            if path.exists():
                path.rename(bad_path(path))
            seal_through(layout, table, day)
            yield f"{path}: {table} is sealed up to {day}, as its archive files tell"


def _is_known(layout: Layout, table: str) -> bool:
    try:
        SealedDays(layout).require(table, sealed_through(layout, table))
    except LakeStateError:
        return False
    return True


def _position(layout: Layout, recorder: str) -> Iterator[str]:
    path = layout.rolled(recorder)
    try:
        rolled = read_rolled(layout, recorder)
        fault = position_fault(layout, recorder, rolled.mark if rolled else None,
                               archived_through(archive_files(layout)))
    except LakeStateError as error:
        fault = str(error)
    if fault is None or not segments(layout.tape / recorder):
        return
    with roller_lock(layout, recorder):
        found = _last_position(layout, recorder)
        if path.exists():
            path.rename(bad_path(path))
        write_rolled(layout, recorder, found)
    yield f"{path}: the tape of {recorder} is rolled up to mark {found.mark}, as the files tell that were made from it"


def _last_position(layout: Layout, recorder: str) -> Rolled:
    """Return the last position before which all rows are in files; rolling from there on makes no row twice."""
    least = _least_mark(layout, recorder)
    folder = layout.tape / recorder
    position = beginning(folder)
    if position is not None and position.mark < least:
        nameless = Counter(position.nameless)
        for found in Ranges(folder, position, readable(Files(layout, recorder))):
            nameless.update(found.nameless)
            position = Rolled(found.to_mark, found.state, dict(nameless))
            if position.mark >= least:
                break
    if position is None or position.mark < least:
        raise LakeStateError(f"{layout.rolled(recorder)}: there are rows of marks up to {least}, and {folder} does not "
                             "reach that far: bring back the missing part of the tape from a copy")
    return position


def _least_mark(layout: Layout, recorder: str) -> int:
    """Return the mark that a tape is rolled up to at least.

    The range at the newest mark may be half published, so it is rolled again, into files of the same names. Rows in a
    sorted file of many marks must not be: they would be there twice.
    """
    live = (path for table in TABLES for folder in day_folders(layout.live(table)).values()
            for path in folder.glob("*.parquet"))
    marks = [named[1] for named in map(live_mark, live) if named and named[0] == recorder]
    marks += [named[2] for named in map(archive_marks, archive_files(layout)) if named and named[0] == recorder]
    sorted_through = archived_through(archive_files(layout)).get(recorder, -1)
    return max([*marks, sorted_through + 1])
