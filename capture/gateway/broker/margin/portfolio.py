"""Portfolio margin: the worst that could happen to what is held on one underlying, at ten moves of its price."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from capture.gateway.broker.security import Security
from capture.option_prices import greeks, implied_volatility, years_to
from capture.risk.margin.margin_figures import spread_moves
from capture.times import SECOND_US

from .holding import Holding
from .rates import Rates

_CLOSE_HOUR = 21  # UTC, at which an option is taken to end on its last day
_USUAL_VOLATILITY = 0.3
_CENT = Decimal("0.01")


def portfolio_requirement(
    held: list[Holding], under_price: Decimal | None, rates: Rates, at_us: int
) -> tuple[Decimal, Decimal]:
    """Return what holdings on one underlying require to open, and to hold, at a moment; volatility does not move.

    Without a price of the underlying, what is held is taken to lose all it is worth.
    """
    shares = [holding for holding in held if not holding.security.is_option]
    options = [holding for holding in held if holding.security.is_option]
    price = shares[0].price if shares else under_price
    least = sum((_least(each, rates) for each in options), Decimal(0))
    if price is None or price <= 0:
        worst = sum((abs(each.worth) for each in held), Decimal(0))
    else:
        worst = _worst(shares, options, float(price), rates.moves(held[0].security.symbol), at_us)
    maintenance = max(worst, least)
    return rates.portfolio_initial * maintenance, maintenance


def _least(option: Holding, rates: Rates) -> Decimal:
    """What an option requires at least, a long one no more than it is worth."""
    least = rates.least_per_option * abs(option.quantity) * option.security.multiplier
    return min(least, option.worth) if option.quantity > 0 else least


def _worst(
    shares: list[Holding], options: list[Holding], price: float, moves: tuple[Decimal, Decimal], at_us: int
) -> Decimal:
    down, up = map(float, moves)
    spots = price * (1 + np.concatenate(([0.0], spread_moves(down, up))))
    change = np.zeros(len(spots) - 1)
    for holding in shares:
        change += float(holding.quantity * holding.security.multiplier) * (spots[1:] - spots[0])
    for holding in options:
        worth = _values(holding.security, float(holding.price), spots, at_us)
        change += float(holding.quantity * holding.security.multiplier) * (worth[1:] - worth[0])
    return max(Decimal(float(-change.min())), Decimal(0)).quantize(_CENT)


def _values(option: Security, price: float, spots: npt.NDArray[np.float64], at_us: int) -> npt.NDArray[np.float64]:
    """Return what an option is worth at each price of its underlying, the first of which is that of now."""
    expiry = datetime.strptime(option.last_trade_date[:8], "%Y%m%d").replace(hour=_CLOSE_HOUR, tzinfo=UTC)
    years = years_to(int(expiry.timestamp()), np.array([at_us / SECOND_US]))
    strike = float(option.strike)
    found = implied_volatility(np.array([price]), spots[:1], strike, years, _USUAL_VOLATILITY, option.right)
    return greeks(spots, strike, years, np.nan_to_num(found, nan=_USUAL_VOLATILITY), option.right).price
