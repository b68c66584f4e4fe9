"""The wanted streams and how far each has come, from wanted to flowing.

A stream is wanted for as long as its recorder runs, whatever IB says: rows that come are the truth. So from every state
it gets to flowing by a row, and back to wanted when its request is over; what IB refuses, or leaves silent, is asked
for again after a pause. docs/states.md is drawn from LEADS, and `Subscription.become` goes nowhere else.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

from capture.wanted.hours import Hours
from capture.wanted.instrument import Contract, Instrument
from capture.wanted.streams import Stream
from capture.wire.context import request_of

from .backoff import Backoff
from .lateness import Lateness
from .liveness import Flow

SETTLED_S = 60.0  # a subscription that lived this long may be requested again at once


class Life(StrEnum):
    """How far a subscription has come."""

    WANTED = "wanted"
    REQUESTED = "requested"
    ACKNOWLEDGED = "acknowledged"
    FLOWING = "flowing"
    SILENT = "silent"  # no row came against expectation; it is requested again until one does
    REFUSED = "refused"


_OVER = "its request is over, by the end of the session or by IB, or is made anew"
_ROWS, _MUTE, _NO = "a row comes", "no row comes against expectation, or IB has none for now", "IB refuses it"
# Where a life leads, and by what.
LEADS = {
    Life.WANTED: {Life.REQUESTED: "its request is sent", Life.FLOWING: "a row of its former request comes all the same",
                  Life.REFUSED: "IB knows no such contract"},
    Life.REQUESTED: {Life.ACKNOWLEDGED: "IB takes the request on", Life.FLOWING: _ROWS, Life.SILENT: _MUTE,
                     Life.REFUSED: _NO, Life.WANTED: _OVER},
    Life.ACKNOWLEDGED: {Life.FLOWING: _ROWS, Life.SILENT: _MUTE, Life.REFUSED: _NO, Life.WANTED: _OVER},
    Life.FLOWING: {Life.SILENT: _MUTE, Life.REFUSED: _NO, Life.WANTED: _OVER},
    Life.SILENT: {Life.FLOWING: _ROWS, Life.REFUSED: _NO, Life.WANTED: _OVER},
    Life.REFUSED: {Life.REQUESTED: "it is asked for again after a pause", Life.FLOWING: "a row comes all the same",
                   Life.WANTED: _OVER},
}  # fmt: skip

# Those with a request that was not refused nor ended.
ASKED = frozenset({Life.REQUESTED, Life.ACKNOWLEDGED, Life.FLOWING, Life.SILENT})
# Those that IB has taken on, and those that may be waiting for their next request.
ACKNOWLEDGED = frozenset({Life.ACKNOWLEDGED, Life.FLOWING, Life.SILENT})
ASKING = frozenset({Life.WANTED, Life.REQUESTED, Life.SILENT, Life.REFUSED})


@dataclass(eq=False, slots=True)
class Subscription:
    """One stream of one instrument. `contract` is None until the instrument is resolved, `request_id` until requested.

    `hours` are the instrument's, None where they are not known. `code` and `message` say why it was refused, IB's code
    or None where IB gave none. `due_s` is when it is to be requested next. `retries` says when to ask anew for one that
    IB keeps ending, `silence` for one that stays silent, `refusals` for one that IB refuses. `sent_s` is when the
    request went out, None while it waits for its turn. `doubted_s` is when IB last said that the request is over, or
    something like it: the request keeps its id until the next, as rows may come all the same.
    """

    instrument: Instrument
    stream: Stream
    contract: Contract | None = None
    hours: Hours | None = None
    life: Life = Life.WANTED
    request_id: int | None = None
    code: int | None = None
    message: str = ""
    requested_s: float = 0.0
    sent_s: float | None = None
    doubted_s: float | None = None
    due_s: float | None = None
    retries: Backoff | None = None
    silence: Backoff | None = None
    refusals: Backoff | None = None
    attempts: int = 0  # requests since it is silent
    flow: Flow = field(default_factory=Flow)
    lateness: Lateness = field(default_factory=Lateness)

    def become(self, life: Life) -> None:
        """Come to another life; every change of one is made here."""
        assert life is self.life or life in LEADS[self.life], f"{self.name} does not go from {self.life} to {life}"
        self.life = life

    @property
    def name(self) -> str:
        """What people call it: the two words."""
        return f"{self.instrument.word} {self.stream.word}"


class Subscriptions:
    """All wanted streams, those with a request by its id, and when which is to be requested next."""

    def __init__(self, wanted: Iterable[tuple[Instrument, Stream]]) -> None:
        self.all = [Subscription(instrument, stream) for instrument, stream in wanted]
        self.by_id: dict[int, Subscription] = {}
        self._served: list[tuple[Instrument, Subscription]] = []  # what another word's subscription serves too
        self._due: list[tuple[float, int, Subscription]] = []
        self._order = count()

    def of(self, instrument: Instrument) -> list[Subscription]:
        """Return the subscriptions that serve the wanted streams of an instrument."""
        pairs = [*((subscription.instrument, subscription) for subscription in self.all), *self._served]
        return [subscription for wanted, subscription in pairs if wanted.word == instrument.word]

    def same_as(self, subscription: Subscription, contract: Contract) -> Subscription | None:
        """Return another subscription that asks for the very same, None where there is none."""
        wanted = subscription.stream.request(0, contract)
        for other in self.all:
            known = other.contract
            if (
                other is not subscription
                and known is not None
                and known.con_id == contract.con_id
                and other.stream.request(0, known) == wanted
            ):
                return other
        return None

    def merge(self, subscription: Subscription, other: Subscription) -> None:
        """Let another subscription serve what this one, not requested yet, was wanted for."""
        self.all.remove(subscription)
        self._served.append((subscription.instrument, other))

    def want(self, subscription: Subscription, due_s: float) -> None:
        """Have a subscription requested at `due_s`."""
        subscription.become(Life.WANTED)
        subscription.silence = None
        self.schedule(subscription, due_s)

    def schedule(self, subscription: Subscription, due_s: float) -> None:
        """Have a subscription requested at `due_s`, as it is until then; an earlier plan for it is dropped."""
        subscription.due_s = due_s
        heapq.heappush(self._due, (due_s, next(self._order), subscription))

    def want_again(self, subscription: Subscription, now_s: float) -> None:
        """Have a dead subscription requested again: at once, but later each time when it keeps dying young."""
        wait_s = 0.0
        if subscription.retries is None or now_s - subscription.requested_s >= SETTLED_S:
            subscription.retries = Backoff()
        else:
            wait_s = subscription.retries.next_s()
        self.want(subscription, now_s + wait_s)

    def take_due(self, now_s: float) -> list[Subscription]:
        """Return those that are to be requested now."""
        taken = []
        while self._due and self._due[0][0] <= now_s:
            due_s, _, subscription = heapq.heappop(self._due)
            if subscription.due_s == due_s and subscription.life in ASKING:
                subscription.due_s = None
                taken.append(subscription)
        return taken

    def next_due_s(self) -> float | None:
        """Return when the next one is to be requested, None when none is."""
        return self._due[0][0] if self._due else None

    def requested(self, subscription: Subscription, request_id: int, now_s: float) -> None:
        """Take note of a request for a subscription; one that is silent stays so until rows come."""
        assert request_id not in self.by_id, "a request id stands for one subscription"
        self.forget_request(subscription)
        if subscription.life is not Life.SILENT:
            subscription.become(Life.REQUESTED)
        subscription.request_id, subscription.requested_s, subscription.sent_s = request_id, now_s, None
        subscription.doubted_s = None
        subscription.flow.requested(now_s)
        self.by_id[request_id] = subscription

    def refuse(self, subscription: Subscription, code: int | None, message: str) -> None:
        """Take note that a subscription cannot be had, unless its rows come all the same."""
        subscription.become(Life.REFUSED)
        subscription.code, subscription.message = code, message
        subscription.due_s = None

    def end_session(self) -> None:
        """All requests died with the session: want everything, nothing due yet."""
        self.by_id.clear()
        self._due.clear()
        for subscription in self.all:
            subscription.become(Life.WANTED)
            subscription.request_id = None
            subscription.due_s = subscription.silence = subscription.refusals = subscription.doubted_s = None

    def forget_request(self, subscription: Subscription) -> None:
        """Take note that a subscription's request is over for good."""
        if subscription.request_id is not None:
            self.by_id.pop(subscription.request_id, None)
            subscription.request_id = None


def why_lacking(subscription: Subscription) -> str | None:
    """Return in words why nothing comes of a stream; None for one of which something does, or may."""
    match subscription.life:
        case Life.REFUSED:
            message = subscription.message.partition("\n")[0]
            return f"{subscription.name} was refused: {message.removeprefix(f'{subscription.name}: ')}"
        case Life.SILENT:
            return f"{subscription.name} is {subscription.message}"
        case Life.WANTED:
            return f"{subscription.name} was not requested yet"
        case _:
            return None


def as_note(subscription: Subscription) -> dict[str, Any]:
    """Return a wanted stream as a note names it; of an instrument not found, what its word says of the contract."""
    name, values = subscription.stream.request(0, subscription.contract or subscription.instrument.contract)
    asked = request_of(name, values)
    assert asked is not None, name
    return {field: getattr(asked, field) for field in ("instrument_id", "symbol", "stream", "bar_size", "what")}
