"""The tape range by range: what rolling publishes, verifying compares and rebuilding publishes anew (D119)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.decoder import DecodingState, LineDecoder, decoder_of
from capture.decode.merge_rows import Tables
from capture.decode.restore import Captured, nothing_stored
from capture.schemas import MARKET_TABLES
from capture.tape import DAMAGED, Damage, Follower, Kind, Reads, Record, SegmentReader, segments

from .layout import Rolled
from .pruned import read_pruned_tape


@dataclass(frozen=True, slots=True)
class Range:
    """What a tape holds between two marks.

    `frames` is how many were decoded, `lost_frames` how many more had come by what the mark `end` says. `state` is what
    decoding from `end` on has to know besides that mark. `damage` lists the bytes of the tape that were passed over,
    `noted_losses` counts the notes of damage that was repaired. `disagreements` names what the mark `end` says
    otherwise than the tape before it.
    """

    start: Record
    end: Record
    tables: Tables
    frames: int
    lost_frames: int
    state: dict[str, Any]
    damage: tuple[Damage, ...]
    noted_losses: int
    disagreements: tuple[str, ...]

    @property
    def from_mark(self) -> int:
        """The number of the mark that the range begins with; its files are named by it."""
        return mark_number(self.start)

    @property
    def to_mark(self) -> int:
        """The number of the mark that ends it, and begins the next range."""
        return mark_number(self.end)

    @property
    def rows(self) -> int:
        """How many rows the range gives, of all tables."""
        return sum(rows.num_rows for rows in self.tables.values())

    @property
    def nameless(self) -> dict[str, int]:
        """How many rows of market data name no instrument, by table with any: each of them is a fault of ours."""
        counts = {table.name: self.tables[table.name]["instrument_id"].null_count
                  for table in MARKET_TABLES if table.name in self.tables}
        return {name: count for name, count in counts.items() if count}

    @property
    def is_whole(self) -> bool:
        """Whether the tape holds all that was received in it."""
        return not (self.damage or self.noted_losses or self.disagreements)


class Ranges:
    """Decodes a recorder's tape in `folder` from a position on.

    Iterating yields the ranges that are complete by now, one at a time; iterating again, those that came since.
    `damage_before` is what lies between the position and the beginning of its segment, `damage` what was met since the
    last mark. Raises MarkMissing where the tape does not hold the position.
    """

    def __init__(self, folder: Path, start: Rolled, captured: Captured) -> None:
        self._recorder = folder.name
        self._captured = captured
        self._state = start.state
        self._follower = Follower(folder, start.mark)
        self.damage_before = tuple(self._follower.damage)
        self.damage: list[Damage] = []
        self._damage_seen = len(self.damage_before)
        self._noted_losses = 0
        self._start: Record | None = None
        self._decoder: LineDecoder | None = None  # until the first mark

    def __iter__(self) -> Iterator[Range]:
        for held in self._follower.runs():
            self._take_damage()
            record = held[-1] if isinstance(held, Reads) else held
            if self._decoder is not None and record.kind != Kind.MARK:
                self._decoder.feed(held if isinstance(held, Reads) else [held])
                self._noted_losses += record.kind == Kind.NOTE and DAMAGED in record.json()
                continue
            assert record.kind == Kind.MARK, "a tape is read from a mark on"
            found = self._finish(self._start, self._decoder, record) if self._start and self._decoder else None
            self._start, self._decoder = record, self._begin(record.json())
            self._decoder.feed([record])
            if found:
                yield found

    def _begin(self, mark: dict[str, Any]) -> LineDecoder:
        return decoder_of(mark, self._recorder, self._state, self._captured)

    def _take_damage(self) -> None:
        """Tell the decoder of damage where it lies: before the record that was read just now."""
        for damage in self._follower.damage[self._damage_seen :]:
            if self._decoder is not None:
                self._decoder.damaged(damage)
            self.damage.append(damage)
        self._damage_seen = len(self._follower.damage)

    def _finish(self, start: Record, decoder: LineDecoder, end: Record) -> Range:
        decoder.feed([end])
        tables, (lost_frames, disagreements) = decoder.take(), decoder.compare(end.json())
        _check_place(tables, start.json()["seq"], decoder.frames)
        self._state = decoder.as_json()
        assert DecodingState.__required_keys__ <= self._state.keys(), "a decoder's state lacks what others read"
        found = Range(start, end, tables, decoder.frames, lost_frames, self._state, tuple(self.damage),
                      self._noted_losses, disagreements)
        self.damage, self._noted_losses = [], 0
        return found


def _check_place(tables: Tables, before: int, frames: int) -> None:
    """Assert that the rows of a range came with its frames, or behind the last one before them."""
    for name, rows in ((name, rows) for name, rows in tables.items() if rows.num_rows):
        seqs = pc.min_max(rows["seq"]).as_py()
        assert before <= seqs["min"] and seqs["max"] <= before + frames, f"rows of {name} are of another range"


def readable(captured: Captured) -> Captured:
    """Return a way to find captured rows that passes over files which cannot be read; these are to be mended."""

    def found(name: str, instrument_id: int, first: datetime, last: datetime) -> Iterable[pa.Table]:
        try:
            return captured(name, instrument_id, first, last)
        except (OSError, pa.ArrowException):
            return ()

    return found


def mark_number(record: Record) -> int:
    """Return the number of a mark."""
    return int(record.json()["mark"])


def beginning(folder: Path) -> Rolled | None:
    """Return the position of the first mark of a tape that can be read; None where there is none.

    Of a tape whose beginning was pruned: the mark it begins with now, with the state that was left there.
    """
    pruned = read_pruned_tape(folder)
    first = _first_mark(folder, pruned.mark if pruned else 0)
    if pruned and first == pruned.mark:
        return Rolled(first, pruned.state)
    return None if first is None else Rolled(first)


def _first_mark(folder: Path, least: int) -> int | None:
    for segment in segments(folder):
        if segment.first_mark < least:
            continue  # pruned, but for the removing
        for record in SegmentReader(segment.path).records():
            if record.kind == Kind.MARK:
                return mark_number(record)
    return None


def lost_frames(folder: Path, mark: int) -> int | None:
    """Return how many frames are missing on a tape between a mark and the next; None where no mark follows."""
    found = next(iter(Ranges(folder, Rolled(mark), nothing_stored)), None)
    return None if found is None else found.lost_frames
