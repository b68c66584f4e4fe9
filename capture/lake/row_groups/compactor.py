"""Compacting: archive files of earlier versions, and those of late rows, get the row groups of today (D146, D149).

Each file is sorted anew elsewhere, compared with what it was made from, and takes its place by a rename: it holds the
same rows under the same name, before and after. Killed at any moment nothing is lost, and the next run goes on.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from capture.data_folder import COMPACTOR_LOCK, SEALED
from capture.lake.archive import MEMORY_MIB, SealError, write_sorted
from capture.lake.content import UnreadableError
from capture.lake.damage import FAULTS
from capture.lake.digest import carry_over, keep
from capture.lake.kept import UNCHANGED_NS, KeptFile
from capture.lake.layout import Layout, archive_marks, parquet_names, read_rolled
from capture.lake.parquet_file import ROW_GROUPS, joint_mode, says
from capture.lake.process_lock import locked
from capture.lake.sealed import sealer_lock
from capture.lake.state import require_sealed
from capture.publish import make_folder, publish
from capture.schemas import TABLES, Table

from .compacted import CompactedDays

SETTLE_S = UNCHANGED_NS / 1e9
WORK_PREFIX = "compact-"  # of the folder in which a file is made anew


class CompactorBusyError(OSError):
    """Another process is compacting this lake."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """A file that was made anew: its rows, and its bytes before and after; or why it stays as it is (`fault`)."""

    path: Path
    rows: int
    before_bytes: int
    after_bytes: int
    fault: str | None = None


class Compactor:
    """Makes a lake's archive files anew, those of the newest dates first."""

    def __init__(self, layout: Layout, *, memory_mib: int = MEMORY_MIB, settle_s: float = SETTLE_S) -> None:
        self.layout = layout
        self._memory_mib, self._settle_s = memory_mib, settle_s

    def compact(self) -> Iterator[Compacted]:
        """Make anew what is due, and yield each file when it is done. Raises CompactorBusyError, SealerBusyError.

        A file that cannot be read stays as it is, and what it is to be replaced by is compared with it first. Raises
        LakeStateError where it is not known what is sealed.
        """
        make_folder(self.layout.root / SEALED)
        busy = CompactorBusyError(f"{self.layout.root} is being compacted by another process: let it finish")
        with locked(self.layout.root / COMPACTOR_LOCK, LOCK_EX | LOCK_NB, busy):
            require_sealed(self.layout)
            for leftover in (self.layout.root / SEALED).glob(f"{WORK_PREFIX}*"):
                _remove(leftover)  # of a process that was killed: nobody else compacts
            days, made = CompactedDays(self.layout), 0
            for day, table in days.due():
                for done in self._day(days, TABLES[table], day):
                    made += done.fault is None
                    yield done
            if made:
                time.sleep(self._settle_s)  # of folders that changed just now nothing can be kept
                keep(self.layout)
            days.save()

    def _day(self, days: CompactedDays, table: Table, day: str) -> Iterator[Compacted]:
        folder = self.layout.archive(table.name) / f"date={day}"
        rolled = {name: read_rolled(self.layout, name) for name in self.layout.recorders()}
        is_over = True
        for name in parquet_names(folder):
            marks = archive_marks(folder / name)
            if marks is None or _is_compact(folder / name):
                continue  # not ours, or done
            if marks[0] in rolled and ((position := rolled[marks[0]]) is None or marks[2] >= position.mark):
                is_over = False  # it is written once more when its marks are rolled
                continue
            with suppress(FileNotFoundError):  # pruned meanwhile
                if done := self._file(table, folder / name):
                    yield done
                else:
                    is_over = False
        if is_over:
            days.note(table.name, day)

    def _file(self, table: Table, path: Path) -> Compacted | None:
        """Make a file anew; None where it was replaced meanwhile."""
        before = _as_kept(path, 0)
        with _workshop(self.layout.root / SEALED) as work:
            made = work / "sorted"
            try:
                rows = write_sorted(table, [path], made, self._memory_mib)
            except (UnreadableError, SealError, duckdb.Error) as error:
                return Compacted(path, 0, before.size_bytes, before.size_bytes, str(error).splitlines()[0])
            with sealer_lock(self.layout):  # so that nobody prunes or rebuilds it now
                if _as_kept(path, 0) != before:
                    return None
                publish(path, partial(shutil.copyfile, made), mode=joint_mode([path]))
            after = _as_kept(path, rows)
        carry_over(self.layout, path, before, after)
        return Compacted(path, rows, before.size_bytes, after.size_bytes)


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """Give a folder that is there for a while: among the archive's files, other engines would take what is in it."""
    work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=folder))
    try:
        yield work
    finally:
        _remove(work)


def _remove(work: Path) -> None:
    for path in sorted(work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    work.rmdir()


def _is_compact(path: Path) -> bool:
    """Return whether a file has the row groups of today; True for one that is gone or cannot be read."""
    try:
        return says(pq.read_metadata(path), ROW_GROUPS)
    except FAULTS:
        return False


def _as_kept(path: Path, rows: int) -> KeptFile:
    found = path.stat()
    return KeptFile(found.st_size, found.st_mtime_ns, rows)
