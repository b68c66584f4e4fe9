"""The market of an instrument as events for the paper broker: quotes and trades of a stretch of time, in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.broker.exchange.displayed import NO_QUOTE, Level, Quote, Trade
from capture.gateway.broker.interest import Interest
from capture.gateway.feed import Break, Feed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
QUOTE, TRADE, BREAK, BACK = range(4)  # kinds of events; in a break the market is not seen, or does not trade
LOOK_BACK_US = 60_000_000  # for the quote and the trade before a stretch
BOOK_ROWS = 10
# Level 1 tick type -> column of a quote, live and delayed, where no quotes were recorded
QUOTE_TICKS = {1: "bid_price", 66: "bid_price", 2: "ask_price", 67: "ask_price",
               0: "bid_size", 69: "bid_size", 3: "ask_size", 70: "ask_size"}  # fmt: skip
LAST_PRICES = (4, 68)
QUOTE_COLUMNS = ("bid_price", "bid_size", "ask_price", "ask_size")
MIDDLE_IS_EXACT_TO = 1e-9  # sums of floats are not
FIRST = -1  # place in a recording of what comes before all rows of its moment

Key = tuple[int, int, int, int]  # moment, place in the recording and kind: what comes first happened first


@dataclass(frozen=True, slots=True)
class Lane:
    """What happens to an instrument from `from_us` to `to_us`, in order, and what stood before.

    Of each event `keys` are ts_us, seq and row, `kinds` what it is and `rows` its row among `quotes`, `trades` or
    `breaks`; `quote_rows` and `trade_rows` are those that stand from it on, -1 for none. Quotes and trades of a time
    before the stretch are among the rows, not among the events. `of_trades_only`: quotes are made of trades.
    """

    con_id: int
    from_us: int
    to_us: int
    keys: tuple[Ints, Ints, Ints]
    kinds: Ints
    rows: Ints
    quote_rows: Ints
    trade_rows: Ints
    quotes_us: Ints
    quotes: tuple[Floats, Floats, Floats, Floats]  # bid, bid size, ask, ask size
    trades_us: Ints
    trades: tuple[Floats, Floats]  # price, size
    exchanges: pa.ChunkedArray | None
    breaks: Sequence[Break]
    of_trades_only: bool

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def prices(self) -> Floats:
        """The prices of the trades of the stretch, in order."""
        return self.trades[0][self._old(self.trades_us) + 1 :]

    def key(self, place: int) -> Key:
        """Return when an event happens, and its place in the recording."""
        ts_us, seqs, rows = self.keys
        return int(ts_us[place]), int(seqs[place]), int(rows[place]), int(self.kinds[place])

    def place(self, at_us: int) -> int:
        """Return the place of the first event from a moment on."""
        return int(np.searchsorted(self.keys[0], at_us))

    def place_of(self, key: Key) -> int:
        """Return the place of the first event that does not come before a key."""
        place = self.place(key[0])
        while place < len(self) and self.key(place) < key:
            place += 1
        return place

    def quote(self, row: int) -> Quote:
        """Return a quote by its row, NO_QUOTE before the first."""
        if row < 0:
            return NO_QUOTE
        bid, bid_size, ask, ask_size = (float(column[row]) for column in self.quotes)
        return Quote(int(self.quotes_us[row]), bid, bid_size, ask, ask_size)

    def quote_before(self, place: int) -> int:
        """Return the row of the quote that stands before an event, -1 for none."""
        return int(self.quote_rows[place - 1]) if place else self._old(self.quotes_us)

    def trade_before(self, place: int) -> int:
        """Return the row of the last trade before an event, -1 for none."""
        return int(self.trade_rows[place - 1]) if place else self._old(self.trades_us)

    def _old(self, ts_us: Ints) -> int:
        return int(np.searchsorted(ts_us, self.from_us)) - 1

    def quote_at(self, at_us: int) -> Quote:
        """Return the quote that stood just before a moment, NO_QUOTE where it was not seen since a break."""
        quote = self.quote(self.quote_before(self.place(at_us)))
        return quote if self.is_seen(quote.at_us, at_us) else NO_QUOTE

    def is_seen(self, from_us: int, at_us: int) -> bool:
        """Return whether no break lies between two moments, or begins or ends there."""
        return all(one.to_us <= from_us or one.from_us >= at_us for one in self.breaks)

    def price_at(self, at_us: int) -> float | None:
        """Return what one was worth just before a moment: the middle of the quote, else the last trade, else None."""
        middle = self.quote_at(at_us).middle
        if not isnan(middle):
            return middle
        row = self.trade_before(self.place(at_us))
        return float(self.trades[0][row]) if row >= 0 else None

    def trade(self, row: int, quote_row: int = -1) -> Trade:
        """Return a trade by its row, with the quote of a row before it."""
        price, size = self.trades
        exchange = "" if self.exchanges is None else self.exchanges[row].as_py() or ""
        return Trade(int(self.trades_us[row]), float(price[row]), float(size[row]), self.quote(quote_row), exchange)

    def matter(self, interest: Interest, first: int, last: int) -> list[int]:
        """Return the places of a range whose events may matter to orders that have an interest."""
        kinds, rows = self.kinds[first:last], self.rows[first:last]
        found = kinds > TRADE
        for kind, of in ((QUOTE, self._quotes_that_matter), (TRADE, self._trades_that_matter)):
            those = np.flatnonzero(kinds == kind)
            found[those] = of(interest, rows[those])
        return (np.flatnonzero(found) + first).tolist()

    def _quotes_that_matter(self, wanted: Interest, rows: Ints) -> Flags:
        bid, ask = self.quotes[0][rows], self.quotes[2][rows]
        if wanted.quotes:
            return np.ones(len(rows), bool)
        found = (ask <= wanted.ask_to) | (bid >= wanted.bid_from)
        if wanted.bid_to > -np.inf:
            found |= ~(bid > wanted.bid_to)
        if wanted.ask_from < np.inf:
            found |= ~(ask < wanted.ask_from)
        middle = (bid + ask) / 2
        found |= middle <= wanted.middle_to + MIDDLE_IS_EXACT_TO
        return found | (middle >= wanted.middle_from - MIDDLE_IS_EXACT_TO)

    def _trades_that_matter(self, wanted: Interest, rows: Ints) -> Flags:
        if wanted.trades:
            return np.ones(len(rows), bool)
        price = self.trades[0][rows]
        return (price <= wanted.traded_to) | (price >= wanted.traded_from)


def load(feed: Feed, con_id: int, from_us: int, to_us: int, stale_us: int = 0) -> Lane:
    """Return what happens to an instrument in a stretch of time, but for ticks that come `stale_us` late (0: none do).

    Trades that do not move the last price are no part of it: their prices are of other moments, or of a bargain.
    """
    begin_us = from_us - LOOK_BACK_US
    trades = _in_time(_trades(feed, con_id, begin_us, to_us), stale_us)
    trades = trades.filter(_is_trade(trades))
    of_trades_only = not feed.offers(con_id, "quotes") and not feed.offers(con_id, "ticks")
    quotes = trades if of_trades_only else _in_time(_quotes(feed, con_id, begin_us, to_us), stale_us)
    breaks = feed.breaks(con_id, begin_us, to_us)
    ends = [(one.from_us, BREAK, place) for place, one in enumerate(breaks)]
    ends += [(one.to_us, BACK, place) for place, one in enumerate(breaks)]
    columns = ("price", "size", "price", "size") if of_trades_only else QUOTE_COLUMNS
    quotes_us, trades_us = _us(quotes), _us(trades)
    ts_us, seqs, rows, kinds, places = (
        np.concatenate(parts) for parts in zip(
            _events(quotes, QUOTE), _events(trades, TRADE), _ends(ends), strict=True))  # fmt: skip
    order = np.lexsort((places, kinds, rows, seqs, ts_us))
    order = order[np.searchsorted(ts_us[order], from_us) : np.searchsorted(ts_us[order], to_us)]
    kinds, places = kinds[order], places[order]
    named = trades["exchange"] if "exchange" in trades.column_names else None
    return Lane(con_id, from_us, to_us, (ts_us[order], seqs[order], rows[order]), kinds, places,
                _standing(kinds, QUOTE, quotes_us, from_us), _standing(kinds, TRADE, trades_us, from_us),
                quotes_us, _with_sides(tuple(_column(quotes, name) for name in columns)),
                trades_us, (_column(trades, "price"), np.nan_to_num(_column(trades, "size"))),
                named, breaks, of_trades_only)  # fmt: skip


def _events(rows: pa.Table, kind: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return of each row when it came, its place in the recording, its kind and its number."""
    count = len(rows)
    return _us(rows), _places(rows, "seq"), _places(rows, "row"), np.full(count, kind), np.arange(count)


