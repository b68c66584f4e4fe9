"""Options on a trinomial lattice, many at once, each at several prices of its underlying.

The lattice is one of the Brownian motion alone, so that all options share its shape (D142): nodes lie √(3 dt) apart,
and a step goes up or down with 1/6, which is exact to the fifth moment. Prices of the underlying at the nodes follow by
drift and volatility. One walk gives all prices of the underlying at its beginning.

Three things keep coarse steps exact. The walk begins one step before expiry, by the closed form, and so without the
kink at the strike. Dividends fall on nodes of time: the nearest one is moved there. And where exercise begins between
two nodes, the node on the side that is held sees the other one as if it were held: its value is extended over the
boundary by the curvature that the equation gives there.
"""

import math

import numpy as np

from capture.option_prices import Floats

from .black_scholes import european
from .options import Flags, Options, Places

_DEVIATIONS = 4.5  # of the underlying at expiry, on either side of the strike
_AT_ONCE = 2048
_LEAST = 1e-12
_MOST_STEPS = 512  # rows are counted in eight bits
_FAR = 1e6  # rows
_LATE = 0.8  # of the time to expiry, after which the walk may begin at a dividend


def lattice_prices(options: Options, spots: Floats, steps: int) -> Floats:
    """Return what options are worth, in the shape of `spots`: (prices of the underlying, options).

    All of them are American, or none. Dividends beyond a step's length apart are exact in time; nearer ones are joined.
    """
    assert spots.shape[1] == len(options) and 4 <= steps <= _MOST_STEPS
    assert options.is_american.all() or not options.is_american.any()
    prices = np.empty(spots.shape)
    for start in range(0, len(options), _AT_ONCE):
        part = np.arange(start, min(start + _AT_ONCE, len(options)))
        prices[:, part] = _Walk(options.take(part), steps).prices(spots[:, part])
    return prices


