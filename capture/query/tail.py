"""Rows that are not rolled yet, decoded from the end of the tape (D84)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from capture.decode.decoder import LineDecoder, decoder_of
from capture.decode.merge_rows import Tables, merged
from capture.lake.layout import Layout
from capture.lake.roll import first_unrolled
from capture.lake.stored_rows import Files
from capture.tape import Follower, Kind, Record, segments

Place = tuple[int, int]  # of a row on a tape: seq and row
BEFORE_ALL: Place = (-1, -1)


@dataclass(slots=True)
class Tail:
    """The rows of one recorder that are on its tape but in no file yet.

    `mark` is the mark that the tail begins at: files of earlier marks and these rows together are all there is.
    """

    layout: Layout
    recorder: str
    mark: int | None = None
    reached_us: int = 0  # when the last record that was read was written, in microseconds since 1970: none is older
    tables: Tables = field(default_factory=dict)
    _follower: Follower | None = None
    _damage_seen: int = 0
    _decoder: LineDecoder | None = None
    _state: dict[str, Any] | None = None  # of decoding, at the mark that comes
    _parts: dict[str, list[pa.Table]] = field(default_factory=dict)  # behind those of `tables`
    _files: Files = field(init=False)

    def __post_init__(self) -> None:
        self._files = Files(self.layout, self.recorder)

    def refresh(self) -> None:
        """Decode what came since, or begin anew where the roller has moved on. Raises TapeError."""
        start = first_unrolled(self.layout, self.recorder, segments(self.layout.tape / self.recorder))
        if start is None:
            return
        if start.mark != self.mark or self._follower is None:
            self.mark, self.tables, self._parts = start.mark, {}, {}
            self._follower = Follower(self.layout.tape / self.recorder, start.mark)
            self._damage_seen = len(self._follower.damage)  # before the mark
            self._decoder, self._state = None, start.state
        for record in self._follower:
            self._feed(self._follower, record)
        self._keep()
        for name, parts in self._parts.items():
            self.tables[name] = merged([*self._taken(name), *parts])
        self._parts = {}

    @property
    def heard_s(self) -> float:
        """When the line last carried something, in seconds since 1970; 0 for never."""
        return self._decoder.heard_us / 1e6 if self._decoder else 0.0

    @property
    def place(self) -> Place:
        """The last place of what is read: all rows so far are at or before it, all to come behind."""
        return self._decoder.place if self._decoder else BEFORE_ALL

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
            self._decoder = decoder_of(record.json(), self.recorder, self._state, self._captured)
            self._decoder.feed([record])

    def _keep(self) -> None:
        if self._decoder is None:
            return
        for name, rows in self._decoder.take().items():
            self._parts.setdefault(name, []).append(rows)
        self._state = self._decoder.as_json()

    def _taken(self, name: str) -> list[pa.Table]:
        return [self.tables[name]] if name in self.tables else []

    def _captured(self, name: str, instrument_id: int, first: datetime, last: datetime) -> list[pa.Table]:
        return [*self._files(name, instrument_id, first, last), *self._taken(name), *self._parts.get(name, [])]
