"""How late a stream's rows come: when they arrive, less IB's own time of what they tell."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SPAN_S = 60.0  # of arrivals that are looked back at
LATE_S = 5.0  # the median from which on it is worth a word


class Timed(NamedTuple):
    """A row: IB's time of it, of a bar its start, and when it came; seconds since 1970."""

    event_s: float
    came_s: float


@dataclass(slots=True)
class Lateness:
    """How late one stream's rows came in the last minute in which any did: up to 1 s too much, IB's times are cut.

    `newest_s` is IB's time of the newest row, None where it gave none yet.
    """

    newest_s: float | None = None
    _p50_s: float | None = None
    _looks: deque[tuple[float, float, float]] = field(default_factory=deque)  # when, the median then and the most

    def look(self, rows: Sequence[Timed], takes_s: float | None) -> None:
        """Take rows in the order in which they came.

        `takes_s` is how long what a row tells took, a bar's width; None where rows tell of what is not over, and so not
        how late they are.
        """
        if not rows:
            return
        self.newest_s = rows[-1].event_s
        if takes_s is not None:
            lags_s = [came_s - event_s - takes_s for event_s, came_s in rows]
            self._looks.append((rows[-1].came_s, _median(lags_s), max(lags_s)))
        while self._looks and self._looks[0][0] < self._looks[-1][0] - SPAN_S:
            self._looks.popleft()
        self._p50_s = _median([p50_s for _, p50_s, _ in self._looks]) if self._looks else None

    @property
    def p50_s(self) -> float | None:
        """The median of what each look's median was, None where nothing tells."""
        return self._p50_s

    @property
    def max_s(self) -> float | None:
        """The most, None where nothing tells."""
        return max((max_s for *_, max_s in self._looks), default=None)


def _median(values: list[float]) -> float:
    """Return the median, as `statistics.median` does in five times the time: it is asked of each stream each second."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
