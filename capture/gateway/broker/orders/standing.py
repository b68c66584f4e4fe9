"""The orders that an instrument's market concerns, sorted by what of it can reach them."""

from bisect import bisect_left, insort
from typing import Any, NamedTuple

from capture.gateway.broker.exchange.matching import Resting

from .order import Order


class Place(NamedTuple):
    """An order that stands at its limit in the book; the best price sorts first, and then the first in rank."""

    price: float  # of a bid, below zero
    rank: int
    resting: Resting
    order: Order


class Other(NamedTuple):
    """An order that does not stand, follows the quote, or takes more than its limit says; the first in rank first."""

    rank: int
    order: Order


class Standing:
    """The orders of an instrument: `others` every quote and trade has to be shown to, of the rest those it reaches.

    An order has to be `put` anew once its rank or its place changed.
    """

    def __init__(self) -> None:
        self.others: list[Other] = []
        self.bids: list[Place] = []
        self.asks: list[Place] = []
        self._places: dict[int, tuple[list[Any], Place | Other]] = {}  # by permanent id: where each order is

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, order: Order) -> bool:
        return order.permanent_id in self._places

    def orders(self) -> list[Order]:
        """Return all of them, the first in rank first."""
        return sorted((place.order for _, place in self._places.values()), key=lambda order: order.rank)

    def put(self, order: Order) -> None:
        """Take an order in, or sort one anew."""
        if order in self:
            self.drop(order)
        resting = order.resting
        side: list[Any] = self.others
        place: Place | Other = Other(order.rank, order)
        if resting is not None and resting.is_plain and order.type.peg is None and not order.is_for_auction:
            side = self.bids if resting.buys else self.asks
            place = Place(-resting.limit if resting.buys else resting.limit, order.rank, resting, order)
        insort(side, place)
        self._places[order.permanent_id] = side, place

    def drop(self, order: Order) -> None:
        """Let an order go."""
        side, place = self._places.pop(order.permanent_id)
        del side[bisect_left(side, place)]
