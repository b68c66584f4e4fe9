"""What clients missed: the stretches of time in which a stream they wanted did not reach them (D107)."""

from dataclasses import dataclass

from capture.gateway.subscription import Rows, Subscription

Key = tuple[int, str, int, str]


@dataclass(slots=True)
class Missed:
    """A stream of a client was not sent for [from_us, to_us), the gateway's time; `to_us` is None while that lasts.

    `reason` is the fault behind it, or `cancelled` or `disconnected`, and `subscription` the stream as it was before.
    """

    client_id: int
    subscription: Subscription
    reason: str
    from_us: int
    to_us: int | None = None

    def rows(self, until_us: int | None = None) -> Rows:
        """Return the rows that were not sent, those until `until_us` where it still lasts.

        Raises ValueError when it lasts and `until_us` is missing. What starts a stream is never among them: it is sent
        when the stream flows for the first time.
        """
        to_us = self.to_us or until_us
        if to_us is None:
            raise ValueError(f"{self.subscription.name} is still missed: say until when, as until_us")
        return self.subscription.fetch(self.from_us, to_us, False)


class Ledger:
    """Keeps, for every stream that a client ever had, when it was not sent.

    A stream ends with its subscription and goes on when the same client id asks for it again; `rows sent + rows missed
    = rows produced` then holds from its first request on. Streams are the same by `stream`, instrument and `variant`.
    """

    def __init__(self) -> None:
        self._over: list[Missed] = []
        self._lasting: dict[Key, Missed] = {}

    @property
    def missed(self) -> list[Missed]:
        """All that was missed, and last what still is."""
        return [*self._over, *self._lasting.values()]

    def settle(self) -> list[Missed]:
        """Return what was missed and is over, and forget it: a gateway that is broken for days would fill memory."""
        over, self._over = self._over, []
        return over

    def silent(self, client_id: int, subscription: Subscription, reason: str, at_us: int) -> None:
        """Note that a stream is not sent from `at_us` on; the first reason stays."""
        self._lasting.setdefault(_key(client_id, subscription), Missed(client_id, subscription, reason, at_us))

    def flows(self, client_id: int, subscription: Subscription, at_us: int) -> None:
        """Note that a stream is sent from `at_us` on."""
        missed = self._lasting.pop(_key(client_id, subscription), None)
        if missed is not None and missed.from_us < at_us:
            missed.to_us = at_us
            self._over.append(missed)


def _key(client_id: int, subscription: Subscription) -> Key:
    return client_id, subscription.stream, subscription.details["con_id"], subscription.variant
