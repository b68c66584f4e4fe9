"""Bonds and bills at other interest rates: by their yield, with coupons paid all the time."""

import numpy as np

from capture.option_prices import Floats

_PAR = 100.0
_LEAST_YIELD, _MOST_YIELD = -0.5, 2.0
_TURNS = 60


def bond_price(yield_: Floats | float, years: float, coupon: float) -> Floats:
    """Return the price, in percent of par, of a bond that pays so many percent a year, at continuous yields."""
    rate = np.asarray(yield_, float)
    is_zero = rate == 0
    annuity = np.where(is_zero, years, -np.expm1(-rate * years) / np.where(is_zero, 1.0, rate))
    return np.asarray(coupon * annuity + _PAR * np.exp(-rate * years), float)


def bond_yield(price: float, years: float, coupon: float) -> float:
    """Return the yield at which a bond has its price; NaN where none between -50 and 200 % does."""
    low, high = _LEAST_YIELD, _MOST_YIELD
    if not bond_price(high, years, coupon) <= price <= bond_price(low, years, coupon):
        return float("nan")
    for _ in range(_TURNS):
        middle = (low + high) / 2
        low, high = (middle, high) if bond_price(middle, years, coupon) > price else (low, middle)
    return (low + high) / 2
