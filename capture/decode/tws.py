"""Records of a TWS line to table rows: the first of the decoders that capture.decode.decoder chooses from."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES, TIMESTAMP
from capture.tape import DAMAGED, Damage, Kind, Reads, Record
from capture.tape.notes import BACKFILL, BACKFILLED, CUT, SILENT, WANTED
from capture.tape.reads import joined
from capture.wire.context import Request, is_cancel
from capture.wire.line import Line, Read
from capture.wire.lookup import BACKFILL as BACKFILL_ORIGIN
from capture.wire.lookup import constant
from capture.wire.messages.account_requests import ACCOUNT_STREAMS
from capture.wire.read_rows import Batch, decode
from capture.wire.table_rows import Rows
from capture.wire.text.codec import message_id
from capture.wire.text.framing import corruption

from .account_mask import mask_of
from .control_rows import FIRST_EVENT_ROW, Events, asked, message_rows, note_row, opened_row, refused_row, request_row
from .gaps import Gaps, Seen
from .merge_rows import Tables, from_rows, in_order, merged
from .restore import HISTORY, Captured, Restorer, nothing_stored
from .seen_rows import seen

# Received bytes are decoded in pieces of about this size: large enough that what is done once a piece costs little,
# small enough that they stay in the processor's cache. Notices count by piece: of another size, rows that are stored
# would not be what decoding their tape anew gives.
PIECE_BYTES = 4 << 20

Heard = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # for each read how many frames were whole, and when


class TwsDecoder:
    """Decodes one recorder's tape from a mark on.

    `state` is what `as_json` gave at that mark, None at the tape's beginning. `captured` finds the recorder's rows
    of before that mark, and those already taken from this decoder (see capture.decode.restore). Feed it records
    in order; `take` returns the rows so far, by table, in arrival order, and begins anew. The tables have the columns
    of their schemas; text columns may be dictionary-encoded.
    """

    def __init__(
        self, recorder: str, state: dict[str, Any] | None = None, captured: Captured = nothing_stored
    ) -> None:
        self.recorder = recorder
        self.line: Line | None = None
        self.frames = 0
        self._events = Events(recorder)
        self.gaps = Gaps(self._events)
        self._restorer = Restorer(captured)
        if state is not None:
            self._events.restore(state)
            self.gaps.restore(state)
            self._restorer.resume(state)
        self._tables: dict[str, list[pa.Table]] = {}
        self._reads: list[Record | Reads] = []
        self._read_bytes = 0
        self._ts_us = 0

    def feed(self, records: Iterable[Record]) -> None:
        """Take records in. The first one ever must be a MARK: it says where the line stands."""
        if isinstance(records, Reads):
            self._receive(records)
            return
        for record in records:
            self._ts_us = record.wall_ns // 1000
            self._record(record)

    def damaged(self, damage: Damage) -> None:
        """Note bytes of the tape that could not be read: what is received next may begin inside a frame."""
        self._flush()
        self._damage(damage.as_note())

    @property
    def heard_us(self) -> int:
        """When the line was last heard, in microseconds since 1970."""
        return self.gaps.heard_us

    @property
    def place(self) -> tuple[int, int]:
        """The last place, as `seq` and `row`, of what was taken: rows are at or before it, those to come behind."""
        assert not self._reads, "what is not decoded yet has no place"
        seq = self.line.seq if self.line else 0
        return seq, self._events.last_row(seq)

    def compare(self, mark: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
        """Return how many frames more a mark tells of than were decoded, and what else it says otherwise."""
        reached, told = self.line or Line(), Line.from_mark(mark)
        return told.seq - reached.seq, _disagreements(reached, told)

    def as_json(self) -> dict[str, Any]:
        """Return as plain values what decoding from here on has to know besides the mark."""
        return self.gaps.as_json() | self._restorer.as_json() | self._events.as_json()

    def take(self) -> Tables:
        """Return the rows decoded since the last call, by table; tables without rows are left out."""
        self._flush()
        tables = {name: merged(parts) for name, parts in self._tables.items()}
        for name, rows in self._events.rows.items():
            parts = [tables[name]] if name in tables else []
            together = merged([*parts, from_rows(name, rows)])
            tables[name] = together.sort_by([("seq", "ascending"), ("row", "ascending")])
        self._tables = {}
        self._events.rows = {}
        return tables

    def _record(self, record: Record) -> None:
        if record.kind == Kind.RECEIVED:
            self._wait(record, len(record.body))
            return
        line = self._start(record)
        if record.kind == Kind.SENT:
            self._send(record, line)
            return
        if record.kind == Kind.MARK:
            self._give_up(line)
            return
        self._flush()
        if record.kind == Kind.OPENED:
            line.opened(record.json())
            self._events.mask = mask_of(line)
        elif record.kind == Kind.CLOSED:
            self._close(record, line)
        elif record.kind == Kind.NOTE:
            self._note(record.json(), line)

    def _receive(self, reads: Reads) -> None:
        """Take reads in, cut where they would be if they came one by one."""
        while reads:
            most = 1 + int(np.searchsorted(reads.ends, PIECE_BYTES - self._read_bytes))
            part, reads = reads[:most], reads[most:]
            self._ts_us = int(part.wall_ns[-1]) // 1000
            self._wait(part, len(part.bodies))

    def _wait(self, read: Record | Reads, size_bytes: int) -> None:
        self._reads.append(read)
        self._read_bytes += size_bytes
        if self._read_bytes >= PIECE_BYTES:
            self._flush()

    def _damage(self, note: dict[str, Any]) -> None:
        self._unframed("notices", note_row(note))
        if self.line is not None:
            self.line.damaged()

    def _give_up(self, line: Line) -> None:
        """Keep what was received since damage and gave no frames: the mark that comes says where the line stands."""
        self._flush()
        self._lost(line.give_up())

    def _lost(self, data: bytes) -> None:
        if data:
            self._unframed("undecoded", {
                "frame": data, "reason": f"{len(data):,} bytes beside damage of the tape, which are no whole frames"})

    def _note(self, note: dict[str, Any], line: Line) -> None:
        if DAMAGED in note:
            self._damage(note)
            return
        if note.get("note") == BACKFILL:  # what was requested is in `subscriptions`
            self._restorer.asked(note)
            return
        if note.get("note") == WANTED:  # what is not, is in `subscriptions` and `gaps`
            self.gaps.wanted_only(note["streams"], self._ts_us, line.seq)
            return
        self._unframed("notices", note_row(note))
        if note.get("note") == BACKFILLED:
            self.gaps.backfilled(note, self._ts_us, line.seq)
        asked = line.context.requests.get(note.get("request_id", 0))
        if note.get("note") == CUT and asked is not None:
            self.gaps.cut(note, asked, self._ts_us, line.seq)
        request = line.context.requests.get(note.get(SILENT, 0))
        if request is not None:
            self.gaps.silent(request, self._ts_us, line.seq, str(note["note"]))
        if row := refused_row(note, line.context):
            self._unframed("subscriptions", row)

    def _start(self, record: Record) -> Line:
        if self.line is None:
            if record.kind != Kind.MARK:
                raise ValueError("decoding a tape must begin at a mark")
            self.line = Line.from_mark(record.json())
            self._events.mask = mask_of(self.line)
        return self.line

    def _send(self, record: Record, line: Line) -> None:
        """Take note of requests where they were sent: what came before them is decoded first."""
        self._flush()
        ts_us = record.wall_ns // 1000
        for request in line.sent(record.body):
            if meant := asked(request, line.context):
                self.gaps.cancelled(meant, line.seq, ts_us) if is_cancel(request) else self.gaps.requested(meant, ts_us)
            if row := request_row(request, line.context):
                self._events.unframed("subscriptions", ts_us, line.seq, row)

    def _close(self, record: Record, line: Line) -> None:
        version = line.context.server_version
        reason = record.json().get("reason")
        self._give_up(line)
        rest = line.closed()
        if rest:
            corrupt = corruption(rest)
            frame = rest if corrupt else rest[4:]  # a length that makes no sense is part of the evidence
            self._unframed("undecoded", {
                "message_id": None if corrupt else message_id(frame), "server_version": version, "frame": frame,
                "reason": corrupt or f"the session ended inside this frame, {len(rest):,} bytes into it"})
        self._unframed("sessions", {"event": "closed", "reason": reason})
        self.gaps.session_ended(self._ts_us, line.seq, reason or "the session ended")
        self._restorer.session_ended()

    def _unframed(self, table: str, values: dict[str, object]) -> None:
        seq = self.line.seq if self.line else 0
        self._events.unframed(table, self._ts_us, seq, values)

    # A piece of received bytes

    def _flush(self) -> None:
        parts, self._reads, self._read_bytes = self._reads, [], 0
        if not parts:
            return
        if self.line is None:
            raise ValueError("decoding a tape must begin at a mark")
        reads, before = joined(parts), len(self.line.pending)
        read = self.line.received(reads.bodies)
        self._lost(read.lost)
        before -= len(read.lost)
        self.frames += len(read)
        assert read.first_seq + len(read) - 1 == self.line.seq, "frames are numbered one by one"
        ends = before + reads.ends
        assert len(read) == 0 or read.starts[-1] <= ends[-1], "a frame ends in the read that completed it"
        walls_us = (reads.wall_ns // 1000).astype(np.int64)
        # A frame came when the read came that completed it.
        whole = np.searchsorted(read.starts[1:], ends, side="right")
        times_us = np.repeat(walls_us, np.diff(whole, prepend=0))
        self._unasked(read, times_us, self.line)
        if read.hello is not None and self.line.session is not None:
            at = read.greeting - 1
            row = opened_row(self.line.session, read.hello)
            self._events.framed("sessions", int(times_us[at]), read.first_seq + at, row)
        if self.line.context.server_version is not None and len(read) > read.greeting:
            heard = whole - read.greeting, walls_us
            self._decode(read, times_us, self.line, heard)
        self.gaps.heard(int(walls_us[-1]), self.line.seq)

    def _unasked(self, read: Read, times_us: npt.NDArray[np.int64], line: Line) -> None:
        """Keep frames that came where the gateway's hello was awaited: nobody knows what they mean."""
        count = len(read) if line.context.server_version is None else read.greeting - (read.hello is not None)
        for frame in range(count):
            payload = read.payload(frame)
            row = {"message_id": message_id(payload), "reason": "came before the gateway's hello", "frame": payload}
            self._events.framed("undecoded", int(times_us[frame]), read.first_seq + frame, row)

    def _decode(self, read: Read, times_us: npt.NDArray[np.int64], line: Line, heard: Heard) -> None:
        batch = decode(read.data, read.starts[read.greeting :], line.context)
        times_us, first_seq = times_us[read.greeting :], read.first_seq + read.greeting
        for name in {rows.table for rows in batch.rows}:
            parts = [self._table(rows, times_us, first_seq) for rows in batch.rows if rows.table == name]
            before = self._tables.setdefault(name, [])
            rows, counts = self._restorer.restore(name, in_order(parts), before)
            before.append(rows)
            for gap_id, count in counts.items():
                self.gaps.restored(gap_id, count)
        for request_id in batch.answered:
            self._restorer.over(request_id)
        self._follow_gaps(batch, times_us, first_seq, line, heard)
        for frame, decoded in batch.messages:
            for table, row in message_rows(decoded, line.context):
                self._events.framed(table, int(times_us[frame]), first_seq + frame, row)
        for frame, payload, reason in batch.bad:
            row = {"message_id": message_id(payload), "reason": reason, "frame": payload,
                   "server_version": line.context.server_version}
            self._events.framed("undecoded", int(times_us[frame]), first_seq + frame, row)
        for name, count in batch.extra.items():
            self._unframed("notices", note_row({"note": f"{count} frames of {name} had fields beyond the known ones"}))

    def _follow_gaps(
        self, batch: Batch, times_us: npt.NDArray[np.int64], first_seq: int, line: Line, heard: Heard
    ) -> None:
        """Tell the gaps of rows and errors, in the order in which they came.

        While a stream is suspected, read by read: how much is decoded at once must not decide what is a gap.
        """
        requests = line.context.requests

        def rows(begin: int, end: int) -> None:
            for frames, ts_us in _between(heard, begin, end):
                if not self.gaps.suspected:
                    break
                self.gaps.rows(seen(batch.rows, begin, frames, times_us, first_seq), requests)
                self.gaps.judge(ts_us, first_seq + frames - 1)
                begin = frames
            self.gaps.rows(seen(batch.rows, begin, end, times_us, first_seq), requests)

        begin = 0
        for frame, decoded in batch.messages:
            if decoded.name == "error":
                rows(begin, frame)
                begin = frame
                self._error(decoded.values, line, int(times_us[frame]), first_seq + frame)
            elif (request := line.context.request_of(decoded)) and request.stream in ACCOUNT_STREAMS:
                came = Seen.alone(int(times_us[frame]), first_seq + frame)
                self.gaps.rows({request.request_id: came}, requests)
        rows(begin, len(times_us))

    def _error(self, values: dict[str, Any], line: Line, ts_us: int, seq: int) -> None:
        request = line.context.requests.get(values["request_id"] or 0)
        self.gaps.notice(values["code"] or 0, request, values["message"], ts_us, seq)
        if request is not None and request.stream == HISTORY:
            self._restorer.over(request.request_id)

    def _table(self, rows: Rows, times_us: npt.NDArray[np.int64], first_seq: int) -> pa.Table:
        table = TABLES[rows.table]
        count = len(rows.frames)
        assert len(rows.places) == count, "each row has a frame, and a place among those of the frame"
        assert count == 0 or (rows.frames[0] <= rows.frames[-1] and rows.places.max() < FIRST_EVENT_ROW)
        received = pa.array(times_us[rows.frames]).cast(TIMESTAMP)
        columns = rows.columns | {
            "ts": _place_in_time(received, rows.columns),
            "seq": pa.array(rows.frames + first_seq),
            "row": pa.array(rows.places),
            "recorder": constant(self.recorder, count),
        }
        arrays = [columns.get(c.name) for c in table.columns]
        filled = [array if array is not None else pa.nulls(count, c.type)
                  for array, c in zip(arrays, table.columns, strict=True)]
        return pa.table(filled, names=[c.name for c in table.columns])


