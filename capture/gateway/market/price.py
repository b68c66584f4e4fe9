"""Where prices are at any moment, computed without what came before: noise over scales from seconds to months."""

import math

import numpy as np

from capture.option_prices import YEAR_S, greeks, years_to

from .noise import Floats, Ints, key, smooth
from .universe import Instrument

SCALES_S = tuple(20 * 4**power for power in range(11))  # 20 seconds to eight months
RANDOM_WALK = 0.5
SHARE_PER_SCALE = 0.62  # scales a factor 4 apart add up to about the asset's volatility
SMILE = 0.35  # how much more volatility options far from the money imply
OPTION_NOISE = 0.3  # how much of the underlying's movement within a block an option's quotes make by themselves


def asset_price(seed: int, instrument: Instrument, epoch_s: Ints) -> Floats:
    """Return the price of what the instrument follows, scaled to it (a future's underlying at the future's level)."""
    asset = instrument.asset
    steps = smooth(key(seed, "price", instrument.asset_name), epoch_s, SCALES_S, RANDOM_WALK)
    away: Floats = np.exp(steps * asset.volatility * SHARE_PER_SCALE / np.sqrt(YEAR_S))
    return asset.price * instrument.factor * away


def model_volatility(instrument: Instrument) -> float:
    """Return the volatility an option is priced at: the asset's, more for strikes far from its price."""
    distance = np.log(instrument.strike / (instrument.asset.price * instrument.factor))
    return instrument.asset.volatility * (1 + SMILE * abs(float(distance)))


def price(seed: int, instrument: Instrument, epoch_s: Ints) -> Floats:
    """Return the fair price of an instrument at whole seconds since 1970."""
    spot = asset_price(seed, instrument, epoch_s)
    if instrument.sec_type != "OPT":
        return spot
    years = years_to(instrument.expiry_s, epoch_s.astype(np.float64))
    return greeks(spot, instrument.strike, years, model_volatility(instrument), instrument.right).price


def price_ticks(seed: int, instrument: Instrument, epoch_s: Ints) -> Ints:
    """Return the fair price in whole ticks, at least 2, so that a bid below it is still a price."""
    return np.maximum(np.rint(price(seed, instrument, epoch_s) * instrument.ticks_per_unit), 2).astype(np.int64)


def movement_ticks(instrument: Instrument, at_ticks: Ints, span_s: float) -> Floats:
    """Return how far a price that stands at `at_ticks` typically moves within `span_s`, in ticks."""
    movement = instrument.asset.volatility * math.sqrt(span_s / YEAR_S)
    if instrument.sec_type == "OPT":
        spot_ticks = instrument.asset.price * instrument.factor * instrument.ticks_per_unit
        return np.full(len(at_ticks), spot_ticks * movement * OPTION_NOISE)
    return at_ticks.astype(np.float64) * movement
