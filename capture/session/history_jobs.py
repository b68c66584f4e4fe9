"""Fetching IB's history within a session: jobs, each paged through, paced, and behind everything live (D46).

Of one instrument and kind of data one request is open at a time: what an answer restores depends on what came before.
"""

from collections.abc import Callable, Iterable
from typing import Any

from capture.tape.notes import BACKFILL, BACKFILLED, CUT
from capture.wanted.instrument import Contract, Instrument
from capture.wire.history_summary import PAST
from capture.wire.messages.live_streams import WHAT_OF_STREAM
from capture.wire.messages.notices import WITHHELD, Code
from capture.wire.text.codec import Decoded

from .announcements import Voice
from .events import Note
from .history_job import Job, State
from .history_pacing import Ask, HistoryPacing
from .history_pages import MOST_TICKS, SPANS, BarPages, Pages, TickPages
from .resolve import AmbiguousError, Resolver

TIMEOUT_S = 120.0  # history can take its time, and a farm that breaks swallows the question
# IB's times are whole seconds, and asking for more than is missing does no harm.
MARGIN_S = 2
# Rows that come live and from history must have come live first: until then the last seconds are left alone (D49).
SETTLE_S = 3

AGAIN = frozenset({322, 366, 385, 504, 1100})  # too many open, or no request of this id: nothing is wrong with it
# What says so in IB's text: a farm that is just lost, and the same user looking in elsewhere, too.
PASSING = ("cancelled", "canceled", "disconnect", "different ip")
_ANSWERS = frozenset(shape.name for shape in PAST.values())


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
        assert job.request_id is None, "one request of a job is open at a time"
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
        state = "unavailable" if reason else "backfilled"
        if job.gap_id is not None:
            body = {"note": BACKFILLED, "gap_id": job.gap_id, "state": state, "reason": reason or None}
            self._voice.out.append(Note(body))
        if job.cut and not reason:  # of a gap, these seconds are gaps of their own
            reason = (f"IB's history gave {MOST_TICKS:,} rows, the most it gives, of {job.cut} second"
                      f"{'s' * (job.cut > 1)}: whether there were more is not known")
        job.end(State.UNAVAILABLE if reason else State.DONE, reason)
        self._voice.say("info", f"{_title(job)}: {reason or f'{job.rows:,} rows of history fetched'}")


def _title(job: Job) -> str:
    return f"backfill of {' '.join(filter(None, job.source))}"


def gap_job(gap: dict[str, Any], exchange: str = "") -> Job:
    """Return the job that fills a closed gap, a row of `waiting` of capture.decode.gaps, asked for at an exchange."""
    con_id = gap["instrument_id"]
    word = f"conid:{con_id}" + (f"@{exchange}" if exchange else "")
    from_s, to_s = gap["from_ts"] // 1_000_000 - MARGIN_S, gap["to_ts"] // 1_000_000 + MARGIN_S
    ready_s = to_s + SETTLE_S
    if what := WHAT_OF_STREAM.get(gap["stream"]):
        pages: Pages = TickPages(what, from_s, to_s)
    else:
        _, bar_size, what = gap["detail"].split(".")
        bar_s = SPANS[bar_size].bar_s
        from_s, ready_s = from_s - 2 * bar_s, ready_s + bar_s  # the bar in the making, which may have come late
        pages = BarPages(bar_size, what, from_s, to_s)
    instrument = Instrument(word, Contract(con_id, exchange=exchange))
    return Job(gap["gap_id"], instrument, pages, from_s, gap["gap_id"], ready_s)
