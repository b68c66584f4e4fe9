"""What else bars are made of: the volatility that options imply, that of the past, and the fee for a borrowed share."""

import numpy as np

from .noise import Floats, Ints, key, smooth
from .universe import Instrument

SCALES_S = tuple(900 * 4**power for power in range(7))  # a quarter of an hour to six weeks
ROUGHNESS = 0.25
STEP = 0.004  # scales the logarithm of a level: it stays within about half and twice its middle
FEE_PERCENT = 0.35  # of a share's price in a year
DIGITS = 6
VOLATILITIES = ("OPTION_IMPLIED_VOLATILITY", "HISTORICAL_VOLATILITY")
LEVELS = (*VOLATILITIES, "FEE_RATE")


def level(seed: int, instrument: Instrument, what: str, epoch_s: Ints) -> Floats:
    """Return a volatility as a fraction in a year, or a fee in percent, at whole seconds since 1970."""
    middle = instrument.asset.volatility if what in VOLATILITIES else FEE_PERCENT
    away = smooth(key(seed, what, instrument.asset_name), epoch_s, SCALES_S, ROUGHNESS)
    found: Floats = np.round(middle * np.exp(away * STEP), DIGITS)
    return found
