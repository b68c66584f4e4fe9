"""Rolling: the rows between two marks become one Parquet file per table and date.

The same two marks always give the same rows under the same names, whenever and by whomever it is done; the rolled
position moves on only when all files of a range are published. So rolling twice does no harm and nothing is missed
(D66).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.merge_rows import Tables
from capture.publish import clear_leftovers, make_folder, publish, sync_content
from capture.schemas import TABLES, Table
from capture.tape import segments
from capture.tape.segment import Segment

from .content import is_readable
from .damage import insistent
from .layout import LakeStateError, Layout, Rolled, read_rolled, write_rolled
from .parquet_file import file_mode, write_parquet
from .ranges import Range, Ranges, beginning
from .sealed import publishing, sealed_through
from .state import archive_files, archived_through, position_fault, require_position, require_sealed
from .stored_rows import Files


@dataclass(slots=True)
class Roll:
    """What one roll did: the marks it went from and to, frames, and rows per table.

    `gaps` counts the changes of gaps by the state they came to; `through_ns` is when the last mark was written.
    """

    from_mark: int
    to_mark: int
    frames: int
    rows: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)
    through_ns: int | None = None


class Roller:
    """Rolls one recorder's tape, from its rolled position on. Raises TapeError where the tape cannot be read.

    Raises LakeStateError where it is not known what is sealed, or rolled: rows would be there twice, or removed.

    A range is published while the next one is decoded, which takes a second core where there is one. Raises
    UnreadableError where a file cannot be read that says which rows of IB's history were captured before.
    """

    def __init__(self, layout: Layout, recorder: str) -> None:
        self.layout, self.recorder = layout, recorder
        self._files = Files(layout, recorder)
        self._ranges: Ranges | None = None
        self._publishing: Future[Roll] | None = None
        self._mark: int | None = None  # up to which all is published, once something is
        self._nameless: Counter[str] = Counter()

    def roll(self) -> Iterator[Roll]:
        """Roll every range that is complete by now, one at a time."""
        with ThreadPoolExecutor(1, "publish") as pool:
            for range_ in self._complete():
                before = self._publishing
                self._publishing = pool.submit(self._publish, range_, before)
                if before:
                    yield before.result()
            last, self._publishing = self._publishing, None
            if last:
                yield last.result()

    def _complete(self) -> Iterable[Range]:
        if self._ranges is None:
            folder = self.layout.tape / self.recorder
            require_sealed(self.layout)
            if segments(folder):
                require_position(self.layout, self.recorder)
            start = first_unrolled(self.layout, self.recorder, segments(folder))
            if start is None:
                return ()
            self._nameless.update(start.nameless)
            self._ranges = Ranges(folder, start, insistent(self.layout, self._captured))
        return self._ranges

    def _captured(self, name: str, instrument_id: int, first: datetime, last: datetime) -> Iterable[pa.Table]:
        """Find captured rows in files, once the range before the one that is being decoded is among them."""
        if self._publishing:
            self._publishing.result()
        return self._files(name, instrument_id, first, last)

    def _publish(self, range_: Range, before: "Future[Roll] | None") -> Roll:
        if before:
            before.result()  # the position must not move past a range that could not be published
        assert self._mark in (None, range_.from_mark), "ranges are rolled one behind the other"
        if self._mark is None:
            clear_range(self.layout, self.recorder, range_.from_mark, range_.tables)
        sync_range(self.layout.tape / self.recorder, range_)
        # As one for the sealer: a date that moved in between would leave out live files that the position then covers.
        with publishing(self.layout):
            publish_range(self.layout, self.recorder, range_.from_mark, range_.tables, whole=range_.is_whole)
            counts = self._nameless + Counter(range_.nameless)
            write_rolled(self.layout, self.recorder, Rolled(range_.to_mark, range_.state, dict(counts)))
            self._nameless, self._mark = counts, range_.to_mark
        rows = {name: rows.num_rows for name, rows in range_.tables.items()}
        gaps = range_.tables.get("gaps")
        states = Counter(gaps["state"].to_pylist()) if gaps is not None else {}
        return Roll(range_.from_mark, range_.to_mark, range_.frames, rows, dict(states), range_.end.wall_ns)


def sync_range(folder: Path, range_: Range) -> None:
    """Bring the tape safely to disk up to the end of a range: its rows must not outlive it in a power cut (D121).

    Otherwise a recorder that goes on after it would give its marks and frames numbers that are taken.
    """
    tape = segments(folder)
    before = [segment for segment in tape if segment.first_mark <= range_.from_mark][-1:]
    inside = [segment for segment in tape if range_.from_mark < segment.first_mark <= range_.to_mark]
    for segment in (*before, *inside):
        with suppress(FileNotFoundError):  # compressed meanwhile, which syncs it
            sync_content(segment.path)


def first_unrolled(layout: Layout, recorder: str, tape: list[Segment]) -> Rolled | None:
    """Return the position from which a recorder's tape is still to be rolled; None while it has no tape.

    Raises LakeStateError where no position can be read, though the archive holds rows of this tape.
    """
    rolled = read_rolled(layout, recorder)
    if rolled is not None:
        return rolled
    if not tape:
        return None
    first = beginning(layout.tape / recorder)
    if fault := position_fault(layout, recorder, None, archived_through(archive_files(layout))):
        raise LakeStateError(fault)
    return first or Rolled(tape[0].first_mark)


def publish_range(layout: Layout, recorder: str, mark: int, tables: Tables, *, whole: bool = True) -> None:
    """Publish the rows that followed a mark, one file per table and UTC date.

    Where the tape is not `whole` any more, a file that is there and can be read stays: it may hold more.
    """
    with publishing(layout):
        for table, day, rows in parts_of(tables):
            path = _path(layout, recorder, mark, table, day)
            if whole or not is_readable(table, path):
                publish_file(path, table, rows)


def clear_range(layout: Layout, recorder: str, mark: int, tables: Tables) -> None:
    """Remove half-written files of a range that a killed roller left: it is the one at the rolled position."""
    for table, day, _ in parts_of(tables):
        clear_leftovers(_path(layout, recorder, mark, table, day))


def _path(layout: Layout, recorder: str, mark: int, table: Table, day: str) -> Path:
    if day <= sealed_through(layout, table.name).isoformat():
        return layout.archive_file(table.name, day, recorder, mark, mark)
    return layout.live_file(table.name, day, recorder, mark)


def publish_file(path: Path, table: Table, rows: pa.Table) -> None:
    """Publish one file of rolled rows, replacing what was there."""
    make_folder(path.parent)
    publish(path, partial(write_parquet, table, rows), mode=file_mode(table, rows))


def parts_of(tables: Tables) -> Iterator[tuple[Table, str, pa.Table]]:
    """Yield table, UTC date in ISO form, and rows of each part of a range: each has a file, or a share in one."""
    for name, rows in tables.items():
        for day, part in by_date(rows):
            yield TABLES[name], day, part


def by_date(rows: pa.Table) -> list[tuple[str, pa.Table]]:
    """Split rows by the UTC date of their ts, keeping their order; dates in ISO form."""
    if not rows.num_rows:
        return []
    bounds = pc.min_max(rows["ts"]).as_py()
    if bounds["min"].date() == bounds["max"].date():
        return [(bounds["min"].date().isoformat(), rows)]
    dates = pc.cast(pc.floor_temporal(rows["ts"], unit="day"), pa.date32())
    parts = [(day.isoformat(), rows.filter(pc.equal(dates, day))) for day in sorted(pc.unique(dates).to_pylist())]
    assert sum(part.num_rows for _, part in parts) == rows.num_rows, "each row is of one date"
    return parts
