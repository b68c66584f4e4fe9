"""Which volatility makes an option worth its price: a root finder around the pricing, dividends and exercise in it."""

import numpy as np
from numpy.typing import ArrayLike

from capture.option_prices import Floats

from .option_worth import price
from .options import Options

LEAST, MOST = 0.01, 5.0
NO_PRICE = "no price"
BELOW = "its price is below what it is worth at a volatility of 1 %"
ABOVE = "its price is above what it is worth at a volatility of 500 %"
_MOST_TRIES = 60
_CLOSE = 1e-6  # of volatility
_EXACT = 1e-9  # of the strike


def implied_volatilities(options: Options, spot: ArrayLike, prices: ArrayLike) -> tuple[Floats, list[str]]:
    """Return the volatility that each price implies, NaN where none between 1 and 500 % does, and the reason why not.

    Options' own volatilities do not matter; a price that is NaN is none. Reasons are empty where there is a volatility.
    """
    spots, targets = np.asarray(spot, float), np.asarray(prices, float)
    low, high = np.full(len(options), LEAST), np.full(len(options), MOST)
    below, above = _missing(options, spots, targets, low), _missing(options, spots, targets, high)
    reasons = np.select([np.isnan(targets), below > _EXACT * options.strike, above < 0], [NO_PRICE, BELOW, ABOVE], "")
    found = np.full(len(options), np.nan)
    which = np.flatnonzero(reasons == "")
    found[which] = _roots(options.take(which), spots[which], targets[which], below[which], above[which])
    return found, [str(reason) for reason in reasons]


def chain_volatilities(options: Options, spot: ArrayLike, prices: ArrayLike) -> tuple[Floats, list[str]]:
    """Return volatilities as `implied_volatilities` does, of both sides of a strike that of the one out of the money.

    In the money a price is nearly all intrinsic value, and says little of volatility. A side that has no volatility of
    its own has that of the other.
    """
    spots = np.asarray(spot, float)
    own, reasons = implied_volatilities(options, spots, prices)
    is_out = options.sign * (spots - options.strike) <= 0
    better: dict[tuple[float, float], float] = {}
    for place in np.lexsort((is_out,)):
        if not reasons[place]:
            better[options.strike[place], options.years[place]] = own[place]
    found = np.array([better.get((options.strike[place], options.years[place]), np.nan) for place in range(len(own))])
    return found, ["" if np.isfinite(one) else reason for one, reason in zip(found, reasons, strict=True)]


def _missing(options: Options, spots: Floats, targets: Floats, volatility: Floats) -> Floats:
    """Return how much more options are worth at a volatility than their prices."""
    missing: Floats = price(options.at_volatility(volatility), spots[None])[0] - targets
    return missing


def _roots(options: Options, spots: Floats, targets: Floats, below: Floats, above: Floats) -> Floats:
    """Return where between 1 and 500 % options are worth their prices: regula falsi, with halves where it is slow."""
    low, high = np.full(len(options), LEAST), np.full(len(options), MOST)
    found = low.copy()
    open_ = np.flatnonzero(below < 0)
    for turn in range(_MOST_TRIES):
        if not len(open_):
            break
        halves = (low[open_] + high[open_]) / 2
        width = np.where(above[open_] > below[open_], above[open_] - below[open_], 1.0)
        crossing = (low[open_] * above[open_] - high[open_] * below[open_]) / width
        tried = np.clip(halves if turn % 3 == 0 else crossing, low[open_], high[open_])
        missing = _missing(options.take(open_), spots[open_], targets[open_], tried)
        found[open_] = tried
        is_low = missing < 0
        low[open_], below[open_] = np.where(is_low, tried, low[open_]), np.where(is_low, missing, below[open_])
        high[open_], above[open_] = np.where(is_low, high[open_], tried), np.where(is_low, above[open_], missing)
        is_done = (np.abs(missing) <= _EXACT * options.strike[open_]) | (high[open_] - low[open_] < _CLOSE)
        open_ = open_[~is_done]
    return found
