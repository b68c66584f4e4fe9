"""The one place where a price becomes money: units of every kind of instrument, and its share of an account's worth.

Nobody else multiplies a price (D141).

| kind | one price is worth | counts to net liquidation |
|---|---|---|
| stock, fund, crypto, commodity, option, warrant | multiplier ÷ quote units | its market value |
| bond, bill | 1 % of its face value | its market value |
| future | multiplier ÷ quote units | nothing: what it gained is in cash already, what it gains is new |
| pair of currencies | 1 | nothing: both legs are balances of cash |
| CFD | multiplier ÷ quote units | what is won or lost since it was bought |
| balance of cash | 1 | its amount |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from .holding import BALANCE, Holding

Floats = npt.NDArray[np.float64]

OF_PAR = 0.01  # bonds are quoted in percent of what they pay back
NO_PRICE = "no price"
_NO_SIDE = (0.0, -1.0)  # how IB writes a side that is not there


class Counts(Enum):
    """What of a position counts to an account's net liquidation."""

    VALUE = "market value"
    CHANGE = "change since its mark"
    GAIN = "gain since it was bought"


_WHOLE, _SETTLED, _GAINED = (1.0, Counts.VALUE), (1.0, Counts.CHANGE), (1.0, Counts.GAIN)
# What part of its face a price counts, and what of it counts to net liquidation; no other kind is priced.
KINDS: dict[str, tuple[float, Counts]] = {
    **dict.fromkeys(("STK", "OPT", "FOP", "WAR", "IOPT", "FUND", "CRYPTO", "CMDTY", "IND", BALANCE), _WHOLE),
    **dict.fromkeys(("BOND", "BILL"), (OF_PAR, Counts.VALUE)),
    **dict.fromkeys(("FUT", "CONTFUT", "CASH"), _SETTLED),
    "CFD": _GAINED,
}
# Words for parts of a currency that stand where a currency is expected, and which part they are.
PARTS_OF_CURRENCIES = {"GBX": ("GBP", 100), "GBp": ("GBP", 100), "ZAC": ("ZAR", 100), "ZAc": ("ZAR", 100),
                       "ILA": ("ILS", 100), "ILX": ("ILS", 100), "USX": ("USD", 100), "EUX": ("EUR", 100)}  # fmt: skip


def quote_unit(currency: str, price_magnifier: int = 1) -> tuple[str, int]:
    """Return the currency that money is in, and how many quote units one of it is: GBP and 100 for pence."""
    whole, parts = PARTS_OF_CURRENCIES.get(currency, (currency, 1))
    return whole, max(parts, price_magnifier or 1)


def quote_units(security_type: str, currency: str, price_magnifier: int = 1) -> int:
    """Return how many of a price make one of the currency, for a multiplier of 1: 100 for pence and percent of par."""
    part, _ = KINDS.get(security_type, _WHOLE)
    return quote_unit(currency, price_magnifier)[1] * round(1 / part)


def money_currency(holding: Holding) -> str:
    """Return the currency that a holding's money is in, GBP also for what is quoted in pence."""
    return quote_unit(holding.currency)[0]


def unit_value(holding: Holding) -> float:
    """Return what one unit of position gains in its currency when its price rises by 1; NaN for unknown kinds."""
    if holding.security_type not in KINDS:
        return float("nan")
    return holding.multiplier / quote_units(holding.security_type, holding.currency, holding.price_magnifier)


def entry_price(holding: Holding) -> float | None:
    """Return the price, in quote units, at which a holding was bought on average; None where that is not known."""
    if holding.average_cost is None or holding.security_type not in KINDS:
        return None
    return holding.average_cost / unit_value(holding)


def mark(bid: float | None, ask: float | None, last: float | None, close: float | None) -> tuple[float | None, str]:
    """Return the price of a quote and its source: the middle of both sides, else the last trade, else the close.

    A side that IB writes as 0 or -1 is none, and neither is one without a partner.
    """
    if _is_there(bid) and _is_there(ask) and bid <= ask:  # type: ignore[operator]  # both are numbers then
        return (bid + ask) / 2, "mid"  # type: ignore[operator]
    return next(((price, source) for price, source in ((last, "last"), (close, "close")) if _is_there(price)),
                (None, ""))  # fmt: skip


def _is_there(price: float | None) -> bool:
    return price is not None and bool(np.isfinite(price)) and price not in _NO_SIDE


def unpriced_reason(holding: Holding) -> str:
    """Return why a holding has no value, empty where it has one."""
    if holding.reason_unpriced:
        return holding.reason_unpriced
    if holding.security_type not in KINDS:
        return f"nobody knows how to value the security type {holding.security_type!r}"
    if holding.price is None and holding.security_type != BALANCE:
        return NO_PRICE
    return impossible(holding)


