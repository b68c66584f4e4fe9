"""SPAN's sixteen scenarios as data: how far the price moves, where volatility goes, and how much of it counts."""

from typing import NamedTuple

import numpy as np

EXTREME_MOVE, EXTREME_SHARE = 3.0, 0.33  # in scan ranges; as CME has it now, before 2 and 0.35


class Scenario(NamedTuple):
    """One scenario: price and volatility move by a part of their scan ranges, and a share of the change counts."""

    price: float
    volatility: int
    share: float = 1.0


SCENARIOS: tuple[Scenario, ...] = (
    *(Scenario(price / 3, volatility) for price in (0, 1, -1, 2, -2, 3, -3) for volatility in (1, -1)),
    Scenario(EXTREME_MOVE, 0, EXTREME_SHARE),
    Scenario(-EXTREME_MOVE, 0, EXTREME_SHARE),
)
PRICES = np.array([scenario.price for scenario in SCENARIOS])
VOLATILITIES = np.array([float(scenario.volatility) for scenario in SCENARIOS])
SHARES = np.array([scenario.share for scenario in SCENARIOS])
# The other scenario of the same price: where volatility goes the other way. Extreme ones have none but themselves.
TWINS = tuple(number ^ 1 if number < 14 else number for number in range(len(SCENARIOS)))
