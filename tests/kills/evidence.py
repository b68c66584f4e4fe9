"""What a lake should hold, worked out from its tape with a dozen lines of its own, and what it holds."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.lake.layout import Layout
from capture.recorder.journal import KILLED
from capture.schemas import TABLES
from capture.tape import Kind, read_from, segments

# Messages of which each frame is one row: tick-by-tick by its kind (the third field), and both kinds of depth.
TICK_BY_TICK = b"99"
TABLE_OF_KIND = {b"1": "trades", b"2": "trades", b"3": "quotes", b"4": "midpoints"}
TABLE_OF_MESSAGE = {b"12": "depth", b"13": "depth"}
STREAMS = ("trades", "quotes", "midpoints", "ticks", "depth")

Row = dict[str, Any]


@dataclass
class Session:
    """A session on the tape: all bytes received in it, why it ended, and the numbers of its first and last frame."""

    received: bytes
    reason: str
    first_seq: int
    last_seq: int


class Evidence:
    """A lake's tape and files: `sessions`, the `frames` numbers that each table should hold, and its `files`."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.sessions: list[Session] = []
        self.frames: dict[str, list[int]] = defaultdict(list)
        self._read_tape()
        self.files = {name: stored(layout, name) for name in TABLES}

    def _read_tape(self) -> None:
        folder = self.layout.tape / "main"
        parts: list[bytes] = []
        seq = 0
        for record in read_from(folder, segments(folder)[0].first_mark):
            if record.kind == Kind.OPENED:
                parts = []
            elif record.kind == Kind.RECEIVED:
                parts.append(record.body)
            elif record.kind == Kind.CLOSED:
                received = b"".join(parts)
                last_seq = self._number(received, seq)
                self.sessions.append(Session(received, record.json()["reason"], seq + 1, last_seq))
                seq = last_seq

    def _number(self, received: bytes, seq: int) -> int:
        """Take note of the whole frames of a session, which follow frame `seq`; return the last one's number."""
        at = 0
        while (end := at + 4 + int.from_bytes(received[at : at + 4], "big")) <= len(received) and end > at + 4:
            seq += 1
            message, _, kind = received[at + 4 : end].split(b"\0", 3)[:3] if end - at > 12 else (b"", b"", b"")
            if table := TABLE_OF_KIND.get(kind) if message == TICK_BY_TICK else TABLE_OF_MESSAGE.get(message):
                self.frames[table].append(seq)
            at = end
        return seq

    @property
    def killed(self) -> list[Session]:
        return [session for session in self.sessions if session.reason == KILLED]

    def rows_of_frames(self, table: str) -> list[int]:
        """Return the frame numbers of a table's rows that came live, one to a frame, in order."""
        rows = self.files[table]
        rows = rows.filter(pc.not_equal(rows["origin"], "backfill"))
        if table == "depth":  # a reset comes from an error message
            rows = rows.filter(pc.not_equal(rows["operation"], "reset"))
        found: list[int] = rows["seq"].to_pylist()
        return sorted(found)

    def repeated(self, table: str) -> int:
        """Return how many rows of a table bear another row's name: recorder, seq and row."""
        rows = self.files[table].select(["recorder", "seq", "row"])
        different: int = rows.group_by(rows.column_names).aggregate([]).num_rows
        return int(rows.num_rows) - different

    def opened_gaps(self) -> Counter[tuple[str, str, int]]:
        """Return stream, symbol and frame number at which each gap opened, of those that a kill caused."""
        return Counter(place(gap) for gap in self.gaps() if gap["reason"] == KILLED)

    def gaps(self) -> list[Row]:
        """Return the row with which each gap was opened."""
        rows: list[Row] = self.files["gaps"].to_pylist()
        return [row for row in rows if row["state"] == "open"]

    def broken(self) -> set[tuple[str, str, int]]:
        """Return stream, symbol and last frame number for each killed session that had rows of a stream."""
        return {(stream, symbol, session.last_seq)
                for name in STREAMS
                for session in self.killed
                for stream, symbol in self._flowing(name, session)}  # fmt: skip

    def _flowing(self, table: str, session: Session) -> list[tuple[str, str]]:
        rows = self.files[table]
        seqs = rows["seq"]
        inside = pc.and_(pc.greater_equal(seqs, session.first_seq), pc.less_equal(seqs, session.last_seq))
        live = rows.filter(pc.and_(inside, pc.not_equal(rows["origin"], "backfill"))).select(["stream", "symbol"])
        return [tuple(row.values()) for row in live.group_by(live.column_names).aggregate([]).to_pylist()]


def place(gap: Row) -> tuple[str, str, int]:
    """Return stream, symbol and the number of the frame at which a gap opened, which its name ends with."""
    return gap["stream"], gap["symbol"], int(gap["gap_id"].rpartition(".")[2])


def stored(layout: Layout, table: str) -> pa.Table:
    """Return what the files of a table hold."""
    paths = sorted(layout.live(table).glob("date=2*/*.parquet"))
    parts = [pq.read_table(path, partitioning=None) for path in paths]
    return pa.concat_tables(parts) if parts else TABLES[table].schema.empty_table()
