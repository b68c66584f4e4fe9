"""What holdings gain when prices and volatilities move: the seam between pricing and the measures of risk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from capture.option_prices import Floats

from .holding import Holding
from .valuation import money_currency, rate_to, unpriced_reason, value

MOST_LOST = 0.999  # by any move, so that a price stays above 0
_HOME = "USD"


class Market(Protocol):
    """Prices holdings at moves, and knows what currencies are worth."""

    @property
    def base_currency(self) -> str:
        """The currency that amounts are given in."""

    @property
    def rates(self) -> Mapping[str, float]:
        """Units of the base currency for one of each currency."""

    def prices(
        self, holdings: Sequence[Holding], price_moves: Floats, volatility_moves: Floats
    ) -> tuple[Floats, Sequence[str]]:
        """Return prices in quote units, of shape (holdings, scenarios), and for each holding why it has none.

        Moves are relative, of the same shape: of the price of what moves a holding, and of its volatility. A price of
        an option is that of a model, in every scenario. Reasons are empty where there are prices.
        """


def moving_name(holding: Holding) -> str:
    """Return the name of what moves a holding: its symbol in US dollars, else with its currency, as VOD GBP."""
    currency = money_currency(holding)
    return holding.moved_by if currency == _HOME else f"{holding.moved_by} {currency}"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A holding that no figure has in it, and why."""

    holding: Holding
    reason: str


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
    """Return what holdings gain at relative moves of shape (holdings, scenarios); volatility stays where not given."""
    shifts = np.zeros_like(price_moves) if volatility_moves is None else volatility_moves
    assert price_moves.shape == shifts.shape and len(price_moves) == len(holdings), "a row of moves for each holding"
    still = np.zeros((len(holdings), 1))
    prices, reasons = market.prices(holdings, np.hstack((still, price_moves)), np.hstack((still, shifts)))
    worth = value(holdings, prices).market_value
    rates = [rate_to(market.base_currency, money_currency(holding), market.rates) for holding in holdings]
    amounts = (worth[:, 1:] - worth[:, :1]) * np.array([rate or np.nan for rate in rates])[:, None]
    why = tuple(_reason(holding, rate, reason, bool(np.isfinite(row).all()))
                for holding, rate, reason, row in zip(holdings, rates, reasons, amounts, strict=True))  # fmt: skip
    amounts[[bool(reason) for reason in why]] = np.nan
    return Changes(tuple(holdings), amounts, why)


def _reason(holding: Holding, rate: float | None, reason: str, is_finite: bool) -> str:
    found = unpriced_reason(holding) or reason
    if found:
        return found
    if rate is None:
        return f"no rate for {money_currency(holding)}"
    return "" if is_finite else "its price at some move is not known"
