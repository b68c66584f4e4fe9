"""When each row of a replay is due: as far apart as they were recorded, faster, or at once."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .clock import FASTEST, Clock
from .stretch import Stretch

LONGEST_SLEEP_S = 3_600.0  # a clock cannot sleep for any time at all

Microseconds = npt.NDArray[np.float64]


class Pacer:
    """Divides stretches into what is due together.

    `speed` 1 keeps the recorded spacing, 10 is ten times as fast, None is without waiting. Silences longer than
    `longest_silence_s`, as recorded, are cut down to it. All is due by one clock that begins with the first row, never
    since the row before: a slow reader is caught up with, and nothing drifts.
    """

    def __init__(
        self, speed: float | None, longest_silence_s: float | None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._speed = None if speed is None or speed > FASTEST else speed
        self._longest_us = None if longest_silence_s is None else longest_silence_s * 1e6
        self._now_s = now_s
        self._clock: Clock | None = None
        self._last_us = 0
        self._played_us: int | None = None
        self._last_due_us = 0.0

    def steps(self, stretches: Iterable[Stretch], most_rows: int) -> Iterator[Stretch | float]:
        """Yield rows once they are due, at most so many at a time; before it, how many seconds
        are to be slept, more than once where they are many, and 0 where nothing came: who waits can then be stopped."""
        for stretch in stretches:
            self._check_order(stretch)
            if stretch.live and not len(stretch):
                yield 0.0
            elif self._speed is None or stretch.initial:
                yield from (stretch.part(at, at + most_rows) for at in range(0, len(stretch), most_rows))
            elif len(stretch):
                yield from self._paced(stretch, self._speed, most_rows)

    def _check_order(self, stretch: Stretch) -> None:
        """Assert that the past comes in order of time; the state at the start is of before, and some rows come late."""
        if len(stretch) and not (stretch.initial or stretch.live):
            first_us, last_us = stretch.span_us
            assert self._played_us is None or self._played_us <= first_us, "a replay never goes back"
            self._played_us = last_us

    def _paced(self, stretch: Stretch, speed: float, most_rows: int) -> Iterator[Stretch | float]:
        due_us = self._due_us(stretch)
        if self._clock is None:
            self._clock = Clock(0, speed, now_ns=lambda: round(self._now_s() * 1e9))
        at = 0
        while at < len(stretch):
            now_us = self._clock.now_us()
            end = min(int(np.searchsorted(due_us, now_us + 1, side="right")), at + most_rows)  # less is not waited for
            if end > at:
                yield stretch.part(at, end)
                at = end
            else:
                yield min((float(due_us[at]) - now_us) / 1e6 / speed, LONGEST_SLEEP_S)

    def _due_us(self, stretch: Stretch) -> Microseconds:
        """Return when rows are due in played time, which begins with the first row of all."""
        times_us = stretch.ts_us
        before_us = self._last_us if self._clock is not None else times_us[0]
        # What comes late is due at once.
        silences_us = np.diff(np.maximum(times_us, before_us), prepend=before_us).astype(np.float64)
        if self._longest_us is not None:
            silences_us = np.minimum(silences_us, self._longest_us)
        due_us: Microseconds = self._last_due_us + np.cumsum(silences_us)
        self._last_us, self._last_due_us = max(int(times_us[-1]), before_us), float(due_us[-1])
        return due_us
