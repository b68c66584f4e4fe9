"""Bars of any width: from the events themselves over days, from prices sampled within each bar over months."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.schemas import BARS
from capture.times import DAY_S, SECOND_US

from .blocks import Blocks, Columns
from .instruments import INSTRUMENTS
from .noise import Floats, Ints
from .price import price_ticks
from .rows import arrow, empty
from .universe import Instrument
from .volatility import LEVELS, level

WEEK_S, MONTH_S = 7 * DAY_S, 28 * DAY_S
EXACT_EVENTS = 6_000_000  # ranges with more quotes and trades than this, some days or more, are sampled
FINE_BARS, FINE_SAMPLES, COARSE_SAMPLES = 10_000, 16, 4  # samples per bar: fewer when there are many bars
AVERAGE_DIGITS = 8
TRADED = ("TRADES", "ADJUSTED_LAST")
WHATS = (*TRADED, "MIDPOINT", "BID", "ASK", "BID_ASK", *LEVELS)


@dataclass(frozen=True)
class Source(Columns):
    """What bars are made of: prices in ticks that raise the high and that lower the low, sizes, counts of trades."""

    upper: Floats
    lower: Floats
    size: Floats
    count: Floats


def bars_table(
    blocks: Blocks, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool
) -> pa.Table:
    """Return the bars that start in [from, to), the last one as far as it has come; none for times without data.

    Raises ValueError for a `what` other than WHATS.
    """
    if what not in WHATS:
        raise ValueError(f"bars of {what} are not made here: ask for one of {', '.join(WHATS)}")
    instrument = INSTRUMENTS[con_id]
    session = blocks.session(instrument)
    if not _has(instrument, what):
        return empty(BARS)
    source = _source(blocks, instrument, from_us, to_us, bar_size_s, what)
    if regular_hours:
        source = source.pick(session.is_liquid(source.ts_us // SECOND_US))
    numbers = _bar_numbers(source.ts_us, bar_size_s, session.trading_date(source.ts_us // SECOND_US))
    before = np.array([from_us - 1])
    begun = _bar_numbers(before, bar_size_s, session.trading_date(before // SECOND_US))
    whole = numbers != begun
    source, numbers = source.pick(whole), numbers[whole]
    if not len(numbers):
        return empty(BARS)
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    first_us = source.ts_us[first]
    dates = session.trading_date(first_us // SECOND_US)
    starts_us = dates * DAY_S * SECOND_US if bar_size_s >= DAY_S else numbers[first] * bar_size_s * SECOND_US
    return _table(instrument, source, first, starts_us, what)


def _source(
    blocks: Blocks, instrument: Instrument, from_us: int, to_us: int, bar_size_s: int, what: str
) -> Source:
    """Return what a range's bars are made of."""
    if what in LEVELS:
        return _levels(blocks, instrument, from_us, to_us, bar_size_s, what)
    per_s = (instrument.quotes_per_s + instrument.trades_per_s) * blocks.rate
    if per_s * (to_us - from_us) / SECOND_US <= EXACT_EVENTS:
        return _events(blocks, instrument, from_us, to_us, what)
    return _samples(blocks, instrument, from_us, to_us, bar_size_s)


def _has(instrument: Instrument, what: str) -> bool:
    """Return whether an instrument has what the bars are made of: pairs have no trades, indices nothing else."""
    if what in LEVELS:
        return True  # whoever asks is refused before where it has not
    if what in TRADED:
        return instrument.trades_per_s > 0
    return instrument.quotes_per_s > 0 and not instrument.style.prints_only


def _bar_numbers(ts_us: Ints, bar_size_s: int, dates: Ints) -> Ints:
    """Return the number of the bar each moment falls into: by the clock, or by trading days, weeks and months."""
    if bar_size_s >= MONTH_S:
        return dates.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    if bar_size_s >= WEEK_S:
        return (dates + 3) // 7  # 1970-01-01 was a Thursday; weeks start on Monday
    return dates if bar_size_s >= DAY_S else ts_us // (bar_size_s * SECOND_US)


