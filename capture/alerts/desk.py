"""The desk of an alerter: which alert tells what, what was told, and what waits to be sent, kept on disk.

It may be used from several threads. Where the disk does not take what is to be kept, telling goes on without.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf
from pathlib import Path
from threading import Condition
from typing import Any

from capture.wanted.alert_block import AlertBlock

from .actions import Action, actions_of
from .alert_log import FAILED, GIVEN_UP, SENT, AlertLog, Logged, logged, read_state
from .alert_message import MUTED, Message, make_message
from .deliveries import Delivery, Outbox
from .ledger import FIRING, HAPPENED, RESOLVED, Ledger
from .mutes import Mute, names

# A trouble as plain values, and the name of the alert that alone it is for, None for any.
Sight = tuple[str | None, dict[str, Any]]

IB_SECONDS_S = 5.0  # by how much IB's times may be earlier than ours: they are whole seconds of another clock
SAVE_INTERVAL_S = 10.0  # of what changes with each look

log = logging.getLogger("ticktape.alerts")


def _at_s(one: Mapping[str, Any]) -> float:
    """Return when something happened, in seconds since 1970; infinite where that is not known."""
    return datetime.fromisoformat(one["since"]).timestamp() if one["since"] else inf


class Rule:
    """An alert: its block, its ledger, and its actions by the names that deliveries have."""

    def __init__(self, block: AlertBlock) -> None:
        self.block = block
        self.ledger = Ledger(block.for_s, block.keep_firing_s, block.quiet)
        self.actions = {f"{block.name}: {number}. {action.name}": action
                        for number, action in enumerate(actions_of(block), 1)}  # fmt: skip

    def mine(self, sights: Iterable[Sight]) -> list[dict[str, Any]]:
        """Return what of all that there is this alert is about."""
        return [one for name, one in sights if name in (None, self.block.name) and self.tells(one)]

    def tells(self, trouble: Mapping[str, Any]) -> bool:
        """Return whether this alert is about a trouble; one of no instrument or stream is not chosen by these."""
        return trouble["kind"] in self.block.kinds and all(
            not wanted or not self._has(trouble, columns) or any(one.casefold() in names(trouble) for one in wanted)
            for wanted, columns in ((self.block.instruments, ("instrument", "symbol")),
                                    (self.block.streams, ("word", "stream"))))  # fmt: skip

    @staticmethod
    def _has(trouble: Mapping[str, Any], columns: Iterable[str]) -> bool:
        return any(trouble.get("facts", {}).get(name) for name in columns)


class Desk:
    """Takes troubles and news at moments, in seconds since 1970, and gives deliveries to whoever sends them.

    `changed` is notified when there is something to send. `places` is what whoever brings news must know to go on. What
    happened before `since_s`, the present by default, no alert tells that is new.
    """

    def __init__(self, blocks: Iterable[AlertBlock], data: Path, since_s: float | None = None) -> None:
        self.changed = Condition()
        self.rules = {block.name: Rule(block) for block in blocks}
        self.mutes: Sequence[Mute] = ()
        self.places: dict[str, Any] = {}
        self._files, self._outbox = AlertLog(data), Outbox()
        self._why: dict[str, str] = {}  # by delivery, why it failed last
        self._saved_s = float("-inf")
        self._faulty = False
        self._since_s = dict.fromkeys(self.rules, time.time() if since_s is None else since_s)
        self._happened: set[tuple[str, str]] = set()
        self._resume(read_state(data), logged(data))

    @property
    def actions(self) -> dict[str, Action]:
        """All actions, by the names that deliveries have."""
        return {name: action for rule in self.rules.values() for name, action in rule.actions.items()}

    def look(self, now_s: float, troubles: Sequence[Sight]) -> None:
        """Take which troubles there are: each for any alert, or for the one that is named beside it."""
        with self.changed:
            messages = [message for rule in self.rules.values() for message in self._said_by(rule, now_s, troubles)]
            if messages or time.monotonic() - self._saved_s >= SAVE_INTERVAL_S:
                self._put(messages, now_s)

    def _said_by(self, rule: Rule, now_s: float, troubles: Sequence[Sight]) -> Iterator[Message]:
        """Yield what an alert tells of troubles: those that begin, and those that end, together."""
        mine = rule.mine(troubles)
        said = rule.ledger.look(now_s, mine, lambda one: self._muted(one, now_s))
        for status in (FIRING, RESOLVED):
            if found := [one for what, one in said if what == status]:
                yield make_message(rule.block.name, status, found, now_s)

    def happened(self, now_s: float, news: Sequence[Sight]) -> None:
        """Take what happened, such as fills: what an alert did not take before, and is not older than it, is told."""
        with self.changed:
            messages = [message for rule in self.rules.values() for message in self._news_for(rule, now_s, news)]
            if messages:
                self._put(messages, now_s)

    def _news_for(self, rule: Rule, now_s: float, news: Sequence[Sight]) -> Iterator[Message]:
        name = rule.block.name
        since_s = self._since_s[name] - IB_SECONDS_S
        fresh = {one["key"]: one for one in rule.mine(news)
                 if (name, one["key"]) not in self._happened and _at_s(one) >= since_s}  # fmt: skip
        self._happened |= {(name, key) for key in fresh}
        for status, muted in ((HAPPENED, False), (MUTED, True)):
            if found := [one for one in fresh.values() if self._muted(one, now_s) is muted]:
                yield make_message(name, status, found, now_s)

    def next(self, action: str, now_s: float) -> Delivery | None:
        """Return what an action is to send now, None for nothing."""
        return self._outbox.next(action, now_s)

    def next_due_s(self, action: str) -> float | None:
        """Return when an action has something to send, None for never."""
        return next((one.due_s for one in self._outbox.waiting if one.action == action), None)

    def sent(self, delivery: Delivery, words: str) -> None:
        """Take note that a delivery arrived, and what was answered: in the log first, which is what counts."""
        with self.changed:
            self._outbox.sent(delivery)
            self._why.pop(delivery.id, None)
            with self._disk():
                self._files.outcome(SENT, delivery.message["id"], delivery.action, words)
            self.save()

    def failed(self, delivery: Delivery, why: str, now_s: float) -> None:
        """Take note that a delivery did not arrive, and why."""
        with self.changed:
            if self._outbox.failed(delivery, now_s):
                self._lost(delivery, why)
            elif self._why.get(delivery.id) != why:
                self._why[delivery.id] = why
                log.warning("%s: %s; it is tried again", delivery.action, why)
                with self._disk():
                    self._files.outcome(FAILED, delivery.message["id"], delivery.action, why)
            self.save()

    def save(self) -> None:
        """Have all that must be known on disk."""
        with self.changed, self._disk():
            ledgers = {name: rule.ledger.as_json() for name, rule in self.rules.items()}
            self._files.save({"ledgers": ledgers, "outbox": self._outbox.as_json(), "places": self.places,
                              "since_s": self._since_s})
            self._saved_s = time.monotonic()

    def _resume(self, known: Mapping[str, Any], kept: Logged) -> None:
        for name, said in known.get("ledgers", {}).items():
            if name in self.rules:
                self.rules[name].ledger.restore(said)
        self.places = dict(known.get("places", {}))
        self._outbox.restore(known.get("outbox", []))
        for message in {one.message["id"]: one.message for one in self._outbox.waiting}.values():
            if message["id"] not in kept.messages:
                self._log(message)
            self._happened |= {(message["alert"], one["key"]) for one in message["troubles"]}
        self._happened |= kept.happened
        self._since_s |= {name: at_s for name, at_s in known.get("since_s", {}).items() if name in self.rules}
        for lost in self._outbox.drop(self.actions, kept.done):
            self._lost(lost, "the settings name it no more")

    def _put(self, messages: Sequence[Message], now_s: float) -> None:
        """Have messages sent: they are known on disk before they leave."""
        for message in messages:
            actions = () if message["status"] == MUTED else self.rules[message["alert"]].actions
            for lost in self._outbox.put(message, actions, now_s):
                self._lost(lost, "too many wait")
        self.save()
        for message in messages:
            self._log(message)
        self.changed.notify_all()

    def _log(self, message: Message) -> None:
        with self._disk():
            self._files.told(message)

    def _lost(self, delivery: Delivery, why: str) -> None:
        self._why.pop(delivery.id, None)
        log.warning("%s: %s; given up: %s", delivery.action, why, delivery.message["text"])
        with self._disk():
            self._files.outcome(GIVEN_UP, delivery.message["id"], delivery.action, why)

    def _muted(self, trouble: Mapping[str, Any], now_s: float) -> bool:
        return any(mute.covers(trouble, now_s) for mute in self.mutes)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Do something to the disk, or say once that it cannot be done."""
        try:
            yield
            self._faulty = False
        except OSError as error:
            if not self._faulty:
                log.warning("the log of alerts cannot be written: %s; telling goes on without it", error.strerror)
            self._faulty = True
