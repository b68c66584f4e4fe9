"""When each row of a replay is due: as far apart as they were recorded, faster, or at once."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .stretch import Stretch

TICK_S = 1e-6  # what times are recorded in: less is not waited for
LONGEST_SLEEP_S = 3_600.0  # a clock cannot sleep for any time at all

Seconds = npt.NDArray[np.float64]


class Pacer:
    """Divides stretches into what is due together.

    `speed` 1 keeps the recorded spacing, 10 is ten times as fast, None is without waiting. Silences longer than
    `longest_silence_s`, as recorded, are cut down to it. All is due by the clock since the first row, never since the
    one before: a slow reader is caught up with, and nothing drifts.
    """

    def __init__(
        self, speed: float | None, longest_silence_s: float | None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._speed, self._longest_s, self._now_s = speed, longest_silence_s, now_s
        self._begun_s: float | None = None
        self._last_us = 0
        self._played_us: int | None = None
        self._last_due_s = 0.0

    def steps(self, stretches: Iterable[Stretch], most_rows: int) -> Iterator[Stretch | float]:
        """Yield rows once they are due, at most so many at a time; before it, how many seconds
        are to be slept, more than once where they are many."""
        for stretch in stretches:
            self._check_order(stretch)
            if self._speed is None or stretch.initial:
                yield from (stretch.part(at, at + most_rows) for at in range(0, len(stretch), most_rows))
            elif len(stretch):
                yield from self._paced(stretch, self._due_s(stretch), most_rows)

    def _check_order(self, stretch: Stretch) -> None:
        """Assert that stretches come in order of time; the state at the start is of before."""
        if len(stretch) and not stretch.initial:
            first_us, last_us = stretch.span_us
            assert self._played_us is None or self._played_us <= first_us, "a replay never goes back"
            self._played_us = last_us

    def _paced(self, stretch: Stretch, due_s: Seconds, most_rows: int) -> Iterator[Stretch | float]:
        if self._begun_s is None:
            self._begun_s = self._now_s()
        at = 0
        while at < len(stretch):
            passed_s = self._now_s() - self._begun_s
            end = min(int(np.searchsorted(due_s, passed_s + TICK_S, side="right")), at + most_rows)
            if end > at:
                yield stretch.part(at, end)
                at = end
            else:
                yield min(float(due_s[at] - passed_s), LONGEST_SLEEP_S)

    def _due_s(self, stretch: Stretch) -> Seconds:
        """Return when rows are due, in seconds after the first row of all."""
        assert self._speed is not None
        times_us = stretch.ts_us
        before_us = self._last_us if self._begun_s is not None else times_us[0]
        silences_s = np.diff(times_us, prepend=before_us) / 1e6
        if self._longest_s is not None:
            silences_s = np.minimum(silences_s, self._longest_s)
        due_s: Seconds = self._last_due_s + np.cumsum(silences_s / self._speed)
        self._last_us, self._last_due_s = int(times_us[-1]), float(due_s[-1])
        return due_s
