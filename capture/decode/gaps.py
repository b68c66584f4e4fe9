"""Gaps: times in which a wanted stream was not whole, found from what is on the tape (D37).

A stream is watched from its first request on. It is down when the line is (the session ended, IB lost its own line, a
farm broke, a request died, the recorder found it silent), and whole again with the first row that follows. Every change
of a gap's state is a row of `gaps`; the newest row of a gap_id is how it stands. docs/states.md is drawn from LEADS and
LEADS_OF_CUT, and `turned` goes nowhere else.

What a gateway had not sent yet when a line broke is lost, however late it was: so where IB gives event times, a gap
begins and ends by them, not by when rows came (D38).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from capture.times import SECOND_US
from capture.wire.context import Request
from capture.wire.messages.account_requests import ACCOUNT_STREAMS
from capture.wire.messages.live_streams import LIVE_STREAMS, STREAM_OF_WHAT, WITH_HISTORY
from capture.wire.messages.notices import describe

from .control_rows import Events

WATCHED = LIVE_STREAMS.union(ACCOUNT_STREAMS)


class State(StrEnum):
    """How a gap stands."""

    OPEN = "open"
    CLOSED = "closed"
    BACKFILLED = "backfilled"
    UNAVAILABLE = "unavailable"


# Where a gap leads, and by what; None where there is none yet.
LEADS: dict[str | None, dict[str, str]] = {
    None: {State.OPEN: "the line or a farm is lost, or a request dies or falls silent"},
    State.OPEN: {State.CLOSED: "its stream's next row, IB's word that all was sent, or nobody wants it any more"},
    State.CLOSED: {State.BACKFILLED: "IB's history gave what it has", State.UNAVAILABLE: "IB's history lacks it"},
    State.BACKFILLED: {},
    State.UNAVAILABLE: {},
}  # fmt: skip
# A second that history may not have given whole: it is known at once, and again whenever the same is asked for.
LEADS_OF_CUT: dict[str | None, dict[str, str]] = {
    None: {State.UNAVAILABLE: "IB's history gives the most it gives of a second"},
    State.UNAVAILABLE: {State.UNAVAILABLE: "the same second is asked for again"},
}

# In the name of a gap of one second that history may not have given whole.
CUT_MARK = ".cut."

# IB says a little late that something is broken (D39): what came in the last moment before may be the last for a while.
NOTICE_LAG_US = 1_000_000
# A farm that IB calls broken may not be this stream's (D40), and a code may not mean its end: its rows say so soon, or
# the gap is opened.
PATIENCE_US = 5_000_000
MOST_CANCELLED = 1_000  # as many request ids are remembered, the newest
# A stream without rows for so long was whole for longer than up to its last one: as late as the line's others were.
QUIET_US = 60_000_000

LINE_LOST = frozenset({1100, 2110})
FARM_BROKEN, FARM_OK = 2103, 2104
DEPTH_RESET, COMPETING_SESSION = 317, 10197

Key = tuple[int | None, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """The first and last row of a request among some: when they came, and up to when, by IB's time, each proves its
    stream whole; where IB gave no time, when they came."""

    first_us: int
    first_seq: int
    first_event_us: int
    last_us: int
    last_event_us: int

    @classmethod
    def alone(cls, ts_us: int, seq: int) -> "Seen":
        """Return one row to which IB gave no time."""
        return cls(ts_us, seq, ts_us, ts_us, ts_us)


@dataclass(slots=True)
class Watch:
    """A watched stream: `last_us` is its last row, or its first request where none came yet.

    `event_us` is up to when, by IB's time, its rows prove it whole; `detail` tells bars of different width and making
    apart, and `account` is whose it is, empty where about an instrument or all accounts. `request_id` is the newest
    request for it, made at `requested_us`. It is suspected to be down since `suspect_us`, for a reason and by IB's
    code.
    """

    instrument_id: int | None
    symbol: str
    stream: str
    detail: str
    last_us: int
    wanted: bool = True
    suspect_us: int | None = None
    suspect_reason: str = ""
    suspect_code: int = 0
    request_id: int | None = None
    gap: dict[str, Any] | None = None
    event_us: int | None = None
    requested_us: int = 0
    account: str = ""

    @property
    def is_of_account(self) -> bool:
        """Whether it is about an account, or about all."""
        return self.stream in ACCOUNT_STREAMS

    @property
    def lag_us(self) -> int | None:
        """How late its last row came, None where IB gave no time."""
        return None if self.event_us is None else self.last_us - self.event_us

    def as_json(self) -> dict[str, Any]:
        """Return the state as plain values: a gap is an open one, and need not say so; nor need others, of accounts."""
        gap = self.gap and {name: value for name, value in self.gap.items() if name != "state"}
        names = self.__slots__ if self.account else [name for name in self.__slots__ if name != "account"]
        return {name: getattr(self, name) for name in names} | {"gap": gap}


@dataclass(slots=True)
class Gaps:
    """Follows the streams of one recorder and adds rows of `gaps` to `events`.

    `cancelled_seq` is the last frame before each cancel: what IB says of a request after that concerns no stream.

    Times are microseconds UTC. `heard_us` is when the line last carried anything. `waiting` are the closed gaps, by
    gap_id, that IB's history may fill: their last row, with what tells bars apart (`detail`).
    """

    events: Events
    heard_us: int = 0
    watches: dict[Key, Watch] = field(default_factory=dict)
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    cancelled_seq: dict[int, int] = field(default_factory=dict)

    def requested(self, request: Request, ts_us: int) -> None:
        """A stream was asked for: from now on it is wanted."""
        if request.stream in WATCHED:
            key = _key(request)
            watch = self.watches.setdefault(key, Watch(*key[:4], last_us=ts_us, account=key[4]))
            watch.wanted, watch.request_id = True, request.request_id
            watch.requested_us = ts_us

    def cancelled(self, request: Request, seq: int, ts_us: int) -> None:
        """A stream was given up: nothing is missed from now on unless it is asked for again, or has been already.

        One of an account is asked for again first, and then the former request given up: what is given up, is over.
        """
        self.cancelled_seq[request.request_id] = seq
        while len(self.cancelled_seq) > MOST_CANCELLED:
            del self.cancelled_seq[next(iter(self.cancelled_seq))]
        watch = self.watches.get(_key(request))
        if watch is not None and watch.request_id in (None, request.request_id):
            watch.wanted = False
            if watch.is_of_account and watch.gap is not None:
                self.events.unframed("gaps", ts_us, seq, self._closed(watch, watch.gap, ts_us))

    def wanted_only(self, wanted: Iterable[dict[str, Any]], ts_us: int, seq: int) -> None:
        """A recorder was started that wants these streams (see capture.tape.notes.WANTED): nothing is missed any more
        of the others, and their gaps end here."""
        wishes = [_key(Request(0, "", **each)) for each in wanted]
        sure = {(instrument_id, *of) for instrument_id, _, *of in wishes}
        unsure = [wish for wish in wishes if wish[0] is None and wish[2] in LIVE_STREAMS]
        ended = [self.watches.pop(key) for key in list(self.watches)
                 if (key[0], *key[2:]) not in sure and not any(_may_be(key, wish) for wish in unsure)]
        others = {_subject(watch) for watch in self.watches.values() if watch.wanted}
        for watch in ended:
            if watch.gap is not None:
                self.events.unframed("gaps", ts_us, seq, self._closed(watch, watch.gap, ts_us))
            if watch.wanted and watch.request_id and _subject(watch) not in others:
                self.events.unframed("subscriptions", ts_us, seq, {
                    "request_id": watch.request_id, "event": "unwanted", "instrument_id": watch.instrument_id,
                    "symbol": watch.symbol or None, "stream": watch.stream, "account": watch.account or None})

    def rows(self, seen: dict[int, "Seen"], requests: dict[int, Request]) -> None:
        """Rows came, for these request ids: they are taken in the order of the first of each."""
        for request_id, rows in sorted(seen.items(), key=lambda item: item[1].first_seq):
            request = requests.get(request_id)
            if request is not None and (watch := self.watches.get(_key(request))):
                self._row(watch, rows)
                watch.last_us = max(watch.last_us, rows.last_us)
                if watch.stream in WITH_HISTORY:
                    watch.event_us = rows.last_event_us

    def session_ended(self, ts_us: int, seq: int, reason: str) -> None:
        """The session ended: nothing came after the last byte that was heard."""
        self.cancelled_seq.clear()
        for watch in self._wanted():
            watch.suspect_us = None
            self._open(watch, self._whole_us(watch, self.heard_us), ts_us, seq, reason, None)

    def notice(self, code: int, request: Request | None, message: str, ts_us: int, seq: int) -> None:
        """IB said something about the line, a farm or a request."""
        if code in LINE_LOST:
            for watch in self._wanted():
                self._open(watch, self._whole_us(watch, ts_us - NOTICE_LAG_US), ts_us, seq, message, code)
        elif code == FARM_BROKEN:
            for watch in (each for each in self._wanted() if not each.is_of_account):
                _suspect(watch, ts_us, "a market data farm was broken", FARM_BROKEN)
        elif code == FARM_OK:
            self._suspects([watch for watch in self._wanted() if watch.suspect_code == FARM_BROKEN], ts_us, seq, 0)
        elif request is not None and seq <= self.cancelled_seq.get(request.request_id, seq):
            self._about(request, message, code, ts_us, seq)

    def silent(self, request: Request, ts_us: int, seq: int, reason: str) -> None:
        """The recorder found a stream silent against expectation: it was whole up to its last row."""
        if watch := self.watches.get(_key(request)):
            self._open(watch, watch.last_us if watch.event_us is None else watch.event_us, ts_us, seq, reason, None)

    def restored(self, gap_id: str, rows: int) -> None:
        """Rows of a gap came from history."""
        if gap := self.waiting.get(gap_id):
            gap["rows_restored"] += rows

    def backfilled(self, note: dict[str, Any], ts_us: int, seq: int) -> None:
        """History has been asked for a gap: it is backfilled, or history is unavailable."""
        if gap := self.waiting.pop(note["gap_id"], None):
            row = {name: value for name, value in gap.items() if name != "detail"}
            # A word of a newer recorder, not known here, says nothing that the gap could be taken for whole by.
            state = State.BACKFILLED if note["state"] == State.BACKFILLED else State.UNAVAILABLE
            row = turned(row, state) | {"reason": note.get("reason") or gap["reason"]}
            self.events.unframed("gaps", ts_us, seq, row)

    def cut(self, note: dict[str, Any], request: Request, ts_us: int, seq: int) -> None:
        """History gave as many rows of a second as it gives at most: the second is not known to be whole.

        It is a gap of its own, of the stream whose gap was asked for, else of the one that brings the same live.
        """
        wanted, second = self.waiting.get(note["gap_id"] or ""), note["second"]
        stream = wanted["stream"] if wanted else STREAM_OF_WHAT[request.what or ""]
        reason = f"IB's history gave {note['rows']:,} rows of this second, the most it gives: whether there were more"
        self.events.unframed("gaps", ts_us, seq, turned({
            "instrument_id": request.instrument_id, "symbol": request.symbol, "stream": stream,
            "gap_id": f"{self.events.recorder}.{stream}.{request.instrument_id}{CUT_MARK}{second}",
            "from_ts": second * SECOND_US, "to_ts": (second + 1) * SECOND_US,
            "reason": f"{reason} is not known"}, State.UNAVAILABLE))  # fmt: skip

    def heard(self, ts_us: int, seq: int) -> None:
        """The line carried something."""
        self.heard_us = ts_us
        self.judge(ts_us, seq)

    @property
    def suspected(self) -> bool:
        """Whether a stream is suspected to be down: whether it is, is decided with every read from here on."""
        return any(watch.suspect_us is not None for watch in self.watches.values())

    def judge(self, ts_us: int, seq: int) -> None:
        """Open the gaps of streams that were suspected long enough by a moment at which the line carried something."""
        self._suspects(self._wanted(), ts_us, seq, PATIENCE_US)

    def as_json(self) -> dict[str, Any]:
        """Return the state as plain values, which stay as they are while rows go on to come."""
        return {"heard_us": self.heard_us, "watches": [watch.as_json() for watch in self.watches.values()],
                "waiting": [dict(gap) for gap in self.waiting.values()],
                "cancelled_seq": [list(item) for item in self.cancelled_seq.items()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take on the state that `as_json` gave."""
        self.heard_us = state["heard_us"]
        watches = [Watch(**watch | {"gap": watch["gap"] and {"state": State.OPEN.value} | watch["gap"]})
                   for watch in state["watches"]]
        self.watches = {(watch.instrument_id, watch.symbol, watch.stream, watch.detail, watch.account): watch
                        for watch in watches}
        self.waiting = {gap["gap_id"]: {"state": State.CLOSED.value} | gap for gap in state["waiting"]}
        self.cancelled_seq = dict(state.get("cancelled_seq", ()))

    def _wanted(self) -> list[Watch]:
        return [watch for watch in self.watches.values() if watch.wanted]

    def _about(self, request: Request, message: str, code: int, ts_us: int, seq: int) -> None:
        watch, kind = self.watches.get(_key(request)), describe(code, request.request_id).kind
        if watch is None:
            return
        if kind == "terminal" or code in (DEPTH_RESET, COMPETING_SESSION):
            self._open(watch, self._whole_us(watch, ts_us - NOTICE_LAG_US), ts_us, seq, message, code)
        elif kind == "doubtful":
            _suspect(watch, ts_us, message, code)

    def _suspects(self, watches: list[Watch], ts_us: int, seq: int, patience_us: int) -> None:
        for watch in watches:
            since_us = watch.suspect_us
            if since_us is not None and ts_us - since_us >= patience_us:
                watch.suspect_us = None
                from_us = self._whole_us(watch, since_us - NOTICE_LAG_US)
                self._open(watch, from_us, ts_us, seq, watch.suspect_reason, watch.suspect_code)

    def _whole_us(self, watch: Watch, at_us: int) -> int:
        """Return up to when a stream is known to be whole, that nothing more came of after `at_us`.

        By IB's time, that is up to its last event; where it has been quiet for long, as far as the line's others were
        then. Without IB's time it is a moment of arrival.
        """
        if watch.stream not in WITH_HISTORY:
            return max(watch.last_us, at_us)
        if watch.event_us is None:
            return max(watch.last_us, at_us - self._lag_us())
        if at_us - watch.last_us <= QUIET_US:
            return watch.event_us
        return max(watch.event_us, at_us - self._lag_us())

    def _lag_us(self) -> int:
        """Return how late the latest of the streams are of which rows came lately, 0 where none tells."""
        lags = [(watch.last_us, watch.lag_us) for watch in self._wanted() if watch.lag_us is not None]
        newest_us = max((last_us for last_us, _ in lags), default=0)
        return max((lag_us for last_us, lag_us in lags if newest_us - last_us <= QUIET_US), default=0)

    def _row(self, watch: Watch, rows: Seen) -> None:
        watch.suspect_us = None
        if watch.gap is not None:
            gap = self._closed(watch, watch.gap, _until_us(watch, watch.gap["from_ts"], rows))
            self.events.framed("gaps", rows.first_us, rows.first_seq, gap)

    def _closed(self, watch: Watch, gap: dict[str, Any], to_us: int) -> dict[str, Any]:
        """Close a watch's gap, and return its row; from now on it waits for history, where there is any."""
        watch.gap = None
        gap = turned(gap, State.CLOSED) | {"to_ts": max(to_us, gap["from_ts"])}
        if watch.stream in WITH_HISTORY:
            self.waiting[gap["gap_id"]] = gap | {"detail": watch.detail, "rows_restored": 0}
        return gap

    def _open(self, watch: Watch, from_us: int, ts_us: int, seq: int, reason: str, code: int | None) -> None:
        if watch.gap is not None:
            return
        watch.gap = turned({
            "instrument_id": watch.instrument_id, "symbol": watch.symbol or None, "stream": watch.stream,
            "reason": reason, "from_ts": from_us, **({"account": watch.account} if watch.account else {}),
            "gap_id": f"{self.events.recorder}.{watch.stream}.{self._name(watch)}.{seq}",
            "code": code, "lag_s": None if watch.lag_us is None else watch.lag_us / SECOND_US,
        }, State.OPEN)  # fmt: skip
        self.events.unframed("gaps", ts_us, seq, watch.gap)

    def _name(self, watch: Watch) -> str:
        """Return what tells a watch apart in the name of a gap, where an account's does not stand: its place does."""
        name = f"{watch.symbol if watch.instrument_id is None else watch.instrument_id}{watch.detail}"
        if not watch.is_of_account:
            return name
        accounts = list(dict.fromkeys(each.account for each in self.watches.values()))
        return f"account{accounts.index(watch.account)}{f'.{name}' if name else ''}"


