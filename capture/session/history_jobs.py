"""Fetching IB's history within a session: jobs, each paged through, paced, and behind everything live.

Of one instrument and kind of data one request is open at a time: what an answer restores depends on what came before.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from capture.tape.notes import BACKFILL, BACKFILLED, CUT
from capture.wanted.hours import Hours
from capture.wanted.instrument import Contract, Instrument
from capture.wire.history_summary import PAST
from capture.wire.messages.notices import WITHHELD, Code
from capture.wire.text.codec import Decoded

from .announcements import Voice
from .backoff import Backoff
from .events import Note
from .history_pacing import Ask, HistoryPacing
from .history_pages import ANY_OPENING, MOST_TICKS, SPANS, BarPages, Pages, TickPages, requests_left
from .resolve import AmbiguousError, Resolver

WITHHELD_S = 1_200  # who has not subscribed to the data gets no history of the last 15 minutes; and clocks differ
TIMEOUT_S = 120.0  # history can take its time, and a farm that breaks swallows the question
# IB's times are whole seconds, and asking for more than is missing does no harm.
MARGIN_S = 2
# Rows that come live and from history must have come live first: until then the last seconds are left alone.
SETTLE_S = 3

TICKS_OF = {"all_last": "TRADES", "last": "TRADES", "quotes": "BID_ASK", "midpoints": "MIDPOINT"}
AGAIN = frozenset({322, 366, 385, 504, 1100})  # too many open, or no request of this id: nothing is wrong with it
# What says so in IB's text: a farm that is just lost, and the same user looking in elsewhere, too.
PASSING = ("cancelled", "canceled", "disconnect", "different ip")
_ANSWERS = frozenset(shape.name for shape in PAST.values())


class State(StrEnum):
    """How far a job has come."""

    WANTED = "wanted"
    DONE = "done"
    UNAVAILABLE = "unavailable"


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
        cut_s = self.pages.cut_s(self._count, self._last_s)
        self.cut += cut_s is not None
        self.pages.take(self._count, self._last_s, hours.opening_minutes if hours else ANY_OPENING)
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


class History:
    """Fetches what `want` names. `send` takes name and values of a request, `new_id` gives request ids.

    Times are the session's; `want` says how they relate to the wall clock, by which requests are paced. While it is
    `held` nothing is sent.
    """

    def __init__(self, voice: Voice, send: Callable[[str, dict[str, Any]], None], new_id: Callable[[], int]) -> None:
        self.jobs: dict[str, Job] = {}
        self.pacing = HistoryPacing()
        self.held = False
        self._voice, self._send, self._new_id = voice, send, new_id
        self._resolver = Resolver(())
        self._by_id: dict[int, Job] = {}
        self._wall_s = 0.0  # of the session's time 0
        self._due_s: float | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing left to fetch."""
        return all(job.state is not State.WANTED for job in self.jobs.values())

    def want(self, jobs: Iterable[Job], now_s: float, wall_s: float) -> None:
        """Say which jobs there are by now: known ones go on, others begin, and what is not named is given up.

        When to begin may still change of those that were not asked for.
        """
        self._wall_s = wall_s - now_s
        self.jobs = {job.name: self._known(job) for job in jobs}
        self._due_s = now_s

    def _known(self, job: Job) -> Job:
        known = self.jobs.get(job.name, job)
        if not known.asked:
            known.begin_s = job.begin_s
        return known

    def hear(self, message: Decoded, now_s: float) -> None:
        """Take a message that may answer a request."""
        if message.name in _ANSWERS:
            job = self._by_id.get(message.values["request_id"])
            if job is not None and job.take(message.values):
                self._close(job, now_s)
                self._answered(job, now_s)
        elif message.name in ("contract_details", "bond_details"):
            self._resolver.answer(message.values)
        elif message.name == "contract_details_end":
            self._resolved(message.values["request_id"], now_s)

    def error(self, row: Code, values: dict[str, Any], now_s: float) -> bool:
        """Take an error of IB; False where it concerns no open request of ours."""
        request_id, message = values["request_id"], values["message"]
        if instrument := self._resolver.asked(request_id):
            if row.kind in ("terminal", "doubtful"):
                self._resolver.give_up(request_id)
                self._unknown(instrument, self._voice.sentence(row, message), now_s)
            return True
        if job := self._by_id.get(request_id):
            self._about(job, row, message, now_s)
        return job is not None

    def estimate_s(self, now_s: float) -> float:
        """Return how long pacing makes what is left take, in seconds; answers take their time besides."""
        wall_s = self._wall_s + now_s
        weight = sum(job.requests_left * job.pages.weight for job in self.jobs.values())
        begin_s = max((job.begin_s for job in self.jobs.values() if job.state is State.WANTED), default=wall_s)
        return max(self.pacing.estimate_s(weight, wall_s), begin_s - wall_s, (self._due_s or now_s) - now_s)

    def work(self, now_s: float) -> None:
        """Send the next request that is due, one at most."""
        if self.held or self._due_s is None or now_s < self._due_s:
            return
        self._overdue(now_s)
        times, busy = [job.sent_s + TIMEOUT_S for job in self._by_id.values()], self._busy()
        for job in self.jobs.values():
            if job.state is not State.WANTED or job.source in busy:
                continue
            busy.add(job.source)
            due_s = self._next(job, now_s)
            if due_s is None:
                continue
            times.append(due_s)
            if due_s <= now_s:
                break
        self._due_s = min(times, default=None)

    def next_due_s(self) -> float | None:
        """Return when `work` is wanted next, None when it has to wait for answers, or for a farm."""
        return None if self.held else self._due_s

    def end_session(self) -> None:
        """Forget all requests: they died with the session."""
        self._resolver.forget_questions()
        self.pacing.session_ended()
        for job in self._by_id.values():
            job.ended()
        self._by_id.clear()
        self._due_s = 0.0

    # Requests

    def _next(self, job: Job, now_s: float) -> float | None:
        """Do what a job needs next; return when it can go on: now if something was sent, None once it is answered."""
        if job.pages.done:
            self._finish(job)
            return now_s
        wall_s = self._wall_s + now_s
        if wall_s < job.begin_s:
            return job.begin_s - self._wall_s
        contract = self._resolver.resolved.get(job.instrument.word)
        if contract is None:
            return self._ask_contract(job.instrument, now_s)
        values = contract.values() | job.pages.values() | {"include_expired": contract.sec_type == "FUT"}
        # IB counts by contract, exchange and kind of data, whatever word named the contract, in whichever run.
        source = contract.con_id, contract.exchange, job.pages.what
        ask = Ask(tuple(values.items()), source, job.pages.weight)
        due_s = self.pacing.due_s(ask, wall_s)
        if due_s is None or due_s > wall_s:
            return due_s and due_s - self._wall_s
        self.pacing.sent(ask, wall_s)
        self._request(job, values, now_s)
        return now_s

    def _request(self, job: Job, values: dict[str, Any], now_s: float) -> None:
        job.request_id, job.sent_s, job.asked = self._new_id(), now_s, job.asked + 1
        self._by_id[job.request_id] = job
        wanted = {"from": job.from_s, "to": job.pages.to_s, "gap_id": job.gap_id}
        self._voice.out.append(Note({"note": BACKFILL, "request_id": job.request_id, **wanted}))
        self._send(job.pages.request, {"request_id": job.request_id, **values})

    def _ask_contract(self, instrument: Instrument, now_s: float) -> float | None:
        if any(open_.word == instrument.word for open_ in self._resolver.waiting):
            return None
        self._send(*self._resolver.ask(instrument, self._new_id()))
        return now_s

    def _busy(self) -> set[tuple[str, str, str]]:
        return {job.source for job in self._by_id.values()}

    def _overdue(self, now_s: float) -> None:
        for job in [job for job in self._by_id.values() if now_s >= job.sent_s + TIMEOUT_S]:
            self._close(job, now_s)
            if job.doubt:
                self._refused(job, *job.doubt, now_s)
            else:
                self._again(job, "no answer", now_s)

    def _answered(self, job: Job, now_s: float) -> None:
        """Take an answer, unless IB withholds a part of it for now: then it is asked for again."""
        whole_s, request_id = job.whole_s(), job.request_id
        if whole_s > self._wall_s + now_s:
            job.ended()
            job.begin_s = whole_s
            self._voice.say("info", f"{_title(job)}: IB withholds history of the last minutes; asking again later")
            return
        cut_s = job.answered(self._resolver.hours.get(job.instrument.word))
        if cut_s is not None:
            body = {"note": CUT, "request_id": request_id, "second": cut_s, "rows": MOST_TICKS, "gap_id": job.gap_id}
            self._voice.out.append(Note(body))

    def _close(self, job: Job, now_s: float) -> None:
        self._by_id.pop(job.request_id or 0)
        self.pacing.ended()
        self._due_s = now_s

    # What comes of it

    def _about(self, job: Job, row: Code, message: str, now_s: float) -> None:
        if row.code == WITHHELD:
            job.withheld = True
        elif row.kind == "doubtful":
            job.doubt = row, message
        elif row.kind == "terminal" or row.code in AGAIN:
            self._close(job, now_s)
            self._refused(job, row, message, now_s)

    def _refused(self, job: Job, row: Code, message: str, now_s: float) -> None:
        said = message.lower()
        if "no data" in said:
            self._answered(job, now_s)
        elif "pacing" in said:
            job.ended()
            self.pacing.violated(self._wall_s + now_s)
            self._voice.hear("warning", row, f"{_title(job)}: {self._voice.sentence(row, message)}; asking again later")
        elif row.code in AGAIN or any(word in said for word in PASSING):
            self._again(job, message, now_s)
        else:
            job.ended()
            self._finish(job, self._voice.sentence(row, message))

    def _again(self, job: Job, reason: str, now_s: float) -> None:
        job.ended()
        wait_s = job.wait_s()
        job.begin_s = self._wall_s + now_s + wait_s
        self._voice.say("warning", f"{_title(job)}: {reason}; asking again in {wait_s:.0f} s")

    def _resolved(self, request_id: int, now_s: float) -> None:
        instrument = self._resolver.asked(request_id)
        if instrument is None:
            return
        self._due_s = now_s
        try:
            if self._resolver.finish(request_id) is None:
                self._unknown(instrument, "IB knows no such contract", now_s)
        except AmbiguousError as error:
            self._unknown(instrument, str(error), now_s)

    def _unknown(self, instrument: Instrument, reason: str, now_s: float) -> None:
        self._due_s = now_s
        for job in self.jobs.values():
            if job.instrument.word == instrument.word and job.state is State.WANTED:
                self._finish(job, reason)

    def _finish(self, job: Job, reason: str = "") -> None:
        """End a job; without any answer that held rows, history has nothing there."""
        if not reason and not job.answers:
            reason = "IB's history has nothing there"
        job.state, job.reason = State.UNAVAILABLE if reason else State.DONE, reason
        state = "unavailable" if reason else "backfilled"
        if job.gap_id is not None:
            body = {"note": BACKFILLED, "gap_id": job.gap_id, "state": state, "reason": reason or None}
            self._voice.out.append(Note(body))
        if job.cut and not reason:  # of a gap, these seconds are gaps of their own
            reason = (f"IB's history gave {MOST_TICKS:,} rows, the most it gives, of {job.cut} second"
                      f"{'s' * (job.cut > 1)}: whether there were more is not known")
            job.state, job.reason = State.UNAVAILABLE, reason
        self._voice.say("info", f"{_title(job)}: {reason or f'{job.rows:,} rows of history fetched'}")


def _title(job: Job) -> str:
    return f"backfill of {' '.join(filter(None, job.source))}"


def gap_job(gap: dict[str, Any], exchange: str = "") -> Job:
    """Return the job that fills a closed gap, a row of `waiting` of capture.decode.gaps, asked for at an exchange."""
    con_id = gap["instrument_id"]
    word = f"conid:{con_id}" + (f"@{exchange}" if exchange else "")
    from_s, to_s = gap["from_ts"] // 1_000_000 - MARGIN_S, gap["to_ts"] // 1_000_000 + MARGIN_S
    ready_s = to_s + SETTLE_S
    if what := TICKS_OF.get(gap["stream"]):
        pages: Pages = TickPages(what, from_s, to_s)
    else:
        _, bar_size, what = gap["detail"].split(".")
        bar_s = SPANS[bar_size].bar_s
        from_s, ready_s = from_s - 2 * bar_s, ready_s + bar_s  # the bar in the making, which may have come late
        pages = BarPages(bar_size, what, from_s, to_s)
    instrument = Instrument(word, Contract(con_id, exchange=exchange))
    return Job(gap["gap_id"], instrument, pages, from_s, gap["gap_id"], ready_s)