def _events(blocks: Blocks, instrument: Instrument, from_us: int, to_us: int, what: str) -> Source:
    quotes, trades = blocks.events(instrument.con_id, from_us, to_us)
    if what in TRADED:
        price = trades.price.astype(np.float64)
        return Source(trades.ts_us, price, price, trades.size.astype(np.float64), np.ones(len(price)))
    middle = (quotes.bid + quotes.ask) / 2
    bid, ask = quotes.bid.astype(np.float64), quotes.ask.astype(np.float64)
    upper, lower = {"BID": (bid, bid), "ASK": (ask, ask), "BID_ASK": (ask, bid), "MIDPOINT": (middle, middle)}[what]
    return Source(quotes.ts_us, upper, lower, np.zeros(len(bid)), np.zeros(len(bid)))


def _samples(blocks: Blocks, instrument: Instrument, from_us: int, to_us: int, bar_size_s: int) -> Source:
    many = (to_us - from_us) > FINE_BARS * bar_size_s * SECOND_US
    step_s = max(bar_size_s // (COARSE_SAMPLES if many else FINE_SAMPLES), 1)
    times_s = np.arange(-(-from_us // SECOND_US), -(-to_us // SECOND_US), step_s)
    session = blocks.session(instrument)
    times_s = times_s[session.is_open(times_s)]
    price = price_ticks(blocks.seed, instrument, times_s).astype(np.float64)
    count = np.maximum(np.rint(session.activity(times_s) * instrument.trades_per_s * blocks.rate * step_s), 1.0)
    mean_size = float(instrument.style.trade_sizes.mean())
    return Source(times_s * SECOND_US, price, price, np.rint(count * mean_size), count)


def _levels(
    blocks: Blocks, instrument: Instrument, from_us: int, to_us: int, bar_size_s: int, what: str
) -> Source:
    """Return a level at a few moments of each bar, the same in whatever range."""
    step_s = max(bar_size_s // COARSE_SAMPLES, 1)
    times_s = np.arange(-(-from_us // (SECOND_US * step_s)) * step_s, -(-to_us // SECOND_US), step_s)
    times_s = times_s[blocks.session(instrument).is_open(times_s)]
    values = level(blocks.seed, instrument, what, times_s)
    return Source(times_s * SECOND_US, values, values, np.zeros(len(values)), np.zeros(len(values)))


def _table(instrument: Instrument, source: Source, first: Ints, starts_us: Ints, what: str) -> pa.Table:
    last = np.append(first[1:], len(source.ts_us)) - 1
    opens, closes = source.upper[first], source.upper[last]
    if what == "BID_ASK":  # IB: the average bid stands in open, the average ask in close
        lengths = last - first + 1
        opens, closes = (np.add.reduceat(column, first) / lengths for column in (source.lower, source.upper))
    volume = np.add.reduceat(source.size, first)
    counted = what in TRADED and not instrument.style.prints_only
    absent = pa.nulls(len(first))
    value = np.add.reduceat(source.size * source.upper, first)
    unit = 1 if what in LEVELS else instrument.ticks_per_unit
    return arrow(BARS, instrument, {
        "ts": starts_us,
        "ts_event": starts_us,
        "what": [what] * len(first),
        "open": np.round(opens / unit, AVERAGE_DIGITS),
        "high": np.maximum.reduceat(source.upper, first) / unit,
        "low": np.minimum.reduceat(source.lower, first) / unit,
        "close": np.round(closes / unit, AVERAGE_DIGITS),
        "volume": volume / instrument.style.lots if counted else absent,
        "wap": np.round(value / volume / unit, AVERAGE_DIGITS) if counted else absent,
        "trade_count": np.add.reduceat(source.count, first).astype(np.int64) if counted else absent,
    })
