"""European options in closed form: Black, Scholes and Merton, with an interest rate and a yield, for whole arrays."""

import numpy as np

from capture.option_prices import Floats, distribution


def european(
    spot: Floats, strike: Floats, years: Floats, volatility: Floats, rate: Floats, yield_: Floats, sign: Floats
) -> Floats:
    """Return what calls (sign 1) and puts (sign -1) are worth.

    All are positive but rates and yields, which are continuous fractions a year; shapes are broadcast.
    """
    deviation = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate - yield_) * years) / deviation + deviation / 2
    held = spot * np.exp(-yield_ * years) * distribution(sign * d1)
    paid = strike * np.exp(-rate * years) * distribution(sign * (d1 - deviation))
    return np.maximum(sign * (held - paid), 0.0)
