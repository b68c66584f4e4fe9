"""How fast requests may go out: a token bucket, and IB's rules for some kinds; without a clock of its own."""

from collections import defaultdict, deque
from collections.abc import Iterable
from math import ceil
from typing import Any, NamedTuple

SLOW_S = 300.0  # for how long IB's complaint about the rate is remembered
SLOWEST = 1 / 16


class TokenBucket:
    """Lets `per_second` requests through, and after a pause a quarter of that at once.

    With the default of 40 no second ever carries more than 50 requests: what IB allows at 100 market data lines.
    Times are seconds of any clock that never goes back.
    """

    def __init__(self, per_second: float) -> None:
        self.full_per_second = self.per_second = per_second
        self._tokens = self.burst
        self._at_s: float | None = None
        self._slow_until_s = 0.0

    @property
    def burst(self) -> float:
        """How many requests may go out at once."""
        return max(self.per_second / 4, 1.0)

    def slow_down(self, now_s: float) -> None:
        """Halve the rate for a while; again halves it again."""
        self.per_second = max(self.per_second / 2, self.full_per_second * SLOWEST)
        self._slow_until_s = now_s + SLOW_S

    def take(self, now_s: float) -> bool:
        """Take a token; False when there is none yet."""
        if self.wait_s(now_s) > 0:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait for the next token, 0 when there is one."""
        if now_s >= self._slow_until_s:
            self.per_second = self.full_per_second
        elapsed_s = max(now_s - self._at_s, 0.0) if self._at_s is not None else 0.0
        self._at_s = now_s
        self._tokens = min(self._tokens + elapsed_s * self.per_second, self.burst)
        # Waiting for the exact moment can come out a rounding error short of a whole token.
        missing = 1 - self._tokens
        return missing / self.per_second if missing > 1e-6 else 0.0


class Rule(NamedTuple):
    """At most so many requests, alike in these fields, within a time; `lasting`: counted over sessions and restarts."""

    most: int
    within_s: float
    alike: tuple[str, ...]
    lasting: bool = False


# By IB's documentation: one tick-by-tick request per instrument in 15 s, which holds for each tick type by itself; 60
# new requests for 5-second bars in 10 minutes, and no identical one for history, which bars kept up to date are, within
# 15 s: as part of the limits of history, these outlast a session.
RULES = {
    "req_tick_by_tick": Rule(1, 15.0, ("con_id", "tick_kind")),
    "req_real_time_bars": Rule(60, 600.0, (), lasting=True),
    "req_historical_data": Rule(1, 15.0, ("con_id", "exchange", "bar_size", "what"), lasting=True),
}


class RequestPacing:
    """Keeps rules, by request name. Times are seconds of any clock that never goes back."""

    def __init__(self, rules: dict[str, Rule] = RULES) -> None:
        self._rules = rules
        self._sent_s: defaultdict[tuple[Any, ...], deque[float]] = defaultdict(deque)

    def admit(self, name: str, values: dict[str, Any], now_s: float) -> float:
        """Count a request and return 0, or return how long it has to wait."""
        rule = self._rules.get(name)
        if rule is None:
            return 0.0
        sent_s = self._sent_s[name, *(values[field] for field in rule.alike)]
        while sent_s and sent_s[0] <= now_s - rule.within_s:
            sent_s.popleft()
        if len(sent_s) >= rule.most:
            return sent_s[0] + rule.within_s - now_s
        sent_s.append(now_s)
        return 0.0

    def session_ended(self) -> None:
        """Forget what the next session may begin anew."""
        for name, *alike in list(self._sent_s):
            if not self._rules[name].lasting:
                del self._sent_s[name, *alike]

    def as_json(self, offset_s: float) -> list[list[Any]]:
        """Return what a restart has to know as plain values: request name, like fields, times plus `offset_s`.

        They are whole seconds, so that they stay the same while the offset of two clocks trembles.
        """
        return [[*key, [ceil(at_s + offset_s) for at_s in sent_s]] for key, sent_s in self._sent_s.items()
                if self._rules[key[0]].lasting]

    def resume(self, state: Iterable[list[Any]], offset_s: float, now_s: float) -> None:
        """Take over what `as_json` gave; times of a clock that was ahead count as now."""
        for *key, times in state:
            if key[0] in self._rules:
                self._sent_s[tuple(key)] = deque(min(float(at_s) - offset_s, now_s) for at_s in times)
