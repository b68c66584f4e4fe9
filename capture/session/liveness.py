"""Whether a stream is alive: by rows that arrive, against what its market's hours and own rate let expect (D42)."""

from dataclasses import dataclass
from math import exp

from capture.wanted.hours import Phase
from capture.wanted.streams import Kind

SHORTEST_S = 5.0  # no shorter silence means anything
ANSWER_S = 10.0  # how long a request's first row may take where the stream's rate is known
FIRST_S = 30.0  # and where it is not, of streams that begin with what there is
OPENING_S = 300.0  # for the first row after a change of hours
LONGEST_S = 900.0  # a stream that is allowed longer silences is idle: nothing is expected of it
SPACINGS = 16  # by chance a silence of so many typical spacings comes once in ten million
CADENCES = 3  # bars that come by the clock may miss so many
LONGEST_FACTOR = 2.0  # rows come in bursts: silences seen lately are allowed, and as much again
FEW_ARRIVALS = 5  # seconds with rows, before which nothing is known of a rate

RATE_SPAN_S = 30.0  # over which the expected rate is averaged
SHOWN_SPAN_S = 5.0  # over which the shown one is
LONGEST_SPAN_S = 600.0  # in which the longest silence fades to a third
CALM_S = 600.0  # a stream that was silent in vain is allowed twice as much, for so long
MOST_PATIENCE = 16.0


@dataclass(slots=True)
class Flow:
    """The rows of one stream over time, looked at once a second; times are those of the session's clock.

    `rows` came in all; `last_s` is when the last ones did, None where none ever did; `rows_per_second` is of the last
    seconds.
    """

    rows: int = 0
    rows_per_second: float = 0.0
    last_s: float | None = None
    fresh: bool = True  # no row came since the request
    _since_s: float = 0.0  # silence counts from here
    _looked_s: float = 0.0
    _rate: float = 0.0  # as of the last arrival, so that silence does not argue its own expectation away
    _arrivals: int = 0
    _learnt_s: float = 0.0  # over which
    _longest_s: float = 0.0
    _patience: float = 1.0
    _alarmed_s: float = 0.0
    _phase: Phase = Phase.OPEN

    def requested(self, now_s: float) -> None:
        """Begin anew: rows are awaited from now on."""
        self.fresh, self._since_s, self._looked_s = True, now_s, now_s

    def excuse(self, now_s: float) -> None:
        """Forgive the silence so far: it had a reason."""
        self._since_s = max(self._since_s, now_s)

    def look(self, count: int, phase: Phase, now_s: float) -> None:
        """Take how many rows came since the last look."""
        elapsed_s = max(now_s - self._looked_s, 1e-3)
        self.rows += count
        self._looked_s = now_s
        self.rows_per_second += (1 - exp(-elapsed_s / SHOWN_SPAN_S)) * (count / elapsed_s - self.rows_per_second)
        if self._patience > 1 and now_s - self._alarmed_s > CALM_S:
            self._patience, self._alarmed_s = self._patience / 2, now_s
        if count:
            self._arrived(count, now_s)
        if phase is not self._phase:  # other hours, other rates
            self._phase, self._rate, self._since_s = phase, 0.0, now_s
            self._arrivals, self._learnt_s, self._longest_s = 0, 0.0, 0.0

    def alarmed(self, now_s: float) -> None:
        """Take note that this silence was acted upon; the next one is allowed to last longer."""
        self._patience, self._alarmed_s = min(self._patience * 2, MOST_PATIENCE), now_s

    def silent_s(self, now_s: float) -> float:
        """Return for how long nothing came that was awaited."""
        return now_s - self._since_s

    def allowed_s(self, kind: Kind) -> float | None:
        """Return how long a silence is as expected, None where nothing is."""
        if self._phase is Phase.CLOSED or kind.once:
            return None
        if self._arrivals < FEW_ARRIVALS:
            opening_s = FIRST_S if self.fresh else OPENING_S
            return opening_s * self._patience if kind.prompt and self._phase is Phase.LIQUID else None
        typical_s = kind.cadence_s * CADENCES if kind.cadence_s else SPACINGS / self._rate
        least_s = ANSWER_S if self.fresh else SHORTEST_S
        allowed_s = max(least_s, typical_s, LONGEST_FACTOR * self._longest_s) * self._patience
        return allowed_s if allowed_s <= LONGEST_S else None

    def _arrived(self, count: int, now_s: float) -> None:
        elapsed_s, fresh = max(now_s - self._since_s, 1e-3), self.fresh
        self.fresh, self.last_s, self._since_s = False, now_s, now_s
        if fresh:  # a request begins with what there is, at once: that tells nothing of the rate
            return
        self._arrivals += 1
        self._learnt_s += elapsed_s
        weight = max(1 - exp(-elapsed_s / RATE_SPAN_S), elapsed_s / self._learnt_s)
        self._rate += weight * (count / elapsed_s - self._rate)
        self._longest_s = max(elapsed_s, self._longest_s * exp(-elapsed_s / LONGEST_SPAN_S))

