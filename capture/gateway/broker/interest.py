"""What of an instrument's market can matter to the orders for it: all else may go by unseen."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from capture.gateway.broker.exchange.matching import Resting
from capture.gateway.broker.exchange.triggers import BY_QUOTES, BY_TRADES, DOUBLE, MIDPOINT
from capture.gateway.broker.orders.order import Held, Order
from capture.gateway.broker.orders.standing import Standing


@dataclass(slots=True)
class Interest:
    """Quotes and trades that matter: all, or those on one side of a price.

    `ask_to`: the ask is that or lower; `bid_from`: the bid is that or higher. `bid_to`: the bid is that or lower, or
    missing; `ask_from`: the ask is that or higher, or missing.
    """

    quotes: bool = False
    trades: bool = False
    ask_to: float = -inf
    bid_from: float = inf
    bid_to: float = -inf
    ask_from: float = inf
    middle_to: float = -inf
    middle_from: float = inf
    traded_to: float = -inf
    traded_from: float = inf

    def lower(self, name: str, price: float) -> None:
        """Want also what is at a price or lower."""
        setattr(self, name, max(getattr(self, name), price))

    def higher(self, name: str, price: float) -> None:
        """Want also what is at a price or higher."""
        setattr(self, name, min(getattr(self, name), price))

    def take(self, order: Order) -> None:
        """Want also what matters to an order. One that something else than its trigger holds does not look."""
        if order.legs:
            self.quotes = True
        elif order.held == {Held.TRIGGER}:
            self._take_waiting(order)
        elif order.works:
            self._take_working(order)

    def _take_waiting(self, order: Order) -> None:
        trigger = order.trigger
        if trigger is None or order.type.trigger == "trail" or order.is_adjustable:
            self.quotes = self.trades = True
            return
        by_quotes, by_trades = trigger.method in BY_QUOTES, trigger.method in BY_TRADES
        self.quotes |= by_quotes and trigger.method in DOUBLE
        self.trades |= by_trades and trigger.method in DOUBLE
        want = self.higher if trigger.above else self.lower
        end = "from" if trigger.above else "to"
        if by_trades:
            want(f"traded_{end}", trigger.price)
        if by_quotes:
            side = "middle" if trigger.method == MIDPOINT else "bid" if trigger.above else "ask"
            want(f"{side}_{end}", trigger.price)

    def _take_working(self, order: Order) -> None:
        if order.is_for_auction:
            self.trades = True
            return
        resting = order.resting
        self.quotes |= resting is None or (order.type.peg is not None and not order.type.peg.once)
        if resting is not None:
            self.stand(resting)

    def stand(self, resting: Resting) -> None:
        """Want also what matters to an order that stands in the book."""
        if resting.buys:
            self.lower("ask_to", resting.reach)
            self.lower("traded_to", resting.limit)
        else:
            self.higher("bid_from", resting.reach)
            self.higher("traded_from", resting.limit)
        if resting.waits and resting.buys:
            self.lower("bid_to", resting.limit)
        elif resting.waits:
            self.higher("ask_from", resting.limit)

    def keep(self, asks: bool, price: float) -> None:
        """Want also what changes what own orders took of a side's price."""
        if asks:
            self.higher("ask_from", price)
        else:
            self.lower("bid_to", price)


def interest(orders: Standing, taken: Iterable[tuple[bool, float]]) -> Interest:
    """Return what matters to orders for an instrument, and to what was taken of its sides and prices.

    Of those that stand the best decides, and the best of those that wait behind others there.
    """
    found = Interest()
    for _, order in orders.others:
        found.take(order)
    for side in (orders.bids, orders.asks):
        waiting = next((place for place in side if place.resting.waits), None)
        for place in filter(None, (*side[:1], waiting)):
            found.stand(place.resting)
    for asks, price in taken:
        found.keep(asks, price)
    return found
