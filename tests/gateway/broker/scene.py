"""A paper broker without a gateway, for scenarios: what happens is said in a line each, and so is what is told."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from capture.gateway.broker.course.facts import Facts
from capture.gateway.broker.exchange.displayed import NO_QUOTE, Quote, Trade
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.executions import Execution
from capture.gateway.broker.orders.habits import Habits
from capture.gateway.broker.orders.order import Leg, Order
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.reports import Reports, Told
from capture.gateway.broker.security import Security
from capture.gateway.broker.till import Till, Unlimited
from capture.wire.text.codec import request_codec

from .trading import NOON_US, SHARE

SECOND_US = 1_000_000
DEFAULTS = request_codec(200).decode(request_codec(200).encode(
    "place_order", order_id=1, con_id=1, symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD", action="BUY",
    total_quantity=100, order_type="MKT", transmit=True)).values  # fmt: skip
FLOATS = ("total_quantity", "limit_price", "auxiliary_price", "cash_quantity")
BAG = Security(28812380, "AAPL", "BAG", "USD", local_symbol="AAPL")


def wanted(**values: Any) -> dict[str, Any]:
    """Return the values of an order to buy 100 shares at the market, with what is said otherwise."""
    if values.get("conditions"):
        values = {"conditions_ignore_regular_hours": False, "conditions_cancel_order": False} | values
    return dict(DEFAULTS) | {name: float(one) if name in FLOATS and one is not None else one
                             for name, one in values.items()}  # fmt: skip


class Scene:
    """A broker from noon on. Orders, quotes and trades come a second after each other."""

    def __init__(self, rules: Rules | None = None, tick: float = 0.01, till: Till | None = None,
                 latency_us: int = 0, facts: Facts | None = None, habits: Habits | None = None,
                 at_us: int = NOON_US) -> None:  # fmt: skip
        self.at_us = at_us
        self.paper = Paper(till or Unlimited(), Reports("DU1234567", "US/Eastern"), rules or Rules(),
                           levels=lambda *_: (), tick=lambda *_: tick, latency_us=latency_us, facts=facts,
                           habits=habits)  # fmt: skip
        self._quotes: dict[int, Quote] = {}
        self._ids: dict[int, int] = {}

    def wait(self, seconds: float = 1) -> int:
        """Let time pass and return the moment."""
        self.at_us += round(seconds * SECOND_US)
        self.paper.advance(self.at_us)
        return self.at_us

    def place(self, kind: str = "MKT", limit: float | None = None, order_id: int = 0, client: int = 0,
              of: Security = SHARE, legs: Sequence[Leg] = (), **values: Any) -> int:  # fmt: skip
        """Place an order, or change that of an id, and return its id."""
        if not order_id:
            order_id = self._ids[client] = self._ids.get(client, 0) + 1
        contract = {"con_id": of.con_id, "symbol": of.symbol, "sec_type": of.sec_type, "currency": of.currency}
        said = wanted(order_type=kind, limit_price=limit, order_id=order_id, **contract | values)
        self.paper.place(self.wait(), client, order_id, of, said, legs)
        return order_id

    def order(self, order_id: int, client: int = 0) -> Order:
        """Return an order by the id that its client gave it."""
        found = self.paper.orders.find(client, order_id)
        assert found is not None
        return found

    def cancel(self, order_id: int, client: int = 0) -> None:
        """Cancel an order."""
        self.paper.cancel(self.wait(), client, order_id)

    def quote(self, bid: float, ask: float, bid_size: float = 100, ask_size: float = 100, of: Security = SHARE) -> None:
        """Show a quote."""
        quote = self._quotes[of.con_id] = Quote(self.wait(), *map(float, (bid, bid_size, ask, ask_size)))
        self.paper.quote(of.con_id, quote)

    def trade(self, price: float, size: float = 100, of: Security = SHARE) -> None:
        """Print a trade."""
        quote = self._quotes.get(of.con_id, NO_QUOTE)
        self.paper.trade(of.con_id, Trade(self.wait(), float(price), float(size), quote))

    def told(self) -> list[Told]:
        """Return what was told since this was asked last."""
        return self.paper.reports.take()

    def said(self, client: int | None = None) -> list[str]:
        """Return the same in short: OO and OS with the status, EX as quantity@price, CR, and ER with the code."""
        return [_short(one) for one in self.told() if client in (None, one.client_id)]

    def statuses(self, *order_ids: int) -> list[str]:
        """Return the statuses of orders of client 0."""
        return [str(self.order(each).status) for each in order_ids]

    def executions(self) -> list[Execution]:
        """Return all executions."""
        return list(self.paper.executions.done.values())

    def filled(self, order_id: int) -> list[tuple[Decimal, Decimal]]:
        """Return the quantities and prices of an order's executions."""
        return [(one.fill.quantity, one.fill.price) for one in self.executions() if one.fill.order_id == order_id]


def _short(told: Told) -> str:
    values = told.values
    if told.name == "open_order":
        return f"OO {values['status']}"
    if told.name == "order_status":
        held = f" {values['why_held']}" if values["why_held"] else ""
        return f"OS {values['status']} {values['filled']}/{values['remaining']}{held}"
    if told.name == "execution_details":
        return f"EX {values['shares']}@{values['price']}"
    return "CR" if told.name == "commission_report" else f"ER {values['code']}"
