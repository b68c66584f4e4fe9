"""The account desk: asks for what is wanted of accounts, again and again, and keeps apart what is known, and what not.

Three states are kept apart (field lesson B5): nothing is known, IB said that there is nothing, or there are rows. A
time-out, a refusal and the end of a session make a stream unknown, and never empty.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from math import inf
from typing import Any

from capture.session.announcements import Voice
from capture.tape.notes import REFUSED, SILENT
from capture.wanted.account_settings import Accounts
from capture.wire.messages.account_requests import known_as
from capture.wire.messages.notices import Code
from capture.wire.text.codec import Decoded

from .asks import ASKS, TURN_S, Ask, Login, Per, wanted
from .errand import DEADLINE_S, Errand, Known
from .executions_due import GatewayClock, midnight_wait_s, since_text
from .holdings import Holdings
from .known_streams import KnownStream, known_streams

TRIES = 2  # before a question is said not to be answered
AFTER_FILL_S = 10.0  # positions lag fills: so long after one, they are asked for anew (field lesson B33)
AFTER_POSITION_S, FILLS_APART_S = 5.0, 60.0  # a position changed: somebody's fill may be new, too
MOST_EXECUTIONS = 100_000  # whose ids are remembered

UNSUBSCRIBED, OTHER_ACCOUNT, INVALID, FAILED = 2100, 2101, 321, 322
_ABOUT_UPDATES = frozenset({UNSUBSCRIBED, OTHER_ACCOUNT})
_REQUESTS = frozenset(ask.name for ask in ASKS)

Key = tuple[str, str, int | None]  # request, account, and contract id


class AccountDesk:
    """Asks for streams of accounts; without settings, for nothing.

    `send` takes the name and values of a request, `new_id` gives request ids. Times are the session's.
    """

    def __init__(
        self, settings: Accounts | None, voice: Voice, send: Callable[[str, dict[str, Any]], None],
        new_id: Callable[[], int],
    ) -> None:
        self.settings = settings
        self.clock = GatewayClock()
        self.login = Login((), ())
        self.unknown: tuple[str, ...] = ()  # accounts that are wanted, and that the login does not have
        self._voice, self._send, self._new_id = voice, send, new_id
        self._errands: dict[Key, Errand] = {}
        self._by_id: dict[int, Errand] = {}
        self._holdings = Holdings()
        self._executions: set[str] = set()
        self._by_message: defaultdict[str, list[Errand]] = defaultdict(list)  # of answers that have no id
        self._now_s = self._wall_s = 0.0
        self._look_s = inf  # when something is due
        self._is_held = self._singles = False

    @property
    def streams(self) -> list[KnownStream]:
        """What is known of each stream that is wanted."""
        return known_streams(self._errands.values())

    def as_notes(self) -> list[dict[str, Any]]:
        """Return what is wanted as a note names it (see capture.tape.notes.WANTED)."""
        wanted_ = dict.fromkeys((one.ask.stream, one.account) for one in self._errands.values())
        return [{"instrument_id": None, "symbol": "", "stream": stream, "account": account or None}
                for stream, account in wanted_]

    def lacking(self) -> list[str]:
        """Return in words what is not recorded of what is wanted, and why."""
        unknown = [f"account {name} is none of this login's" for name in self.unknown]
        problems = dict.fromkeys(f"{one.name}: {one.problem}" for one in self._errands.values() if one.problem)
        return [*unknown, *problems]

    # What happens

    def hear(self, message: Decoded, now_s: float) -> None:
        """Take a message that may be about accounts."""
        if self.settings is None:
            return
        self._now_s = now_s
        if message.name == "managed_accounts":
            self._logged_in(_names(message.values["accounts"]))
            return
        errand = self._errand_of(message)
        if errand is not None and message.name == errand.ask.end:
            self._ended(errand)
        elif errand is not None and message.name != "error":
            self._note_row(message, errand)
            errand.took(now_s)

    def error(self, row: Code, values: dict[str, Any], now_s: float) -> bool:
        """Take an error of IB; False where it concerns nothing that was asked for here."""
        self._now_s = now_s
        errand = self._errand_of_error(row, values)
        if errand is None:
            return False
        self._look_s = now_s
        words = self._voice.sentence(row, values["message"])
        if row.kind in ("terminal", "doubtful") or row.code == OTHER_ACCOUNT:
            self._refused(errand, row.code, words)
        elif row.code == UNSUBSCRIBED:
            self._unsubscribed(errand, words)
        else:
            self._voice.hear("warning", row, f"{errand.name}: {words}", errand.name, row.code)
        return True

    def sent(self, name: str, values: dict[str, Any], now_s: float) -> None:
        """Take note that a request went out: from now on its answer is awaited."""
        if name in _REQUESTS:
            for errand in self._errands.values():
                if errand.ask.name == name and errand.request_id == values.get("request_id"):
                    errand.sent(now_s)
            self._look_s = now_s

    def renew(self, now_s: float) -> None:
        """Ask for everything anew: IB may have forgotten it, or not have sent what changed."""
        for errand in self._errands.values():
            if not errand.is_open:
                errand.due_s = now_s
        self._look_s = now_s

    def work(self, now_s: float, wall_s: float, is_held: bool, with_positions: bool) -> None:
        """Ask for what is due, unless it `is_held`; for each position's P&L only `with_positions`."""
        is_news = with_positions and not self._singles
        self._now_s, self._wall_s, self._singles, self._is_held = now_s, wall_s, with_positions, is_held
        if is_held or (now_s < self._look_s and not is_news):
            return
        self._keep_singles()
        for errand in list(self._errands.values()):
            self._look_at(errand)
        times = chain.from_iterable(self._times(errand) for errand in self._errands.values())
        self._look_s = min((time for time in times if time is not None), default=inf)

    def next_due_s(self) -> float | None:
        """Return when `work` is wanted next, None for never."""
        return None if self._is_held or self._look_s == inf else self._look_s

    def end_session(self) -> None:
        """Forget all requests: they died with the session."""
        self._by_id.clear()
        self._look_s = inf
        for errand in self._errands.values():
            errand.session_ended()

    # Who

    def _logged_in(self, there: tuple[str, ...]) -> None:
        """Take the accounts that the login has."""
        assert self.settings is not None, "accounts are looked at only where they are wanted"
        named = there if self.settings.every else tuple(dict.fromkeys(self.settings.accounts))
        self.unknown = tuple(name for name in named if name not in there)
        if self.unknown:
            self._voice.say("error", f"accounts: this login has no account {', '.join(self.unknown)}; it has "
                            f"{', '.join(there) or 'none'}: correct accounts below [accounts] in ticktape.toml. "
                            "All else is recorded", "unknown accounts", *self.unknown)
        self.login = Login(there, tuple(name for name in named if name in there))
        before, self._errands = self._errands, {}
        for ask in wanted(self.settings, self.login):
            accounts = {Per.LOGIN: ("",), Per.ACCOUNT: self.login.wanted, Per.POSITION: ()}[ask.per]
            for place, account in enumerate(accounts if self.login.wanted else ()):
                self._add(ask, account, None, before, TURN_S * place if self._takes_turns(ask) else 0.0)
        for key, errand in before.items():
            if errand.con_id is not None and errand.account in self.login.wanted:
                self._add(errand.ask, *key[1:], before)
        self._by_message.clear()
        for errand in self._errands.values():
            for name in (*errand.ask.rows, *([errand.ask.end] if errand.ask.end and not errand.ask.has_id else [])):
                self._by_message[name].append(errand)

    def _add(self, ask: Ask, account: str, con_id: int | None, before: dict[Key, Errand], wait_s: float = 0.0) -> None:
        key = ask.name, account, con_id
        errand = self._errands[key] = before.get(key) or Errand(ask, account, con_id, patience_s=ask.silent_s or 0.0)
        if errand.asked_s is None and errand.due_s is None:
            errand.due_s = self._now_s + wait_s
        self._look_s = self._now_s

    def _takes_turns(self, ask: Ask) -> bool:
        """Whether several accounts share the one request without an id that a client can have."""
        return ask.per is Per.ACCOUNT and not ask.has_id and len(self.login.wanted) > 1

    # Answers

    def _errand_of(self, message: Decoded) -> Errand | None:
        """Return what a message answers: by its request id, else what was asked last and brings such rows."""
        if errand := self._by_id.get(message.values.get("request_id") or 0):
            return errand
        account = message.values.get("account") or ""
        asked = [one for one in self._by_message.get(message.name, ()) if one.asked_s not in (None, inf)]
        return max(asked, key=lambda one: (one.account == account, one.asked_s or 0.0), default=None)

    def _ended(self, errand: Errand) -> None:
        was_open = errand.is_open
        errand.answered(self._now_s)
        if errand.ask.cancel is None:
            self._forget(errand)
        if errand.ask.stream == "positions":
            self._holdings.listed(errand.account)
        self._look_s = self._now_s
        if was_open:  # some ends come again unasked
            self._schedule(errand)

    def _note_row(self, message: Decoded, errand: Errand) -> None:
        if errand.ask.stream == "positions":
            self._holdings.took(message.values, self.clock.now_s(self._wall_s))
            self._look_s = self._now_s
            if not errand.is_open:
                self._hasten("executions", AFTER_POSITION_S, FILLS_APART_S)
        elif message.name == "execution_details" and message.values["execution_id"] not in self._executions:
            if len(self._executions) >= MOST_EXECUTIONS:
                self._executions.clear()
            self._executions.add(message.values["execution_id"])
            self._hasten("positions", AFTER_FILL_S, AFTER_FILL_S)

    def _hasten(self, stream: str, wait_s: float, apart_s: float) -> None:
        """Have a stream asked for soon, but not too soon after it was asked for last."""
        for errand in self._errands.values():
            if errand.ask.stream == stream and not errand.is_open:
                due_s = max(self._now_s + wait_s, (errand.last_s or 0.0) + apart_s)
                errand.due_s = min(due_s, errand.due_s or inf)
                self._look_s = min(self._look_s, errand.due_s)

    # Errors

    def _errand_of_error(self, row: Code, values: dict[str, Any]) -> Errand | None:
        request_id = values["request_id"] if values["request_id"] is not None else -1
        if request_id >= 0:
            return self._by_id.get(request_id)
        open_ = [one for one in self._errands.values() if one.overdue_at_s() not in (None, inf) and not one.ask.has_id]
        if row.code in _ABOUT_UPDATES:
            updates = [one for one in self._errands.values() if one.ask.name == "req_account_updates"]
            return next((one for one in updates if one in open_), updates[0] if len(updates) == 1 else None)
        if row.code not in (INVALID, FAILED):
            return None
        # It does not say what it is about. With Read-Only API, TWS refuses what is about orders.
        return min(open_, key=lambda one: (one.ask.stream != "orders", one.asked_s or 0.0), default=None)

    def _refused(self, errand: Errand, code: int, words: str) -> None:
        self._voice.say("error", f"{errand.name}: {words}; all else is recorded", errand.name, code)
        self._note(errand, f"{errand.name}: {words}", code)
        errand.gave_up(self._now_s + errand.refusals.next_s(), words, code)

    def _unsubscribed(self, errand: Errand, words: str) -> None:
        """Ask again for updates that IB ended, unless it was for the account whose turn is next."""
        if not self._takes_turns(errand.ask):
            self._voice.say("warning", f"{errand.name}: {words}; asking again", errand.name, UNSUBSCRIBED)
            errand.gave_up(self._now_s + errand.unanswered.next_s(), words, UNSUBSCRIBED)

    def _note(self, errand: Errand, text: str, code: int | None = None) -> None:
        """Write down that a stream is silent, and where IB refused it without naming the request, this too."""
        known = known_as(errand.ask.name, errand.request_id)
        refused: dict[str, Any] = {} if code is None or errand.ask.has_id else {REFUSED: known, "code": code}
        self._voice.note(text, None, **{SILENT: known}, **refused)

    # Asking

    def _look_at(self, errand: Errand) -> None:
        """Do what is due about one request."""
        deadline_s, silent_s = errand.overdue_at_s(), errand.silent_at_s()
        if errand.con_id is not None and not self._singles:
            return
        if deadline_s is not None and self._now_s >= deadline_s:
            self._overdue(errand)
        elif silent_s is not None and self._now_s >= silent_s:
            self._silent(errand)
        elif errand.due_s is not None and self._now_s >= errand.due_s:
            self._ask(errand)

    def _times(self, errand: Errand) -> Iterator[float | None]:
        if errand.con_id is None or self._singles:
            yield from (errand.overdue_at_s(), errand.silent_at_s(), errand.due_s)

    def _overdue(self, errand: Errand) -> None:
        if errand.attempts < TRIES:
            self._ask(errand)
            return
        text = f"not answered within {DEADLINE_S:g} s, asked {TRIES} times"
        self._voice.say("warning", f"{errand.name} was {text}: it is not known; asking again now and then",
                        errand.name, "not answered")
        self._note(errand, f"{errand.name}: {text}")
        errand.gave_up(self._now_s + errand.unanswered.next_s(), text)

    def _silent(self, errand: Errand) -> None:
        """Ask anew for a stream that fell silent; where its rows came steadily before, they are missing."""
        if errand.is_steady:
            text = f"silent: no row for {self._now_s - (errand.last_s or 0.0):.0f} s"
            self._voice.say("warning", f"{errand.name} is {text}; asking again")
            self._note(errand, f"{errand.name}: {text}")
        errand.grew_silent()
        self._ask(errand)

    def _ask(self, errand: Errand) -> None:
        former, request_id = errand.request_id, self._new_id() if errand.ask.has_id else None
        if errand.attempts == 0 and not errand.ask.cancel:
            self._forget(errand)  # of a second attempt the first may still be answered
        since = since_text(self.clock.now_s(self._wall_s), errand.known is Known.UNKNOWN)
        errand.asked(request_id)
        if errand.ask.stream == "positions":
            self._holdings.asked(errand.account)
        if request_id is not None:
            self._by_id[request_id] = errand
        self._send(errand.ask.name, errand.ask.values(errand.account, errand.con_id, request_id, since))
        if former is not None:  # behind the new one: the stream is not given up in between
            self._end(errand, former)

    def _forget(self, errand: Errand) -> None:
        for request_id in [id_ for id_, one in self._by_id.items() if one is errand]:
            del self._by_id[request_id]

    def _end(self, errand: Errand, request_id: int) -> None:
        """End a request, also one that IB may have ended."""
        if errand.ask.cancel:
            self._by_id.pop(request_id, None)
            self._send(*errand.ask.cancellation(request_id))

    def _schedule(self, errand: Errand) -> None:
        """Say when a request that was answered is made again."""
        assert self.settings is not None, "nothing is asked for that is not wanted"
        every_s = TURN_S * len(self.login.wanted) if self._takes_turns(errand.ask) else (
            errand.ask.every_s(self.settings))
        if every_s is None:
            return
        errand.due_s = self._now_s + every_s
        if errand.ask.stream == "executions":
            wait_s = midnight_wait_s(self.clock.now_s(self._wall_s), self.clock.zone)
            errand.due_s = min(errand.due_s, self._now_s + wait_s)

    # Positions one by one

    def _keep_singles(self) -> None:
        """Ask for the P&L of each position that is held, and end it where one is flat."""
        ask = next((ask for ask in ASKS if ask.per is Per.POSITION), None)
        if ask is None or self.settings is None or ask.stream not in self.settings.streams or not self._singles:
            return
        there = {(one.account, one.con_id or 0): one for one in self._errands.values() if one.con_id is not None}
        wanted_ = {position for position in self._holdings.held if position[0] in self.login.wanted}
        for position in sorted(wanted_ - there.keys()):
            self._add(ask, *position, {})
        for position in there.keys() - wanted_:
            self._give_up(there[position])

    def _give_up(self, errand: Errand) -> None:
        if errand.request_id is not None:
            self._end(errand, errand.request_id)
        del self._errands[errand.ask.name, errand.account, errand.con_id]


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in (text or "").split(",") if (name := part.strip())))
