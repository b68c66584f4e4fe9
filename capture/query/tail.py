"""Rows that are not rolled yet, decoded from the end of the tape (D84, D145)."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from capture.decode.decoder import LineDecoder, decoder_of
from capture.lake.layout import Layout, Rolled
from capture.lake.ranges import mark_number
from capture.lake.roll import first_unrolled
from capture.lake.stored_rows import Files
from capture.tape import Follower, Kind, Record, segments

from .tail_rows import TailRows

Place = tuple[int, int]  # of a row on a tape: seq and row
BEFORE_ALL: Place = (-1, -1)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A mark that was read, and how many rows had been decoded before it, by table."""

    number: int
    counts: dict[str, int]


@dataclass(slots=True)
class Tail:
    """The rows of one recorder that are on its tape but in no file yet.

    `mark` is the mark that the tail begins at: files of earlier marks and these rows together are all there is. Each
    byte of the tape is decoded once: where the roller has moved on, rows are let go of that are in files by now.
    """

    layout: Layout
    recorder: str
    mark: int | None = None
    reached_us: int = 0  # when the last record that was read was written, in microseconds since 1970: none is older
    _rows: dict[str, TailRows] = field(default_factory=dict)
    _marks: list[_Mark] = field(default_factory=list)
    _follower: Follower | None = None
    _damage_seen: int = 0
    _decoder: LineDecoder | None = None
    _state: dict[str, Any] | None = None  # of decoding, at the mark that comes
    _files: Files = field(init=False)

    def __post_init__(self) -> None:
        self._files = Files(self.layout, self.recorder)

    def refresh(self) -> None:
        """Decode what came since, and let go of what the roller has made files of. Raises TapeError."""
        start = first_unrolled(self.layout, self.recorder, segments(self.layout.tape / self.recorder))
        if start is None:
            return
        if start.mark != self.mark:
            follower = self._moved_on(start) or self._begun(start)
            self.mark, self._follower = start.mark, follower
        assert self._follower is not None, "a tail that begins at a mark is read from there"
        for record in self._follower:
            self._feed(self._follower, record)
        self._keep()

    def pieces(self, name: str) -> list[pa.Table]:
        """Return the rows of a table in the order of the tape, as `TailRows` holds them; none where there are none."""
        return list(self._rows[name].pieces) if name in self._rows else []

    @property
    def heard_s(self) -> float:
        """When the line last carried something, in seconds since 1970; 0 for never."""
        return self._decoder.heard_us / 1e6 if self._decoder else 0.0

    @property
    def place(self) -> Place:
        """The last place of what is read: all rows so far are at or before it, all to come behind."""
        return self._decoder.place if self._decoder else BEFORE_ALL

    def _moved_on(self, start: Rolled) -> Follower | None:
        """Return what reads the tape, now that it is rolled up to a mark further on; None where that has to begin anew.

        Rows before that mark are let go of. Where the mark is not read yet, what lies before it is passed over.
        """
        follower = self._follower
        if follower is None or self.mark is None or start.mark < self.mark:
            return None
        if start.mark <= self._marks[-1].number:
            return follower if self._let_go(start.mark) else None
        with suppress(OSError):  # its segment may be pruned by now
            for record in follower:
                if record.kind == Kind.MARK and mark_number(record) == start.mark:
                    self._begin(follower, start)
                    self._feed(follower, record)
                    return follower
        return None

    def _let_go(self, number: int) -> bool:
        """Let go of the rows before a mark; False where it was not read."""
        self._marks = [mark for mark in self._marks if mark.number >= number]
        for name, rows in self._rows.items():
            rows.let_go(rows.count - self._marks[0].counts.get(name, 0))
        return self._marks[0].number == number

    def _begun(self, start: Rolled) -> Follower:
        """Return what reads the tape from a mark on, where nothing is known of it yet."""
        follower = Follower(self.layout.tape / self.recorder, start.mark)
        self._begin(follower, start)
        return follower

    def _begin(self, follower: Follower, start: Rolled) -> None:
        self._damage_seen = len(follower.damage)  # before the mark
        self._rows, self._marks, self._decoder, self._state = {}, [], None, start.state

    def _feed(self, follower: Follower, record: Record) -> None:
        """Decode a record; each mark begins a new decoder, as it does for the roller."""
        if self._decoder is not None:
            for damage in follower.damage[self._damage_seen :]:
                self._decoder.damaged(damage)
            self._decoder.feed([record])
        self._damage_seen = len(follower.damage)
        self.reached_us = max(self.reached_us, record.wall_ns // 1_000)
        if record.kind == Kind.MARK:
            self._keep()
            if self._decoder is not None:
                self._state = self._decoder.as_json()
            self._decoder = decoder_of(record.json(), self.recorder, self._state, self._captured)
            self._decoder.feed([record])
            self._marks.append(_Mark(mark_number(record), {name: rows.count for name, rows in self._rows.items()}))

    def _keep(self) -> None:
        if self._decoder is None:
            return
        for name, rows in self._decoder.take().items():
            self._rows.setdefault(name, TailRows(name)).add(rows)

    def _captured(self, name: str, instrument_id: int, first: datetime, last: datetime) -> list[pa.Table]:
        return [*self._files(name, instrument_id, first, last), *self.pieces(name)]
