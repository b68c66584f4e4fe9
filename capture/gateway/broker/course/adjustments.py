"""Stops that become other orders once the market reaches a price that their clients named."""

from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.exchange.triggers import Trigger, method_of
from capture.gateway.broker.floor import Floor
from capture.gateway.broker.orders.adjusting import adjusted
from capture.gateway.broker.orders.order import Held, Order
from capture.gateway.broker.orders.order_book import Orders
from capture.gateway.broker.orders.order_types import find_type
from capture.gateway.broker.reports import Reports


class Adjustments:
    """Watches stops that wait for their own trigger and for the price at which they become another order."""

    def __init__(self, orders: Orders, floor: Floor, reports: Reports) -> None:
        self._orders = orders
        self._floor = floor
        self._reports = reports
        self._triggers: dict[int, Trigger] = {}  # by permanent id

    def quote(self, con_id: int, quote: Quote) -> None:
        """Take a quote, once the orders have met it."""
        for order in self._waiting(con_id, quote.at_us):
            if self._trigger(order).quoted(quote):
                self._adjust(order, quote.at_us)

    def trade(self, con_id: int, trade: Trade) -> None:
        """Take a trade, once the orders have met it."""
        for order in self._waiting(con_id, trade.at_us):
            if self._trigger(order).traded(trade):
                self._adjust(order, trade.at_us)

    def _waiting(self, con_id: int, at_us: int) -> list[Order]:
        return [order for _, order in self._orders.standing(con_id).others
                if order.is_adjustable and order.held == {Held.TRIGGER} and at_us > order.arrived_us]  # fmt: skip

    def _trigger(self, order: Order) -> Trigger:
        """Return what adjusts a stop: the market's move in favour of what the stop guards."""
        price = order.values["trigger_price"]
        known = self._triggers.get(order.permanent_id)
        if known is None or known.price != price:
            method = method_of(order.values["trigger_method"] or 0, order.security.sec_type)
            known = self._triggers[order.permanent_id] = Trigger(price, not order.buys, method)
        return known

    def _adjust(self, order: Order, at_us: int) -> None:
        del self._triggers[order.permanent_id]
        order.values = adjusted(order.values)
        kind = find_type(order.values["order_type"])
        assert kind is not None
        order.type, order.trigger, order.stop = kind, None, None
        self._floor.enter(order, at_us)
        self._reports.state(order, at_us)
