"""Exposure: how much of an account moves with a sector, a currency, an underlying, …, in its base currency."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from capture.times import SECOND_US

from .holding import BALANCE, Holding
from .pricing.market import Market
from .risk_error import RiskError
from .valuation import missing_reason, money_currency, rate_to, unit_value, value

NOT_SAID = "not known"  # no definition of it was recorded, or IB says nothing of it
# IB says of these kinds no sector, as they have none: what they are is told instead.
_NO_SECTOR = {
    **dict.fromkeys(("FUT", "CONTFUT", "FOP"), "no sector: futures"),
    **dict.fromkeys(("CASH", BALANCE), "no sector: currencies"), **dict.fromkeys(("BOND", "BILL"), "no sector: bonds"),
    "FUND": "no sector: funds", "CRYPTO": "no sector: crypto", "CMDTY": "no sector: commodities",
    "IND": "no sector: indices"}  # fmt: skip
NO_DELTA = "no delta: neither IB nor its price says one"
NO_UNDERLYING = "no price of its underlying"
PERCENT = 0.01


@dataclass(frozen=True, slots=True)
class UnitGreeks:
    """Greeks of one unit of an option in quote units: delta and gamma per 1 of the underlying, vega per percentage
    point of volatility, theta of a day. `source` is IB or computed."""

    delta: float
    gamma: float
    vega: float
    theta: float
    source: str


def _expiry(holding: Holding) -> str:
    if holding.expiry_us is None:
        return "does not expire"
    return datetime.fromtimestamp(holding.expiry_us / SECOND_US, UTC).date().isoformat()


def _sector(holding: Holding) -> str:
    kind = holding.underlying_security_type if holding.security_type == "OPT" else holding.security_type
    return holding.sector or _NO_SECTOR.get(kind, NOT_SAID)


# By what exposure is told apart -> what a holding belongs to.
GROUPS: dict[str, Callable[[Holding], str]] = {
    "sector": _sector,
    "currency": money_currency,
    "class": lambda holding: holding.security_type,
    "underlying": lambda holding: holding.moved_by,
    "expiry": _expiry,
    "account": lambda holding: holding.account,
}

SCHEMA = pa.schema([
    ("group", pa.string()), ("holdings", pa.int64()), ("long", pa.float64()), ("short", pa.float64()),
    ("gross", pa.float64()), ("net", pa.float64()), ("beta_weighted", pa.float64()), ("market_value", pa.float64()),
    ("delta", pa.float64()), ("gamma", pa.float64()), ("vega", pa.float64()), ("theta", pa.float64()),
    ("without_beta", pa.int64()), ("unpriced", pa.int64()), ("reasons", pa.list_(pa.string()))])  # fmt: skip


@dataclass(slots=True)
class _Group:
    holdings: int = 0
    long: float = 0.0
    short: float = 0.0
    beta_weighted: float = 0.0
    market_value: float = 0.0
    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0
    without_beta: int = 0
    unpriced: int = 0
    reasons: tuple[str, ...] = ()


def exposure(
    holdings: Sequence[Holding], greeks: Sequence[UnitGreeks | None], market: Market, by: str = "underlying"
) -> pa.Table:
    """Return exposure by sector, currency, class, underlying, expiry or account: a row each, the largest gross first.

    `long` and `short` are money in the base currency that moves with the price: of options their underlying's times
    delta, of futures what they stand for. `net` is their sum, `gross` that of their sizes. `beta_weighted` is `net`
    times each holding's beta; `without_beta` holdings, which have none, are not in it. `delta` is money for a move of
    the underlying of 1 %, `gamma` the change of that by another 1 %, `vega` money for a percentage point of volatility,
    `theta` for a day. `greeks` are those of each holding, None of what is no option, or where nobody knows them: such
    options, and what has no price, count as `unpriced`, with `reasons`, and are in no sum. By currency that counts
    which is worth something in it: balances of cash, options at their price, of futures nothing; and a pair of
    currencies as two legs where its account shows no balances. Otherwise balances are left out. Raises RiskError.
    """
    if by not in GROUPS:
        raise RiskError(f"exposure is told by {', '.join(GROUPS)}, not by {by!r}")
    assert len(greeks) == len(holdings), "greeks of each holding, or None"
    groups: dict[str, _Group] = {}
    values = value(holdings)
    with_balances = {holding.account for holding in holdings if holding.security_type == BALANCE}
    for place, (holding, of_unit) in enumerate(zip(holdings, greeks, strict=True)):
        worth, counts = float(values.market_value[place]), float(values.net_liquidation[place])
        if by == "currency":
            legs = _in_currency(holding, worth, counts, holding.account in with_balances)
        else:
            legs = [] if holding.security_type == BALANCE else [(GROUPS[by](holding), _moved(holding, of_unit, worth))]
        why = _lacking(holding, of_unit, values.reasons[place], market)
        for name, moved in legs:
            _count(groups.setdefault(name, _Group()), holding, of_unit, moved, worth, market, why)
    rows = [_row(name, group) for name, group in groups.items()]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (-row["gross"], row["group"])), SCHEMA)


def _in_currency(holding: Holding, worth: float, counts: float, is_in_balances: bool) -> list[tuple[str, float]]:
    """Return the currencies that a holding is worth something in, and how much, in the currency of its money."""
    if holding.security_type != "CASH":
        return [(money_currency(holding), counts)]
    return [] if is_in_balances else [(holding.symbol.partition(".")[0], worth), (holding.currency, -worth)]


def _lacking(holding: Holding, greeks: UnitGreeks | None, reason: str, market: Market) -> str:
    """Return why what moves with a holding is not known, empty where it is."""
    rate = rate_to(market.base_currency, money_currency(holding), market.rates)
    if why := reason or missing_reason(0.0, rate, holding):
        return why
    if holding.is_option and greeks is None:
        return NO_DELTA
    return NO_UNDERLYING if greeks is not None and holding.underlying_price is None else ""


def _moved(holding: Holding, greeks: UnitGreeks | None, worth: float) -> float:
    """Return the money, in its currency, that moves with a holding: of an option that of its underlying by delta."""
    if greeks is None or holding.underlying_price is None:
        return worth
    return holding.position * unit_value(holding) * greeks.delta * holding.underlying_price


def _count(
    group: _Group, holding: Holding, greeks: UnitGreeks | None, moved: float, worth: float, market: Market, why: str
) -> None:
    group.holdings += 1
    if why:
        group.unpriced += 1
        group.reasons = (*group.reasons, f"{holding.symbol}: {why}")
        return
    rate = rate_to(market.base_currency, money_currency(holding), market.rates) or 0.0
    in_base = moved * rate
    group.long += max(in_base, 0.0)
    group.short += min(in_base, 0.0)
    group.market_value += worth * rate
    group.delta += in_base * PERCENT
    if holding.beta is None:
        group.without_beta += 1
    else:
        group.beta_weighted += in_base * holding.beta
    if greeks is not None:
        size = holding.position * unit_value(holding) * rate
        group.gamma += size * greeks.gamma * ((holding.underlying_price or 0.0) * PERCENT) ** 2
        group.vega += size * greeks.vega
        group.theta += size * greeks.theta


def _row(name: str, group: _Group) -> dict[str, Any]:
    sums: dict[str, Any] = {field: getattr(group, field) for field in _Group.__slots__}
    return sums | {"group": name, "gross": group.long - group.short, "net": group.long + group.short,
                   "reasons": list(group.reasons)}  # fmt: skip
