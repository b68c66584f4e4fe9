"""Played time: it starts where it is told and runs at a chosen speed; in a replay it can be moved (D101)."""

import time
from collections.abc import Callable

AT_ONCE = float("inf")  # the speed at which time goes as fast as clients take what happens
FASTEST = 1e6  # of those that are numbers


class Clock:
    """Played time in microseconds since 1970: from `start_us` (default: now) on, `speed` times as fast as real time.

    With a `span` (first and last moment) it is the clock of a replay: it may be paused, moved and sped up within the
    span, and stands at its end. One that `grows` is at no end there but at the present, and goes on as `grow` moves it.
    At the speed AT_ONCE it stands too, until `advance` says that the clients have all there is. Else it never goes
    back, whatever the machine's clock does. Raises ValueError for a speed that is not above 0 or beyond FASTEST, and
    for a start outside of the span.
    """

    def __init__(
        self, start_us: int | None = None, speed: float = 1.0, span: tuple[int, int] | None = None,
        paused: bool = False, now_ns: Callable[[], int] | None = None, grows: bool = False,
    ) -> None:  # fmt: skip
        _require_speed(speed)
        assert span is not None or not grows, "what grows begins with what there is"
        self.speed, self.span, self.paused, self.grows = speed, span, paused, grows
        self._start_us = time.time_ns() // 1_000 if start_us is None else start_us
        self._now_ns = now_ns or (lambda: time.monotonic_ns())
        self._begun_ns = self._now_ns()
        self._require(self._start_us)

    @property
    def at_once(self) -> bool:
        """Whether time goes by what clients take."""
        return self.speed == AT_ONCE and not self.paused

    @property
    def ended(self) -> bool:
        """Whether a replay is at its end."""
        return self._stands and not self.grows

    @property
    def live(self) -> bool:
        """Whether a replay that grows is at the present."""
        return self._stands and self.grows

    @property
    def known_us(self) -> int | None:
        """The moment before which all is known that happened, of what grows: nothing of later is to be read yet."""
        return self.span[1] + 1 if self.span is not None and self.grows else None

    @property
    def _stands(self) -> bool:
        return self.span is not None and self.now_us() >= self.span[1]

    def now_us(self) -> int:
        """Return the simulated time."""
        now_us = self._start_us
        if not self.paused and self.speed != AT_ONCE:
            now_us += round((self._now_ns() - self._begun_ns) * self.speed / 1_000)
        return now_us if self.span is None else min(now_us, self.span[1])

    @staticmethod
    def real_s() -> float:
        """Return seconds of real time since some moment: IB's pacing counts in them, whatever the speed."""
        return time.monotonic()

    def pause(self) -> None:
        """Stand still."""
        self._rebase(self.now_us())
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self._rebase(self.now_us())
        self.paused = False

    def run_at(self, speed: float) -> None:
        """Go on at another speed. Raises ValueError as at the start."""
        _require_speed(speed)
        self._rebase(self.now_us())
        self.speed = speed

    def seek(self, at_us: int) -> None:
        """Be at another moment. Raises ValueError for one outside of the span."""
        self._require(at_us)
        self._rebase(at_us)

    def advance(self, step_us: int) -> bool:
        """Let time that goes AT_ONCE go on by a step, and return whether it did."""
        if not self.at_once or self._stands:
            return False
        self._start_us += step_us
        return True

    def grow(self, known_us: int) -> None:
        """Take note that all is known that happened before a moment; it never goes back."""
        assert self.span is not None and self.grows, "only what grows can be moved on"
        if known_us > self.span[1] + 1:
            if self.speed == AT_ONCE:
                self._rebase(self.now_us())
            self.span = self.span[0], known_us - 1

    def _rebase(self, at_us: int) -> None:
        self._start_us, self._begun_ns = at_us, self._now_ns()

    def _require(self, at_us: int) -> None:
        if self.span is not None and not self.span[0] <= at_us <= self.span[1]:
            raise ValueError("it is outside of what is played")


def _require_speed(speed: float) -> None:
    if not (0 < speed <= FASTEST or speed == AT_ONCE):
        raise ValueError(f"the speed is {speed}; it must be above 0 and at most {FASTEST:,.0f} "
                         "(1 is real time)")
