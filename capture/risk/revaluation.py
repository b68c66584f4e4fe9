"""What holdings gain when prices and volatilities move: the seam between pricing and the measures of risk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.option_prices import Floats

from .holding import Holding
from .pricing.market import Market
from .stress.moves import Moves, moved_prices
from .valuation import money_currency, rate_to, unpriced_reason, value

MOST_LOST = 0.999  # by any move, so that a price stays above 0
ON_FUTURES = ("FUT", "CONTFUT", "FOP")
_HOME = "USD"


def moving_name(holding: Holding) -> str:
    """Return the name of what moves a holding: its symbol in US dollars, else with its currency, as VOD GBP.

    All months of a future, and options on it, are moved by its symbol.
    """
    currency = money_currency(holding)
    symbol = holding.symbol if holding.security_type in ON_FUTURES else holding.moved_by
    return symbol if currency == _HOME else f"{symbol} {currency}"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A holding that no figure has in it, and why."""

    holding: Holding
    reason: str


UNPRICED_SCHEMA = pa.schema([
    ("account", pa.string()), ("instrument_id", pa.int64()), ("symbol", pa.string()), ("security_type", pa.string()),
    ("currency", pa.string()), ("position", pa.float64()), ("reason", pa.string())])  # fmt: skip


def unpriced_table(rows: Sequence[Unpriced]) -> pa.Table:
    """Return a row for each holding that could not be priced, in the columns of `UNPRICED_SCHEMA`."""
    names = UNPRICED_SCHEMA.names[:-1]
    found = [{name: getattr(row.holding, name) for name in names} | {"reason": row.reason} for row in rows]
    return pa.Table.from_pylist(found, UNPRICED_SCHEMA)


@dataclass(frozen=True)
class Changes:
    """What holdings gain in each scenario, in the base currency, against one in which nothing moves.

    There is a row for each holding, NaN where it has no price, and a reason, empty where it has one.
    """

    holdings: tuple[Holding, ...]
    amounts: Floats  # (holdings, scenarios)
    reasons: tuple[str, ...]

    @property
    def unpriced(self) -> tuple[Unpriced, ...]:
        """The holdings that have no price, each with the reason."""
        pairs = zip(self.holdings, self.reasons, strict=True)
        return tuple(Unpriced(holding, reason) for holding, reason in pairs if reason)

    def total(self, rows: Sequence[int] | None = None) -> Floats:
        """Return what all holdings gain in each scenario, or those of some rows, but for those without a price."""
        chosen = self.amounts if rows is None else self.amounts[list(rows)]
        summed: Floats = np.nansum(chosen, axis=0)
        return summed


def changes(
    holdings: Sequence[Holding], market: Market, price_moves: Floats, volatility_moves: Floats | None = None
) -> Changes:
    """Return what holdings gain at relative moves of shape (holdings, scenarios); volatility stays where not given.

    Options are worth what a model says, in each scenario and in that in which nothing moves.
    """
    shifts = np.zeros_like(price_moves) if volatility_moves is None else volatility_moves
    assert price_moves.shape == shifts.shape and len(price_moves) == len(holdings), "a row of moves for each holding"
    still = np.zeros((1, price_moves.shape[1]))
    found = moved_prices(holdings, Moves(price_moves, shifts, still, still), market)
    worth = value(holdings, found.prices).market_value - value(holdings, found.now[:, None]).market_value
    rates = [rate_to(market.base_currency, money_currency(holding), market.rates) for holding in holdings]
    amounts = worth * np.array([rate or np.nan for rate in rates])[:, None]
    is_known = np.isfinite(amounts).all(axis=1).tolist()
    why = tuple(map(_reason, holdings, rates, found.reasons, is_known))
    amounts[[bool(reason) for reason in why]] = np.nan
    return Changes(tuple(holdings), amounts, why)


def _reason(holding: Holding, rate: float | None, reason: str, is_finite: bool) -> str:
    if reason:
        return reason
    if rate is None:
        return f"no rate for {money_currency(holding)}"
    return "" if is_finite else unpriced_reason(holding) or "its price at some move is not known"
