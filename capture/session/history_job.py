"""One job for IB's history: seconds of an instrument that are wanted, and how many of them it has.

A job is wanted until IB's history has been asked for its last page, however often a request for one has to be made
anew; then it has all, or it is said what is lacking. docs/states.md is drawn from LEADS, and `Job.end` goes nowhere
else.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from capture.wanted.hours import Hours
from capture.wanted.instrument import Instrument
from capture.wire.messages.notices import Code

from .backoff import Backoff
from .history_pages import ANY_OPENING, Pages, requests_left

WITHHELD_S = 1_200  # who has not subscribed to the data gets no history of the last 15 minutes; and clocks differ


class State(StrEnum):
    """How far a job has come."""

    WANTED = "wanted"
    DONE = "done"
    UNAVAILABLE = "unavailable"


# Where a job leads, and by what.
LEADS = {
    State.WANTED: {
        State.WANTED: "a page is answered, or a request for it is made anew",
        State.DONE: "its last page is answered",
        State.UNAVAILABLE: "IB refuses it, has nothing there, or gives no more of a second than its limit",
    },
    State.DONE: {},
    State.UNAVAILABLE: {},
}


@dataclass(eq=False, slots=True)
class Job:
    """Seconds of history wanted of an instrument; `gap_id` where they fill a gap, `begin_s` when to begin (wall clock).

    `rows` counts what answers held, captured before or not; `asked` counts requests; `cut` the seconds that are not
    known to be whole (see `TickPages.cut_s`). `withheld`: IB said that the answer lacks the last minutes. `doubt`: the
    code, and IB's words, that may mean that no answer comes.
    """

    name: str
    instrument: Instrument
    pages: Pages
    from_s: int
    gap_id: str | None = None
    begin_s: float = 0.0
    state: State = State.WANTED
    reason: str = ""
    rows: int = 0
    cut: int = 0
    request_id: int | None = None
    sent_s: float = 0.0
    answers: int = 0
    asked: int = 0
    withheld: bool = False
    doubt: tuple[Code, str] | None = None
    _count: int = 0
    _last_s: int | None = None
    _retries: Backoff | None = None

    def end(self, state: State, reason: str) -> None:
        """Come to an end, for a reason where it lacks something; every change of its state is made here."""
        assert state in LEADS[self.state], f"{self.name} does not go from {self.state} to {state}"
        self.state, self.reason = state, reason

    @property
    def source(self) -> tuple[str, str, str]:
        """What is asked for: requests that share it go one after the other."""
        return self.instrument.word, self.pages.what, getattr(self.pages, "bar_size", "")

    @property
    def share(self) -> float:
        """How much of the span is fetched, from 0 to 1."""
        return min((self.pages.next_s - self.from_s) / (self.pages.to_s + 1 - self.from_s), 1.0)

    @property
    def requests_left(self) -> int:
        """How many requests are still needed, by those that the span so far took; of ticks at first at least one."""
        if self.state is not State.WANTED:
            return 0
        least = requests_left(self.pages)
        return max(least, math.ceil(self.asked * (1 - self.share) / self.share)) if self.share > 0 else least

    def take(self, values: dict[str, Any]) -> bool:
        """Take a frame of an answer; return whether it was the last."""
        self._count += values["count"]
        self._last_s = values["last"] if values["last"] is not None else self._last_s
        return bool(values["done"])

    def answered(self, hours: Hours | None) -> int | None:
        """Turn the page, and return the second that may not be whole, None for none.

        `hours` are the instrument's, None where they are not known.
        """
        cut_s, turned_s = self.pages.cut_s(self._count, self._last_s), self.pages.next_s
        self.cut += cut_s is not None
        self.pages.take(self._count, self._last_s, hours.opening_minutes if hours else ANY_OPENING)
        assert self.pages.next_s > turned_s, "each page leads on"
        self.rows += self._count
        self.answers += self._count > 0
        self._retries = None
        self.ended()
        return cut_s

    def ended(self) -> None:
        """Forget the request."""
        self.request_id, self._count, self._last_s = None, 0, None
        self.withheld, self.doubt = False, None

    def whole_s(self) -> int:
        """Return when all that this answer tells of can be known, in epoch seconds; 0 where it is now."""
        return self.pages.reach_s(self._count, self._last_s) + WITHHELD_S if self.withheld else 0

    def wait_s(self) -> float:
        """Return how long to wait before the same page is asked for again."""
        self._retries = self._retries or Backoff(first_s=5.0, most_s=600.0)
        return self._retries.next_s()
