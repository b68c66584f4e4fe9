"""What was recorded: for each instrument and stream, which rows stand for it and when their requests were made."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from capture.times import microseconds
from capture.wire.messages.bar_sizes import BAR_SIZES_S as SIZES_S
from capture.wire.messages.data_types import DATA_TYPE_NUMBERS
from capture.wire.messages.live_streams import TABLE_OF_WHAT

from .store import Bars, Series, Store

T = TypeVar("T")

HISTORY = "history"
# Stream that a client asks for -> table, and the recorded streams that stand for it, the first there is. IB's history,
# which fills gaps, belongs to each that IB keeps history of.
SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "all_last": ("trades", ("all_last", "last", HISTORY)),
    "last": ("trades", ("last", "all_last", HISTORY)),
    "quotes": ("quotes", ("quotes", HISTORY)),
    "midpoints": ("midpoints", ("midpoints", HISTORY)),
    "ticks": ("ticks", ("ticks",)),
    "greeks": ("greeks", ("ticks",)),
    "depth": ("depth", ("depth",)),
    "smart_depth": ("depth", ("smart_depth",)),
}
BAR_STREAMS = ("bars", "live_bars", HISTORY)
DEFAULT_ROWS = 10
FOREVER_US = 4_000_000_000_000_000  # in the year 2096

EVENTS = ("requested", "refused", "data_type")
_ASKED = f"""
select recorder, instrument_id, stream, event, request_id, seq, "row", ts, parameters, data_type
from subscriptions where event in {EVENTS} order by recorder, seq, "row"
"""


@dataclass(frozen=True, slots=True)
class Start:
    """A request: the last frame before it, its moment, and how many rows of a book it asked for."""

    seq: int
    ts_us: int
    rows: int


@dataclass(slots=True)
class Stream:
    """A recorded stream: its requests, and how many of them were refused."""

    starts: list[Start] = field(default_factory=list)
    refused: int = 0


Key = tuple[int, str, Bars | None, str]  # instrument, table, kind of bars, stream


class Catalog:
    """Knows what can be played. Of several recorders that have a stream the first by name is played, or `recorder`.

    `by_event`: what came late is played when it happened. What once stands for a stream does so for good, whoever else
    begins to record it.
    """

    def __init__(self, store: Store, recorder: str | None = None, by_event: bool = False) -> None:
        self._store, self._recorder_named, self._by_event = store, recorder, by_event
        self._streams: defaultdict[Key, dict[str, Stream]] = defaultdict(dict)
        self._by_id: dict[tuple[str, int], Stream] = {}
        self._data_types: dict[int, int] = {}
        self._standing: dict[Hashable, Series] = {}  # what stands for a stream for good
        self._remembered: dict[Hashable, Any] = {}
        self.take(store.there(store.query(_ASKED)))

    def take(self, subscriptions: pa.Table) -> None:
        """Take in rows of `subscriptions`, in the order of their tapes."""
        for row in subscriptions.to_pylist():
            wanted = row["event"] in EVENTS and row["instrument_id"] is not None
            if wanted and self._recorder_named in (None, row["recorder"]):
                self._take(row)
        self._remembered = {}  # another one: who works something out of before keeps it in that of before

    def remembered(self, what: Hashable, find: Callable[[], T]) -> T:
        """Return what is found, by what was found before where nothing was taken in since."""
        remembered = self._remembered
        if what not in remembered:
            remembered[what] = find()
        found: T = remembered[what]
        return found

    def data_type(self, con_id: int) -> int:
        """Return IB's number of the market data type in which level 1 was delivered last."""
        return self._data_types.get(con_id, 1)

    def starts(self, series: Series) -> list[Start]:
        """Return the requests that brought a series, in order."""
        return self.remembered(("starts", series), lambda: self._starts(series))

    def _starts(self, series: Series) -> list[Start]:
        keys = [(series.con_id, _asked_for(series.table), series.bars, stream) for stream in series.streams]
        found = [self._streams[key][series.recorder] for key in keys if series.recorder in self._streams.get(key, {})]
        return sorted((start for one in found for start in one.starts), key=lambda start: start.seq)

    def start_before(self, series: Series, at_us: int) -> Start | None:
        """Return the last request before a moment, or at it."""
        starts = self.starts(series)
        place = bisect_right([start.ts_us for start in starts], at_us)
        return starts[place - 1] if place else None

    def bar_kinds(self, con_id: int) -> set[Bars]:
        """Return the kinds of bars there are of an instrument."""
        return self.remembered(("bar_kinds", con_id), lambda: {
            kind for of, _, kind, _ in list(self._streams) if of == con_id and kind is not None})

    def series(self, con_id: int, stream: str) -> Series | None:
        """Return the rows that stand for a stream, None where there are none."""
        return self._stands((con_id, stream), lambda: self._find(con_id, stream))

    def bar_series(self, con_id: int, bars: Bars, streams: tuple[str, ...] = BAR_STREAMS) -> Series | None:
        """Return the rows of a kind of bars, None where there are none."""
        return self._stands((con_id, bars, streams), lambda: self._find_bars(con_id, bars, streams))

    def _stands(self, what: Hashable, find: Callable[[], Series | None]) -> Series | None:
        found = self._standing.get(what) or self.remembered(what, find)
        return None if found is None else self._standing.setdefault(what, found)

    def _find(self, con_id: int, stream: str) -> Series | None:
        table, sources = SOURCES[stream]
        for source in sources:
            recorder = self._recorder((con_id, _asked_for(table), None, source))
            if recorder is not None:
                streams = (source, HISTORY) if table in TABLE_OF_WHAT.values() and source != HISTORY else (source,)
                return Series(table, con_id, recorder, streams, by_event=self._by_event)
        return None

    def _find_bars(self, con_id: int, bars: Bars, streams: tuple[str, ...]) -> Series | None:
        for stream in streams:
            recorder = self._recorder((con_id, "bars", bars, stream))
            if recorder is not None:
                return Series("bars", con_id, recorder, tuple(dict.fromkeys((*streams, HISTORY))), bars,
                              beginnings=streams == BAR_STREAMS, by_event=self._by_event)  # fmt: skip
        return None

    def _recorder(self, key: Key) -> str | None:
        for recorder, stream in sorted(self._streams.get(key, {}).items()):
            if stream.refused < len(stream.starts) or self._has_rows(key, recorder):
                return recorder
        return None

    def _has_rows(self, key: Key, recorder: str) -> bool:
        """Return whether a stream that was refused each time had brought something before."""
        con_id, table, bars, stream = key
        series = Series(table, con_id, recorder, (stream,), bars)
        return len(self._store.query(f"select 1 from {series.rows([con_id], 0, FOREVER_US)} limit 1")) > 0

    def _take(self, row: dict[str, Any]) -> None:
        con_id, recorder, stream = row["instrument_id"], row["recorder"], row["stream"]
        if row["event"] == "data_type":
            self._data_types[con_id] = DATA_TYPE_NUMBERS.get(row["data_type"], 1)
        elif row["event"] == "refused":
            if (refused := self._by_id.get((recorder, row["request_id"]))) is not None:
                refused.refused += 1
        elif asked := _asked(stream, json.loads(row["parameters"] or "{}")):
            table, bars, rows = asked
            found = self._streams[con_id, table, bars, stream].setdefault(recorder, Stream())
            found.starts.append(Start(row["seq"], microseconds(row["ts"]), rows))
            self._by_id[recorder, row["request_id"]] = found


def _asked_for(table: str) -> str:
    """Return the table under which the request for a table's rows is known: greeks come with level 1."""
    return "ticks" if table == "greeks" else table


def _asked(stream: str, parameters: dict[str, Any]) -> tuple[str, Bars | None, int] | None:
    """Return the table that a request fills, its kind of bars, and the rows of its book; None for no such request."""
    what = parameters.get("what", "")
    if stream == HISTORY and parameters.get("request") == "req_historical_ticks":
        return (TABLE_OF_WHAT[what], None, 0) if what in TABLE_OF_WHAT else None
    if stream in BAR_STREAMS:
        bar_size = parameters.get("bar_size") or ("5 secs" if stream == "bars" else "")
        if bar_size not in SIZES_S:
            return None
        return "bars", Bars(bar_size, SIZES_S[bar_size], what, bool(parameters.get("regular_hours"))), 0
    if stream not in SOURCES:
        return None
    return SOURCES[stream][0], None, parameters.get("rows", DEFAULT_ROWS)
