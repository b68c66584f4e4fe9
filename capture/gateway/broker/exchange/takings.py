"""What own orders took of the sizes that one side of a market shows: it is not there again while the price is shown."""

import heapq
from collections.abc import KeysView
from decimal import Decimal
from math import isnan

NOTHING = Decimal(0)


class Takings:
    """A ledger by price, best first: only what a new quote reaches is looked at."""

    def __init__(self, asks: bool) -> None:
        self._sign = 1 if asks else -1
        self._taken: dict[float, Decimal] = {}
        self._order: list[float] = []  # a heap of the prices, best first: those of bids with their sign turned

    @property
    def prices(self) -> KeysView[float]:
        """The prices at which something was taken that is shown still."""
        return self._taken.keys()

    def at(self, price: float) -> Decimal:
        """Return how much was taken at a price."""
        return self._taken.get(price, NOTHING)

    def add(self, price: float, quantity: Decimal) -> None:
        """Note that some was taken."""
        assert quantity > 0
        if price not in self._taken:
            heapq.heappush(self._order, self._sign * price)
        self._taken[price] = self.at(price) + quantity

    def show(self, best: float, size: Decimal) -> None:
        """Forget what the new best price leaves behind, and what was taken of it beyond the size that it shows."""
        if isnan(best):
            self._taken.clear()
            self._order.clear()
            return
        while self._order and self._order[0] < self._sign * best:
            self._forget()
        if best in self._taken:
            self._taken[best] = min(self._taken[best], size)
            if not self._taken[best]:
                self._forget()

    def _forget(self) -> None:
        del self._taken[self._sign * heapq.heappop(self._order)]
