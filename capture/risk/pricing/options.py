"""Options as columns: what pricing has to know of many of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from capture.option_prices import Floats

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

SHORTEST_YEARS = 1 / (365.25 * 86_400)  # a second
LEAST_VOLATILITY, MOST_VOLATILITY = 0.005, 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """Options, one for each place of arrays of one length.

    `years` until they settle, at least a second; `volatility`, `rate` and `yield_` are fractions a year, continuous;
    `sign` is 1 for calls and -1 for puts. What is on a future yields the rate. `ex_years` and `amounts` have a row for
    each dividend of the one with most of them: years until the share goes without it, and its cash in quote units, 0
    where there is none.
    """

    strike: Floats
    years: Floats
    volatility: Floats
    rate: Floats
    yield_: Floats
    sign: Floats
    is_american: Flags
    is_on_future: Flags
    ex_years: Floats
    amounts: Floats

    def __post_init__(self) -> None:
        assert self.ex_years.shape == self.amounts.shape == (len(self.ex_years), len(self.strike))
        assert (self.yield_ == self.rate)[self.is_on_future].all()
        assert (self.strike > 0).all() and (self.years >= SHORTEST_YEARS).all()
        assert (self.volatility >= LEAST_VOLATILITY).all() and (self.amounts >= 0).all()

    def __len__(self) -> int:
        return len(self.strike)

    def at_volatility(self, volatility: Floats) -> "Options":
        """Return the same options at other volatilities, none below the least that is computed with."""
        return replace(self, volatility=np.clip(volatility, LEAST_VOLATILITY, MOST_VOLATILITY))

    def at_rate_shift(self, shift: Floats | float) -> "Options":
        """Return the same options at higher rates."""
        rate = self.rate + shift
        return replace(self, rate=rate, yield_=np.where(self.is_on_future, rate, self.yield_))

    def take(self, which: Places | Flags) -> "Options":
        """Return those at some places, in their order, a place as often as it is named."""
        return Options(self.strike[which], self.years[which], self.volatility[which], self.rate[which],
                       self.yield_[which], self.sign[which], self.is_american[which], self.is_on_future[which],
                       self.ex_years[:, which], self.amounts[:, which])  # fmt: skip

    @property
    def has_dividend(self) -> Flags:
        """Which of them have a dividend before they settle."""
        return np.asarray(self.paid.any(axis=0), np.bool_)

    @property
    def paid(self) -> Flags:
        """Which dividends come before the option settles, in the shape of `amounts`."""
        return (self.amounts > 0) & (self.ex_years > 0) & (self.ex_years <= self.years)

    @property
    def is_exercised_early(self) -> Flags:
        """Which of them it may pay to exercise early: the others are worth what European ones are."""
        return self.is_exercised_after_dividends | (self.is_american & (self.sign > 0) & self.has_dividend)

    @property
    def is_exercised_after_dividends(self) -> Flags:
        """Which of them it may pay to exercise at times that are not just before a dividend."""
        by_call, by_put = (self.yield_ > 0) | (self.rate < 0), (self.yield_ < 0) | (self.rate > 0)
        return self.is_american & np.where(self.sign > 0, by_call, by_put)


def join(parts: Sequence[Options]) -> Options:
    """Return options of several as one, all of which have as many rows of dividends."""
    return Options(*(np.concatenate([getattr(part, each.name) for part in parts], axis=-1) for each in fields(Options)))

