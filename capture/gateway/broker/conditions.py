"""Conditions of orders: prices, moments, executions, volumes and changes, joined by and and or."""



from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.orders.order_book import Orders

from .executions import Executions
from .gate import Gate
from .timers import Timers

AND = "a"


class Conditions:
    """Watches the conditions of open orders: once they hold, the order is let in, or cancelled where it says so."""

    def __init__(self, orders: Orders, gate: Gate, executions: Executions, timers: Timers) -> None:
        self._orders = orders
        self._gate = gate
        self._executions = executions
        self._timers = timers

    def quote(self, con_id: int, quote: Quote) -> None:
        """Take a quote of any instrument."""

    def trade(self, con_id: int, trade: Trade) -> None:
        """Take a trade of any instrument."""

    def filled(self, order: Order, at_us: int) -> None:
        """Take a fill of any order."""
