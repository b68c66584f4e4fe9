"""Contracts and subscriptions of a session: what is asked for, what IB grants, and what follows from its refusals."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from capture.wire.codec import Decoded
from capture.wire.notices import Code

from .instrument import Contract, Instrument
from .resolve import AmbiguousError, Resolver
from .streams import Stream
from .subscriptions import Life, Subscription, Subscriptions
from .voice import Voice, sentence

PACING_RETRY_S = 60.0  # IB's pacing windows are over after 15 s, and hammering prolongs them
ASK_AGAIN = frozenset({316, 10182, 10225})  # IB ended the request and says that it must be made again
REFUSED_RETRY_S = 600.0  # what is refused after a reconnect may be granted again once IB's nightly reset is over


class Subscriber:
    """Finds the contract of each wanted instrument and keeps its streams subscribed.

    `send` takes the name and values of a request. Request ids count up from 1 in each session. Once it is `lenient`,
    which it is after the first session, a refused stream is asked for again later. `refused` says whether any was.
    """

    def __init__(
        self,
        wanted: Iterable[tuple[Instrument, Stream]],
        voice: Voice,
        send: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.subscriptions = Subscriptions(wanted)
        self.lenient = False
        self.refused = False
        self._resolver = Resolver(subscription.instrument for subscription in self.subscriptions.all)
        self._voice = voice
        self._send = send
        self._now_s = 0.0
        self._next_id = 1

    @property
    def unanswered(self) -> list[str]:
        """The words of the instruments that were asked for and have no answer yet."""
        return [instrument.word for instrument in self._resolver.waiting]

    def count(self, life: Life) -> int:
        """Return how many subscriptions have come this far."""
        return sum(subscription.life is life for subscription in self.subscriptions.all)

    def hear(self, message: Decoded, now_s: float) -> None:
        """Take a message that may concern a contract or a subscription."""
        self._now_s = now_s
        if handler := _ANSWERS.get(message.name):
            handler(self, message)

    def work(self, now_s: float) -> None:
        """Request what is due."""
        self._now_s = now_s
        for subscription in self.subscriptions.take_due(now_s):
            self._request(subscription)

    def resolve(self) -> None:
        """Ask for the contracts that are not known yet, forgetting questions that had no answer."""
        self._resolver.forget_questions()
        for instrument in self._resolver.missing():
            self._send(*self._resolver.ask(instrument, self._new_id()))

    def subscribe_all(self, now_s: float) -> None:
        """Subscribe to everything whose contract is known, as if nothing had been before."""
        self._now_s = now_s
        for subscription in self.subscriptions.all:
            if contract := self._resolver.resolved.get(subscription.instrument.word):
                self._subscribe(subscription, contract)

    def end_session(self) -> None:
        """Forget all requests: they died with the session."""
        self._resolver.forget_questions()
        self.subscriptions.end_session()
        self._next_id = 1
        self.lenient = True

    def error(self, row: Code, values: dict[str, Any], now_s: float) -> bool:
        """Take an error of IB; False where it concerns no open request of ours."""
        self._now_s = now_s
        request_id = values["request_id"]
        if instrument := self._resolver.asked(request_id):
            if row.kind == "terminal":
                self._resolver.give_up(request_id)
                self._unresolved(instrument, row.code, f"{instrument.word}: {sentence(row, values['message'])}")
        elif subscription := self.subscriptions.by_id.get(request_id):
            self._on_request_error(subscription, row, values["message"])
        return bool(instrument or subscription)

    # Contracts

    def _on_details(self, message: Decoded) -> None:
        self._resolver.answer(message.values)

    def _on_details_end(self, message: Decoded) -> None:
        request_id = message.values["request_id"]
        instrument = self._resolver.asked(request_id)
        if instrument is None:
            return
        try:
            contract = self._resolver.finish(request_id)
        except AmbiguousError as error:
            self._unresolved(instrument, None, str(error))
        else:
            if contract is None:
                self._unresolved(instrument, None, f"{instrument.word}: IB knows no such contract")
            else:
                for subscription in self.subscriptions.of(instrument):
                    self._subscribe(subscription, contract)

    def _unresolved(self, instrument: Instrument, code: int | None, text: str) -> None:
        speak = self._voice.tell if code is None else self._voice.say  # what IB said is on the tape already
        speak("error", text, instrument.word)
        for subscription in self.subscriptions.of(instrument):
            self._refuse(subscription, code, text, said=True)

    # Subscriptions

    def _on_acknowledged(self, message: Decoded) -> None:
        if subscription := self.subscriptions.by_id.get(message.values["request_id"]):
            subscription.life = Life.ACKNOWLEDGED

    def _on_reroute(self, message: Decoded) -> None:
        values = message.values
        subscription = self.subscriptions.by_id.get(values["request_id"])
        if subscription is None or subscription.contract is None:
            return
        self._send(*subscription.stream.cancellation(values["request_id"]))
        # Type, currency and the rest describe the contract asked for at first, not the one IB names instead.
        contract = Contract(values["con_id"], subscription.contract.symbol, exchange=values["exchange"],
                            local_symbol=subscription.contract.local_symbol)  # fmt: skip
        subscription.contract = contract
        text = f"IB serves {subscription.name} from contract {contract.con_id} on {contract.exchange}"
        self._voice.tell("info", text, about=subscription)
        self.subscriptions.want(subscription, self._now_s)

    def _on_request_error(self, subscription: Subscription, row: Code, message: str) -> None:
        text = f"{subscription.name}: {sentence(row, message)}"
        if row.kind != "terminal":
            self._voice.say("warning", text, subscription.name, row.code)
        elif row.code in ASK_AGAIN:
            self._voice.say("warning", f"{text}; requesting it again")
            self.subscriptions.want_again(subscription, self._now_s)
        elif "pacing" in message.lower():
            self._voice.say("warning", f"{text}; asking again in {PACING_RETRY_S:g} s")
            self.subscriptions.want(subscription, self._now_s + PACING_RETRY_S)
        else:
            self._refuse(subscription, row.code, text)

    def _subscribe(self, subscription: Subscription, contract: Contract) -> None:
        wished = subscription.instrument.contract.exchange
        subscription.contract = replace(contract, exchange=wished or contract.exchange)
        self.subscriptions.want(subscription, self._now_s)

    def _request(self, subscription: Subscription) -> None:
        contract = subscription.contract
        if contract is None:
            return
        request_id = self._new_id()
        self.subscriptions.requested(subscription, request_id, self._now_s)
        self._send(*subscription.stream.request(request_id, contract))

    def _refuse(self, subscription: Subscription, code: int | None, text: str, said: bool = False) -> None:
        self.refused = True
        self.subscriptions.refuse(subscription, code, text)
        if not said:
            self._voice.say("error", text, subscription.name, code)
        if self.lenient and subscription.contract is not None:
            self.subscriptions.schedule(subscription, self._now_s + REFUSED_RETRY_S)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


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
