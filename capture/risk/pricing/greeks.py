"""Greeks: how what options are worth changes, by pricing them anew."""

from dataclasses import dataclass, replace

import numpy as np

from capture.option_prices import Floats

from .option_worth import QUICK, price
from .options import LEAST_VOLATILITY, SHORTEST_YEARS, Options

DAY_YEARS = 1 / 365
POINT = 0.01  # of volatility, and of a rate
_OF_DEVIATION, _MOST_MOVE = 0.2, 0.01  # how far the underlying is moved, of its own deviation and of its price


@dataclass(frozen=True, slots=True)
class OptionGreeks:
    """Greeks of one unit of an option in quote units, one for each.

    `delta` and `gamma` are per 1 of the underlying, `vega` per percentage point of volatility, `theta` for the next
    day, `rho` per percentage point of the rate.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats


def option_greeks(options: Options, spot: Floats, method: str = QUICK) -> OptionGreeks:
    """Return greeks at prices of the underlying, one for each option.

    A day's theta ends at expiry; an option on a future keeps the drift of none where its rate moves.
    """
    deviation = options.volatility * np.sqrt(options.years)
    move = spot * np.minimum(_OF_DEVIATION * deviation, _MOST_MOVE)
    down, here, up = price(options, np.stack([spot - move, spot, spot + move]), method)
    point = np.minimum(POINT, options.volatility - LEAST_VOLATILITY)
    calmer, wilder = (price(options.at_volatility(options.volatility + sign * point), spot[None], method)[0]
                      for sign in (-1, 1))  # fmt: skip
    low, high = (price(options.at_rate_shift(sign * POINT), spot[None], method)[0] for sign in (-1, 1))
    return OptionGreeks(
        price=here, delta=(up - down) / (2 * move), gamma=(up - 2 * here + down) / move**2,
        vega=(wilder - calmer) / (2 * point) * POINT,
        theta=price(_a_day_later(options), spot[None], method)[0] - here, rho=(high - low) / 2)  # fmt: skip


def _a_day_later(options: Options) -> Options:
    left = np.maximum(options.years - DAY_YEARS, SHORTEST_YEARS)
    return replace(options, years=left, ex_years=options.ex_years - (options.years - left))