def leads_of(gap_id: str) -> dict[str | None, dict[str, str]]:
    """Return where a gap of a name leads, and by what."""
    return LEADS_OF_CUT if CUT_MARK in gap_id else LEADS


def turned(gap: dict[str, Any], state: State) -> dict[str, Any]:
    """Return a gap in another state; every change of one is made here."""
    former = gap.get("state")
    assert state in leads_of(gap["gap_id"]).get(former, ()), f"gap {gap['gap_id']} does not go from {former} to {state}"
    return gap | {"state": state.value}


def _suspect(watch: Watch, since_us: int, reason: str, code: int) -> None:
    if watch.suspect_us is None:
        watch.suspect_us, watch.suspect_reason, watch.suspect_code = since_us, reason, code


def _until_us(watch: Watch, from_us: int, rows: Seen) -> int:
    """Return from when on a stream is whole again whose first rows these are: not before the gap or its request.

    A request may begin with a value of long before, which says nothing of what came between.
    """
    told_us = max(rows.first_event_us, min(rows.first_us, max(rows.first_event_us + SECOND_US, watch.requested_us)))
    return max(told_us, from_us)


def _may_be(key: Key, wish: Key) -> bool:
    """Return whether a stream may be a wanted one of which only the beginning of the symbol is known."""
    return key[1].startswith(wish[1]) and key[2:] == wish[2:]


def _key(request: Request) -> Key:
    if request.stream in ACCOUNT_STREAMS:
        return request.instrument_id, "", request.stream, "", request.account or ""
    detail = f".{request.bar_size}.{request.what}" if request.bar_size else ""
    return request.instrument_id, request.symbol, request.stream, detail, ""


def _subject(watch: Watch) -> tuple[int | None, str, str]:
    return watch.instrument_id, watch.stream, watch.account
