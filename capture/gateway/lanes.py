"""The market of an instrument as events for the paper broker: quotes and trades of a stretch of time, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.broker.exchange.displayed import NO_QUOTE, Level, Quote, Trade

from .feed import Feed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
QUOTE, TRADE = 0, 1
LOOK_BACK_US = 60_000_000  # for the quote before a stretch
BOOK_ROWS = 10
# Level 1 tick type -> column of a quote, live and delayed, where no quotes were recorded
QUOTE_TICKS = {1: "bid_price", 66: "bid_price", 2: "ask_price", 67: "ask_price",
               0: "bid_size", 69: "bid_size", 3: "ask_size", 70: "ask_size"}  # fmt: skip
LAST_PRICES, LAST_SIZES = (4, 68), (5, 71)


@dataclass(frozen=True, slots=True)
class Lane:
    """The quotes and trades of an instrument from `from_us` to `to_us`; `order` leads through both by time.

    `kinds` are QUOTE or TRADE and `rows` their rows, in that order; `ts_us` is when each came. The first quote is the
    one before the stretch, if there was one, and is in none of these.
    """

    con_id: int
    from_us: int
    to_us: int
    ts_us: Ints
    kinds: Ints
    rows: Ints
    quotes_us: Ints
    quotes: tuple[Floats, Floats, Floats, Floats]  # bid, bid size, ask, ask size
    trades: tuple[Floats, Floats]  # price, size
    exchanges: list[str]

    def quote(self, row: int) -> Quote:
        """Return a quote by its row, NO_QUOTE before the first."""
        if row < 0:
            return NO_QUOTE
        bid, bid_size, ask, ask_size = (float(column[row]) for column in self.quotes)
        return Quote(int(self.quotes_us[row]), bid, bid_size, ask, ask_size)

    def quote_at(self, at_us: int) -> Quote:
        """Return the quote that stood just before a moment."""
        return self.quote(int(np.searchsorted(self.quotes_us, at_us)) - 1)

    def price_at(self, at_us: int) -> float | None:
        """Return what one was worth just before a moment: the middle of the quote, else the last trade, else None."""
        middle = self.quote_at(at_us).middle
        if not isnan(middle):
            return middle
        trades = int(np.count_nonzero(self.kinds[: self.place(at_us)] == TRADE))
        return float(self.trades[0][trades - 1]) if trades else None

    def trade(self, row: int, at_us: int) -> Trade:
        """Return a trade by its row, with the quote before it."""
        price, size = self.trades
        return Trade(at_us, float(price[row]), float(size[row]), self.quote_at(at_us), self.exchanges[row])

    def place(self, at_us: int) -> int:
        """Return the place of the first event from a moment on."""
        return int(np.searchsorted(self.ts_us, at_us))


def load(feed: Feed, con_id: int, from_us: int, to_us: int) -> Lane:
    """Return what happened to an instrument in a stretch of time."""
    quotes = _quotes(feed, con_id, from_us - LOOK_BACK_US, to_us)
    trades = _trades(feed, con_id, from_us, to_us)
    quotes_us, trades_us = _us(quotes), _us(trades)
    first = int(np.searchsorted(quotes_us, from_us))
    begun = max(first - 1, 0)
    quotes, quotes_us = quotes.slice(begun), quotes_us[begun:]
    new = np.arange(first - begun, len(quotes_us))
    ts_us = np.concatenate([quotes_us[new], trades_us])
    places = np.concatenate([_places(quotes)[new], _places(trades)])
    kinds = np.repeat([QUOTE, TRADE], [len(new), len(trades_us)])
    order = np.lexsort((kinds, places, ts_us))
    columns = tuple(_column(quotes, name) for name in ("bid_price", "bid_size", "ask_price", "ask_size"))
    named = "exchange" in trades.column_names
    exchanges = trades["exchange"].fill_null("").to_pylist() if named else [""] * len(trades)
    return Lane(con_id, from_us, to_us, ts_us[order], kinds[order],
                np.concatenate([new, np.arange(len(trades_us))])[order], quotes_us, _with_sides(columns),
                (_column(trades, "price"), _column(trades, "size")), exchanges)  # fmt: skip


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
    names = np.array([QUOTE_TICKS[number] for number in wanted["tick_type"].to_pylist()])
    prices, sizes = _column(wanted, "price"), _column(wanted, "size")
    is_price = np.char.endswith(names, "price") if len(names) else np.zeros(0, bool)
    columns = {}
    for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
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


def _places(rows: pa.Table) -> Ints:
    return rows["seq"].to_numpy() if "seq" in rows.column_names else np.zeros(len(rows), np.int64)
