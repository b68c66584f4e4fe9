"""IB's pacing of history as one scheduler: pure, its times are wall-clock seconds, so they survive a restart (D46).

By IB's documentation: no identical request within 15 s; fewer than 6 within 2 s for the same contract, exchange and
kind of data; at most 60 within any 10 minutes, where BID_ASK counts twice; at most 50 open at once. The middle rules
are for ticks and for bars of up to 30 s; wider bars are only held back softly.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

MOST_OPEN = 50
WINDOW_S, MOST_IN_WINDOW = 600.0, 60
BURST_S, MOST_IN_BURST = 2.0, 5
IDENTICAL_S = 15.0
VIOLATION_S = 60.0  # IB's patience comes back with waiting, and hammering prolongs it
# Clocks differ, and a request counts when it arrives: times grow by this share of themselves.
MARGIN = 1.02


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as pacing sees it. `identity` is the same for identical requests, `source` for the same contract,
    exchange and kind of data; `weight` is 2 for BID_ASK, and 0 for bars of more than 30 s.
    """

    identity: Hashable
    source: Hashable
    weight: int = 1


@dataclass(slots=True)
class HistoryPacing:
    """Says when the next request to IB's history may go out, and takes note of those that do."""

    _sent: deque[tuple[float, str, str, int]] = field(default_factory=deque)  # time, identity, source, weight
    _open: int = 0
    _held_until_s: float = 0.0

    def due_s(self, ask: Ask, now_s: float) -> float | None:
        """Return when a request may go out, `now_s` if at once; None while too many are open."""
        if self._open >= MOST_OPEN:
            return None
        self._forget(now_s)
        identity, source = str(ask.identity), str(ask.source)
        times = [now_s, self._held_until_s]
        times += [at + IDENTICAL_S * MARGIN for at, known, _, weight in self._sent if known == identity and weight]
        if ask.weight:
            burst = [(at, weight) for at, _, known, weight in self._sent if known == source]
            times.append(_room(burst, ask.weight, MOST_IN_BURST, BURST_S * MARGIN))
            times.append(_room([(at, weight) for at, _, _, weight in self._sent], ask.weight, MOST_IN_WINDOW,
                               WINDOW_S * MARGIN))  # fmt: skip
        return max(times)

    def sent(self, ask: Ask, now_s: float) -> None:
        """Take note that a request went out."""
        self._open += 1
        if ask.weight:
            self._sent.append((now_s, str(ask.identity), str(ask.source), ask.weight))

    def ended(self) -> None:
        """Take note that a request was answered or refused."""
        self._open = max(self._open - 1, 0)

    def session_ended(self) -> None:
        """Take note that no request is open any more."""
        self._open = 0

    def violated(self, now_s: float) -> None:
        """Take note that IB found its pacing violated: nothing goes out for a while."""
        self._held_until_s = now_s + VIOLATION_S

    def budget(self, now_s: float) -> dict[str, Any]:
        """Return how much of each limit is left: `requests` of 60 in 10 minutes, `open` of 50, seconds `held`."""
        self._forget(now_s)
        return {"requests": MOST_IN_WINDOW - sum(weight for *_, weight in self._sent), "of": MOST_IN_WINDOW,
                "within_s": WINDOW_S, "open": MOST_OPEN - self._open,
                "held_s": max(self._held_until_s - now_s, 0.0)}  # fmt: skip

    def estimate_s(self, weight: int, now_s: float) -> float:
        """Return how long requests of this weight together have to wait by the 10-minute rule, the longest of all."""
        times = [at for at, _, _, of_one in self._sent for _ in range(of_one)]
        last_s = max(now_s, self._held_until_s)
        for _ in range(weight):
            if len(times) >= MOST_IN_WINDOW:
                last_s = max(last_s, times[-MOST_IN_WINDOW] + WINDOW_S * MARGIN)
            times.append(last_s)
        return last_s - now_s

    def as_json(self) -> dict[str, Any]:
        """Return what a restart has to know as plain values; open requests die with the session."""
        return {"sent": list(self._sent), "held_until_s": self._held_until_s}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "HistoryPacing":
        """Return the pacing that `as_json` gave."""
        sent = deque((float(at), str(identity), str(source), int(weight))
                     for at, identity, source, weight in state["sent"])  # fmt: skip
        return cls(sent, 0, float(state["held_until_s"]))

    def join(self, other: "HistoryPacing") -> None:
        """Count what another recorder asked the same account for, too."""
        self._sent = deque(sorted({*self._sent, *other._sent}))
        self._held_until_s = max(self._held_until_s, other._held_until_s)

    def _forget(self, now_s: float) -> None:
        while self._sent and self._sent[0][0] <= now_s - WINDOW_S * MARGIN:
            self._sent.popleft()


def _room(sent: list[tuple[float, int]], weight: int, most: int, within_s: float) -> float:
    """Return from when on `weight` more fit under `most` within a time, given what was sent when, oldest first."""
    over, free_s = sum(of_one for _, of_one in sent) + weight - most, 0.0
    for at, of_one in sent:
        if over <= 0:
            break
        over, free_s = over - of_one, at + within_s
    return free_s
