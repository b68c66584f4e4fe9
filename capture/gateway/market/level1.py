"""Level 1: a tick for everything that changed between two samples, as rows of the lake's table `ticks`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.schemas import TICKS
from capture.times import DAY_US, MINUTE_US
from capture.wire.messages.ticktypes import TICK_TYPES

from .noise import Flags, Floats, Ints, Words, field
from .rows import EXCHANGE_FIELD, arrow, pick
from .sampling import Sampled

Values = Callable[[Sampled], Floats]
Texts = Callable[[Sampled, Ints], list[str]]
FIVE_MINUTES_US = 5 * MINUTE_US
EASY_TO_BORROW = 3.0  # IB: above 2.5 at least 1000 shares can be borrowed
RATIOS = "TTMNPMGN=23.97;NLOW=164.08;TTMPRCFPS=31.2;TTMGROSMGN=46.2;BETA=1.24;AROAPCT=28.5;PEEXCLXOR=37.1;EV=3511221"


@dataclass(frozen=True)
class Tick:
    """How a tick gets its value. It is sent when a value in `values` or `also` changes; a NaN is not sent.

    `texts` writes string ticks for the rows named; their `values` only say when they change. `size` is the size
    that comes inside a price tick.
    """

    values: Values
    also: Values | None = None
    size: Values | None = None
    texts: Texts | None = None
    sec_types: tuple[str, ...] = ()  # empty: all


def bid(s: Sampled) -> Floats:
    """Return the best bid."""
    return s.quoted(s.price(s.quotes.bid))


def ask(s: Sampled) -> Floats:
    """Return the best ask."""
    return s.quoted(s.price(s.quotes.ask))


def _bid_size(s: Sampled) -> Floats:
    return s.quoted(s.quotes.bid_size / s.instrument.style.lots)


def _ask_size(s: Sampled) -> Floats:
    return s.quoted(s.quotes.ask_size / s.instrument.style.lots)


def last(s: Sampled) -> Floats:
    """Return the price of the last trade, or the level of an index."""
    return s.price(s.totals.last)


def _last_size(s: Sampled) -> Floats:
    return s.traded(s.totals.last_size)


def _volume(s: Sampled) -> Floats:
    return s.traded(s.totals.volume)


def _count(s: Sampled) -> Floats:
    return np.where(s.totals.count > 0, s.totals.count, np.nan)


def _last_second(s: Sampled) -> Floats:
    return np.where(s.totals.count > 0, s.totals.last_us // 1_000_000, np.nan)


def midpoint(s: Sampled) -> Floats:
    """Return the middle of bid and ask."""
    return (bid(s) + ask(s)) / 2


def _constant(value: float) -> Values:
    return lambda s: np.full(len(s.points), value)


def _drawn(name: str, period_us: int, least: float, most: float, digits: int = 0) -> Values:
    """Return values between two bounds that stay for a period."""
    return lambda s: np.round(least + (most - least) * s.steady(name, period_us), digits)


def _implied(s: Sampled) -> Floats:
    return np.round(s.instrument.asset.volatility * (0.95 + 0.1 * s.steady("implied", MINUTE_US)), 6)


def _historical(s: Sampled) -> Floats:
    return np.round(s.instrument.asset.volatility * (0.9 + 0.2 * s.steady("historical", DAY_US)), 6)


def _letter_bits(s: Sampled, words: Words) -> Ints:
    """Return which exchanges stand at a price, as bits; always at least one."""
    return field(words, EXCHANGE_FIELD) % ((1 << len(s.instrument.style.exchange_letters)) - 1) + 1


def _letters(words: Callable[[Sampled], Words]) -> Tick:
    """Return a tick that names the exchanges behind a price by their letters."""

    def texts(s: Sampled, rows: Ints) -> list[str]:
        letters = s.instrument.style.exchange_letters
        return ["".join(letter for bit, letter in enumerate(letters) if bits >> bit & 1)
                for bits in _letter_bits(s, words(s)[rows]).tolist()]

    return Tick(lambda s: s.quoted(_letter_bits(s, words(s)).astype(np.float64)), texts=texts, sec_types=("STK", "OPT"))


def _last_letter(s: Sampled, rows: Ints) -> list[str]:
    letters = s.instrument.style.exchange_letters
    return [letters[place % len(letters)] for place in field(s.totals.last_word[rows], EXCHANGE_FIELD).tolist()]


def _real_time_volume(s: Sampled, rows: Ints) -> list[str]:
    """Return price;size;time in ms;volume of the day;volume-weighted price;whether one market maker filled it."""
    t, style = s.totals, s.instrument.style
    wap = t.value[rows] / np.maximum(t.volume[rows], 1) / s.instrument.ticks_per_unit
    columns = (t.last[rows] / s.instrument.ticks_per_unit, t.last_size[rows] / style.lots, t.last_us[rows] // 1_000,
               t.volume[rows] / style.lots, np.round(wap, 8), t.last_word[rows] & np.uint64(2))
    return [f"{price:.10g};{size:.10g};{time_ms};{volume:.15g};{average:.12g};{'true' if single else 'false'}"
            for price, size, time_ms, volume, average, single in zip(*(c.tolist() for c in columns), strict=True)]


REAL_TIME_VOLUME = Tick(lambda s: s.traded(s.totals.count), texts=_real_time_volume)
STOCK = ("STK",)

# In the order in which they are sent. Every price of bid, ask and last is followed by its size once more.
LEVEL1: dict[int, Tick] = {
    1: Tick(bid, size=_bid_size),
    0: Tick(_bid_size, also=bid),
    2: Tick(ask, size=_ask_size),
    3: Tick(_ask_size, also=ask),
    32: _letters(lambda s: s.quotes.word),
    33: _letters(lambda s: ~s.quotes.word),
    4: Tick(last, size=_last_size),
    5: Tick(_last_size, also=last),
    45: Tick(_last_second, texts=lambda s, rows: [str(ts) for ts in s.totals.last_us[rows] // 1_000_000]),
    84: Tick(lambda s: s.traded(s.totals.count), texts=_last_letter, sec_types=("STK", "OPT")),
    8: Tick(_volume),
    6: Tick(lambda s: s.price(s.totals.high)),
    7: Tick(lambda s: s.price(s.totals.low)),
    14: Tick(lambda s: s.price(s.totals.opened)),
    9: Tick(lambda s: s.close()),
    49: Tick(_constant(0.0)),
    48: REAL_TIME_VOLUME,
    77: REAL_TIME_VOLUME,
    37: Tick(midpoint),
    15: Tick(lambda s: s.extreme(13, np.min), sec_types=STOCK),
    16: Tick(lambda s: s.extreme(13, np.max), sec_types=STOCK),
    17: Tick(lambda s: s.extreme(26, np.min), sec_types=STOCK),
    18: Tick(lambda s: s.extreme(26, np.max), sec_types=STOCK),
    19: Tick(lambda s: s.extreme(52, np.min), sec_types=STOCK),
    20: Tick(lambda s: s.extreme(52, np.max), sec_types=STOCK),
    21: Tick(_drawn("average volume", DAY_US, 200_000, 600_000), sec_types=STOCK),
    23: Tick(_historical, sec_types=STOCK),
    24: Tick(_implied, sec_types=STOCK),
    27: Tick(_drawn("call interest", DAY_US, 1_000, 90_000), sec_types=("STK", "OPT")),
    28: Tick(_drawn("put interest", DAY_US, 1_000, 90_000), sec_types=("STK", "OPT")),
    29: Tick(_drawn("call volume", MINUTE_US, 5_000, 6_000), sec_types=("STK", "OPT")),
    30: Tick(_drawn("put volume", MINUTE_US, 4_000, 5_000), sec_types=("STK", "OPT")),
    46: Tick(_constant(EASY_TO_BORROW), sec_types=STOCK),
    89: Tick(_drawn("shortable", FIVE_MINUTES_US, 1_000_000, 40_000_000), sec_types=STOCK),
    47: Tick(_constant(0.0), texts=lambda s, rows: [RATIOS] * len(rows), sec_types=STOCK),
    59: Tick(_constant(0.0), texts=lambda s, rows: ["1,1.04,20270212,0.26"] * len(rows), sec_types=STOCK),
    54: Tick(_count),
    55: Tick(lambda s: s.recent(1)[1]),
    56: Tick(lambda s: s.recent(1)[0]),
    63: Tick(lambda s: s.recent(3)[0], sec_types=STOCK),
    64: Tick(lambda s: s.recent(5)[0], sec_types=STOCK),
    65: Tick(lambda s: s.recent(10)[0], sec_types=STOCK),
    86: Tick(_drawn("open interest", DAY_US, 100_000, 2_500_000), sec_types=("FUT",)),
}


def ticks_table(sampled: Sampled, generic: frozenset[int], first: bool) -> pa.Table:
    """Return the ticks of all points but the first, which they are compared with; of all points with `first`."""
    sec_type = sampled.instrument.sec_type
    numbers = [
        number
        for number, tick in LEVEL1.items()
        if (not tick.sec_types or sec_type in tick.sec_types)
        and (TICK_TYPES[number].generic is None or TICK_TYPES[number].generic in generic)
    ]
    parts = [_rows(sampled, number, first) for number in numbers]
    rows, values, sizes = (np.concatenate(column) for column in zip(*(part[:3] for part in parts), strict=True))
    texts = [text for part in parts for text in part[3]]
    tick = np.repeat(np.arange(len(numbers)), [len(part[0]) for part in parts])
    order = np.argsort(rows, kind="stable")
    tick = tick[order]
    kinds = np.array([TICK_TYPES[number].kind for number in numbers])[tick]
    value, is_price = values[order], kinds == "price"
    flags = {"can_auto_execute": np.isin(np.array(numbers)[tick], (1, 2)), "past_limit": False, "pre_open": False}
    return arrow(TICKS, sampled.instrument, {
        "ts": sampled.points[rows[order]],
        "tick_type": np.array(numbers)[tick],
        "tick_name": pick([TICK_TYPES[number].name for number in numbers], tick),
        "price": np.where(is_price, value, np.nan),
        "size": np.where(kinds == "size", value, sizes[order]),
        "value": np.where(kinds == "generic", value, np.nan),
        "text": pa.array(texts, pa.string()).take(pa.array(order)),
        **{name: pa.array(is_price & flag, mask=~is_price) for name, flag in flags.items()},
    })


def _rows(sampled: Sampled, number: int, first: bool) -> tuple[Ints, Floats, Floats, Sequence[str | None]]:
    """Return the points at which a tick type is sent, with its values, sizes inside, and texts."""
    tick = LEVEL1[number]
    values = tick.values(sampled)
    sent = changed(values, first)
    if tick.also is not None:
        sent |= changed(tick.also(sampled), first)
    rows = np.flatnonzero(sent & ~np.isnan(values))
    sizes = tick.size(sampled)[rows] if tick.size else np.full(len(rows), np.nan)
    return rows, values[rows], sizes, tick.texts(sampled, rows) if tick.texts else [None] * len(rows)


def changed(values: Floats, first: bool) -> Flags:
    """Return which values differ from the one before; the first one only counts as changed with `first`."""
    return np.concatenate([[first], values[1:] != values[:-1]])
