"""Options for tests: one by its terms, and many at random."""

from collections.abc import Sequence

import numpy as np

from capture.option_prices import Floats
from capture.risk.pricing.options import Options

HOUR_YEARS = 1 / (365 * 24)
DAY_YEARS = 1 / 365


def option(
    strike: float = 100, years: float = 180 / 365, volatility: float = 0.3, rate: float = 0.04, yield_: float = 0.0,
    right: str = "P", is_american: bool = True, dividends: Sequence[tuple[float, float]] = (),
    is_on_future: bool = False,
) -> Options:
    def one(value: float) -> Floats:
        return np.array([value], float)

    return Options(one(strike), one(years), one(volatility), one(rate), one(rate if is_on_future else yield_),
                   one(1 if right == "C" else -1), np.array([is_american]), np.array([is_on_future]),
                   np.array([[ex_years] for ex_years, _ in dividends]).reshape(-1, 1),
                   np.array([[amount] for _, amount in dividends]).reshape(-1, 1))  # fmt: skip


def random_options(count: int, seed: int) -> tuple[Options, Floats]:
    """Return options of an hour to two years and a half, half of them with dividends, and their underlyings' prices."""
    rng = np.random.default_rng(seed)
    spot = np.exp(rng.uniform(np.log(5), np.log(250), count))
    years = np.exp(rng.uniform(np.log(HOUR_YEARS), np.log(2.5), count))
    volatility = np.exp(rng.uniform(np.log(0.08), np.log(1.2), count))
    strike = spot * np.exp(np.clip(rng.normal(size=count), -2, 2) * volatility * np.sqrt(years))
    every = rng.choice([1 / 12, 0.25, 0.25, 0.5, 1], count)
    first = rng.uniform(0, every)
    amount = np.where(rng.random(count) < 0.5, rng.uniform(0.001, 0.06, count) * every * spot, 0.0)
    number = np.arange(30)[:, None]
    return Options(
        strike, years, volatility, rng.uniform(-0.01, 0.09, count),
        np.where(rng.random(count) < 0.4, rng.uniform(-0.02, 0.06, count), 0.0), rng.choice([-1.0, 1.0], count),
        rng.random(count) < 0.75, np.zeros(count, bool), first + number * every, np.broadcast_to(amount, (30, count)),
    ), spot  # fmt: skip
