"""What history restores: its rows without those that were captured, as multisets per whole second (D48).

IB's history has whole seconds and no ids, and equal prints are real. So each row of an answer is paired with at most
one equal row that was captured before the answer began, by any subscription or any earlier answer, and only what finds
no partner is a restored row. Asking for the same seconds twice restores nothing twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES, TIMESTAMP
from capture.times import SECOND_US

NO_TIME = -1  # in place of a time that could not be read
HISTORY = "history"

# Table -> what makes two rows of the same instrument and second equal.
KEYS = {table.name: table.equal_by for table in TABLES.values() if table.equal_by}
# What of a row has to be known to pair it.
NEEDED = {name: [*keys, "seq", "row", "instrument_id", "stream", *(["form"] if name == "bars" else [])]
          for name, keys in KEYS.items()}  # fmt: skip

_ROWS_OF_A_FRAME = 1 << 24

# Rows of a table that were stored before, given table, instrument and first and last second; more does no harm.
Captured = Callable[[str, int, datetime, datetime], Iterable[pa.Table]]


def missing(history: pa.Table, captured: pa.Table, keys: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which rows of `history` have no partner among `captured`: of n equal rows, all but the first m.

    m is how many equal rows were captured. Nulls are equal to nulls.
    """
    groups = np.zeros(len(history) + len(captured), np.int64)
    for name in keys:
        column = pa.chunked_array([*_plain(history[name]).chunks, *_plain(captured[name]).chunks])
        codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy().astype(np.int64)
        groups = np.unique(groups * (codes.max(initial=0) + 1) + codes, return_inverse=True)[1]
    wanted, there = groups[: len(history)], groups[len(history) :]
    counts = np.bincount(there, minlength=int(groups.max(initial=0)) + 1)
    order = np.argsort(wanted, kind="stable")
    grouped = wanted[order]
    ranks = np.empty(len(history), np.int64)
    ranks[order] = np.arange(len(history)) - np.searchsorted(grouped, grouped)
    lacking: npt.NDArray[np.bool_] = ranks >= counts[wanted]
    return lacking


@dataclass(slots=True)
class Fill:
    """What a request to IB's history is for, as its note on the tape says; `gap_id` is None where it fills no gap.

    Rows of the seconds from `from_s` to `to_s`, both included, are wanted; what else the answer holds is surplus. A row
    whose time cannot be read is wanted too: it may be of these seconds (D53).
    """

    from_s: int
    to_s: int
    gap_id: str | None = None


@dataclass(slots=True)
class Answer:
    """An answer of which more frames are to come: where it began, and its rows of the last second so far, all of them.

    The rows are kept because the next frame may go on in that second (D50).
    """

    first_seq: int
    table: str = ""
    rows: pa.Table | None = None


