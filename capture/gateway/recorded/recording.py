"""A recording as a feed: whatever a gateway could be asked, out of a lake, up to the moment that is played."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.feed import Notice, fed_what
from capture.lake.layout import EMPTY_DATE, day_folders
from capture.query import LakeReader
from capture.times import DAY_US, SECOND_US
from capture.wanted.instrument import InstrumentError, parse_instrument

from .bars import BarMaker
from .books import Books
from .breaks import Breaks
from .catalog import FOREVER_US, SOURCES, Catalog
from .contracts import Contracts
from .fine_bars import BARS_OF, slack
from .growth import MARKET, OF_LINE, Growth
from .level1 import Level1
from .line import LineNotices
from .store import LONGEST_BAR_US, Series, Store, day, empty

BEGINNING = ("instruments", *(table for table in MARKET if table != "bars"))
MADE_OF = {  # what may stand for a stream that was not recorded
    "ticks": ("ticks", "quotes", "all_last"),
    "midpoints": ("midpoints", "quotes"),
}
LOOK_BACK_US = 60 * SECOND_US  # for the quote before a range
_OF_MADE_MIDPOINTS = ["ts", "seq", "row", "instrument_id", "ts_event", "price"]


class RecordingError(ValueError):
    """There is nothing to play as asked; the text says what there is."""


class Recording:
    """What a lake holds, to be played by a gateway; see `capture.gateway.feed.Feed`.

    `recorder` is whose tape is played, else of several that have a stream the first by name; `instruments` narrows it
    down, by words as for recording, local symbols or contract ids. `by_event`: what came late is played when it
    happened, by IB's time (see `lake.replay`). Several threads may ask. Raises RecordingError for a recorder or an
    instrument that is not there, and for a lake without market data. It goes from `begin_us` to `end_us`.

    One that `grows` takes in what comes to the lake, each time that `grow` is called. By event nothing can grow: what
    came late would be of a time that is over.
    """

    def __init__(self, lake: LakeReader, recorder: str | None = None, instruments: Sequence[str] = (),
                 by_event: bool = False, grows: bool = False) -> None:  # fmt: skip
        assert not (grows and by_event), "what came late would be of a time that is over"
        self._store = Store(lake)
        self._lake = lake
        if recorder is not None and recorder not in lake.layout.recorders():
            raise RecordingError(f"no recorder here is named {recorder!r}; there are: "
                                 f"{', '.join(lake.layout.recorders())}")  # fmt: skip
        self._growth = Growth(lake.layout, recorder) if grows else None
        if self._growth is not None:
            self._store.take({}, self._growth.places, self._growth.known_us)
        self.begin_us, self.end_us = self._edges()
        if self._growth is not None:
            self.end_us = self._growth.known_us
        # Bars that began before this moment are left out: a week's and a month's may have, and a trading day's.
        self.head_us = self.begin_us // DAY_US * DAY_US - LONGEST_BAR_US
        self._contracts = Contracts(self._store)
        if instruments:
            wanted = frozenset(con_id for word in instruments for con_id in self._named(word))
            self._contracts = Contracts(self._store, wanted)
        self._catalog = Catalog(self._store, recorder, by_event)
        self._level1 = Level1(self._store, self._catalog)
        self._books = Books(self._store, self._catalog)
        self._bars = BarMaker(self._store, self._catalog, self._contracts)
        self._breaks = Breaks(self._store, self._catalog)
        self._line = LineNotices(self._store, recorder, grows)
        self._line_moved = False
        self.ticks = self._level1.ticks
        self.greeks = self._level1.greeks
        self.bars = self._bars.bars
        self.closed_bars = self._bars.closed_bars
        self.bar_updates = self._bars.bar_updates
        self.breaks = self._breaks.of
        self.notices = self._line.between

    def grow(self) -> int:
        """Take in what came, and return the moment before which all is known now.

        Raises QueryError, TapeError and OSError where something cannot be read: call it again.
        """
        assert self._growth is not None, "only a recording that grows can take something in"
        before_us = self._growth.known_us
        came = self._growth.poll()
        if "instruments" in came:
            self._contracts.take(came["instruments"])
        if "subscriptions" in came:
            self._catalog.take(came["subscriptions"])
        market = {table: rows for table, rows in came.items() if table in MARKET}
        self._store.take(market, self._growth.places, self._growth.known_us)
        if any(_earliest_us(rows) < before_us // DAY_US * DAY_US for rows in market.values()):
            self._bars.forget()
        self._line_moved |= any(table in came for table in OF_LINE)
        if "gaps" in came or "ticks" in came:
            self._breaks.forget()
        if self._line_moved:
            self._line.look(before_us)
            self._line_moved = False
        self.end_us = self._growth.known_us
        return self.end_us

    def first_us(self, con_id: int, what: str, at_us: int) -> int | None:
        """Return the earliest moment with data of a kind, None where there is none before `at_us`."""
        what = "TRADES" if what == "ADJUSTED_LAST" else what
        kinds = (kind for kind in self._catalog.bar_kinds(con_id) if fed_what(kind.what) == what)
        found = [self._catalog.bar_series(con_id, kind) for kind in kinds]
        found += [self._catalog.series(con_id, stream) for stream, _ in BARS_OF.get(what, ())]  # of a schedule nothing
        firsts = [first_us for series in found if series is not None
                  if (first_us := self._first_us(series, at_us)) is not None]  # fmt: skip
        return min(firsts, default=None)

    def market_rule(self, rule_id: int, at_us: int) -> Sequence[tuple[float, float]] | None:
        """Return the price step of the instruments that name a rule: the rules themselves are not in the tables."""
        for con_id in sorted(self._contracts.con_ids):
            details = self._contracts.at(con_id, at_us)
            if details is not None and str(rule_id) in details["market_rule_ids"].split(","):
                return [(0.0, details["min_tick"])]
        return None

    def find(self, at_us: int, **contract: Any) -> list[dict[str, Any]]:
        """Return the fields of message 10 for every recorded instrument that a contract may mean."""
        return self._contracts.find(at_us, contract)

    def has_options(self, con_id: int, at_us: int) -> bool:
        """Return whether options on an instrument were recorded."""
        return any(option["under_con_id"] == con_id for option in self.find(at_us, sec_type="OPT"))

    def offers(self, con_id: int, stream: str) -> bool:
        """Return whether a stream was recorded, or can be made of what was."""
        if stream == "bars":
            return self._bars.offers(con_id)
        found = [series for source in MADE_OF.get(stream, (stream,))
                 if (series := self._catalog.series(con_id, source)) is not None]  # fmt: skip
        if found:
            self._store.expect(found[0])
        return bool(found)

    def data_type(self, con_id: int) -> int:
        """Return IB's number of the market data type in which level 1 was recorded."""
        return self._catalog.data_type(con_id)

    def standing(self, at_us: int) -> Iterable[Notice]:
        """Return what was wrong with IB's line and farms at a moment."""
        return self._line.standing(at_us)

    # Ticks

    def trades(self, con_id: int, from_us: int, to_us: int, reported_only: bool = False) -> pa.Table:
        """Return every recorded trade, or those that moved the last price."""
        rows = self._rows("last" if reported_only else "all_last", con_id, from_us, to_us)
        return rows.filter(pc.invert(rows["unreported"])) if reported_only else rows

    def quotes(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every recorded change of the best bid and ask."""
        return self._rows("quotes", con_id, from_us, to_us)

    def midpoints(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every recorded change of the midpoint, or those that the quotes made."""
        if self._catalog.series(con_id, "midpoints") is not None:
            return self._rows("midpoints", con_id, from_us, to_us)
        quotes = self._rows("quotes", con_id, from_us - LOOK_BACK_US, to_us)
        middle = (quotes["bid_price"].to_numpy() + quotes["ask_price"].to_numpy()) / 2
        changed = (np.diff(middle, prepend=np.nan) != 0) & ~np.isnan(middle)
        wanted = changed & (quotes["ts"].cast(pa.int64()).to_numpy() >= from_us)
        prices = pa.array(np.nan_to_num(middle))
        made = pa.concat_tables([empty("midpoints"), quotes.append_column("price", prices).select(_OF_MADE_MIDPOINTS)],
                                promote_options="default")  # fmt: skip
        return made.filter(pa.array(wanted))

    def past(self, table: str, con_id: int, from_us: int, to_us: int, known_us: int) -> pa.Table:
        """Return trades, quotes or midpoints whose `ts_event` is in the range, in its order; known by `known_us`."""
        slack_us = slack(self._store, table, from_us, to_us)
        begin_us = from_us - slack_us
        rows: pa.Table = getattr(self, table)(con_id, begin_us, max(min(to_us + slack_us, known_us), begin_us))
        event_us = rows["ts_event"].cast(pa.int64()).fill_null(-1).to_numpy()
        there = np.flatnonzero((event_us >= from_us) & (event_us < to_us))
        return rows.take(pa.array(there[np.argsort(event_us[there], kind="stable")]))

    def _rows(self, stream: str, con_id: int, from_us: int, to_us: int) -> pa.Table:
        series = self._catalog.series(con_id, stream)
        return empty(SOURCES[stream][0]) if series is None else self._store.rows(series, from_us, to_us)

    # Books

    def book(self, con_id: int, at_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the recorded book just before a moment as inserts."""
        series = self._catalog.series(con_id, "smart_depth" if smart else "depth")
        return empty("depth") if series is None else self._books.book(series, at_us, rows)

    def depth(self, con_id: int, from_us: int, to_us: int, rows: int, smart: bool) -> pa.Table:
        """Return the recorded operations of a book, and a reset wherever the recorder began it anew."""
        series = self._catalog.series(con_id, "smart_depth" if smart else "depth")
        return empty("depth") if series is None else self._books.depth(series, from_us, to_us, rows)

    # What there is

    def _first_us(self, series: Series, at_us: int) -> int | None:
        rows = series.rows([series.con_id], self.head_us, at_us)
        first = "ts" if series.bars is None else "ts_event"  # a bar is from its start on
        found = self._store.query(f'select epoch_us(min({first})) as first from {rows}')
        first_us: int | None = found["first"][0].as_py()
        return first_us

    def _named(self, word: str) -> Iterator[int]:
        """Yield the contract ids that a word names."""
        known = [details for con_id in sorted(self._contracts.con_ids)
                 if (details := self._contracts.at(con_id, FOREVER_US)) is not None]  # fmt: skip
        found = [one["con_id"] for one in known if word == one["local_symbol"]]
        if not found:
            found = [one["con_id"] for one in self._meant(word)]
        if not found:
            there = ", ".join(sorted(one["local_symbol"] for one in known)) or "none"
            raise RecordingError(f"{word!r} was not recorded; recorded instruments: {there}")
        yield from found

    def _meant(self, word: str) -> list[dict[str, Any]]:
        try:
            contract = parse_instrument(word).contract.values()
        except InstrumentError:
            return []
        return self._contracts.find(FOREVER_US, contract)

    def _edges(self) -> tuple[int, int]:
        """Return the first moment with market data, and the one after the last."""
        layout = self._lake.layout
        folders = {on for table in ("instruments", *MARKET)
                   for of in (layout.live(table), layout.archive(table)) for on in day_folders(of)}  # fmt: skip
        last_heard = day(int(self._lake.heard_s() * SECOND_US)).isoformat()  # what is in no file yet
        days = sorted((folders | {last_heard}) - {EMPTY_DATE})
        # Bars alone may be from IB's history of long before; where nothing else is there, they are what is played.
        firsts = (self._edge("min", on, tables) for tables in (BEGINNING, MARKET) for on in days)
        lasts = (self._edge("max", on, MARKET) for on in reversed(days))
        first_us, last_us = (next((one for one in edges if one is not None), None) for edges in (firsts, lasts))
        if first_us is None or last_us is None:
            raise RecordingError(f"the lake at {layout.root} holds no market data to play")
        return first_us, last_us + 1

    def _edge(self, function: str, on: str, tables: Sequence[str]) -> int | None:
        parts = " union all ".join(f"select {function}(ts) as ts from {table} where date = date '{on}'"
                                   for table in tables)  # fmt: skip
        found = self._store.query(f"select epoch_us({function}(ts)) as edge from ({parts})")
        edge: int | None = found["edge"][0].as_py()
        return edge


def _earliest_us(rows: pa.Table) -> int:
    """Return the earliest moment that rows came at or are about."""
    names = [name for name in ("ts", "ts_event") if name in rows.column_names]
    firsts: list[int | None] = [pc.min(rows[name].cast(pa.int64())).as_py() for name in names]
    return min(first for first in firsts if first is not None)
