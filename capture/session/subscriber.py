"""Contracts and subscriptions of a session: what is asked for, what IB grants, what its refusals lead to (D43, D59)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from capture.tape.notes import REFUSED
from capture.times import DAY_S
from capture.wanted.hours import Phase
from capture.wanted.instrument import Contract, Instrument
from capture.wanted.streams import Stream
from capture.wire.messages.notices import Action, Code
from capture.wire.text.codec import Decoded

from .announcements import Voice
from .backoff import Backoff
from .former import FormerRequests
from .request_pacing import RULES, RequestPacing, Rule
from .resolve import AmbiguousError, Resolver, is_contract_id
from .subscriptions import ASKED, Life, Subscription, Subscriptions, as_note, why_lacking
from .watchman import Watchman

PACING_RETRY_S = 60.0  # IB's pacing windows are over after 15 s, and hammering prolongs them
RETRY_FIRST_S, RETRY_MOST_S = 60.0, 900.0  # for what only time, or the user, can mend
HELD_S = 10.0  # until a request that makes no sense now is looked at again
DOUBT_S = 10.0  # how long the rows of a request may take, of which IB said something that may mean its end (D58)
RESOLVE_AGAIN_S = 60.0  # how long a question for a contract may go unanswered
RECENT_S = 2.0  # IB's limit of the rate is one by the second, and its complaint names no request

# How soon a refused stream is asked for again, and how long to wait at most, where it is refused time and again.
REFUSED_S = (60.0, 3_600.0)  # a subscription may be bought, or a line become free
UNKNOWN_S = (DAY_S, DAY_S)  # contracts are listed overnight
AFTERWARDS_S = (600.0, 3_600.0)  # what was granted before may be so again, once IB's nightly reset is over
# Codes by which a request could not be understood as it is, or not be served at all: no time helps against these.
LASTING = frozenset({102, 320, 321, 385, 414, 430, 579, 10092, 10285, 10299, 10314})
UNKNOWN = frozenset({None, 200, 203})  # None: IB answered, but with no contract that fits


class Subscriber:
    """Finds the contract of each wanted instrument and keeps its streams subscribed.

    `send` takes the name and values of a request. Request ids count up from 1 in each session. Once it is `lenient`,
    which it is after the first session, every refused stream is asked for again; until then, where that can help.
    `refused` says whether any was. `pacing` counts requests by IB's rules for some kinds.
    `held` says that silent streams are not to be asked for again now. `watchman` sees to streams that fall silent.
    """

    def __init__(
        self,
        wanted: Iterable[tuple[Instrument, Stream]],
        voice: Voice,
        send: Callable[[str, dict[str, Any]], None],
        rules: dict[str, Rule] = RULES,
    ) -> None:
        self.subscriptions = Subscriptions(wanted)
        self.lenient = False
        self.refused = False
        self.held = False
        self.watchman = Watchman(self.subscriptions, voice)
        self.pacing = RequestPacing(rules)
        self._resolver = Resolver(subscription.instrument for subscription in self.subscriptions.all)
        self._voice = voice
        self._send = send
        self._now_s = self._wall_s = 0.0
        self._next_id = 1
        self._doubts: dict[Subscription, tuple[float, int, str]] = {}  # since when, code and text
        self._former = FormerRequests(voice, send)
        self._asked_s: dict[str, float] = {}  # when a contract was asked for, by the instrument's word

    @property
    def unanswered(self) -> list[str]:
        """The words of the instruments that were asked for and have no answer yet."""
        return [instrument.word for instrument in self._resolver.waiting]

    def count(self, life: Life) -> int:
        """Return how many subscriptions have come this far."""
        return sum(subscription.life is life for subscription in self.subscriptions.all)

    def lacking(self) -> list[str]:
        """Return in words each stream of which nothing comes, and why."""
        return [why for subscription in self.subscriptions.all if (why := why_lacking(subscription))]

    def hear(self, message: Decoded, now_s: float) -> None:
        """Take a message that may concern a contract or a subscription."""
        self._now_s = now_s
        if handler := _ANSWERS.get(message.name):
            handler(self, message)

    def work(self, now_s: float, wall_s: float) -> None:
        """Request what is due."""
        self._now_s, self._wall_s = now_s, wall_s
        self._judge_doubts()
        for subscription in self.subscriptions.take_due(now_s):
            self._request(subscription)

    def next_due_s(self) -> float | None:
        """Return when `work` is wanted next, None for never."""
        times = [self.subscriptions.next_due_s(), *(since_s + DOUBT_S for since_s, _, _ in self._doubts.values())]
        return min((time for time in times if time is not None), default=None)

    def rows_came(self, counts: Mapping[int, int], wall_s: float, now_s: float) -> None:
        """Take how many rows came for each request id since the last look, about a second ago."""
        self._now_s = now_s
        self.watchman.look(counts, wall_s, now_s)
        for subscription in [each for each in self._doubts if each.doubted_s is None]:
            del self._doubts[subscription]
        self._former.rows_came(counts, now_s)

    def tell_wanted(self, besides: list[dict[str, Any]]) -> None:
        """Write down what is wanted, and that `besides`: what an earlier run recorded besides is no longer missed."""
        self._voice.wanted([*map(as_note, self.subscriptions.all), *besides])

    def resolve(self) -> None:
        """Ask for the contracts that are not known yet, forgetting questions that had no answer."""
        self._resolver.forget_questions()
        for instrument in self._resolver.missing():
            self._ask(instrument)

    def refresh_hours(self) -> None:
        """Ask anew for the trading hours that will not be known for long."""
        for instrument in self._resolver.outdated(self._wall_s):
            self._ask(instrument)

    def renew_frail(self, now_s: float) -> None:
        """Request again the streams that may have been kept in name only."""
        self._now_s = now_s
        for subscription in self.subscriptions.all:
            if subscription.stream.kind.frail and subscription.life in ASKED:
                self._cancel(subscription)
                self.subscriptions.want(subscription, now_s)

    def sent(self, request_id: int, now_s: float) -> None:
        """Take note that a request went out."""
        if subscription := self.subscriptions.by_id.get(request_id):
            subscription.sent_s = now_s

    def renew_recent(self, now_s: float) -> None:
        """Request again what IB may have rejected just now: all that was sent lately and is unheard after a pause, too.

        It may have been another that was rejected: what flows meanwhile is left alone.
        """
        for subscription in list(self.subscriptions.by_id.values()):
            recent = subscription.sent_s is not None and now_s - subscription.sent_s <= RECENT_S
            if recent and subscription.life is Life.REQUESTED:
                self.subscriptions.schedule(subscription, now_s + RECENT_S)

    def subscribe_all(self, now_s: float) -> None:
        """Subscribe to everything whose contract is known, as if nothing had been before."""
        self._now_s = now_s
        for request_id, subscription in list(self.subscriptions.by_id.items()):  # IB lost them; if not, rows come
            self.subscriptions.forget_request(subscription)
            self._former.remember(subscription, request_id, now_s + RECENT_S)
        self._doubts.clear()
        for subscription in self.subscriptions.all:
            if contract := self._resolver.resolved.get(subscription.instrument.word):
                self._subscribe(subscription, contract)

    def end_session(self) -> None:
        """Forget all requests: they died with the session."""
        self._resolver.forget_questions()
        self.subscriptions.end_session()
        self.pacing.session_ended()
        self._former.end_session()
        self._doubts.clear()
        self._asked_s.clear()
        self._next_id = 1
        self.lenient = True

    def error(self, row: Code, values: dict[str, Any], now_s: float) -> bool:
        """Take an error of IB; False where it concerns no open request of ours."""
        self._now_s = now_s
        request_id = values["request_id"]
        words = self._voice.sentence(row, values["message"])
        instrument = self._resolver.asked(request_id)
        if instrument is not None and row.kind in ("terminal", "doubtful"):
            self._resolver.give_up(request_id)
            self._unresolved(instrument, row.code, f"{instrument.word}: {words}")
        subscription = self.subscriptions.by_id.get(request_id)
        if subscription is not None and subscription.life in ASKED:  # else it was over before
            text = f"{subscription.name}: {words}"
            _REQUEST_ACTIONS[row.action_on(values["message"])](self, subscription, row, text)
        return bool(instrument or subscription)

    # Contracts

    def _on_details(self, message: Decoded) -> None:
        self._resolver.answer(message.values)

    def _on_details_end(self, message: Decoded) -> None:
        request_id = message.values["request_id"]
        instrument = self._resolver.asked(request_id)
        if instrument is None:
            return
        known = instrument.word in self._resolver.resolved
        try:
            contract = self._resolver.finish(request_id)
        except AmbiguousError as error:
            self._unresolved(instrument, None, str(error))
            return
        if contract is None:
            self._unresolved(instrument, None, f"{instrument.word}: IB knows no such contract")
            return
        for subscription in self.subscriptions.of(instrument):
            subscription.hours = self._resolver.hours[instrument.word]
            if not known:
                self._subscribe_once(subscription, contract)

    def _ask(self, instrument: Instrument) -> None:
        self._asked_s[instrument.word] = self._now_s
        self._send(*self._resolver.ask(instrument, self.new_id()))

    def _unresolved(self, instrument: Instrument, code: int | None, text: str) -> None:
        if instrument.word in self._resolver.resolved:
            return  # only its hours were asked for
        speak = self._voice.tell if code is None else self._voice.say  # what IB said is on the tape already
        speak("error", text, instrument.word)
        for subscription in self.subscriptions.of(instrument):
            self._refuse(subscription, code, text, said=True)

    # Subscriptions

    def _on_acknowledged(self, message: Decoded) -> None:
        subscription = self.subscriptions.by_id.get(message.values["request_id"])
        if subscription and subscription.life is Life.REQUESTED:
            subscription.become(Life.ACKNOWLEDGED)
            subscription.due_s = None

    def _on_reroute(self, message: Decoded) -> None:
        values = message.values
        subscription = self.subscriptions.by_id.get(values["request_id"])
        if subscription is None or subscription.contract is None or not is_contract_id(values["con_id"]):
            return
        self._cancel(subscription)
        # Type, currency and the rest describe the contract asked for at first, not the one IB names instead.
        contract = Contract(values["con_id"], subscription.contract.symbol, exchange=values["exchange"],
                            local_symbol=subscription.contract.local_symbol)  # fmt: skip
        subscription.contract = contract
        text = f"IB serves {subscription.name} from contract {contract.con_id} on {contract.exchange}"
        self._voice.tell("info", text, about=subscription)
        self.subscriptions.want(subscription, self._now_s)

    def _on_advice(self, subscription: Subscription, row: Code, text: str) -> None:
        self._voice.hear("warning", row, text, subscription.name, row.code)

    def _on_doubted(self, subscription: Subscription, row: Code, text: str) -> None:
        """Wait for rows: they tell whether the request lives."""
        self._voice.hear("warning", row, text, subscription.name, row.code)
        if subscription not in self._doubts:
            subscription.doubted_s = self._now_s
            self._doubts[subscription] = self._now_s, row.code, text

    def _judge_doubts(self) -> None:
        """Take those as refused whose rows did not come; while IB is in trouble, that says nothing."""
        if self.held:
            self._doubts = {each: (self._now_s, code, text) for each, (_, code, text) in self._doubts.items()}
        for subscription, (since_s, code, text) in list(self._doubts.items()):
            if self._now_s >= since_s + DOUBT_S:
                del self._doubts[subscription]
                if subscription.life in ASKED:
                    more = {REFUSED: subscription.request_id, "code": code}
                    self._voice.note(text, subscription, **more)
                    self._refuse(subscription, code, text)

    def _on_ended(self, subscription: Subscription, row: Code, text: str) -> None:
        self._voice.hear("warning", row, f"{text}; requesting it again")
        subscription.doubted_s = self._now_s
        self.subscriptions.want_again(subscription, self._now_s)

    def _on_paced(self, subscription: Subscription, row: Code, text: str) -> None:
        self._voice.hear("warning", row, f"{text}; asking again in {PACING_RETRY_S:g} s")
        subscription.doubted_s = self._now_s
        self.subscriptions.want(subscription, self._now_s + PACING_RETRY_S)

    def _on_retry(self, subscription: Subscription, row: Code, text: str) -> None:
        """Take the stream as silent: rows may come again by themselves, or it is asked for again after minutes."""
        self._voice.hear("warning", row, f"{text}; asking again now and then", subscription.name, row.code)
        self.watchman.pause(subscription, text, Backoff(RETRY_FIRST_S, RETRY_MOST_S))
        subscription.code, subscription.doubted_s = row.code, self._now_s
        if subscription.due_s is None:
            self._schedule_silent(subscription)

    def _on_refused(self, subscription: Subscription, row: Code, text: str) -> None:
        subscription.doubted_s = self._now_s
        self._refuse(subscription, row.code, text)

    def _subscribe_once(self, subscription: Subscription, contract: Contract) -> None:
        """Subscribe, unless another word has turned out to mean the same."""
        other = self.subscriptions.same_as(subscription, _as_wished(subscription, contract))
        if other is None:
            self._subscribe(subscription, contract)
        else:
            self.subscriptions.merge(subscription, other)
            self._voice.say("info", f"{subscription.name} is the same as {other.name}, and recorded once")

    def _subscribe(self, subscription: Subscription, contract: Contract) -> None:
        subscription.contract = _as_wished(subscription, contract)
        self.subscriptions.want(subscription, self._now_s)

    def _request(self, subscription: Subscription) -> None:
        contract, silent = subscription.contract, subscription.life is Life.SILENT
        if contract is None:
            self._ask_in_time(subscription)
            return
        name, values = subscription.stream.request(self._next_id, contract)
        wait_s = HELD_S if silent and self._pointless(subscription) else self.pacing.admit(name, values, self._now_s)
        if wait_s:
            self.subscriptions.schedule(subscription, self._now_s + wait_s)
            return
        self._cancel(subscription)
        self.subscriptions.requested(subscription, self.new_id(), self._now_s)
        self._send(name, values)
        if silent:
            subscription.attempts += 1
            if subscription.attempts == 2 and subscription.code is None:
                text = f"{subscription.name} is {subscription.message}, and still after it was requested again"
                self._voice.tell("warning", text, about=subscription)
            self._schedule_silent(subscription)

    def _ask_in_time(self, subscription: Subscription) -> None:
        """Ask for a contract, unless an answer may still come, and look again whether one came."""
        asked_s = self._asked_s.get(subscription.instrument.word)
        if asked_s is None or self._now_s >= asked_s + RESOLVE_AGAIN_S:
            self._ask(subscription.instrument)
        self.subscriptions.schedule(subscription, self._now_s + RESOLVE_AGAIN_S)

    def _pointless(self, subscription: Subscription) -> bool:
        """Return whether asking again for a silent stream cannot help now."""
        hours = subscription.hours
        return self.held or (hours is not None and hours.phase(self._wall_s) is Phase.CLOSED)

    def _schedule_silent(self, subscription: Subscription) -> None:
        if subscription.silence:
            self.subscriptions.schedule(subscription, self._now_s + subscription.silence.next_s())

    def _cancel(self, subscription: Subscription) -> None:
        """End the request of a subscription, also one that IB may have ended: should it live, it would take a line."""
        request_id = subscription.request_id
        if request_id is not None:
            self.subscriptions.forget_request(subscription)
            self._doubts.pop(subscription, None)
            self._former.cancel(subscription, request_id, self._now_s)

    def _refuse(self, subscription: Subscription, code: int | None, text: str, said: bool = False) -> None:
        self.refused = self.refused or not self._voice.calm
        self._doubts.pop(subscription, None)
        self.subscriptions.refuse(subscription, code, text)
        if not said:
            self._voice.say("error", text, subscription.name, code)
        pause_s = AFTERWARDS_S if self.lenient or self._voice.calm else _refused_s(code)
        if pause_s is not None:
            subscription.refusals = subscription.refusals or Backoff(*pause_s)
            self.subscriptions.schedule(subscription, self._now_s + subscription.refusals.next_s())

    def new_id(self) -> int:
        """Return a request id that this session has not used yet."""
        self._next_id += 1
        return self._next_id - 1


def _refused_s(code: int | None) -> tuple[float, float] | None:
    """Return the first and the longest pause before a refused stream is asked for again; None where no retry helps."""
    if code in LASTING:
        return None
    return UNKNOWN_S if code in UNKNOWN else REFUSED_S


def _as_wished(subscription: Subscription, contract: Contract) -> Contract:
    """Return a resolved contract at the exchange that the instrument's word names."""
    return replace(contract, exchange=subscription.instrument.contract.exchange or contract.exchange)


_ANSWERS: dict[str, Callable[[Subscriber, Decoded], None]] = {
    "contract_details": Subscriber._on_details,
    "bond_details": Subscriber._on_details,
    "contract_details_end": Subscriber._on_details_end,
    "tick_request_parameters": Subscriber._on_acknowledged,
    "market_data_type": Subscriber._on_acknowledged,
    "historical_data_end": Subscriber._on_acknowledged,
    "reroute_market_data": Subscriber._on_reroute,
    "reroute_market_depth": Subscriber._on_reroute,
}

_REQUEST_ACTIONS: dict[Action, Callable[[Subscriber, Subscription, Code, str], None]] = {
    Action.SAY: Subscriber._on_advice,
    Action.REFUSE: Subscriber._on_refused,
    Action.SEE: Subscriber._on_doubted,
    Action.REQUEST_AGAIN: Subscriber._on_ended,
    Action.PACE: Subscriber._on_paced,
    Action.RETRY: Subscriber._on_retry,
}
