"""What IB says of an account, read from the end of a tape as soon as it is there: milliseconds, not until it is rolled.

Only the messages that are no masses are decoded, as the recorder does itself. Looking costs two questions to the file
system while nothing was written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from capture.decode.account_mask import mask_of
from capture.decode.control_rows import message_rows
from capture.lake.layout import Layout
from capture.lake.roll import first_unrolled
from capture.tape import Follower, Kind, MarkMissing, Record, segments
from capture.wire.line import Line

MOST_BYTES = 4 << 20  # of one poll: whoever waits for what is behind it is told soon enough


@dataclass(frozen=True, slots=True)
class News:
    """A row that a message gave: of which table, its values by column, and where it came from."""

    recorder: str
    table: str
    seq: int
    ts_us: int
    row: dict[str, Any]


class NewsTail:
    """Reads one recorder's tape from a place on: the number of a mark, and the last frame that is known.

    Without a place it begins with what is not rolled yet. Raises TapeError, after which it is to be made anew.
    """

    def __init__(self, layout: Layout, recorder: str, place: tuple[int, int] | None = None) -> None:
        self.recorder = recorder
        self._folder = layout.tape / recorder
        self._layout, self._known = layout, place
        self._folder_ns = 0
        self._newest: Path | None = None
        self._size: tuple[Path, int] | None = None
        self._follower: Follower | None = None
        self._line: Line | None = None
        self._mark, self._damage = 0, 0

    @property
    def place(self) -> tuple[int, int] | None:
        """From where on to read another time; None before anything was read."""
        return (self._mark, self._line.seq) if self._line else self._known

    def poll(self) -> list[News]:
        """Return what came since; most often none."""
        if not self._changed():
            return []
        if self._follower is None and not self._begin():
            return []
        assert self._follower is not None
        records = self._follower.poll(MOST_BYTES)
        if sum(len(record.body) for record in records) >= MOST_BYTES:
            self._size = None  # there is more
        return list(self._news(records))

    def _changed(self) -> bool:
        """Return whether there may be something to read: the newest segment grew, or there is another."""
        try:
            folder_ns = self._folder.stat().st_mtime_ns
            if folder_ns != self._folder_ns:
                self._newest, self._folder_ns = segments(self._folder)[-1].path, folder_ns
            assert self._newest is not None
            size = self._newest, self._newest.stat().st_size
        except (FileNotFoundError, IndexError):  # no tape yet, or a segment was compressed a moment ago
            self._folder_ns = 0
            return False
        changed, self._size = size != self._size, size
        return changed

    def _begin(self) -> bool:
        """Find where to begin; False while there is no tape."""
        rolled = first_unrolled(self._layout, self.recorder, segments(self._folder))
        if rolled is None:
            return False
        try:
            mark = self._known[0] if self._known else rolled.mark
            self._follower = Follower(self._folder, mark)
        except MarkMissing:  # pruned
            self._follower = Follower(self._folder, rolled.mark)
        return True

    def _news(self, records: list[Record]) -> Iterator[News]:
        assert self._follower is not None
        if len(self._follower.damage) > self._damage and self._line:
            self._line.damaged()
        self._damage = len(self._follower.damage)
        for kind, some in groupby(records, lambda record: record.kind):
            if kind == Kind.RECEIVED:
                yield from self._received(list(some))
            else:
                for record in some:
                    self._steer(record)

    def _steer(self, record: Record) -> None:
        if record.kind == Kind.MARK:
            self._mark = record.json()["mark"]
            self._line = self._line or Line.from_mark(record.json())
        elif self._line and record.kind == Kind.OPENED:
            self._line.opened(record.json())
        elif self._line and record.kind == Kind.CLOSED:
            self._line.closed()
        elif self._line and record.kind == Kind.SENT:
            self._line.sent(record.body)

    def _received(self, records: list[Record]) -> Iterator[News]:
        assert self._line is not None, "a tape is read from a mark on"
        read = self._line.received(b"".join(record.body for record in records))
        known, mask = self._known[1] if self._known else -1, mask_of(self._line)
        for frame, decoded in self._line.steer(read):
            seq = read.first_seq + frame
            if seq > known:
                for table, row in message_rows(decoded, self._line.context):
                    yield News(self.recorder, table, seq, records[-1].wall_ns // 1_000, mask(row) if mask else row)
