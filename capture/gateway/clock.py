"""The gateway's time: it starts where it is told and runs at a chosen speed."""

import time


class Clock:
    """Simulated time in microseconds since 1970: from `start_us` (default: now) on, `speed` times as fast as real time.

    It never goes back, whatever the machine's clock does. Raises ValueError for a speed that is not above 0.
    """

    def __init__(self, start_us: int | None = None, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"the gateway's speed is {speed}; it must be above 0 (1 is real time)")
        self.speed = speed
        self._start_us = time.time_ns() // 1_000 if start_us is None else start_us
        self._begun_ns = time.monotonic_ns()

    def now_us(self) -> int:
        """Return the simulated time."""
        return self._start_us + int((time.monotonic_ns() - self._begun_ns) * self.speed / 1_000)