class _Walk:
    """The way back from expiry to now, for options that fit into the cache together.

    Nodes are in rows, the first of them deepest in the money, so that what is exercised is above what is held. Node i
    stands for a price of the underlying of `_center` × `_factors[i]`; the center moves with time, along the drift and
    over dividends, so that the strike stays in the middle.
    """

    def __init__(self, options: Options, steps: int) -> None:
        self.options = options
        self.half = math.ceil(_DEVIATIONS * math.sqrt(steps / 3))
        self.step_years, self.dividends = _times(options, steps)
        self.space = np.sqrt(3 * self.step_years[:-1].mean(axis=0))  # between nodes, in units of the Brownian motion
        self.log_step = -options.sign * options.volatility * self.space
        rows = np.arange(2 * self.half + 1)[:, None] - self.half
        self.factors = np.exp(rows * self.log_step)
        self.signed = options.sign * self.factors
        discount, part = np.exp(-options.rate * self.step_years), self.step_years / (2 * self.space**2)
        spread = 1 + 2 * part * (np.cosh(self.log_step) - 1)  # so that the underlying has its forward to the last digit
        self.back = np.exp((options.yield_ - options.rate) * self.step_years) * spread
        self.side, self.middle = discount * part, discount * (1 - 2 * part)
        self.ratio = np.exp(self.log_step)
        self.paid_at_exercise = options.sign * options.strike
        self.earned = options.yield_ * self.space**2
        self.lost = options.rate * self.paid_at_exercise * self.space**2
        self.center = options.strike * self.back[-1] + self.dividends[-1]
        self.is_american = bool(options.is_american.all())
        self.columns = np.arange(len(options))
        self.values = self._before_expiry()
        self.first_held = np.zeros(len(options), np.int64)
        self.spare = np.empty_like(self.values)

    def prices(self, spots: Floats) -> Floats:
        """Return the values at prices of the underlying, now."""
        for step in range(len(self.step_years) - 1, -1, -1):
            if step < len(self.step_years) - 1:
                self._step_back(step)
            if self.is_american:
                self._exercise()
            if 0 < step < len(self.step_years) - 1 and self.dividends[step].any():
                self._go_over_dividends(step)
        return self._now(spots)

    def _before_expiry(self) -> Floats:
        last, options = self.step_years[-1], self.options
        spots = np.maximum(self.center * self.factors - self.dividends[-1], _LEAST * options.strike)
        held = european(spots, options.strike, last, options.volatility, options.rate, options.yield_, options.sign)
        return np.maximum(held, options.sign * spots - self.paid_at_exercise) if self.is_american else held

    def _step_back(self, step: int) -> None:
        """Go from the values after a step to those before it."""
        values, spare, side = self.values, self.spare, self.side[step]
        beyond = self._beyond_ends()
        missing = self._missing() if self.is_american else ()
        np.add(values[:-2], values[2:], out=spare[1:-1])
        np.add(beyond[0], values[1], out=spare[0])
        np.add(beyond[1], values[-2], out=spare[-1])
        np.multiply(spare, side, out=spare)
        np.multiply(values, self.middle[step], out=values)
        np.add(values, spare, out=values)
        for rows, part in enumerate(missing):
            values[np.maximum(self.first_held - rows, 0), self.columns] += part * side
        self.center *= self.back[step]

    def _beyond_ends(self) -> tuple[Floats, Floats]:
        """Return the values one node beyond the first and the last one: far out they are linear in the price."""
        values, ratio = self.values, self.ratio
        return values[0] + (values[0] - values[1]) / ratio, values[-1] + (values[-1] - values[-2]) * ratio

    def _exercise(self) -> None:
        """Exercise wherever that is worth more, and find the first node at which it is not."""
        rows = self._in_the_money()
        gain = self.spare[:rows]
        np.multiply(self.signed[:rows], self.center, out=gain)
        np.subtract(gain, self.paid_at_exercise, out=gain)
        exercised = self.values[:rows] <= gain
        self.first_held = self._count(exercised)
        np.maximum(self.values[:rows], gain, out=self.values[:rows])

    def _count(self, exercised: Flags) -> Places:
        """Return the first row that is held: how many are not, as these come first."""
        count = np.add.reduce(exercised.view(np.int8), axis=0, dtype=np.int8)
        first: Places = np.minimum(count, len(self.values) - 2).astype(np.int64)
        return first

    def _in_the_money(self) -> int:
        """Return up to which row options are in the money, and one more."""
        place = np.log(self.options.strike / self.center) / self.log_step
        return int(np.clip(math.ceil(place.max()) + self.half + 2, 2, len(self.values)))

    def _missing(self) -> tuple[Floats, Floats]:
        """Return what the first node that is held, and the last one that is exercised, lack of their neighbour's value.

        It is what that one would be worth, above what it is worth exercised, if it were held as they may be.
        """
        place = self.first_held * len(self.columns) + self.columns
        signed_spot = self.center * self.signed.ravel().take(place)
        bend = np.maximum(self.earned * signed_spot - self.lost, _LEAST)
        over = np.maximum(self.values.ravel().take(place) - signed_spot + self.paid_at_exercise, 0.0)
        share = np.maximum(1 - np.sqrt(over / bend), 0.0)
        bend *= self.first_held > 0
        return bend * share * share, bend

    def _go_over_dividends(self, step: int) -> None:
        """Go from the values just after dividends to those just before them, at nodes that lie higher by as much."""
        which = np.flatnonzero(self.dividends[step])
        paid, options = self.dividends[step, which], self.options.take(which)
        spots = (self.center[which] + paid) * self.factors[:, which]
        values = self._between(which, self.values[:, which], spots - paid)
        if self.is_american:
            gain = options.sign * (spots - options.strike)
            self.first_held[which] = self._count(values <= gain)
            values = _exercised(values, gain)
        self.values[:, which] = values
        self.center[which] += paid

    def _now(self, spots: Floats) -> Floats:
        every = self.columns
        if not self.is_american:
            return self._between(every, self.values, spots)
        gain = self.options.sign * (spots - self.options.strike)
        extended, boundary = self._extended()
        held = self._between(every, extended, spots)
        is_exercised = self._places(every, spots) < boundary
        return np.where(is_exercised, np.maximum(gain, 0.0), np.maximum(held, gain))

    def _extended(self) -> tuple[Floats, Floats]:
        """Return values with those of exercised nodes extended from what is held, and where exercise begins."""
        rows = np.arange(len(self.values))[:, None]
        gain = self.signed * self.center - self.options.sign * self.options.strike
        over = np.sqrt(np.maximum(self.values - gain, 0.0))
        first = self.first_held
        near, next_ = over[first, self.columns], over[first + 1, self.columns]
        slope = next_ - near
        share = np.where(slope > near, near / np.maximum(slope, _LEAST), 1.0)
        boundary = np.where(self.first_held > 0, first - share, -_FAR)
        extended = gain + (slope * (rows - boundary)) ** 2
        is_near = (rows < first) & (rows >= first - _POINTS) & (self.first_held > 0)
        return np.where(is_near, extended, self.values), boundary

    def _places(self, which: Places, spots: Floats) -> Floats:
        """Return at which row, a fraction in it, prices of the underlying lie."""
        center = self.center[which]
        places: Floats = np.log(np.maximum(spots, _LEAST * center) / center) / self.log_step[which] + self.half
        return places

    def _between(self, which: Places, values: Floats, spots: Floats) -> Floats:
        """Return values at prices of the underlying: by a cubic between nodes, beyond them linear in the price.

        Of calls what they are worth beyond the underlying is taken: it is bounded, where they grow without end.
        """
        place = self._places(which, spots)
        last = len(values) - 1
        calls = np.maximum(self.options.sign[which], 0.0)
        beyond = values - calls * self.center[which] * self.factors[:, which]
        found = _interpolated(beyond, np.clip(place, 0, last)) + calls * spots
        ends = self.center[which] * self.factors[np.ix_(np.array([0, 1, last - 1, last]), which)]
        deep = values[0] + (values[1] - values[0]) / (ends[1] - ends[0]) * (spots - ends[0])
        far = values[last] + (values[last] - values[last - 1]) / (ends[3] - ends[2]) * (spots - ends[3])
        return np.maximum(np.where(place < 0, deep, np.where(place > last, far, found)), 0.0)


