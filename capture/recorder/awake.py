"""A clock that stands still while this process does: its own sleep is nobody else's silence."""

import asyncio
from collections.abc import Callable

BEAT_S = 1.0  # how often it is looked at, at least
STALLED_S = 5.0  # not looked at for so long: the process was stopped, or could not go on


class AwakeClock:
    """Seconds of a clock that never goes back, `time_s`, without those in which the process did not run.

    Deadlines by it are the other side's: after a stop of a minute it has as long to answer as before.
    """

    def __init__(self, time_s: Callable[[], float]) -> None:
        self._time_s = time_s
        self._looked_s = time_s()
        self._slept_s = 0.0

    async def keep(self) -> None:
        """Look at the clock, for ever."""
        while True:
            await asyncio.sleep(BEAT_S)
            self.now_s()

    def now_s(self) -> float:
        """Return the time. It was slept where nobody asked for it, nor `keep` did, for STALLED_S."""
        looked_s, self._looked_s = self._looked_s, self._time_s()
        if self._looked_s - looked_s > STALLED_S:
            self._slept_s += self._looked_s - looked_s - BEAT_S
        return self._looked_s - self._slept_s

    def outside_s(self, awake_s: float | None) -> float | None:
        """Return what `time_s` says at a time of this clock, unless the process sleeps again; None for None."""
        return None if awake_s is None else awake_s + self._slept_s
