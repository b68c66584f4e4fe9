"""All orders of an account: by who placed them, by the account-wide id, and by the instrument they are for."""

from collections.abc import Iterable, Iterator

from capture.gateway.broker.exchange.matching import Resting

from .order import Order
from .standing import Standing

MOST_OPEN = 5_000  # orders of all clients: each tick of an instrument looks at all of its own
MOST_DONE = 10_000  # that are remembered of a day, the latest
AFTER_STOPS = 1 << 60
_NONE = Standing()


class Orders:
    """The account's orders; those that are done stay until the day is over, the latest MOST_DONE of them at most.

    An order is known by its permanent id. An order id says which one only beside its client, and only until it is done.
    """

    def __init__(self) -> None:
        self.done: list[Order] = []
        self._known: dict[int, Order] = {}  # by permanent id
        self._by_client: dict[tuple[int, int], Order] = {}
        self._open: dict[int, Order] = {}  # by permanent id
        self._at: dict[int, Standing] = {}  # by contract id, the open orders
        self._looked_at: dict[int, set[int]] = {}  # contract id of a condition -> permanent ids of open orders
        self._rank = 0

    def add(self, order: Order) -> None:
        """Take a new order: the last of all."""
        assert order.permanent_id not in self._open
        self._by_client[order.client_id, order.order_id] = order
        self._open[order.permanent_id] = self._known[order.permanent_id] = order
        self.rank_last(order)
        for con_id in watched_of(order):
            self._at.setdefault(con_id, Standing()).put(order)
        self.look(order)

    @property
    def is_full(self) -> bool:
        """Whether there are as many open orders as may be."""
        return len(self._open) >= MOST_OPEN

    def look(self, order: Order) -> None:
        """Take note of the instruments that an order's conditions are about, now and before they were changed."""
        for con_id in looked_at_by(order):
            self._looked_at.setdefault(con_id, set()).add(order.permanent_id)

    def rank_last(self, order: Order) -> None:
        """Give an order the rank behind all others, before it is sorted in: it is new, or has given its place up.

        Stops come before all that are none: of an order and its stop that one tick reaches, the stop is first.
        """
        self._rank += 1
        order.rank = self._rank if order.type.trigger in ("stop", "trail") else self._rank + AFTER_STOPS

    def stand(self, order: Order, resting: Resting | None) -> None:
        """Let an order stand at a place in the book, or no more."""
        order.resting = resting
        self.renew(order)

    def renew(self, order: Order) -> None:
        """Sort an order anew among those beside it: something of it changed."""
        for con_id in watched_of(order):
            there = self._at.get(con_id)
            if there is not None and order in there:
                there.put(order)

    def retire(self, order: Order) -> None:
        """Take an order that is done out of those that are open."""
        assert order.is_done
        del self._open[order.permanent_id]
        for con_id in watched_of(order):
            there = self._at[con_id]
            there.drop(order)
            if not there:
                del self._at[con_id]
        for con_id in [con_id for con_id, ids in self._looked_at.items() if order.permanent_id in ids]:
            self._looked_at[con_id].discard(order.permanent_id)
            if not self._looked_at[con_id]:
                del self._looked_at[con_id]
        self.done.append(order)
        if len(self.done) > MOST_DONE:
            self._forget(self.done[: MOST_DONE // 2])
            del self.done[: MOST_DONE // 2]

    def forget(self) -> None:
        """Forget the orders that are done."""
        self._forget(self.done)
        self.done.clear()

    def _forget(self, orders: Iterable[Order]) -> None:
        for order in orders:
            del self._known[order.permanent_id]
            if self._by_client.get((order.client_id, order.order_id)) is order:
                del self._by_client[order.client_id, order.order_id]

    def find(self, client_id: int, order_id: int) -> Order | None:
        """Return the order that a client calls so, also one that is done; None where it never placed one."""
        return self._by_client.get((client_id, order_id))

    def known(self, permanent_id: int) -> Order | None:
        """Return the order of an account-wide id, open or done today; None where there is none."""
        return self._known.get(permanent_id)

    def open(self, client_id: int | None = None) -> list[Order]:
        """Return the open orders of a client, or of all, in the order in which they came."""
        return [order for order in self._open.values() if client_id in (None, order.client_id)]

    def at(self, con_id: int) -> list[Order]:
        """Return the open orders that an instrument's market concerns, the first in rank first."""
        return self.standing(con_id).orders()

    def standing(self, con_id: int) -> Standing:
        """Return the open orders that an instrument's market concerns, sorted by what of it can reach them."""
        return self._at.get(con_id, _NONE)

    def watched(self) -> Iterator[int]:
        """Yield the contract ids of all instruments that concern open orders."""
        yield from self._at
        yield from (con_id for con_id in self._looked_at if con_id not in self._at)

    def looks_at(self, con_id: int) -> bool:
        """Return whether a condition of an open order is about an instrument."""
        return con_id in self._looked_at

    def of_group(self, group: str) -> list[Order]:
        """Return the open orders of an OCA group."""
        return [order for order in self._open.values() if order.oca_group == group]


def watched_of(order: Order) -> tuple[int, ...]:
    """Return the contract ids of the instruments whose market an order waits for: its own, or those of its legs."""
    return tuple(dict.fromkeys(leg.security.con_id for leg in order.legs)) if order.legs else (order.security.con_id,)


def looked_at_by(order: Order) -> set[int]:
    """Return the contract ids of the instruments that an order's conditions are about."""
    return {one["con_id"] for one in order.values.get("conditions") or () if one.get("con_id")}
