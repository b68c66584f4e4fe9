"""Files by themselves: is each what was written, and who can write it again (D74)? No tape is read for it."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.lake.content import UnreadableError, row_groups
from capture.lake.layout import LakeStateError, Layout, archive_marks, day_folders, live_mark
from capture.lake.parquet_file import CHECKSUMS
from capture.lake.pruned import read_pruned_tape
from capture.lake.sealed import sealed_through
from capture.schemas import TABLES, Table

from .day_check import archived
from .verify import ONLY_COPY, Finding


@dataclass(frozen=True, slots=True)
class Checked:
    """A file of a table that was read whole: rows, bytes, and why it cannot be trusted (`fault`), None where it can.

    `protected` says whether its pages have checksums; without, only what does not fit together is found.
    """

    table: Table
    path: Path
    rows: int
    size_bytes: int
    protected: bool
    fault: str | None


def check_file(table: Table, path: Path, pace: Callable[[int], object] = lambda _: None) -> Checked:
    """Read a file whole, a row group at a time; `pace` is called after each with its bytes in memory.

    Raises FileNotFoundError.
    """
    rows, fault, size_bytes = 0, None, path.stat().st_size
    try:
        for part in row_groups(table, path):
            rows += len(part)
            pace(part.nbytes)
    except UnreadableError as error:
        fault = str(error)
    return Checked(table, path, rows, size_bytes, _is_protected(path), fault)


def queried_files(layout: Layout) -> Iterator[tuple[Table, Path]]:
    """Yield the files that queries read, table by table: of sealed dates the archive's, of later ones the live ones.

    Where it cannot be told what is sealed, both.
    """
    for table in TABLES.values():
        try:
            through = sealed_through(layout, table.name).isoformat()
        except LakeStateError:
            through = None
        for folder, is_archive in ((layout.archive(table.name), True), (layout.live(table.name), False)):
            for day, path in _dated(folder):
                if through is None or (day <= through) == is_archive:
                    yield table, path


def archive_files(layout: Layout) -> Iterator[tuple[Table, Path]]:
    """Yield all files of sealed days."""
    for table in TABLES.values():
        for _, path in _dated(layout.archive(table.name)):
            yield table, path


def file_findings(layout: Layout, checked: Iterable[Checked]) -> Iterator[Finding]:
    """Yield a finding for each file that cannot be trusted."""
    for one in checked:
        if one.fault:
            yield Finding("file unreadable", str(one.path), one.fault, repair_of(layout, one.path))


def date_findings(layout: Layout) -> Iterator[Finding]:
    """Yield a finding for each table of which it cannot be told up to which date it is sealed."""
    for name in TABLES:
        try:
            sealed_through(layout, name)
        except LakeStateError as error:
            yield Finding("file unreadable", str(layout.sealed(name)), str(error),
                          shlex.join(["ticktape", "recover", "--data", str(layout.root)]))


def repair_of(layout: Layout, path: Path) -> str:
    """Return the command that writes a damaged file anew; why there is none, where its rows are nowhere else."""
    marks = archive_marks(path) or live_mark(path)
    if marks is None or marks[0] not in layout.recorders():
        return shlex.join(["mv", str(path), f"{path}.bad"])  # nobody here has written it
    recorder, first, last = marks[0], marks[1], marks[-1]
    if archive_marks(path):
        of_day = archived(layout, path.parent.parent.name, path.parent.name.removeprefix("date="), recorder).values()
        first, last = min(one for one, _ in of_day), max(one for _, one in of_day)
    pruned = read_pruned_tape(layout.tape / recorder)
    if pruned and first < pruned.mark:
        return ONLY_COPY
    return shlex.join(["ticktape", "rebuild", "--data", str(layout.root), "--recorder", recorder, "--replace",
                       f"--from={first}", f"--until={last + 1}"])


def _is_protected(path: Path) -> bool:
    try:
        said = pq.read_metadata(path).metadata or {}
    except (OSError, ValueError, pa.ArrowException):
        return False
    return all(said.get(key.encode()) == value.encode() for key, value in CHECKSUMS.items())


def _dated(folder: Path) -> Iterator[tuple[str, Path]]:
    for day, home in day_folders(folder).items():
        for path in sorted(home.glob("*.parquet")):
            yield day, path
