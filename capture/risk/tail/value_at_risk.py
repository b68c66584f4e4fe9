"""Value at risk and expected shortfall of holdings over one day, historical: each day's moves happen to what is held.

Every holding is priced anew at the moves that each day had, options in full. Days on which any of them has no move are
left out for all, and what has too few days is left out and listed: a gap never counts as a day on which nothing moved.
Rates of other currencies move with everything else. Volatility stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from capture.option_prices import Floats
from capture.risk.holding import BALANCE, Holding
from capture.risk.pricing.market import Market
from capture.risk.revaluation import MOST_LOST, Unpriced, changes, moving_name
from capture.risk.valuation import money_currency, rate_to, value

from .daily_returns import DailyReturns
from .tail_risk import CONFIDENCES, TailRisk, tail_risk

LEAST_DAYS = 60  # of returns, without which a name is left out: it would leave as few days to all others

TAIL_SCHEMA = pa.schema([
    ("confidence", pa.float64()), ("value_at_risk", pa.float64()), ("expected_shortfall", pa.float64()),
    ("days", pa.int64()), ("tail_days", pa.float64()), ("label", pa.string())])  # fmt: skip
DAY_SCHEMA = pa.schema([("day", pa.date32()), ("change", pa.float64())])


@dataclass(frozen=True)
class ValueAtRisk:
    """The tail of what holdings would have gained and lost on each of past days, in the base currency.

    `changes` has a value for each of `days`, NaN where a move is missing. `missing_days` counts, by name, the days that
    it alone or with others leaves out. What is `unpriced` is in no figure.
    """

    currency: str
    rows: tuple[TailRisk, ...]
    days: tuple[date, ...]
    changes: Floats
    missing_days: dict[str, int]
    unpriced: tuple[Unpriced, ...]

    @property
    def worst(self) -> tuple[date, float] | None:
        """The day of the largest loss, and what it would be, below zero; None without days."""
        if np.isnan(self.changes).all():
            return None
        place = int(np.nanargmin(self.changes))
        return self.days[place], float(self.changes[place])

    def table(self) -> pa.Table:
        """Return a row for each confidence, in the columns of `TAIL_SCHEMA`."""
        return pa.Table.from_pylist([row._asdict() for row in self.rows], TAIL_SCHEMA)

    def day_table(self) -> pa.Table:
        """Return a row for each day with what would have been gained, null where a move is missing."""
        known = [None if np.isnan(change) else float(change) for change in self.changes]
        return pa.table([pa.array(self.days, pa.date32()), pa.array(known, pa.float64())], DAY_SCHEMA)


def value_at_risk(
    holdings: Sequence[Holding],
    returns: DailyReturns,
    market: Market,
    confidences: Sequence[float] = CONFIDENCES,
    least_days: int = LEAST_DAYS,
) -> ValueAtRisk:
    """Return value at risk and expected shortfall of holdings at each confidence.

    `returns` have what moves a holding by name, see `series_of`. A holding of which a series has fewer than
    `least_days` returns is left out and listed.
    """
    held = [holding for holding in holdings if holding.position and series_of(holding, market.base_currency)]
    faults = [_fault(holding, returns, market.base_currency, least_days) for holding in held]
    known = [holding for holding, fault in zip(held, faults, strict=True) if not fault]
    few = [Unpriced(holding, fault) for holding, fault in zip(held, faults, strict=True) if fault]
    names = list(dict.fromkeys(name for holding in known for name in series_of(holding, market.base_currency)))
    moves = {name: returns.of(name) for name in names}
    amounts, unpriced = _amounts(known, moves, len(returns.days), market)
    missing = {name: int(np.count_nonzero(np.isnan(series))) for name, series in moves.items()}
    return ValueAtRisk(market.base_currency, tuple(tail_risk(amounts, confidences)), returns.days, amounts, missing,
                       (*unpriced, *few))  # fmt: skip


def series_of(holding: Holding, base_currency: str) -> tuple[str, ...]:
    """Return the names of what moves a holding: its underlying, and the rate of its currency where that is another.

    They are AAPL in US dollars, VOD GBP in others, and GBP.USD for what a pound is worth in US dollars. Cash of the
    base currency has none.
    """
    currency = money_currency(holding)
    own = () if holding.security_type == BALANCE else (moving_name(holding),)
    return (*own, *(() if currency == base_currency else (f"{currency}.{base_currency}",)))


def _fault(holding: Holding, returns: DailyReturns, base_currency: str, least_days: int) -> str:
    """Return why no history of a holding can be had, empty where it can."""
    for name in series_of(holding, base_currency):
        if (days := returns.days_of(name)) < least_days:
            return f"{name} has daily returns of {days} days, and {least_days} are needed"
    return ""


def _amounts(
    known: Sequence[Holding], moves: Mapping[str, Floats], days: int, market: Market
) -> tuple[Floats, tuple[Unpriced, ...]]:
    """Return what holdings gain on each day, NaN where a move is missing, and what could not be priced."""
    own, rates = _own_moves(known, moves, days), _rate_moves(known, moves, days, market.base_currency)
    whole = ~np.isnan(own + rates).any(axis=0)
    found = changes(known, market, np.maximum(own[:, whole], -MOST_LOST))
    of_base = np.array([rate_to(market.base_currency, money_currency(one), market.rates) or np.nan for one in known])
    worth = np.nan_to_num(value(known).net_liquidation * of_base)
    gained = found.amounts * (1 + rates[:, whole]) + worth[:, None] * rates[:, whole]
    amounts = np.full(days, np.nan)
    if not all(found.reasons):
        amounts[whole] = np.nansum(gained, axis=0)
    return amounts, found.unpriced


def _own_moves(known: Sequence[Holding], moves: Mapping[str, Floats], days: int) -> Floats:
    rows = [np.zeros(days) if one.security_type == BALANCE else moves[moving_name(one)]
            for one in known]  # fmt: skip
    return np.array(rows).reshape(len(known), days)


def _rate_moves(known: Sequence[Holding], moves: Mapping[str, Floats], days: int, base_currency: str) -> Floats:
    still = np.zeros(days)
    rows = [moves.get(f"{money_currency(one)}.{base_currency}", still) for one in known]
    return np.array(rows).reshape(len(known), days)