def _ends(ends: list[tuple[int, int, int]]) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return the same of where breaks begin and end: before what comes at that moment."""
    ts_us, kinds, places = (np.array([one[column] for one in ends], np.int64) for column in range(3))
    first = np.full(len(ends), FIRST)
    return ts_us, first, first, kinds, places


def _standing(kinds: Ints, kind: int, ts_us: Ints, from_us: int) -> Ints:
    """Return the row of a kind that stands from each event on: rows come in the order of their events."""
    return np.cumsum(kinds == kind) + np.searchsorted(ts_us, from_us) - 1


def _in_time(rows: pa.Table, stale_us: int) -> pa.Table:
    """Return the rows that came in time; where the time of the event is not known they did."""
    if not stale_us or "ts_event" not in rows.column_names or not len(rows):
        return rows
    late_us = pc.subtract(rows["ts"].cast(pa.int64()), rows["ts_event"].cast(pa.int64()))
    return rows.filter(pc.fill_null(pc.less_equal(late_us, stale_us), True))


def _is_trade(rows: pa.Table) -> pa.ChunkedArray:
    """Return of each row whether it is a trade that moves the last price, and no notice of a halt."""
    is_nothing = pc.and_(pc.equal(rows["price"], 0), pc.equal(rows["size"].fill_null(0), 0))
    is_trade = pc.fill_null(pc.invert(is_nothing), False)
    if "unreported" not in rows.column_names:
        return is_trade
    return pc.and_(is_trade, pc.invert(pc.fill_null(rows["unreported"], False)))


def book_levels(feed: Feed, con_id: int, at_us: int, asks: bool) -> Iterator[Level]:
    """Yield the recorded levels of one side of a book just before a moment, best first; of no book there are none."""
    smart = feed.offers(con_id, "smart_depth")
    if not smart and not feed.offers(con_id, "depth"):
        return
    book = feed.book(con_id, at_us, BOOK_ROWS, smart)
    side = book.filter(pc.equal(book["side"], "ask" if asks else "bid")).sort_by("position")
    makers = side["market_maker"].fill_null("").to_pylist()
    for price, size, maker in zip(side["price"].to_pylist(), side["size"].to_pylist(), makers, strict=True):
        if price is not None and size:
            yield Level(price, float(size), maker)


def _quotes(feed: Feed, con_id: int, from_us: int, to_us: int) -> pa.Table:
    if feed.offers(con_id, "quotes"):
        return feed.quotes(con_id, from_us, to_us)
    return quotes_of_ticks(feed.ticks(con_id, from_us, to_us, frozenset(), True))


def _trades(feed: Feed, con_id: int, from_us: int, to_us: int) -> pa.Table:
    for stream, reported_only in (("all_last", False), ("last", True)):
        if feed.offers(con_id, stream):
            return feed.trades(con_id, from_us, to_us, reported_only)
    return trades_of_ticks(feed.ticks(con_id, from_us, to_us, frozenset(), False))


def quotes_of_ticks(ticks: pa.Table) -> pa.Table:
    """Return quotes made of level 1 ticks: after every tick of bid or ask, what was known of all four numbers."""
    wanted = ticks.filter(pc.is_in(ticks["tick_type"], pa.array(list(QUOTE_TICKS), ticks["tick_type"].type)))
    types = wanted["tick_type"].to_numpy()
    names = np.array([QUOTE_TICKS.get(number, "") for number in range(max(QUOTE_TICKS) + 1)])[types]
    prices, sizes = _column(wanted, "price"), _column(wanted, "size")
    is_price = np.char.endswith(names, "price") if len(names) else np.zeros(0, bool)
    columns = {}
    for name in QUOTE_COLUMNS:
        side = name.partition("_")[0]
        named = np.where(names == name, prices if name.endswith("price") else sizes, np.nan)
        # A price tick brings its size with it.
        columns[name] = _filled(named if name.endswith("price") else
                                np.where(is_price & (names == f"{side}_price"), sizes, named))  # fmt: skip
    return wanted.select([name for name in ("ts", "seq", "row") if name in wanted.column_names]).add_column(
        0, "bid_price", pa.array(columns["bid_price"])).append_column("bid_size", pa.array(columns["bid_size"])
        ).append_column("ask_price", pa.array(columns["ask_price"])).append_column(
        "ask_size", pa.array(columns["ask_size"]))  # fmt: skip


def trades_of_ticks(ticks: pa.Table) -> pa.Table:
    """Return trades made of level 1 ticks: those of the last price, each with the size that came with it."""
    return ticks.filter(pc.is_in(ticks["tick_type"], pa.array(LAST_PRICES, ticks["tick_type"].type)))


def _filled(values: Floats) -> Floats:
    """Return values with what is missing taken from before."""
    known = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(known)] if len(values) else values


def _with_sides(columns: tuple[Floats, ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the columns of quotes: a side without a price, or with one that is none, has no size."""
    bid, bid_size, ask, ask_size = columns
    no_bid, no_ask = ~(bid_size > 0), ~(ask_size > 0)
    return (np.where(no_bid, np.nan, bid), np.where(no_bid, 0.0, bid_size),
            np.where(no_ask, np.nan, ask), np.where(no_ask, 0.0, ask_size))  # fmt: skip


def _column(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)


def _us(rows: pa.Table) -> Ints:
    return np.asarray(rows["ts"].cast(pa.int64()).to_numpy(), np.int64)


def _places(rows: pa.Table, name: str) -> Ints:
    return rows[name].to_numpy().astype(np.int64) if name in rows.column_names else np.zeros(len(rows), np.int64)
