"""The lives of order books: since when a book says how the market stood, and from when on it does not (D95).

A request for depth begins an empty book, and so does IB's 317 on it; what follows are operations of that request. A
life ends with the next one, when the request is cancelled or dies, and with the session. A gap breaks it: what was
missed were operations, and every position after them may be wrong. So a broken book stays so, though rows of it go on
to come, until the next life begins; the same goes for a frame of depth that could not be decoded, and damage of the
tape.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from capture.functions.books import MOST_POSITIONS, STREAMS, events

__all__ = ["EVENTS", "NEVER_US", "STREAMS", "Break", "History", "Key", "Life", "histories"]

NEVER_US = np.iinfo(np.int64).max
# Of some instruments or all, in order.
EVENTS = f"""
with wanted as (
    select unnest($symbols) as symbol
    union select t.symbol from subscriptions t where $everything or t.instrument_id in (select unnest($ids))
), happened as ({events("t.symbol in (from wanted)")})
select * from happened order by recorder, seq, "row"
"""


class Key(NamedTuple):
    """Whose books one after the other."""

    symbol: str
    instrument_id: int | None
    recorder: str
    stream: str


@dataclass(frozen=True, slots=True)
class Life:
    """A book from its beginning, empty, to its end. Times are microseconds UTC; rows of it come after `begin_seq`.

    Each side has at most `rows` levels: so many were asked for.
    """

    request_id: int
    rows: int
    begin_us: int
    begin_seq: int
    end_us: int = NEVER_US
    end_seq: int = NEVER_US
    end_reason: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A gap: noticed after the frame `seq`, and the last moment at which the book was whole."""

    seq: int
    last_us: int
    reason: str


@dataclass(slots=True)
class History:
    """All lives of the books of one key, in order, and what broke them."""

    lives: list[Life]
    breaks: list[Break]

    def broken(self, first_seq: int) -> Break:
        """Return what breaks a life whose first row is of this frame; a gap noticed before ended with that row."""
        after = [one for one in self.breaks if one.seq >= first_seq]
        return min(after, key=lambda one: one.last_us, default=Break(NEVER_US, NEVER_US, ""))


def histories(found: Iterable[dict[str, Any]]) -> dict[Key, History]:
    """Return the books by key, of the rows that EVENTS gives, times as microseconds."""
    rows = list(found)
    keys = dict.fromkeys(_key(row) for row in rows if row["event"] == "begin")
    return {key: _history(row for row in rows if _concerns(row, key)) for key in sorted(keys, key=_order)}


def _order(key: Key) -> tuple[str, int, str, str]:
    return key._replace(instrument_id=-1 if key.instrument_id is None else key.instrument_id)  # type: ignore[return-value]


def _key(row: dict[str, Any]) -> Key:
    return Key(*(row[name] for name in Key._fields))


def _concerns(row: dict[str, Any], key: Key) -> bool:
    return row["recorder"] == key.recorder and (row["stream"] is None or _key(row) == key)


def _history(rows: Iterable[dict[str, Any]]) -> History:
    found = History([], [])
    most = MOST_POSITIONS
    for row in rows:
        if row["event"] == "begin":
            _end(found, row, "")
            most = row["rows"] or most  # a book that is reset is of the same request
            found.lives.append(Life(row["request_id"], most, row["ts"], row["seq"]))
        elif row["event"] == "gap":
            found.breaks.append(Break(row["seq"], row["ts"], row["reason"]))
        elif found.lives and row["request_id"] in (None, found.lives[-1].request_id):
            _end(found, row, row["reason"] or row["event"])
    return found


def _end(found: History, row: dict[str, Any], reason: str) -> None:
    if found.lives and found.lives[-1].end_us == NEVER_US:
        found.lives[-1] = replace(found.lives[-1], end_us=row["ts"], end_seq=row["seq"], end_reason=reason)