_POINTS = 4


def _interpolated(values: Floats, place: Floats) -> Floats:
    """Return values between rows: by the cubic through the two rows on either side."""
    columns = values.shape[1]
    first = np.clip(place.astype(np.int64) - 1, 0, len(values) - _POINTS)
    u = place - first
    at = first * columns + np.arange(columns)
    flat = values.ravel()
    u1, u2, u3 = u - 1, u - 2, u - 3
    found: Floats = (u * u1 * (u2 * flat.take(at + 3 * columns) - 3 * u3 * flat.take(at + 2 * columns))
                     + u2 * u3 * (3 * u * flat.take(at + columns) - u1 * flat.take(at))) / 6  # fmt: skip
    return found


def _exercised(held: Floats, gain: Floats) -> Floats:
    """Return the better of two at each node, adjusted where they cross between two nodes.

    There the better of both has a kink, of which nodes show too much or too little, by where it lies between them.
    """
    over = held - gain
    better = np.maximum(held, gain)
    is_held = over > 0
    change = is_held[1:] != is_held[:-1]
    row = change.argmax(axis=0)
    columns = np.arange(held.shape[1])
    before, after = over[row, columns], over[row + 1, columns]
    jump = np.where(change.any(axis=0), np.abs(after - before), 0.0)
    share = np.clip(-before / np.where(jump > 0, after - before, 1.0), 0, 1)
    missing = jump * (share * share - share + 1 / 6) / 2
    better[row, columns] += missing * (1 - share)
    better[row + 1, columns] += missing * share
    return better


def _times(options: Options, steps: int) -> tuple[Floats, Floats]:
    """Return how long each step is, (steps, options), and what is paid at the beginning of each.

    The last step, which the closed form goes, begins at a late dividend where nobody exercises after it.
    """
    last = np.where(options.paid, options.ex_years, 0.0).max(axis=0, initial=0.0)
    begins = (last > _LATE * options.years) & ~options.is_exercised_after_dividends
    ends = np.arange(steps + 1)[:, None] * np.where(begins, last / (steps - 1), options.years / steps)
    dividends = np.zeros((steps, len(options)))
    nearest = np.clip(np.rint(options.ex_years / ends[1]), 1, steps - 1).astype(np.int64)
    which, columns = np.nonzero(options.paid)
    nodes = nearest[which, columns]
    ends[nodes, columns] = options.ex_years[which, columns]
    np.add.at(dividends, (nodes, columns), options.amounts[which, columns])
    ends[-1] = options.years
    return np.diff(ends, axis=0), dividends
