"""Examining a tape: what each segment holds, and what of it is damaged or torn."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .reader import Damage, SegmentReader
from .record import Kind
from .segment import Segment, segments


@dataclass(slots=True)
class SegmentReport:
    """What one segment holds: records by kind, size of their bodies, marks, times (None: no record)."""

    segment: Segment
    records: Counter[Kind] = field(default_factory=Counter)
    body_bytes: int = 0
    marks: list[int] = field(default_factory=list)
    first_wall_ns: int | None = None
    last_wall_ns: int | None = None
    damage: list[Damage] = field(default_factory=list)


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
    def damage(self) -> list[Damage]:
        """Everything that is no whole record."""
        return [damage for report in self.segments for damage in report.damage]


def examine(folder: Path) -> TapeReport:
    """Read a whole tape and report on it; changes nothing.

    While a recorder writes, the torn tail of the newest segment may be a record on its way.
    """
    return TapeReport(folder, [_examine_segment(segment) for segment in segments(folder)])


def _examine_segment(segment: Segment) -> SegmentReport:
    report = SegmentReport(segment)
    for record in SegmentReader(segment.path, damage=report.damage).records():
        report.records[record.kind] += 1
        report.body_bytes += len(record.body)
        report.first_wall_ns = report.first_wall_ns or record.wall_ns
        report.last_wall_ns = record.wall_ns
        if record.kind == Kind.MARK:
            report.marks.append(record.json()["mark"])
    return report
