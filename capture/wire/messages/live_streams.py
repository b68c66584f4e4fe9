"""The live streams of market data that IB has: each with its table and, where it is tick-by-tick, IB's words for it."""

from typing import NamedTuple


class LiveStream(NamedTuple):
    """A stream that lasts until it is cancelled, and the table its rows belong to.

    `tick_kind` is what a tick-by-tick request calls it, and `what` what IB's history calls the same rows; both are None
    for other streams.
    """

    name: str
    table: str
    tick_kind: str | None = None
    what: str | None = None

    @property
    def has_history(self) -> bool:
        """Whether IB keeps history of the very same rows, and says when each happened."""
        return self.what is not None or self.table == "bars"


STREAMS = (
    LiveStream("all_last", "trades", "AllLast", "TRADES"),
    LiveStream("last", "trades", "Last", "TRADES"),
    LiveStream("quotes", "quotes", "BidAsk", "BID_ASK"),
    LiveStream("midpoints", "midpoints", "MidPoint", "MIDPOINT"),
    LiveStream("ticks", "ticks"),
    LiveStream("depth", "depth"),
    LiveStream("smart_depth", "depth"),
    LiveStream("bars", "bars"),
    LiveStream("live_bars", "bars"),
)

LIVE_STREAMS = frozenset(stream.name for stream in STREAMS)
TABLE_OF_STREAM = {stream.name: stream.table for stream in STREAMS}
TICK_KIND_OF_STREAM = {stream.name: stream.tick_kind for stream in STREAMS if stream.tick_kind is not None}
STREAM_OF_TICK_KIND = {kind: name for name, kind in TICK_KIND_OF_STREAM.items()}
WHAT_OF_STREAM = {stream.name: stream.what for stream in STREAMS if stream.what is not None}
# Of several streams that history has as one, the first.
STREAM_OF_WHAT: dict[str, str] = {}
for _name, _what in WHAT_OF_STREAM.items():
    STREAM_OF_WHAT.setdefault(_what, _name)
TABLE_OF_WHAT = {what: TABLE_OF_STREAM[name] for what, name in STREAM_OF_WHAT.items()}
# Of these IB keeps history, and says when each row happened: the very same.
WITH_HISTORY = frozenset(stream.name for stream in STREAMS if stream.has_history)


def streams_of(table: str) -> tuple[str, ...]:
    """Return the names of the streams that fill a table, the one that has most of its rows first."""
    return tuple(stream.name for stream in STREAMS if stream.table == table)
