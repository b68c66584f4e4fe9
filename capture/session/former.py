"""Requests that were given up: their rows may still come, and those that go on to come have them cancelled again."""

from collections.abc import Callable, Mapping
from typing import Any

from .announcements import Voice
from .subscriptions import Subscription

LATE_S = 60.0  # how long rows of a cancelled request are taken as late ones
MOST = 1_000  # as many are remembered, the newest


class FormerRequests:
    """The former requests of a session, by id. `send` takes the name and values of a request."""

    def __init__(self, voice: Voice, send: Callable[[str, dict[str, Any]], None]) -> None:
        self._voice, self._send = voice, send
        self._known: dict[int, tuple[Subscription, float]] = {}  # from when on rows are no late ones

    def cancel(self, subscription: Subscription, request_id: int, now_s: float) -> None:
        """Cancel a request."""
        self._send(*subscription.stream.cancellation(request_id))
        self.remember(subscription, request_id, now_s + LATE_S)

    def remember(self, subscription: Subscription, request_id: int, from_s: float) -> None:
        """Take note of a request that is over: rows that come from then on show that it is not."""
        self._known.pop(request_id, None)
        self._known[request_id] = subscription, from_s
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def rows_came(self, counts: Mapping[int, int], now_s: float) -> None:
        """Take how many rows came for each request id."""
        for request_id in counts.keys() & self._known.keys():
            subscription, from_s = self._known[request_id]
            if now_s >= from_s:
                text = f"{subscription.name}: rows of a former request went on to come; it is cancelled once more"
                self._voice.tell("warning", text, "former", subscription.name, about=subscription)
                self.cancel(subscription, request_id, now_s)

    def end_session(self) -> None:
        """Forget all: they died with the session."""
        self._known.clear()
