"""Fills and ends of orders: booked, charged and told, with what follows for orders that are joined to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.matching import Taken
from capture.gateway.broker.orders.defaults import small
from capture.gateway.broker.orders.order import Leg, Order, Status
from capture.gateway.broker.orders.order_book import Orders

from .fill import Fill
from .identities import Identities, leg_execution_id
from .reports import Reports
from .till import Till

OWN_CANCEL = ""  # the reason that IB gives for what its client cancelled


@dataclass(slots=True)
class Execution:
    """A fill as clients are told of it: the values of its messages. `commission` is empty until it is charged."""

    fill: Fill
    details: Mapping[str, Any]
    commission: dict[str, Any] = field(default_factory=dict)


class Executions:
    """Turns what was taken of the market into fills. `filled` is called after each fill, `ended` after each end."""

    def __init__(self, orders: Orders, reports: Reports, till: Till, identities: Identities) -> None:
        self.orders = orders
        self.reports = reports
        self.till = till
        self.identities = identities
        self.done: dict[str, Execution] = {}  # by execution id, in the order in which they happened
        self.filled: Callable[[Order, Decimal, int], None] = lambda order, quantity, at_us: None
        self.ended: Callable[[Order, int], None] = lambda order, at_us: None

    def fill(self, order: Order, taken: Taken, at_us: int) -> None:
        """Fill a part of an order."""
        price = exact(taken.price)
        fill = self._fill(order, order.side, taken, price, at_us, self.identities.execution_id())
        order.fill(taken.quantity, price)
        self._tell(fill, order)
        self._settle(order, taken.quantity, [fill], at_us)

    def fill_legs(
        self, order: Order, quantity: Decimal, net: Decimal, legs: list[tuple[Leg, Taken]], at_us: int
    ) -> None:
        """Fill so many of a combination: told as one execution of it and one of each leg, booked by the legs alone."""
        execution_id = self.identities.execution_id()
        whole = Taken(float(net), quantity, legs[0][1].liquidity)
        order.fill(quantity, net)
        for leg, taken in legs:
            worth = order.legs_worth.get(leg.security.con_id, Decimal(0))
            order.legs_worth[leg.security.con_id] = worth + taken.quantity * exact(taken.price)
        fills = [self._fill(order, order.side, whole, net, at_us, execution_id)]
        fills += [self._fill(order, order.side * leg.side, taken, exact(taken.price), at_us,
                             leg_execution_id(execution_id, number), leg)
                  for number, (leg, taken) in enumerate(legs, 1)]  # fmt: skip
        for fill in fills:
            self._tell(fill, order)
        self._settle(order, quantity, fills[1:], at_us)

    def settle(self, fills: list[Fill], at_us: int) -> None:
        """Book what follows of an expiry or an exercise, and tell it: it belongs to no order, and costs nothing."""
        for fill in fills:
            self.till.settle(fill)
            self.done[fill.execution_id] = Execution(fill, self.reports.settled(fill, at_us))

    def _fill(self, order: Order, side: int, taken: Taken, price: Decimal, at_us: int, execution_id: str,
              leg: Leg | None = None) -> Fill:  # fmt: skip
        security = leg.security if leg else order.security
        return Fill(
            execution_id, at_us, security, side, taken.quantity, price, taken.exchange or security.exchange,
            taken.liquidity, order.permanent_id, order.order_id, order.client_id, order.values["order_reference"],
            taken.rule)

    def _tell(self, fill: Fill, order: Order) -> None:
        self.done[fill.execution_id] = Execution(fill, self.reports.execution(fill, order))

    def _settle(self, order: Order, quantity: Decimal, booked: list[Fill], at_us: int) -> None:
        """Book fills and tell the order's new state; commissions come last, as with IB."""
        costs = [(fill, self.till.book(fill)) for fill in booked]
        was_done = order.is_done  # a fill may come after a cancel
        if order.remaining == 0 and not was_done:
            order.status = Status.FILLED
            self._retire(order, at_us, "")
        elif order.status == Status.PRE_SUBMITTED:
            order.status = Status.SUBMITTED
        order.commission = sum((cost.fee for _, cost in costs), order.commission or Decimal(0))
        self.till.changed(order, at_us)
        self.reports.state(order, at_us)
        if order.is_done and order.commission:
            self.reports.state(order, at_us)  # once more, as IB tells the commission
        for fill, cost in costs:
            told = self.reports.commission(fill, order, at_us, cost.fee, cost.realised)
            self.done[fill.execution_id].commission = told
        self.filled(order, quantity, at_us)
        if order.is_done and not was_done:
            self.ended(order, at_us)

    def cancel(self, order: Order, at_us: int, reason: str = OWN_CANCEL, ended: str = "") -> None:
        """End an order: what filled stays. `reason` is told with code 202, `ended` stands in the completed order."""
        if order.is_done:
            return
        self._end(order, Status.CANCELLED, at_us, ended)
        self.reports.status(order, at_us)
        self.reports.error(order, at_us, 202, f"Order Canceled - reason:{reason}")
        self.ended(order, at_us)

    def cancel_rest(self, order: Order, at_us: int, ended: str) -> None:
        """End an order that may not wait for more: IB asks itself to cancel it."""
        order.status = Status.PENDING_CANCEL
        self.reports.status(order, at_us)
        self.cancel(order, at_us, OWN_CANCEL, ended)

    def kill(self, order: Order, at_us: int, ended: str) -> None:
        """End an order that could not be filled at once: IB calls it inactive, and says no more."""
        self._end(order, Status.INACTIVE, at_us, ended)
        self.reports.state(order, at_us)
        self.ended(order, at_us)

    def reject(self, order: Order, at_us: int, code: int, text: str) -> None:
        """End an order that may not be: it becomes inactive."""
        self._end(order, Status.INACTIVE, at_us, f"Rejected by System:{text}")
        self.reports.error(order, at_us, code, text)
        self.reports.state(order, at_us)
        self.ended(order, at_us)

    def _end(self, order: Order, status: Status, at_us: int, reason: str) -> None:
        """Take an order out of the market unfilled, and free what was reserved for it."""
        order.status = status
        self._retire(order, at_us, reason)
        self.till.changed(order, at_us)

    def _retire(self, order: Order, at_us: int, reason: str) -> None:
        order.done_us, order.done_reason = at_us, reason
        order.resting = order.trigger = None
        order.held.clear()
        order.values = small(order.values)
        self.orders.retire(order)
