"""IB's words for "no value": of each field of the messages that come in masses, the numbers that are none.

What every field may have besides stands in capture.wire.text.codec: empty, NaN, infinity and the largest numbers of a
type. Decoding turns all of them into nulls (D13), so that states, books, bars and exports meet no word of IB's; the
gateway's encoding writes the first word of a rule for a null.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .ticktypes import SIZE_OF_PRICE, TICK_TYPES

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Tick types whose price comes with a size of its own, the other price ticks, and those that say whether trading halts.
PAIRED = frozenset(SIZE_OF_PRICE)
ALONE = frozenset(tick.id for tick in TICK_TYPES.values() if tick.kind == "price") - PAIRED
HALTS = frozenset({49, 90})


class NoValue(NamedTuple):
    """Numbers of a field that are no value, and `below` all under 0 too.

    `kind` is price, size, count or ratio. With `beside` they count only where no size stands in that field: 0, below 0
    or none, as a price of -1 is one of spreads and power. With `types` they count for these tick types only.
    """

    kind: str
    words: tuple[float, ...]
    beside: str | None = None
    types: frozenset[int] | None = None
    below: bool = False


def _price(*words: float, beside: str | None = None, types: frozenset[int] | None = None) -> NoValue:
    return NoValue("price", words, beside, types)


# IB sends sizes below 0 where a number of 32 bits ran over; of those only -1 says that there is none.
_SIZE = NoValue("size", (-1,))
# Of a trade both words with size 0 are notices of a halt, or of trading resumed.
_TRADE = {"price": (_price(0, -1, beside="size"),), "size": (_SIZE,)}
_QUOTE = {
    "bid_price": (_price(-1, 0, beside="bid_size"),), "ask_price": (_price(-1, 0, beside="ask_size"),),
    "bid_size": (_SIZE,), "ask_size": (_SIZE,)}  # fmt: skip
_BAR = {
    "volume": (NoValue("size", (-1,), below=True),), "wap": (_price(-1),),
    "trade_count": (NoValue("count", (-1,), below=True),)}  # fmt: skip
_DEPTH = {"price": (_price(-1, beside="size"),), "size": (_SIZE,)}  # 0 stands on deletes

# Message (by the name of its shape) -> field -> the rules of what is no value there.
ABSENT: Mapping[str, Mapping[str, tuple[NoValue, ...]]] = {
    "tick_price": {"price": (_price(-1, 0, beside="size", types=PAIRED), _price(-1, types=ALONE)), "size": (_SIZE,)},
    "tick_size": {"size": (_SIZE,)},
    "tick_generic": {"value": (NoValue("count", (-1,), types=HALTS),)},
    "tick_option": {
        "implied_volatility": (NoValue("ratio", (-1,), below=True),),
        **dict.fromkeys(("option_price", "dividend_value", "underlying_price"), (_price(-1),)),
        **dict.fromkeys(("delta", "gamma", "vega", "theta"), (NoValue("ratio", (-2,)),))},
    "tick_by_tick_last": _TRADE,
    "historical_trades": _TRADE,
    "tick_by_tick_quote": _QUOTE,
    "historical_quotes": _QUOTE,
    "historical_midpoints": {"size": (_SIZE,)},
    "market_depth": _DEPTH,
    "market_depth_l2": _DEPTH,
    "real_time_bar": _BAR,
    "historical_data": _BAR,
    "historical_data_update": _BAR,
    "contract_details": {"strike": (_price(0),), "under_con_id": (NoValue("count", (0,)),)},
}  # fmt: skip


def is_absent(rule: NoValue, values: Floats, sizes: Floats | None, types: npt.NDArray[np.int64] | None) -> Flags:
    """Return which values a rule calls none; `sizes` are those beside them (NaN: none), `types` their tick types."""
    found: Flags = np.isin(values, rule.words)
    if rule.below:
        found |= values < 0
    if rule.beside is not None and sizes is not None:
        found &= ~(sizes > 0)
    if rule.types is not None and types is not None:
        found &= np.isin(types, list(rule.types))
    return found


@cache
def highest_word(rules: tuple[NoValue, ...]) -> float:
    """Return the highest number that some rule may call none: all above it are values."""
    return max(-5e-324 if rule.below else max(rule.words) for rule in rules)


def word_for_none(message: str, field: str) -> float:
    """Return what is sent in a field for no value, by the first rule of it."""
    return ABSENT[message][field][0].words[0]


def present(message: str, field: str, value: float | None) -> float | None:
    """Return a value of a message that is decoded alone, None for a word of no value."""
    return None if any(value in rule.words for rule in ABSENT[message][field]) else value
