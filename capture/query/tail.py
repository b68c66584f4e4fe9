"""Rows that are not rolled yet, decoded from the end of the tape."""

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from capture.lake.decode import Decoder, Tables, merged
from capture.lake.layout import Layout
from capture.lake.restore import Files
from capture.lake.roll import first_unrolled
from capture.tape import Follower, segments


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
    _decoder: Decoder | None = None
    _files: Files = field(init=False)

    def __post_init__(self) -> None:
        self._files = Files(self.layout, self.recorder)

    def refresh(self) -> None:
        """Decode what came since, or begin anew where the roller has moved on. Raises TapeError."""
        start = first_unrolled(self.layout, self.recorder, segments(self.layout.tape / self.recorder))
        if start is None:
            return
        if start.mark != self.mark or self._follower is None or self._decoder is None:
            self.mark, self.tables = start.mark, {}
            self._follower = Follower(self.layout.tape / self.recorder, start.mark)
            self._decoder = Decoder(self.recorder, start.gaps, self._captured)
        while records := self._follower.poll():
            self._decoder.feed(records)
        for name, rows in self._decoder.take().items():
            self.tables[name] = merged([self.tables[name], rows]) if name in self.tables else rows

    @property
    def heard_s(self) -> float:
        """When the line last carried something, in seconds since 1970; 0 for never."""
        return self._decoder.gaps.heard_us / 1e6 if self._decoder else 0.0

    def _captured(self, name: str, instrument_id: int, first: datetime, last: datetime) -> list[pa.Table]:
        taken = [self.tables[name]] if name in self.tables else []
        return [*self._files(name, instrument_id, first, last), *taken]
