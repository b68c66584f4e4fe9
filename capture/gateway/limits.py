"""IB's limits as data, and the counting they need. Pure: the time is given."""

from collections import defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may do at once; None switches a limit off. The defaults are IB's for 100 market data lines.

    By IB's documentation tick-by-tick requests are 5 % of the lines, depth a hundredth of them but 3 to 60, and
    messages per second half of them. All but the messages are shared by the gateway's clients.
    """

    clients: int | None = 32
    market_data: int | None = 100
    tick_by_tick: int | None = 5
    market_depth: int | None = 3
    open_history: int | None = 50
    messages_per_s: int | None = 50
    history_pacing: bool = True
    tick_by_tick_pacing: bool = True

    @classmethod
    def of_lines(cls, lines: int) -> "Limits":
        """Return the limits of an account with this many market data lines."""
        return cls(market_data=lines, tick_by_tick=max(lines // 20, 1), market_depth=min(max(lines // 100, 3), 60),
                   messages_per_s=lines // 2)


UNLIMITED = Limits(None, None, None, None, None, None, history_pacing=False, tick_by_tick_pacing=False)

MOST_VIOLATIONS = 3  # of the message rate, before the connection is closed
TICK_BY_TICK_PACING_S = 15.0  # between two requests of a kind for the same instrument
SMALL_BAR_S = 30  # history of bars up to this width, and of ticks, is paced


@dataclass(frozen=True, slots=True)
class Rule:
    """At most this many requests that share a key within a time."""

    most: int
    within_s: float


IDENTICAL = Rule(1, 15.0)
SAME_CONTRACT = Rule(5, 2.0)
ALL = Rule(60, 600.0)


class Windows:
    """Counts requests per key over the time just past."""

    def __init__(self) -> None:
        self._times: defaultdict[Hashable, deque[float]] = defaultdict(deque)

    def full(self, key: Hashable, rule: Rule, now_s: float, weight: int = 1) -> bool:
        """Return whether `weight` more would break the rule."""
        times = self._times[key]
        while times and times[0] <= now_s - rule.within_s:
            times.popleft()
        return len(times) + weight > rule.most

    def add(self, key: Hashable, now_s: float, weight: int = 1) -> None:
        """Count a request."""
        self._times[key].extend([now_s] * weight)

    def admit(self, key: Hashable, rule: Rule, now_s: float) -> bool:
        """Count a request unless it would break the rule, and return whether it was counted."""
        if self.full(key, rule, now_s):
            return False
        self.add(key, now_s)
        return True


class HistoryPacing:
    """IB's pacing of small bars and historical ticks: 15 s between identical requests, 5 in 2 s for the same contract,
    60 in 10 minutes altogether; BID_ASK counts twice."""

    def __init__(self) -> None:
        self._windows = Windows()

    def admit(self, request: Hashable, contract: Hashable, what: str, now_s: float) -> bool:
        """Count a request unless it violates the pacing, and return whether it was counted."""
        weight = 2 if what == "BID_ASK" else 1
        rules = ((("request", request), IDENTICAL, 1), (("contract", contract), SAME_CONTRACT, weight),
                 ("all", ALL, weight))
        if any(self._windows.full(key, rule, now_s, counted) for key, rule, counted in rules):
            return False
        for key, _, counted in rules:
            self._windows.add(key, now_s, counted)
        return True
