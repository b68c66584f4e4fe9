"""Daily returns from closes of several instruments: between days that follow each other, missing elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from capture.option_prices import Floats

MOST_DAYS_APART = 5  # of the calendar, between two sessions: over Easter; with more between, a session is missing


@dataclass(frozen=True)
class DailyReturns:
    """Relative changes of closes: a row for each day, a column for each name; NaN where a close is missing."""

    days: tuple[date, ...]
    names: tuple[str, ...]
    returns: Floats  # (days, names)

    def of(self, name: str) -> Floats:
        """Return the returns of one name, NaN on every day where it has none.

        Those of a rate, such as EUR.USD, are also found from the other one, USD.EUR.
        """
        if name in self.names:
            return self.returns[:, self.names.index(name)]
        other = ".".join(reversed(name.split(".")))
        if "." in name and other in self.names:
            return 1 / (1 + self.of(other)) - 1
        return np.full(len(self.days), np.nan)

    def days_of(self, name: str) -> int:
        """Return on how many days a name has a return."""
        return int(np.count_nonzero(~np.isnan(self.of(name))))


def daily_returns(
    closes: Mapping[str, Mapping[date, float | None]], sessions: Sequence[date] | None = None
) -> DailyReturns:
    """Return the daily returns of closes by name and day.

    `sessions` are the days on which there was trading. Without them they are the days on which any name has a close,
    and more than five days of the calendar between two of them are a gap. A return is of two sessions that follow each
    other: where a close is missing it is NaN, and nothing is carried over. A close that is not above zero is none: a
    futures price below it has no return.
    """
    days = sorted(sessions if sessions is not None else {day for series in closes.values() for day in series})
    rows = [[_close(series.get(day)) for series in closes.values()] for day in days]
    table = np.array(rows).reshape(len(days), len(closes))
    found = table[1:] / table[:-1] - 1
    if sessions is None:
        apart = np.array([(later - earlier).days for earlier, later in pairwise(days)])
        found[apart > MOST_DAYS_APART] = np.nan
    return DailyReturns(tuple(days[1:]), tuple(closes), found)


def _close(price: float | None) -> float:
    return price if price is not None and np.isfinite(price) and price > 0 else float("nan")
