"""One request about an account that is made again and again: when it is due, what is open, and what is known by it."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from capture.account_alias import short_name
from capture.session.backoff import Backoff

from .asks import Ask

DEADLINE_S = 60.0  # for an answer, and from row to row of one
BEAT_S = 0.5  # rows that come closer are of one burst
STEADY_BEATS = 3  # so many bursts in a row, none of them late, and silence is odd
MOST_PATIENCE_S = 1800.0
AGAIN_FIRST_S, AGAIN_MOST_S = 60.0, 1800.0  # between requests that are not answered
REFUSED_FIRST_S, REFUSED_MOST_S = 300.0, 3600.0


class Known(StrEnum):
    """What is known of a stream: nothing, that there is nothing, or rows."""

    UNKNOWN = "unknown"
    EMPTY = "empty"
    ROWS = "rows"


@dataclass(eq=False, slots=True)
class Errand:
    """A request for the rows of a stream. `account` is empty where it is about all, `con_id` set where about one
    position.

    `asked_s` is when it was asked last in this session: infinity while it waits for its turn to be sent, None where it
    was not yet; `is_open` while an answer is awaited. `rows` came since the recorder began, `fresh` since it was asked
    last; `last_s` is when something of it came last. `problem` says why nothing is known, with IB's `code` or None.
    `patience_s` is how long it may be silent by now.
    """

    ask: Ask
    account: str = ""
    con_id: int | None = None
    request_id: int | None = None
    due_s: float | None = None
    asked_s: float | None = None
    is_open: bool = False
    attempts: int = 0
    known: Known = Known.UNKNOWN
    rows: int = 0
    fresh: int = 0
    last_s: float | None = None
    problem: str = ""
    code: int | None = None
    patience_s: float = 0.0
    beats: int = 0
    unanswered: Backoff = field(default_factory=lambda: Backoff(AGAIN_FIRST_S, AGAIN_MOST_S))
    refusals: Backoff = field(default_factory=lambda: Backoff(REFUSED_FIRST_S, REFUSED_MOST_S))

    @property
    def name(self) -> str:
        """What people call it; an account's number is not in it, as it goes into logs and notes."""
        of = short_name(self.account) or "all accounts"
        return f"{self.ask.stream} of {of}" + (f", position in contract {self.con_id}" if self.con_id else "")

    def took(self, now_s: float) -> None:
        """Take note of a row."""
        self._beat(now_s)
        self.rows += 1
        self.fresh += 1
        self.last_s = now_s
        if not self.is_open or self.ask.end is None:
            self.answered(now_s)

    def answered(self, now_s: float) -> None:
        """Take note that the open question is answered, or that rows came unasked."""
        self.known = Known.ROWS if self.fresh else Known.EMPTY
        self.is_open, self.attempts = False, 0
        self.problem, self.code = "", None
        self.last_s = now_s
        self.unanswered.reset()
        self.refusals.reset()

    def asked(self, request_id: int | None) -> None:
        """Take note of a request that goes out when it is its turn."""
        self.request_id, self.due_s = request_id, None
        self.is_open, self.asked_s, self.fresh = True, inf, 0
        self.attempts += 1

    def sent(self, now_s: float) -> None:
        """Take note that the request went out."""
        self.asked_s = now_s if self.asked_s == inf else self.asked_s

    def gave_up(self, due_s: float, problem: str, code: int | None = None) -> None:
        """Take note that the open question will not be answered: nothing is known, and it is asked again later."""
        self.is_open, self.attempts, self.due_s = False, 0, due_s
        self.known, self.problem, self.code = Known.UNKNOWN, problem, code

    def session_ended(self) -> None:
        """Take note that all that was open is over."""
        self.request_id = self.due_s = self.asked_s = None
        self.is_open = False
        self.attempts = self.beats = self.fresh = 0
        self.known, self.problem, self.code = Known.UNKNOWN, "", None
        self.patience_s = self.ask.silent_s or 0.0

    @property
    def is_steady(self) -> bool:
        """Whether rows came so steadily that silence is odd."""
        return self.beats >= STEADY_BEATS

    def overdue_at_s(self) -> float | None:
        """Return from when on its answer is late; None where none is awaited yet."""
        if not self.is_open or self.asked_s is None:
            return None
        return max(self.asked_s, self.last_s or self.asked_s) + DEADLINE_S

    def silent_at_s(self) -> float | None:
        """Return from when on it is silent for longer than it may be; None where that means nothing."""
        if self.ask.silent_s is None or self.is_open or self.last_s is None or self.due_s is not None:
            return None
        return self.last_s + self.patience_s

    def grew_silent(self) -> None:
        """Take note of silence: each time without steady rows, the next may last longer."""
        self.patience_s = min(self.patience_s * 2, MOST_PATIENCE_S)
        self.beats = 0

    def _beat(self, now_s: float) -> None:
        if self.ask.silent_s is None or (self.last_s is not None and now_s - self.last_s < BEAT_S):
            return
        on_time = self.last_s is not None and now_s - self.last_s <= self.ask.silent_s / STEADY_BEATS
        self.beats = self.beats + 1 if on_time else 0
        if self.is_steady:
            self.patience_s = self.ask.silent_s
