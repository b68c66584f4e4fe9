"""What is to be sent by which action: each message in its turn, again after a failure, for so long; it sends nothing.

It comes from and goes to plain values, so that a process that was killed goes on where it was. What was sent, and not
yet known to be when it was killed, is sent again with the same id.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from .alert_message import Message

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
EXPIRES_S = 6 * 3600.0  # an alert of longer ago is in the list; nobody need be woken by it
MOST_WAITING = 1000  # of one action


@dataclass(slots=True)
class Delivery:
    """A message on its way to an action: how often it was tried, when it is due, and until when it is tried."""

    message: Message
    action: str
    due_s: float
    expires_s: float
    tries: int = 0

    @property
    def id(self) -> str:
        """Its name: that of its message, and its action."""
        return f"{self.message['id']} {self.action}"


@dataclass(slots=True)
class Outbox:
    """Messages that wait, in order for each action."""

    waiting: list[Delivery] = field(default_factory=list)

    def put(self, message: Message, actions: Iterable[str], now_s: float) -> list[Delivery]:
        """Take a message for some actions, and return what is given up for want of room: the oldest."""
        lost = []
        for action in actions:
            mine = [one for one in self.waiting if one.action == action]
            if len(mine) >= MOST_WAITING:
                lost.append(mine[0])
                self.waiting.remove(mine[0])
            self.waiting.append(Delivery(message, action, now_s, now_s + EXPIRES_S))
        return lost

    def next(self, action: str, now_s: float) -> Delivery | None:
        """Return what an action has to send now, None for nothing: what failed holds back what came behind it."""
        first = next((one for one in self.waiting if one.action == action), None)
        return first if first and first.due_s <= now_s else None

    def sent(self, delivery: Delivery) -> None:
        """Take note that it arrived."""
        self.waiting.remove(delivery)

    def failed(self, delivery: Delivery, now_s: float) -> bool:
        """Take note that it did not arrive; return whether it is given up."""
        delivery.tries += 1
        delivery.due_s = now_s + min(FIRST_WAIT_S * 2 ** min(delivery.tries - 1, 16), LONGEST_WAIT_S)
        if delivery.due_s < delivery.expires_s:
            return False
        self.waiting.remove(delivery)
        return True

    def drop(self, known: Iterable[str], done: Iterable[str] = ()) -> list[Delivery]:
        """Forget what is `done`, by id, and return what else is forgotten: what is for an action that is not known."""
        actions, sent = set(known), set(done)
        lost = [one for one in self.waiting if one.action not in actions and one.id not in sent]
        self.waiting = [one for one in self.waiting if one.action in actions and one.id not in sent]
        return lost

    def as_json(self) -> list[dict[str, Any]]:
        """Return what waits as plain values."""
        return [asdict(one) for one in self.waiting]

    def restore(self, said: Iterable[dict[str, Any]]) -> None:
        """Take up what `as_json` gave."""
        self.waiting = [Delivery(**one) for one in said]