@dataclass(slots=True)
class Restorer:
    """Takes from answers of IB's history what was captured before. `captured` finds rows that are in files.

    Request ids are those of the present session.
    """

    captured: Captured
    fills: dict[int, Fill] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)

    def asked(self, note: dict[str, Any]) -> None:
        """Take the note that says what a request is for."""
        self.fills[note["request_id"]] = Fill(note["from"], note["to"], note.get("gap_id"))

    def over(self, request_id: int) -> None:
        """Take note that a request is answered, or refused."""
        self.fills.pop(request_id, None)
        self.answers.pop(request_id, None)

    def session_ended(self) -> None:
        """Take note that all requests died."""
        self.fills.clear()
        self.answers.clear()

    def restore(self, name: str, rows: pa.Table, before: list[pa.Table]) -> tuple[pa.Table, dict[str, int]]:
        """Return rows of a table, in the order of arrival, without those of history that were captured before.

        `before` are rows that came earlier and are in no file yet. Also returns how many rows each gap got back.
        """
        counts: dict[str, int] = {}
        if name not in KEYS or not _may_hold(rows["stream"], HISTORY):
            return rows, counts
        history = pc.equal(_plain(rows["stream"]), HISTORY).fill_null(False).to_numpy()
        if not history.any():
            return rows, counts
        kept = np.ones(len(rows), np.bool_)
        seqs, ids = rows["seq"].to_numpy(), rows["request_id"].to_numpy()
        for seq in np.unique(seqs[history]).tolist():
            index = np.flatnonzero(seqs == seq)
            request_id = int(ids[index[0]])
            answer = self.answers.setdefault(request_id, Answer(seq, name))
            frame = rows.take(pa.array(index)).select(NEEDED[name])
            earlier = seqs < answer.first_seq
            known = [*before, rows.filter(pa.array(kept & earlier))] if earlier.any() else before
            kept[index] = self._frame(answer, frame, self.fills.get(request_id), known)
            if (fill := self.fills.get(request_id)) and fill.gap_id:
                counts[fill.gap_id] = counts.get(fill.gap_id, 0) + int(kept[index].sum())
        return rows.filter(pa.array(kept)), counts

    def as_json(self) -> dict[str, Any]:
        """Return the state as plain values."""
        fills = {str(id_): [fill.from_s, fill.to_s, fill.gap_id] for id_, fill in self.fills.items()}
        answers = {str(id_): [answer.first_seq, answer.table, _as_json(answer)] for id_, answer in self.answers.items()}
        return {"fills": fills, "answers": answers}

    def resume(self, state: dict[str, Any]) -> None:
        """Take on the state that `as_json` gave."""
        self.fills = {int(id_): Fill(*fill) for id_, fill in state["fills"].items()}
        self.answers = {int(id_): Answer(first_seq, table, _from_json(table, rows))
                        for id_, (first_seq, table, rows) in state["answers"].items()}  # fmt: skip

    def _frame(
        self, answer: Answer, frame: pa.Table, fill: Fill | None, before: list[pa.Table]
    ) -> npt.NDArray[np.bool_]:
        """Return which rows of a frame are restored ones, and remember its last second."""
        carried = 0 if answer.rows is None else len(answer.rows)
        whole = pa.concat_tables([_as_plain(part) for part in (answer.rows, frame) if part is not None])
        times = whole["ts_event"].cast(pa.int64()).fill_null(NO_TIME).to_numpy()
        wanted = np.ones(len(whole), np.bool_)
        if fill is not None:
            wanted = (times == NO_TIME) | ((times >= fill.from_s * SECOND_US) & (times < (fill.to_s + 1) * SECOND_US))
        answer.rows = whole.filter(pa.array(times == times[-1]))
        captured = self._captured(answer, whole, before)
        found = (missing(whole, captured, KEYS[answer.table]) & wanted)[carried:]
        assert len(found) == len(frame), "each row of a frame is restored or not"
        return found

    def _captured(self, answer: Answer, whole: pa.Table, before: list[pa.Table]) -> pa.Table:
        """Return what was captured of an instrument before an answer began, in the seconds of some of its rows."""
        name, instrument_id = answer.table, whole["instrument_id"][0].as_py()
        bounds = pc.min_max(whole["ts_event"]).as_py()
        if bounds["min"] is None or instrument_id is None:
            return whole.schema.empty_table()
        stored = self.captured(name, instrument_id, bounds["min"], bounds["max"])
        parts = [_of_interest(part, name, instrument_id, bounds, answer.first_seq) for part in (*before, *stored)]
        rows = pa.concat_tables([whole.schema.empty_table(), *parts])
        # A row may be found more than once: in a day's file and in those it was made from, in a file and just decoded.
        places = rows["seq"].to_numpy() * _ROWS_OF_A_FRAME + rows["row"].to_numpy()
        rows = rows.take(pa.array(np.unique(places, return_index=True)[1]))
        streams = _plain(rows["stream"])
        if name == "trades" and pc.any(pc.equal(streams, "all_last")).as_py():
            # Of a trade that came by both, it counts once: all_last has every one that last has.
            rows = rows.filter(pc.not_equal(streams, "last"))
        return rows


def nothing_stored(_table: str, _instrument_id: int, _first: datetime, _last: datetime) -> list[pa.Table]:
    """Return no rows: of a lake without files."""
    return []


def _of_interest(
    part: pa.Table, name: str, instrument_id: int, bounds: dict[str, datetime], first_seq: int
) -> pa.Table:
    times = part["ts_event"]
    mask = pc.and_(pc.equal(part["instrument_id"], instrument_id), pc.less(part["seq"], first_seq))
    mask = pc.and_(mask, pc.and_(pc.greater_equal(times, bounds["min"]), pc.less_equal(times, bounds["max"])))
    if name == "bars":  # one that is still in the making is not captured yet
        mask = pc.and_(mask, pc.not_equal(_plain(part["form"]), "update"))
    return _as_plain(part.select(NEEDED[name]).filter(mask))


def _may_hold(column: pa.ChunkedArray, word: str) -> bool:
    """Return whether a row may have a word, by the dictionaries of the column."""
    return not pa.types.is_dictionary(column.type) or any(word in each.dictionary.to_pylist() for each in column.chunks)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _as_plain(part: pa.Table) -> pa.Table:
    return pa.table([_plain(column) for column in part.columns], names=part.column_names)


def _as_json(answer: Answer) -> list[dict[str, Any]]:
    rows = answer.rows.to_pylist() if answer.rows is not None else []
    return [row | {"ts_event": row["ts_event"] and int(row["ts_event"].timestamp())} for row in rows]


def _from_json(name: str, rows: list[dict[str, Any]]) -> pa.Table | None:
    if not rows:
        return None
    rows = [row | {"ts_event": row["ts_event"] and datetime.fromtimestamp(row["ts_event"], UTC)} for row in rows]
    schema = pa.schema([(c, TIMESTAMP if c == "ts_event" else TABLES[name].column(c).type) for c in NEEDED[name]])
    return pa.Table.from_pylist(rows, schema=schema)