def impossible(holding: Holding) -> str:
    """Return what of a holding's numbers nothing can be reckoned with, empty where all can."""
    price = holding.price or 0.0
    if not np.isfinite(price) or (price < 0 and KINDS.get(holding.security_type, _WHOLE)[1] is Counts.VALUE):
        return f"a price of {price:g} is none"
    if not np.isfinite(holding.position):
        return f"a position of {holding.position} is none"
    return "" if 0 < holding.multiplier < np.inf else f"a multiplier of {holding.multiplier:g} is none"


@dataclass(frozen=True, slots=True)
class Values:
    """What holdings are worth at given prices, each in its own currency; NaN where not known.

    All have the shape of the prices: a row for each holding, and a column for each price where several were given.
    `market_value` is position × price × what one price is worth: also what a future stands for. `net_liquidation` is
    how much of that counts to the account's worth. `reasons`, one for each holding, say why it has no value, and are
    empty where it has one.
    """

    market_value: Floats
    net_liquidation: Floats
    reasons: tuple[str, ...]


def value(holdings: Sequence[Holding], prices: Floats | None = None) -> Values:
    """Return what holdings are worth at prices in quote units, of shape (holdings,) or (holdings, points).

    Without prices, at their own. What changes hands daily, as with futures, counts as the change since their own price.
    """
    marks = np.array([_own_price(holding) for holding in holdings], float)
    given = marks if prices is None else np.asarray(prices, float)
    assert given.shape[0] == len(holdings), "a row of prices for each holding"
    to_rows = (slice(None), *[None] * (given.ndim - 1))
    size = np.array([holding.position * unit_value(holding) for holding in holdings], float)
    market = size[to_rows] * given + 0.0  # so that nothing is -0.0
    begun = np.array([_begun(holding, size_, own) for holding, size_, own in zip(holdings, size, marks, strict=True)])
    return Values(market, market - begun.reshape(-1)[to_rows] + 0.0, tuple(map(unpriced_reason, holdings)))


def _own_price(holding: Holding) -> float:
    if unpriced_reason(holding):
        return float("nan")
    return 1.0 if holding.price is None else holding.price


def _begun(holding: Holding, size: float, own_price: float) -> float:
    """Return the value from which on a holding's worth counts."""
    counts = KINDS.get(holding.security_type, _WHOLE)[1]
    if counts is Counts.VALUE:
        return 0.0
    if counts is Counts.CHANGE:
        return size * own_price
    return float("nan") if holding.average_cost is None else holding.position * holding.average_cost


@dataclass(frozen=True, slots=True)
class NetLiquidation:
    """What an account is worth in its base currency, and how that is known.

    `amount` is what was reported where it was, else the own sum; None where neither is known. `difference` is the own
    sum minus what was reported. `lacking` has the holdings, with the reason, that the own sum lacks, and
    `oldest_price_ts_us` is when the oldest of its prices is from.
    """

    amount: float | None
    source: str  # reported, or own sum
    own_sum: float
    difference: float | None
    lacking: tuple[tuple[Holding, str], ...]
    oldest_price_ts_us: int | None


def net_liquidation(
    holdings: Sequence[Holding], rates: Mapping[str, float], base_currency: str, reported: float | None = None
) -> NetLiquidation:
    """Return an account's worth by its balances and positions, beside what was reported.

    `rates` are units of the base currency for one of each currency.
    """
    values = value(holdings)
    total, lacking = 0.0, []
    for holding, share, reason in zip(holdings, values.net_liquidation, values.reasons, strict=True):
        rate = rate_to(base_currency, money_currency(holding), rates)
        why = reason or missing_reason(share, rate, holding)
        if why:
            lacking.append((holding, why))
        else:
            total += float(share) * (rate or 0.0)
    prices = [holding.price_ts_us for holding in holdings if holding.price_ts_us is not None]
    return NetLiquidation(
        reported if reported is not None else total, "own sum" if reported is None else "reported", total,
        None if reported is None else total - reported, tuple(lacking), min(prices, default=None))  # fmt: skip


def rate_to(base_currency: str, currency: str, rates: Mapping[str, float]) -> float | None:
    """Return how much of the base currency one of a currency is; None where no rate is known."""
    return 1.0 if currency == base_currency else rates.get(currency)


def missing_reason(share: float, rate: float | None, holding: Holding) -> str:
    """Return why a value is not known in the base currency, empty where it is."""
    if rate is None:
        return f"no rate for {money_currency(holding)}"
    return "no average cost" if np.isnan(share) else ""
