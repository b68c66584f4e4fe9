"""What options are worth at any prices of their underlying: in closed form where there is one, else on the lattice."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from capture.option_prices import Floats

from .black_scholes import european
from .lattice import lattice_prices
from .options import Options, Places

QUICK, QUANTLIB = "quick", "quantlib"
METHODS = (QUICK, QUANTLIB)

# How many steps keep the error far below a cent: more the more money moves, and where dividends need them.
_STEPS = np.array([64, 96, 128, 192, 256, 384])
_MONEY_LEVELS, _FACTORS = np.array([60.0, 150.0, 400.0]), np.array([1.0, 1.5, 2.0, 4.0])
_MANY_DIVIDENDS, _MANY_FACTOR = 4, 1.5
_LATE_LEVELS, _LATE_FACTORS = np.array([0.015, 0.06]), np.array([4.0, 2.0, 1.0])  # by the share of time after the last


def price(options: Options, spots: Floats, method: str = QUICK) -> Floats:
    """Return what options are worth at prices of their underlying, in the shape of `spots`: (prices, options).

    By `quick` within a cent of what `quantlib` says for a share of up to 250 (tests/risk/pricing/test_option_worth.py).
    `quantlib` is finite differences, a thousand times slower, and needs QuantLib: RiskError without it.
    """
    assert spots.ndim == 2 and spots.shape[1] == len(options)
    if method == QUANTLIB:
        from .quantlib_prices import quantlib_prices  # not everybody has it

        return quantlib_prices(options, spots)
    assert method == QUICK, method
    prices = np.empty(spots.shape)
    options = replace(options, is_american=options.is_exercised_early)
    is_closed = ~options.is_american & ~options.has_dividend
    _fill(prices, np.flatnonzero(is_closed), options, spots, _closed)
    steps = _steps(options)
    for is_american in (True, False):
        for count in _STEPS:
            which = np.flatnonzero(~is_closed & (steps == count) & (options.is_american == is_american))
            _fill(prices, which, options, spots, partial(lattice_prices, steps=int(count)))
    return prices


def _fill(
    prices: Floats, which: Places, options: Options, spots: Floats, of: Callable[[Options, Floats], Floats]
) -> None:
    if len(which):
        prices[:, which] = of(options.take(which), spots[:, which])


def _closed(options: Options, spots: Floats) -> Floats:
    return european(spots, options.strike, options.years, options.volatility, options.rate, options.yield_,
                    options.sign)  # fmt: skip


def _steps(options: Options) -> Places:
    """Return how many steps each option takes."""
    money = options.strike * options.volatility * np.sqrt(options.years)
    last = np.where(options.paid, options.ex_years, 0.0).max(axis=0, initial=0.0)
    left = np.where(options.has_dividend, 1 - last / options.years, 1.0)
    wanted = (_STEPS[0] * _FACTORS[np.searchsorted(_MONEY_LEVELS, money)]
              * np.where(options.paid.sum(axis=0) > _MANY_DIVIDENDS, _MANY_FACTOR, 1.0)
              * _LATE_FACTORS[np.searchsorted(_LATE_LEVELS, left)])  # fmt: skip
    steps: Places = _STEPS[np.minimum(np.searchsorted(_STEPS, wanted), len(_STEPS) - 1)]
    return steps
