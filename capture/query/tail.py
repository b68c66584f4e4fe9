"""Rows that are not rolled yet, decoded from the end of the tape."""

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from capture.decode.decoder import Decoder, Tables, merged
from capture.lake.layout import Layout
from capture.lake.roll import first_unrolled
from capture.lake.stored_rows import Files
from capture.tape import Follower, Kind, Record, segments


@dataclass(slots=True)
class Tail:
    """The rows of one recorder that are on its tape but in no file yet.

    `mark` is the mark that the tail begins at: files of earlier marks and these rows together are all there is.
    """

    layout: Layout
    recorder: str
    mark: int | None = None
    tables: Tables = field(default_factory=dict)
    _follower: Follower | None = None
    _damage_seen: int = 0
    _decoder: Decoder | None = None
    _parts: dict[str, list[pa.Table]] = field(default_factory=dict)  # behind those of `tables`
    _files: Files = field(init=False)

    def __post_init__(self) -> None:
        self._files = Files(self.layout, self.recorder)

    def refresh(self) -> None:
        """Decode what came since, or begin anew where the roller has moved on. Raises TapeError."""
        start = first_unrolled(self.layout, self.recorder, segments(self.layout.tape / self.recorder))
        if start is None:
            return
        if start.mark != self.mark or self._follower is None or self._decoder is None:
            self.mark, self.tables, self._parts = start.mark, {}, {}
            self._follower = Follower(self.layout.tape / self.recorder, start.mark)
            self._damage_seen = len(self._follower.damage)  # before the mark
            self._decoder = Decoder(self.recorder, start.gaps, self._captured)
        for record in self._follower:
            self._decoder = self._fed(self._decoder, self._follower, record)
        self._keep(self._decoder)
        for name, parts in self._parts.items():
            self.tables[name] = merged([*self._taken(name), *parts])
        self._parts = {}

    @property
    def heard_s(self) -> float:
        """When the line last carried something, in seconds since 1970; 0 for never."""
        return self._decoder.gaps.heard_us / 1e6 if self._decoder else 0.0

    def _fed(self, decoder: Decoder, follower: Follower, record: Record) -> Decoder:
        """Return the decoder to go on with after a record: each mark begins a new one, as it does for the roller."""
        for damage in follower.damage[self._damage_seen :]:
            decoder.damaged(damage)
        self._damage_seen = len(follower.damage)
        decoder.feed([record])
        if record.kind != Kind.MARK:
            return decoder
        self._keep(decoder)
        following = Decoder(self.recorder, decoder.as_json(), self._captured)
        following.feed([record])
        return following

    def _keep(self, decoder: Decoder) -> None:
        for name, rows in decoder.take().items():
            self._parts.setdefault(name, []).append(rows)

    def _taken(self, name: str) -> list[pa.Table]:
        return [self.tables[name]] if name in self.tables else []

    def _captured(self, name: str, instrument_id: int, first: datetime, last: datetime) -> list[pa.Table]:
        return [*self._files(name, instrument_id, first, last), *self._taken(name), *self._parts.get(name, [])]