def _disagreements(reached: Line, told: Line) -> tuple[str, ...]:
    """Return in which respects a line, as decoding left it, is not the one that a mark tells of."""
    pairs = {
        "number of frames": (reached.seq, told.seq),
        "unfinished frame": (reached.pending, told.pending),
        "session": (reached.session, told.session),
        "server version": (reached.context.server_version, told.context.server_version),
        "open requests": (_open_requests(reached, reached), _open_requests(told, reached)),
    }
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)


def _open_requests(line: Line, reached: Line) -> list[Request]:
    # Those that are over leave the marks after a while; of those in doubt, recorders of other versions think otherwise.
    doubted = {request.request_id for request in reached.context.requests.values() if request.doubted}
    return [request for request in line.context.requests.values()
            if request.marks_since_end is None and request.request_id not in doubted]


def _between(heard: Heard, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the reads that ended among some frames: up to which frame, and when."""
    frames, walls_us = heard
    a, b = np.searchsorted(frames, begin), np.searchsorted(frames, end, side="right")
    yield from zip(frames[a:b].tolist(), walls_us[a:b].tolist(), strict=True)


def _place_in_time(received: pa.Array, columns: dict[str, pa.Array]) -> pa.Array:
    """Return receive times, or IB's event time for rows from its history."""
    if "ts_event" not in columns:
        return received
    backfilled = columns["origin"].indices.to_numpy() == BACKFILL_ORIGIN
    if not backfilled.any():
        return received
    return pc.if_else(pc.and_(pa.array(backfilled), pc.is_valid(columns["ts_event"])), columns["ts_event"], received)
