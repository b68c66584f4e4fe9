"""The session machine: events and a clock in, commands out; no sockets, files or clocks of its own.

What happens in a session is data here: PHASES says where each state may lead and how long it may last, _ANSWERS which
message is handled by what, capture.wire.messages.notices which of IB's codes asks for what.
"""

from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from capture.wanted.account_settings import Accounts
from capture.wanted.instrument import Instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import Stream
from capture.wanted.windows import parse_window
from capture.wire.messages.data_types import DATA_TYPE_NUMBERS
from capture.wire.messages.notices import Action, describe
from capture.wire.text.codec import Decoded

from .accounts.account_desk import AccountDesk
from .accounts.executions_due import clock_of
from .announcements import Voice
from .backoff import Backoff
from .events import (
    Arrived,
    Close,
    Command,
    Connect,
    Connected,
    Event,
    HistoryWanted,
    Lost,
    NoRoom,
    Received,
    Say,
    Send,
    Started,
    Stop,
    StopAsked,
)
from .history_jobs import History
from .line_silence import LineSilence
from .phases import CONNECTED, IN_SESSION, PHASES, State
from .plan import make_plan
from .request_pacing import RULES, TokenBucket
from .subscriber import Subscriber
from .subscriptions import SETTLED_S, Life
from .upstream import Upstream

MOST_LACKING = 10  # streams that are named at the end
RESOLVE_TIMEOUT_S = 60.0  # contract details come within seconds; farms being restarted swallow the question


