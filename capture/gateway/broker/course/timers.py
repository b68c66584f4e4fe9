"""What is due at a moment to come: in the order of time, and of when it was asked for."""

import heapq
from collections.abc import Callable

Action = Callable[[int], None]  # told the moment for which it was due


class Timers:
    """Actions that wait for their moments. Nothing runs by itself: `run` is told how far time has come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Action]] = []
        self._serial = 0

    def at(self, moment_us: int, action: Action) -> None:
        """Let something happen at a moment."""
        self._serial += 1
        heapq.heappush(self._waiting, (moment_us, self._serial, action))

    @property
    def next_us(self) -> int | None:
        """When the next one is due, None where none waits."""
        return self._waiting[0][0] if self._waiting else None

    def run(self, now_us: int) -> None:
        """Run what is due up to a moment, that moment included."""
        while self._waiting and self._waiting[0][0] <= now_us:
            moment_us, _, action = heapq.heappop(self._waiting)
            action(moment_us)
