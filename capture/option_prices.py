"""Option prices and greeks by Black and Scholes, without interest or dividends, for whole arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

YEAR_S = 365.25 * 86_400
SHORTEST_YEARS = 1 / 365.25  # an option keeps a day of time value, so that greeks stay finite at expiry
VOLATILITY_RANGE = (0.01, 5.0)
NEWTON_STEPS = 8

# Abramowitz and Stegun 26.2.17: the normal distribution to 7.5e-8.
_SLOPE = 0.2316419
_POWERS = (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530, 0.0)


@dataclass(frozen=True)
class Greeks:
    """Price and greeks per unit of the underlying: vega per point of volatility, theta per day."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def years_to(expiry_s: int, epoch_s: Floats) -> Floats:
    """Return the years left until `expiry_s`, never less than a day."""
    return np.maximum((expiry_s - epoch_s) / YEAR_S, SHORTEST_YEARS)


def density(x: Floats) -> Floats:
    """Return the normal density."""
    values: Floats = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    return values


def distribution(x: Floats) -> Floats:
    """Return the normal distribution, between 0 and 1."""
    t = 1 / (1 + _SLOPE * np.abs(x))
    tail = density(x) * np.polyval(_POWERS, t)
    return np.clip(np.where(x > 0, 1 - tail, tail), 0.0, 1.0)


def greeks(spot: Floats, strike: float, years: Floats, volatility: Floats | float, right: str) -> Greeks:
    """Return what a call ("C") or put ("P") is worth and how that changes."""
    deviation = volatility * np.sqrt(years)
    d1 = np.log(spot / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    sign = 1.0 if right == "C" else -1.0
    delta = sign * distribution(sign * d1)
    price = spot * delta - strike * sign * distribution(sign * d2)
    return Greeks(
        price=np.maximum(price, 0.0),
        delta=delta,
        gamma=density(d1) / (spot * deviation),
        vega=spot * density(d1) * np.sqrt(years) / 100,
        theta=-spot * density(d1) * volatility / (2 * np.sqrt(years)) / 365,
    )


def implied_volatility(price: Floats, spot: Floats, strike: float, years: Floats, guess: float, right: str) -> Floats:
    """Return the volatility at which the option is worth `price`; NaN where none between 1 % and 500 % is."""
    volatility = np.full(len(price), guess)
    for _ in range(NEWTON_STEPS):
        now = greeks(spot, strike, years, volatility, right)
        volatility = np.clip(volatility - (now.price - price) / np.maximum(now.vega * 100, 1e-9), *VOLATILITY_RANGE)
    reached = np.abs(greeks(spot, strike, years, volatility, right).price - price) < 1e-4
    return np.where(reached, volatility, np.nan)
