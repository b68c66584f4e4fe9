"""Holdings of options as columns that can be priced, equal ones once, and why the others cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from capture.option_prices import Floats
from capture.risk.holding import AMERICAN, Holding
from capture.risk.valuation import impossible, money_currency

from .implied import implied_volatilities
from .market import Market
from .options import LEAST_VOLATILITY, MOST_VOLATILITY, SHORTEST_YEARS, Options, Places

NOT_YET_REMOVED = "expired, not yet removed"
_ASSUMED = 0.3  # stands where a volatility is to be found, and has no effect on what is found


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """Options of holdings that can be priced, equal ones once.

    `options` and `spots`, the prices of their underlyings, are of one length; `rows` says which holdings they are of
    and `places` which of the options each of these is. `reasons` has one text for each holding of those given, empty
    for what is priced and for what is no option.
    """

    options: Options
    spots: Floats
    rows: Places
    places: Places
    reasons: tuple[str, ...]


def option_terms(holdings: Sequence[Holding], market: Market) -> OptionTerms:
    """Return the terms of those holdings that are options and have not settled.

    A volatility that is not given is that which the price implies.
    """
    reasons = [_reason(holding, market) for holding in holdings]
    rows = [row for row, holding in enumerate(holdings) if is_live_option(holding, market) and not reasons[row]]
    distinct: dict[Holding, int] = {}
    places = [distinct.setdefault(_terms(holdings[row]), len(distinct)) for row in rows]
    options, spots = _columns(list(distinct), market)
    options, why = _with_volatilities(list(distinct), options, spots)
    for row, place in zip(rows, places, strict=True):
        reasons[row] = why[place]
    kept = [(row, place) for row, place in zip(rows, places, strict=True) if not why[place]]
    return OptionTerms(options, spots, np.array([row for row, _ in kept], np.int64),
                       np.array([place for _, place in kept], np.int64), tuple(reasons))  # fmt: skip


def is_live_option(holding: Holding, market: Market) -> bool:
    """Whether a holding is an option that has not settled."""
    return holding.is_option and not (holding.expiry_us is not None and holding.expiry_us <= market.at_us)


def settled_price(holding: Holding) -> tuple[float, str]:
    """Return what an option that has settled is worth, and why that is not known, empty where it is."""
    spot = holding.underlying_price if holding.settlement_price is None else holding.settlement_price
    if spot is None or holding.strike is None or not np.isfinite([spot, holding.strike]).all():
        return float("nan"), f"{NOT_YET_REMOVED}: no settlement price of its underlying"
    return max((spot - holding.strike) * (1 if holding.right == "C" else -1), 0.0), ""


def _reason(holding: Holding, market: Market) -> str:
    """Return why a holding, if it is an option, cannot be priced, whatever its volatility is."""
    if not is_live_option(holding, market):
        return ""
    if holding.expiry_us is None:
        return "no expiry"
    if holding.strike is None or not 0 < holding.strike < np.inf:
        return f"a strike of {holding.strike} cannot be priced"
    if holding.underlying_price is None:
        return "no price of the underlying"
    if not 0 < holding.underlying_price < np.inf:
        return f"a price of the underlying of {holding.underlying_price:g} cannot be priced"
    currency = money_currency(holding)
    if market.interest_rate(currency, 0.0) is None:
        return f"no interest rate of {currency}"
    if holding.implied_volatility is None:
        return "neither a volatility nor a price" if holding.price is None else impossible(holding)
    if not 0 < holding.implied_volatility <= MOST_VOLATILITY:
        return f"an implied volatility of {holding.implied_volatility:g} cannot be priced"
    return ""


def _terms(holding: Holding) -> Holding:
    """Return a holding that is the same for all that are worth the same, and that the same moves."""
    price = holding.price if holding.implied_volatility is None else None
    return Holding("", 0, holding.moved_by, holding.security_type, money_currency(holding), 0, price=price,
                   underlying_id=holding.underlying_id, sector=holding.sector, beta=holding.beta,
                   underlying_price=holding.underlying_price, strike=holding.strike, right=holding.right,
                   expiry_us=holding.expiry_us, exercise=holding.exercise, dividends=holding.dividends,
                   implied_volatility=holding.implied_volatility, dividend_yield=holding.dividend_yield,
                   underlying_security_type=holding.underlying_security_type)  # fmt: skip


def _columns(holdings: Sequence[Holding], market: Market) -> tuple[Options, Floats]:
    years = np.array([max(market.years_to(holding.expiry_us or 0), SHORTEST_YEARS) for holding in holdings])
    rate = _numbers([market.interest_rate(holding.currency, own) for holding, own in zip(holdings, years, strict=True)])
    is_on_future = np.array([holding.security_type == "FOP" or holding.underlying_security_type == "FUT"
                             for holding in holdings], bool)  # fmt: skip
    most = max((len(holding.dividends) for holding in holdings), default=0)
    dividends = np.array([_padded(holding, market, most) for holding in holdings]).reshape(len(holdings), most, 2)
    options = Options(
        strike=np.array([holding.strike for holding in holdings], float), years=years,
        volatility=np.clip(_numbers([holding.implied_volatility or _ASSUMED for holding in holdings]),
                           LEAST_VOLATILITY, MOST_VOLATILITY),
        rate=rate, yield_=np.where(is_on_future, rate, _numbers([holding.dividend_yield for holding in holdings])),
        sign=np.where(np.array([holding.right for holding in holdings]) == "C", 1.0, -1.0),
        is_american=np.array([holding.exercise == AMERICAN for holding in holdings], bool), is_on_future=is_on_future,
        ex_years=np.ascontiguousarray(dividends[:, :, 0].T), amounts=np.ascontiguousarray(dividends[:, :, 1].T))
    return options, _numbers([holding.underlying_price for holding in holdings])


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array(values, float)


def _padded(holding: Holding, market: Market, most: int) -> list[tuple[float, float]]:
    """Return dividends as (years, amount), with nothing for those that it does not have."""
    found = [(market.years_to(ex_us), amount) for ex_us, amount in holding.dividends]
    return found + [(0.0, 0.0)] * (most - len(found))


def _with_volatilities(holdings: Sequence[Holding], options: Options, spots: Floats) -> tuple[Options, list[str]]:
    """Return options with the volatilities that prices imply where none are given, and why some have none."""
    unknown = np.flatnonzero([holding.implied_volatility is None for holding in holdings])
    why = [""] * len(holdings)
    if not len(unknown):
        return options, why
    prices = _numbers([holdings[place].price for place in unknown.tolist()])
    found, reasons = implied_volatilities(options.take(unknown), spots[unknown], prices)
    volatility = options.volatility.copy()
    volatility[unknown] = np.where(np.isnan(found), _ASSUMED, found)
    for place, reason in zip(unknown.tolist(), reasons, strict=True):
        why[place] = reason and f"no volatility: {reason}"
    return replace(options, volatility=volatility), why
