"""The invented market: whatever a gateway could be asked about it, as Arrow tables in the lake's columns."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway import bar_streams
from capture.gateway.feed import Break, Notice
from capture.schemas import GREEKS, NOTICES, TICKS
from capture.times import SECOND_US

from .bars import bars_table
from .blocks import Blocks, Quotes
from .book import book_table, depth_table
from .catalog import find
from .chains import UNDERLYINGS
from .greeks import greeks_table
from .instruments import INSTRUMENTS
from .level1 import midpoint, ticks_table
from .rows import empty, midpoints_table, quotes_table, trades_table
from .sampling import Sampled, sample, sampling_points
from .statistics import Days
from .universe import MARKET_RULES

HEAD_US = 1_577_836_800 * SECOND_US  # 2020-01-01: the market could go back further, but history has to start

LISTED_US = 1_795_000_000 * SECOND_US  # 2026-11-18: of when options are found where nobody says when
DEPTH_ROWS = 10
NO_NOTICES = NOTICES.schema.empty_table().select(["ts", "code", "message"])


class Market:
    """A market made up from a seed: the same seed gives the same ticks, whenever and in whatever pieces they are asked.

    `rate` multiplies how much happens per second. With `always_open` every instrument trades around the clock as in
    its regular hours. Ranges are half-open, [from_us, to_us), in microseconds since 1970. Tables have the columns of
    the lake's tables that make sense without a recorder, ordered by `ts`. Contract ids that are not in
    `instruments` raise KeyError.
    """

    head_us = HEAD_US
    market_rules = MARKET_RULES
    instruments = INSTRUMENTS

    def __init__(self, seed: int = 1, rate: float = 1.0, always_open: bool = True) -> None:
        self._blocks = Blocks(seed, rate, always_open)
        self._days = Days(self._blocks)

    def find(self, at_us: int = LISTED_US, **contract: Any) -> list[dict[str, Any]]:
        """Return the contract details (message 10) of what a contract may mean at a moment, where their hours start.

        Empty, zero and None fields match everything; unknown fields are ignored. A contract with neither sec_type
        nor con_id, local_symbol or sec_id finds nothing. The exchange of the answer is the one asked for.
        """
        answers = []
        for instrument in find(contract, at_us // SECOND_US):
            details = instrument.details(self._blocks.session(instrument), at_us // SECOND_US)
            answers.append(details | {"exchange": contract.get("exchange") or instrument.exchange})
        return answers

    def market_rule(self, rule_id: int, at_us: int = HEAD_US) -> Sequence[tuple[float, float]] | None:
        """Return a market rule as (price from which it holds, price increment), at every moment the same."""
        return self.market_rules.get(rule_id)

    def has_options(self, con_id: int, at_us: int) -> bool:
        """Return whether there are options on an instrument."""
        return con_id in UNDERLYINGS

    def offers(self, con_id: int, stream: str) -> bool:
        """Return whether an instrument has a stream: all but books have them all."""
        return INSTRUMENTS[con_id].style.has_depth or stream not in ("depth", "smart_depth")

    def data_type(self, con_id: int) -> int:
        """Return IB's number of live data."""
        return 1

    def first_us(self, con_id: int, what: str, at_us: int) -> int | None:
        """Return the earliest moment with data, the same for all."""
        return HEAD_US

    def notices(self, from_us: int, to_us: int) -> pa.Table:
        """Return nothing: what clients are told is commanded."""
        return NO_NOTICES

    def standing(self, at_us: int) -> Iterable[Notice]:
        """Return nothing: all is well."""
        return ()

    def smart_components(self, con_id: int) -> list[tuple[int, str, str]]:
        """Return bit, name and letter of the exchanges behind the best bid and ask; none outside stocks and options."""
        style = INSTRUMENTS[con_id].style
        named = zip(style.trade_exchanges, style.exchange_letters, strict=True)
        return [(bit, exchange, letter) for bit, (exchange, letter) in enumerate(named)]

    def trades(self, con_id: int, from_us: int, to_us: int, reported_only: bool = False) -> pa.Table:
        """Return every trade, or only those that move the last price; none of an index."""
        instrument = INSTRUMENTS[con_id]
        _, trades = self._blocks.events(con_id, from_us, to_us)
        rows = trades_table(instrument, trades.pick(_all_or_none(not instrument.style.prints_only)))
        return rows.filter(pc.invert(rows["unreported"])) if reported_only else rows

    def quotes(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the best bid and ask; none of an index."""
        instrument = INSTRUMENTS[con_id]
        quotes, _ = self._blocks.events(con_id, from_us, to_us)
        return quotes_table(instrument, quotes.pick(_all_or_none(not instrument.style.prints_only)))

    def midpoints(self, con_id: int, from_us: int, to_us: int) -> pa.Table:
        """Return every change of the midpoint; none of an index."""
        instrument = INSTRUMENTS[con_id]
        quotes, _ = self._blocks.events(con_id, from_us, to_us)
        rows = _all_or_none(not instrument.style.prints_only)
        return midpoints_table(instrument, quotes.pick(rows), self._blocks.quote_before(con_id, from_us))

    def past(self, table: str, con_id: int, from_us: int, to_us: int, known_us: int) -> pa.Table:
        """Return trades, quotes or midpoints by `ts_event`, which is the whole second of `ts`."""
        first_us, last_us = (-(-edge_us // SECOND_US) * SECOND_US for edge_us in (from_us, to_us))
        rows: pa.Table = getattr(self, table)(con_id, first_us, max(min(last_us, known_us), first_us))
        return rows

    def depth(
        self, con_id: int, from_us: int, to_us: int, rows: int = DEPTH_ROWS, smart: bool = False
    ) -> pa.Table:
        """Return the operations that lead from `book(from_us)` to `book(to_us)`; none of indices and options."""
        instrument = INSTRUMENTS[con_id]
        before = self._blocks.quote_before(con_id, from_us)
        quotes, _ = self._blocks.events(con_id, from_us, to_us)
        known = Quotes.joined([before, quotes]).pick(_all_or_none(instrument.style.has_depth))
        return depth_table(self._blocks.seed, instrument, known, rows, smart)

    def book(self, con_id: int, at_us: int, rows: int = DEPTH_ROWS, smart: bool = False) -> pa.Table:
        """Return the book just before a moment as depth inserts, asks then bids, best first; `ts` is the moment."""
        instrument = INSTRUMENTS[con_id]
        quote = self._blocks.quote_before(con_id, at_us).pick(_all_or_none(instrument.style.has_depth))
        return book_table(self._blocks.seed, instrument, quote, at_us, rows, smart)

    def ticks(
        self, con_id: int, from_us: int, to_us: int, generic: frozenset[int] = frozenset(), first: bool = False
    ) -> pa.Table:
        """Return level 1 as IB samples it: a tick for all that changed since the sample before, on a grid of 250 ms.

        Currency pairs and options are sampled every 100 ms. `generic` holds the numbers of the generic ticks asked
        for. With `first` the range starts a subscription: all that has a value comes at `from_us`.
        """
        sampled = self._sample(con_id, from_us, to_us, first)
        return empty(TICKS) if sampled is None else ticks_table(sampled, generic, first)

    def greeks(self, con_id: int, from_us: int, to_us: int, first: bool = False) -> pa.Table:
        """Return the option computations of an option, on the same grid; none of other instruments."""
        instrument = INSTRUMENTS[con_id]
        option = self._sample(con_id, from_us, to_us, first) if instrument.sec_type == "OPT" else None
        if option is None:
            return empty(GREEKS)
        underlying = sample(self._blocks, self._days, instrument.under_con_id, option.points)
        if underlying is None:
            return empty(GREEKS)
        return greeks_table(option, midpoint(underlying), first)

    def breaks(self, con_id: int, from_us: int, to_us: int) -> Sequence[Break]:
        """Return no breaks: the invented market is always seen."""
        return ()

    def bars(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str = "TRADES",
        regular_hours: bool = False, known_us: int | None = None,
    ) -> pa.Table:  # fmt: skip
        """Return the bars that start in the range, `ts` and `ts_event` their start.

        The last bar may still be in the making. Times without data have none. Up to some days they are made from
        the very trades and quotes, further from prices sampled within each bar. A size of a day, 7 days or 28 days
        and more means trading days, weeks and months; their start is midnight UTC of the trading date. `what`:
        TRADES, ADJUSTED_LAST, MIDPOINT, BID, ASK, BID_ASK, OPTION_IMPLIED_VOLATILITY, HISTORICAL_VOLATILITY or
        FEE_RATE, else ValueError. What is known later changes nothing here.
        """
        return bars_table(self._blocks, con_id, from_us, to_us, bar_size_s, what, regular_hours)

    def closed_bars(self, con_id: int, from_us: int, to_us: int, what: str, regular_hours: bool) -> pa.Table:
        """Return the 5-second bars that end in the range."""
        return bar_streams.closed_bars(self._bars_of(con_id, bar_streams.CLOSED_S, what, regular_hours), from_us, to_us)

    def bar_updates(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool
    ) -> pa.Table:
        """Return the bar in the making, every few seconds."""
        bars_of = self._bars_of(con_id, bar_size_s, what, regular_hours)
        return bar_streams.bar_updates(bars_of, from_us, to_us, bar_size_s)

    def _bars_of(self, con_id: int, bar_size_s: int, what: str, regular_hours: bool) -> bar_streams.BarsOf:
        def bars_of(from_us: int, to_us: int, known_us: int) -> pa.Table:
            return self.bars(con_id, from_us, to_us, bar_size_s, what, regular_hours, known_us)

        return bars_of

    def _sample(self, con_id: int, from_us: int, to_us: int, first: bool) -> Sampled | None:
        points = sampling_points(INSTRUMENTS[con_id], from_us, to_us, first)
        return sample(self._blocks, self._days, con_id, points)


def _all_or_none(wanted: bool) -> slice:
    return slice(None) if wanted else slice(0, 0)
