"""What clients are to be told of orders and the account: at its moment, between what they see of the market."""

from collections import deque
from collections.abc import Callable, Iterable

from capture.gateway.broker.reports import Told

MOST_WAITING = 20_000  # messages: some ten megabytes
Audience = Callable[[Told], Iterable[int]]  # the ids of the clients that a message is for


class Outbox:
    """Messages that wait for clients to come to their moments.

    A client that is not connected is told nothing later on: it asks for orders and executions when it is back, as with
    IB. One for whom MOST_WAITING wait does not read: `overrun` is called with it, and what waited is gone.
    """

    def __init__(self, audience: Audience) -> None:
        self.overrun: Callable[[int], None] = lambda client_id: None
        self._audience = audience
        self._waiting: dict[int, deque[Told]] = {}

    def open(self, client_id: int) -> None:
        """Begin to collect for a client that has connected."""
        self._waiting[client_id] = deque()

    def close(self, client_id: int) -> None:
        """Forget what a client was still to be told."""
        self._waiting.pop(client_id, None)

    def post(self, told: Iterable[Told]) -> None:
        """Hand messages to those they are for."""
        for one in told:
            for client_id in self._audience(one):
                if client_id in self._waiting:
                    self._add(client_id, one)

    def _add(self, client_id: int, told: Told) -> None:
        waiting = self._waiting[client_id]
        waiting.append(told)
        if len(waiting) > MOST_WAITING:
            self.close(client_id)
            self.overrun(client_id)

    def next(self, client_id: int, now_us: int) -> Told | None:
        """Return the first message that is due for a client by now, None where there is none; it stays."""
        waiting = self._waiting.get(client_id)
        return waiting[0] if waiting and waiting[0].at_us <= now_us else None

    def done(self, client_id: int) -> None:
        """Take the first message of a client as sent."""
        waiting = self._waiting.get(client_id)
        if waiting:  # none where it was overrun meanwhile
            waiting.popleft()
