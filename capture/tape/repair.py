"""Examining a tape: what each segment holds, and what of it is damaged or torn. Repairing it, without losing a byte."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO

from capture.publish import publish, sync_path

from .reader import TORN, Damage, SegmentReader
from .record import Header, Kind, Record, count_records, pack, pack_header
from .segment import Segment, SegmentFile, segment_path, segments
from .tape_error import write_error

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Loss:
    """A damage, and what is known of what stood there.

    `before` is the last whole record before it on the tape, `after` the next one in its segment, and `mark` the last
    mark before it; None where there is none. `records` is None where they cannot be counted.
    """

    damage: Damage
    before: Record | None
    after: Record | None
    mark: int | None
    records: int | None

    @property
    def torn(self) -> bool:
        """Whether it is what a power cut or a kill leaves at the end of a segment, which needs no repair."""
        return self.damage.reason == TORN


@dataclass(slots=True)
class SegmentReport:
    """What one segment holds: records by kind, size of their bodies, marks, times (None: no record)."""

    segment: Segment
    records: Counter[Kind] = field(default_factory=Counter)
    body_bytes: int = 0
    marks: list[int] = field(default_factory=list)
    first_wall_ns: int | None = None
    last_wall_ns: int | None = None
    losses: list[Loss] = field(default_factory=list)

    @property
    def damage(self) -> list[Damage]:
        """Everything that is no whole record."""
        return [loss.damage for loss in self.losses]


@dataclass(frozen=True, slots=True)
class TapeReport:
    """What a tape holds, segment by segment, oldest first."""

    folder: Path
    segments: list[SegmentReport]

    @property
    def records(self) -> int:
        """Number of whole records."""
        return sum(report.records.total() for report in self.segments)

    @property
    def marks(self) -> list[int]:
        """All mark numbers, in order."""
        return [mark for report in self.segments for mark in report.marks]

    @property
    def losses(self) -> list[Loss]:
        """Everything that is no whole record, with what is known of it."""
        return [loss for report in self.segments for loss in report.losses]

    @property
    def damage(self) -> list[Damage]:
        """Everything that is no whole record."""
        return [loss.damage for loss in self.losses]


def examine(folder: Path) -> TapeReport:
    """Read a whole tape and report on it; changes nothing.

    While a recorder writes, the torn tail of the newest segment may be a record on its way.
    """
    report = TapeReport(folder, [])
    before: Record | None = None
    mark: int | None = None
    for segment in segments(folder):
        found, before, mark = _examine_segment(segment, before, mark)
        report.segments.append(found)
    return report


def _examine_segment(
    segment: Segment, before: Record | None, mark: int | None
) -> tuple[SegmentReport, Record | None, int | None]:
    report = SegmentReport(segment)
    reader = SegmentReader(segment.path)
    for record in reader.records():
        report.losses += _losses(reader.damage[len(report.losses) :], before, record, mark)
        report.records[record.kind] += 1
        report.body_bytes += len(record.body)
        report.first_wall_ns = report.first_wall_ns or record.wall_ns
        report.last_wall_ns = record.wall_ns
        if record.kind == Kind.MARK:
            mark = int(record.json()["mark"])
            report.marks.append(mark)
        before = record
    report.losses += _losses(reader.damage[len(report.losses) :], before, None, mark)
    return report, before, mark


def _losses(damage: list[Damage], before: Record | None, after: Record | None, mark: int | None) -> list[Loss]:
    return [Loss(one, before, after, mark, _count(one)) for one in damage]


def _count(damage: Damage) -> int | None:
    with SegmentFile(damage.path, damage.offset) as file:
        data = file.read(damage.size_bytes)
    return count_records(data) if len(data) == damage.size_bytes else None


def repair(report: SegmentReport) -> Path:
    """Publish a segment anew with a NOTE in place of each damage, and return the damaged file's new name.

    Nothing goes: the damaged file lies beside it as `<segment>.bad`. Torn tails stay as they are. A compressed segment
    becomes an open one, to be compressed again. Call it only while nobody records or rolls. Raises TapeError.
    """
    source = report.segment.path
    target, bad = segment_path(source.parent, report.segment.first_mark), bad_path(source)
    try:
        os.link(source, bad)
        publish(target, partial(_write_clean, report))
        if source != target:
            source.unlink()
        sync_path(source.parent)
    except OSError as error:
        raise write_error(error, target) from error
    return bad


def bad_path(path: Path) -> Path:
    """Return a name, not taken yet, under which a file that is set aside lies beside its former one."""
    names = (path.with_name(f"{path.name}.bad{number or ''}") for number in count())
    return next(name for name in names if not name.exists())


def _write_clean(report: SegmentReport, target: Path) -> None:
    with SegmentFile(report.segment.path) as source, target.open("wb") as sink:
        position = 0
        for loss in (loss for loss in report.losses if not loss.torn):
            assert loss.damage.offset >= position, "damages lie one behind the other"
            _copy(source, sink, loss.damage.offset - position)
            position = loss.damage.offset + loss.damage.size_bytes
            source.read(loss.damage.size_bytes)
            if not loss.damage.offset:
                sink.write(_header(report.segment, loss.after))
            sink.write(_note(loss))
        _copy(source, sink, None)


def _copy(source: SegmentFile, sink: BinaryIO, size_bytes: int | None) -> None:
    while size_bytes is None or size_bytes > 0:
        chunk = source.read(min(CHUNK_BYTES, CHUNK_BYTES if size_bytes is None else size_bytes))
        if not chunk:
            return
        sink.write(chunk)
        size_bytes = None if size_bytes is None else size_bytes - len(chunk)


def _header(segment: Segment, first: Record | None) -> bytes:
    seq = first.json()["seq"] if first and first.kind == Kind.MARK else 0
    return pack_header(Header(segment.path.parent.name, segment.first_mark, seq))


def _note(loss: Loss) -> bytes:
    """Return the record that stands in place of a damage; decoding makes of it what it makes of the damage itself."""
    stamp = loss.before or loss.after
    wall_ns, mono_ns = (stamp.wall_ns, stamp.mono_ns) if stamp else (0, 0)
    return pack(Kind.NOTE, wall_ns, mono_ns, json.dumps(loss.damage.as_note()).encode())
