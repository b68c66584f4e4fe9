"""The market that everything is valued in: the moment, currencies and interest rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.risk.risk_error import RiskError
from capture.times import DAY_S, SECOND_US

YEAR_US = 365 * DAY_S * SECOND_US  # as volatilities and rates are quoted
MOST_RATE = 0.5

Curve = float | Sequence[tuple[float, float]]  # one rate for all times, or (years, rate) in their order


@dataclass(frozen=True, slots=True)
class Market:
    """What holds for all holdings at one moment.

    `at_us` is the moment, in microseconds since 1970. `rates` are units of the base currency for one of each currency.
    `interest` has a rate of each currency, or a curve of (years, rate), flat beyond its ends: continuous, as fractions
    a year. Raises RiskError for a rate beyond 50 % a year: who writes 4.5 means 0.045.
    """

    at_us: int
    base_currency: str
    rates: Mapping[str, float] = field(default_factory=dict)
    interest: Mapping[str, Curve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for currency, curve in self.interest.items():
            for years, rate in points(curve):
                _check(currency, years, rate)

    def interest_rate(self, currency: str, years: float) -> float | None:
        """Return the interest rate of a currency until so many years from now; None where none was given."""
        if currency not in self.interest:
            return None
        times, rates = zip(*points(self.interest[currency]), strict=True)
        return float(np.interp(years, times, rates))

    def years_to(self, at_us: int) -> float:
        """Return the years until a moment, to the microsecond; below 0 for what is past."""
        return (at_us - self.at_us) / YEAR_US


def points(curve: Curve) -> Sequence[tuple[float, float]]:
    """Return a curve as (years, rate), at least one."""
    return [(0.0, curve)] if isinstance(curve, int | float) else curve


def _check(currency: str, years: float, rate: float) -> None:
    if not abs(rate) <= MOST_RATE:
        raise RiskError(f"the interest rate of {currency} at {years:g} years is {rate:g}, {rate:.0%} a year: write "
                        f"fractions, such as 0.045 for 4.5 %, of {MOST_RATE:g} at most")  # fmt: skip