class Machine:
    """Holds the line to a gateway, session after session, and keeps every wanted stream subscribed.

    `handle` takes an event and the time, in seconds of a clock that never goes back, and returns what is to be done;
    `next_wake_s` says until when nothing will have to be done without an event.
    """

    def __init__(
        self, settings: Settings, wanted: Iterable[tuple[Instrument, Stream]], random: Random | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.settings = settings
        self.state = State.DISCONNECTED
        self.server_version: int | None = None
        self.sessions = 0  # that got as far as being ready
        self.trouble = ""  # why there is no session
        self.lost_in: State | None = None  # where the line stood when that was
        self._voice = Voice(settings.data_type.startswith("delayed"))
        self._queue: deque[tuple[str, dict[str, Any]]] = deque()
        rules = RULES if settings.market_data_lines else {}
        self._subscriber = Subscriber(wanted, self._voice, self._send, rules)
        self.subscriptions, self.pacing = self._subscriber.subscriptions, self._subscriber.pacing
        self.history = History(self._voice, self._send, self._subscriber.new_id)
        self.accounts = AccountDesk(accounts, self._voice, self._send, self._subscriber.new_id)
        self._parts = self._subscriber, self.accounts, self.history
        self._where = f"{settings.host}:{settings.port}"
        self._windows = [parse_window(text) for text in settings.restart_windows]
        self._bucket = TokenBucket(settings.requests_per_second)
        self.upstream = Upstream(self._voice, self._subscriber, self._bucket)
        self._backoff = Backoff(random=random)
        self._awaited: set[str] = set()
        self._now_s = self._started_s = self._ready_s = self._wall_offset_s = 0.0
        self._silence = LineSilence()
        self._due_s: float | None = None
        self._questions = 0  # contracts asked for, not yet answered
        self._told_wanted = False  # to the tape
        self._lost = ""  # why the line was, for a while and out of the blue

    # Interface

    def handle(self, event: Event, now_s: float) -> list[Command]:
        """Take an event at a time and return what is to be done, in order."""
        assert now_s >= self._now_s, "the clock of a session never goes back"
        self._now_s = now_s
        out: list[Command] = []
        self._voice.out = out
        self._voice.at(now_s)
        if self.state is not State.STOPPED:
            if handler := _EVENTS.get(type(event)):
                handler(self, event)
            self._work()
        return out

    def heard(self, now_s: float) -> None:
        """Take note of a read without a message in it: it calls for nothing that `next_wake_s` does not know of."""
        assert now_s >= self._now_s, "the clock of a session never goes back"
        self._now_s = now_s
        self._silence.heard(now_s)

    def next_wake_s(self) -> float | None:
        """Return when `handle` is wanted next with a Tick, if nothing else happens before; None for never."""
        times = [self._due_s]
        if self.state in IN_SESSION:
            times += [self._silence.due_s(), self._silence.over_s(), self._subscriber.next_due_s(),
                      self.accounts.next_due_s()]
        if self._queue:
            times.append(self._now_s + self._bucket.wait_s(self._now_s))
        elif self.state is State.RECORDING and (due_s := self.history.next_due_s()) is not None:
            times.append(max(due_s, self._now_s + self._bucket.wait_s(self._now_s)))
        return min((time for time in times if time is not None), default=None)

    def wall_s(self, time_s: float) -> float:
        """Return a time of the machine's clock in epoch seconds."""
        return time_s + self._wall_offset_s

    # Events

    def _on_started(self, event: Started) -> None:
        self._started_s = self._now_s
        self._set_wall(event.wall_s)
        self.pacing.resume(event.paced, self._wall_offset_s, self._now_s)
        wanted = [(subscription.instrument, subscription.stream) for subscription in self.subscriptions.all]
        plan = make_plan(wanted, self.settings.market_data_lines, self.settings.requests_per_second)
        for share in plan.shares:
            if share.misfits:
                self._voice.say("warning", share.instead)
        for name, why in plan.impossible.items():
            self._voice.say("warning", f"{name}: {why}: it will be refused, leave it out")
        self._connect()

    def _on_connected(self, _event: Connected) -> None:
        self._bucket.take(self._now_s)  # for the hello
        self._enter(State.GREETING, self.settings.handshake_timeout_s)

    def _on_received(self, event: Received) -> None:
        self._silence.heard(self._now_s)
        if event.hello is not None and self.state is State.GREETING:
            self.server_version = event.hello.server_version
            self.accounts.clock = clock_of(event.hello.connection_time, self.wall_s(self._now_s))
            self._awaited = {"next_valid_id", "managed_accounts"}
            self._send("start_api", {"client_id": self.settings.client_id})
            self._enter(State.STARTING, self.settings.handshake_timeout_s)
        for message in event.messages:
            if self.state not in CONNECTED:
                return
            if handler := _ANSWERS.get(message.name):
                handler(self, message)
            for part in self._parts:
                part.hear(message, self._now_s)
            self._go_on()

    def _on_lost(self, event: Lost) -> None:
        text = PHASES[self.state].lost.format(where=self._where, reason=event.reason)
        self._drop(event.reason if event.lasting else text, event.lasting)

    def _on_history_wanted(self, event: HistoryWanted) -> None:
        self.history.want(event.jobs, self._now_s, event.wall_s)

    def _on_no_room(self, event: NoRoom) -> None:
        """Wait for room as for a gateway, but without giving up: stopping would not make any."""
        if self.state in CONNECTED or self.state is State.CONNECTING:
            self._drop(event.reason, patient=True)

    def _on_arrived(self, event: Arrived) -> None:
        self._set_wall(event.wall_s)
        watchman = self._subscriber.watchman
        self._subscriber.rows_came(event.counts, event.wall_s, self._now_s)
        watchman.time(event.timed, self.settings.data_type.startswith("delayed"))
        if self.state not in IN_SESSION:
            return
        if event.counts:
            self.upstream.rows_came(self._now_s)
        self._subscriber.refresh_hours()
        silent = [] if self.upstream.out else watchman.silent(self._now_s)
        if silent and self._silence.answers(self._now_s):
            for subscription in silent:
                watchman.act(subscription, self._now_s)
            watchman.tell_silent(silent)

    def _on_stop_asked(self, event: StopAsked) -> None:
        # What is wanted still was never asked for with success: nothing of it was recorded.
        missing = self._subscriber.count(Life.WANTED) or self._subscriber.count(Life.SILENT)
        damaged = (self._lost or self.upstream.lost or self._subscriber.refused or missing
                   or self.accounts.lacking())
        self._stop((3 if damaged else 0) if self.sessions else 1, event.reason)

    def last_words(self, stop: Stop) -> list[Say]:
        """Return what is to be said at the end."""
        said_above = stop.reason == self.trouble  # when the connection was given up
        reason = "there was no session, for the reason said above" if said_above else stop.reason
        if stop.exit_code == 1 and not said_above and not self.sessions:
            reason += ", before there was a session"
        last = Say("error" if stop.exit_code == 1 else "info", f"stopped: {reason}")
        return [Say("warning", self.lacking()), last] if stop.exit_code == 3 else [last]

    def lacking(self) -> str:
        """Return in words which streams were not whole, why, and what to do."""
        parts = [f"the line was lost ({self._lost})"] if self._lost else []
        parts += ["IB lost its own line or a farm"] if self.upstream.lost else []
        lacking = [*self._subscriber.lacking(), *self.accounts.lacking()]
        parts += lacking[:MOST_LACKING]
        if len(lacking) > MOST_LACKING:
            parts.append(f"and {len(lacking) - MOST_LACKING} streams more, see `ticktape status`")
        why = "; ".join(parts or ["some streams were refused for a while"])
        return (f"not all that was wanted was recorded: {why}."
                " `ticktape gaps` lists what is missing, `ticktape backfill` fetches what IB's history has of it")

    # Work that is due

    def _work(self) -> None:
        if self._due_s is not None and self._now_s >= self._due_s:
            self._overdue()
        if self.state in IN_SESSION:
            self._probe()
            self._subscriber.held = self.upstream.troubled
            self._subscriber.work(self._now_s, self.wall_s(self._now_s))
            self.accounts.work(self._now_s, self.wall_s(self._now_s), self.upstream.out, self.state is State.RECORDING)
        self.history.held = self.upstream.without_history
        if self.state is State.RECORDING and not self._queue and not self._bucket.wait_s(self._now_s):
            self.history.work(self._now_s)  # only when nothing live has to go out
        while self._queue and self._bucket.take(self._now_s):
            name, values = self._queue.popleft()
            self._voice.out.append(Send(name, values))
            self._subscriber.sent(values.get("request_id", 0), self._now_s)
            self.accounts.sent(name, values, self._now_s)
        if self.state is State.RECORDING and self.sessions == 1:
            self._stop_if_all_refused()

    def _overdue(self) -> None:
        if self.state is State.BACKING_OFF:
            self._connect()
        elif self.state is State.RESOLVING:
            words = ", ".join(self._subscriber.unanswered)
            self._voice.tell("warning", f"{self._where} did not say which contracts these are, asking again: {words}")
            self._subscriber.resolve()
            self._due_s = self._now_s + RESOLVE_TIMEOUT_S
        else:
            limit = self.settings.handshake_timeout_s
            self._drop(PHASES[self.state].late.format(where=self._where, limit=limit))

    def _probe(self) -> None:
        """Ask a silent gateway for its time."""
        if self._now_s >= self._silence.over_s():
            self._drop(f"{self._where} gave no answer for {self._silence.limit_s():g} s")
        elif self._now_s >= self._silence.due_s():
            self._silence.asked(self._now_s)
            self._queue.appendleft(("req_current_time", {}))

    def _set_wall(self, wall_s: float) -> None:
        """Take the time of day. A restart window calms what has been running, not one who is just being started."""
        self._wall_offset_s = wall_s - self._now_s
        running = self.sessions > 1 or (self.sessions == 1 and self._now_s - self._ready_s >= SETTLED_S)
        self._voice.calm = running and any(window.holds(wall_s) for window in self._windows)

    def _stop_if_all_refused(self) -> None:
        if self._voice.calm or self.accounts.login.wanted:
            return
        wanted = len(self.subscriptions.all)
        refused = wanted and self._subscriber.count(Life.REFUSED) == wanted
        if refused and all(subscription.flow.last_s is None for subscription in self.subscriptions.all):
            self._stop(1, f"none of the {wanted} wanted streams can be recorded")

    # The line

    def _connect(self) -> None:
        self._enter(State.CONNECTING, self.settings.handshake_timeout_s)
        self.server_version = None
        self._voice.out.append(Connect())

    def _drop(self, text: str, lasting: bool = False, patient: bool = False) -> None:
        """Give the connection up, and try again later; before a first session only where that is not pointless, or
        when `patient`."""
        self._set_wall(self.wall_s(self._now_s))  # a restart window may just have begun
        self._voice.out.append(Close(text))
        self._voice.tell("error", text, "line", text)
        self.trouble, self.lost_in = text, self.state
        self.upstream.end_session()
        if self.state in IN_SESSION:
            self._lost = self._lost or ("" if self._voice.calm else text)
            if self._now_s - self._ready_s >= SETTLED_S:
                self._backoff.reset()
        self._queue.clear()
        if self.sessions:
            self._subscriber.end_session()
            self.history.end_session()
            self.accounts.end_session()
        wait_s = self._backoff.next_s()
        if not self.sessions and not patient:
            left_s = self._started_s + self.settings.connect_timeout_s - self._now_s
            if lasting or (self.settings.connect_timeout_s and left_s <= 0):
                self._stop(1, text)
                return
            wait_s = min(wait_s, left_s) if self.settings.connect_timeout_s else wait_s
        self._enter(State.BACKING_OFF, wait_s)

    def _stop(self, exit_code: int, reason: str) -> None:
        if self.state in CONNECTED or self.state is State.CONNECTING:
            self._voice.out.append(Close(reason))
        self._enter(State.STOPPED, None)
        self._queue.clear()
        self._voice.out.append(Stop(exit_code, reason))

    def _enter(self, state: State, limit_s: float | None) -> None:
        assert state in PHASES[self.state].next, f"a session does not go from {self.state} to {state}"
        self.state = state
        self._due_s = None if limit_s is None else self._now_s + limit_s

    def _send(self, name: str, values: dict[str, Any]) -> None:
        self._queue.append((name, values))

    # Answers

    def _on_start(self, message: Decoded) -> None:
        self._awaited.discard(message.name)
        if self._awaited or self.state is not State.STARTING:
            return
        self.sessions += 1
        self._ready_s = self._now_s
        self.trouble, self.lost_in = "", None
        self._voice.drop_topic("line")
        self._voice.say("info", f"connected to {self._where}, server version {self.server_version}")
        if self.settings.data_type != "live":
            self._send("req_market_data_type", {"data_type": DATA_TYPE_NUMBERS[self.settings.data_type]})
        self._subscriber.subscribe_all(self._now_s)
        self._subscriber.resolve()
        self._enter(State.RESOLVING, RESOLVE_TIMEOUT_S)

    def _go_on(self) -> None:
        """Record once every contract is known; each answer gives the others more time."""
        if self.state is not State.RESOLVING:
            return
        questions, self._questions = self._questions, len(self._subscriber.unanswered)
        if self._questions < questions:
            self._due_s = self._now_s + RESOLVE_TIMEOUT_S
        if not self._questions:
            self._enter(State.RECORDING, None)
            wanted = len(self.subscriptions.all)
            if (wanted or self.accounts.settings) and not self._told_wanted:
                self._told_wanted = True
                self._subscriber.tell_wanted(self.accounts.as_notes())
            alive = wanted - self._subscriber.count(Life.REFUSED)
            if wanted:
                self._voice.say("info", f"requesting {alive} of {wanted} wanted streams")

    # Errors and status

    def _on_error(self, message: Decoded) -> None:
        self._set_wall(self.wall_s(self._now_s))
        values = message.values
        request_id = -1 if values["request_id"] is None else values["request_id"]
        row = describe(values["code"] or 0, request_id)
        if row.action in (Action.REQUEST_ALL, Action.VERIFY):
            self.accounts.renew(self._now_s)
        if row.action is Action.HANG_UP:
            self._drop(f"client id {self.settings.client_id}: {self._voice.sentence(row, values['message'])}")
        elif (
            not self.upstream.hear(row, values["message"], self._now_s)
            and not any(part.error(row, values, self._now_s) for part in self._parts)
            and request_id < 0  # about a request that is over there is nothing to say: IB's words are on the tape
        ):
            self._voice.hear("info", row, self._voice.sentence(row, values["message"]))


_EVENTS: dict[type[Event], Callable[[Machine, Any], None]] = {
    Started: Machine._on_started,
    Connected: Machine._on_connected,
    Received: Machine._on_received,
    Lost: Machine._on_lost,
    NoRoom: Machine._on_no_room,
    Arrived: Machine._on_arrived,
    HistoryWanted: Machine._on_history_wanted,
    StopAsked: Machine._on_stop_asked,
}

_ANSWERS: dict[str, Callable[[Machine, Decoded], None]] = {
    "next_valid_id": Machine._on_start,
    "managed_accounts": Machine._on_start,
    "error": Machine._on_error,
}
