"""The paper broker: takes requests, quotes, trades and time as they happen, and reports what follows.

The same events in the same order give the same reports. `reports.take` hands them over.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from capture.gateway.broker.exchange.displayed import Levels, Quote, Trade
from capture.gateway.broker.orders.order import Held, Leg, Order, Status, Values, quantity_of
from capture.gateway.broker.orders.order_book import Orders
from capture.gateway.broker.orders.refusals import Wish, changed_base, refusal

from .conditions import Conditions
from .executions import Executions
from .floor import Floor, Rules, Ticks
from .gate import Gate
from .groups import Groups
from .identities import Identities
from .reports import Reports
from .security import Security
from .till import Till
from .timers import Timers

UNKNOWN = "OrderId {} that needs to be cancelled is not found."
OVER = "OrderId {} that needs to be cancelled can not be cancelled, state: {}."


class Paper:
    """An account that trades a market which goes by, whatever it does.

    `levels` gives what was recorded behind the best quote, `tick` the price step of an instrument; `till` says what the
    account can afford, and books. `now_us` is how far it has come: what comes in may not be earlier.
    """

    def __init__(
        self, till: Till, reports: Reports, rules: Rules, levels: Levels, tick: Ticks,
        identities: Identities | None = None, latency_us: int = 0, time_zone: str = "US/Eastern",
    ) -> None:  # fmt: skip
        self.now_us = 0
        self.till = till
        self.reports = reports
        self.orders = Orders()
        self.identities = identities or Identities()
        self.timers = Timers()
        self.executions = Executions(self.orders, reports, till, self.identities)
        self.gate = Gate(self.executions, self.timers, latency_us, time_zone)
        self.floor = Floor(self.executions, self.gate, rules, levels, tick)
        self.conditions = Conditions(self.orders, self.gate, self.executions, self.timers)
        self._groups = Groups(self.executions)
        self._tick = tick
        self.gate.enter = self.floor.enter
        self.executions.filled = self._filled
        self.executions.ended = self._ended

    # Time and the market

    def advance(self, to_us: int) -> None:
        """Let time pass up to a moment, with all that is due by then."""
        self.timers.run(to_us)
        self.now_us = max(self.now_us, to_us)

    def quote(self, con_id: int, quote: Quote) -> None:
        """Take a quote."""
        self.advance(quote.at_us)
        self.floor.quote(con_id, quote)
        self.conditions.quote(con_id, quote)

    def trade(self, con_id: int, trade: Trade) -> None:
        """Take a trade."""
        self.advance(trade.at_us)
        self.floor.trade(con_id, trade)
        self.conditions.trade(con_id, trade)

    # Requests

    def place(
        self, at_us: int, client_id: int, order_id: int, security: Security, values: Values, legs: Sequence[Leg] = (),
    ) -> None:  # fmt: skip
        """Take an order, or change one that is open."""
        self.advance(at_us)
        wish = Wish(values, security, partial(self._tick, security), legs)
        known = self.orders.find(client_id, order_id)
        fault = (self._id_fault(client_id, order_id, known, values) or refusal(wish)
                 or self._parent_fault(client_id, values))  # fmt: skip
        if fault is not None:
            self.reports.refuse(client_id, order_id, at_us, *fault)
        elif values["what_if"]:
            self._estimate(at_us, client_id, order_id, wish)
        elif known is not None:
            self._change(known, at_us, wish)
        else:
            self._take(at_us, client_id, order_id, wish)

    def cancel(self, at_us: int, client_id: int, order_id: int) -> None:
        """Cancel an order of a client, or say why that cannot be."""
        self.advance(at_us)
        order = self.orders.find(client_id, order_id)
        if order is None:
            self.reports.refuse(client_id, order_id, at_us, 10147, UNKNOWN.format(order_id))
        elif order.is_done:
            self.reports.error(order, at_us, 10148, OVER.format(order_id, order.status))
        else:
            self._cancel(order, at_us)

    def cancel_all(self, at_us: int) -> None:
        """Cancel every open order of the account, whoever placed it."""
        self.advance(at_us)
        for order in self.orders.open():
            if not order.is_done:
                self._cancel(order, at_us)

    def _cancel(self, order: Order, at_us: int) -> None:
        if self.gate.latency_us:
            order.status = Status.PENDING_CANCEL
            self.reports.status(order, at_us)
        self.gate.later(order, at_us, self.executions.cancel)

    # New orders

    def _id_fault(self, client_id: int, order_id: int, known: Order | None, values: Values) -> tuple[int, str] | None:
        if order_id <= 0:
            return 10149, f"Invalid order id: {order_id}"
        if known is None:
            used = order_id < self.identities.next_order_id(client_id)
            return (103, "Duplicate order id") if used and not values["what_if"] else None
        if known.is_done:
            filled = known.status == Status.FILLED
            return (104, "Cannot modify a filled order.") if filled else (103, "Duplicate order id")
        return None

    def _parent_fault(self, client_id: int, values: Values) -> tuple[int, str] | None:
        parent_id = values["parent_id"]
        if not parent_id or self._parent(client_id, values) is not None:
            return None
        return 10006, "Missing parent order."

    def _parent(self, client_id: int, values: Values) -> Order | None:
        parent = self.orders.find(client_id, values["parent_id"]) if values["parent_id"] else None
        return parent if parent is not None and parent.status not in (Status.CANCELLED, Status.INACTIVE) else None

    def _take(self, at_us: int, client_id: int, order_id: int, wish: Wish) -> None:
        order = self._order(at_us, client_id, order_id, wish, self.identities.permanent_id())
        self.identities.use(client_id, order_id)
        self.orders.add(order)
        self._join(order)
        if not wish.values["transmit"]:
            order.held.add(Held.UNSENT)
            return
        for one in self._family(order):
            self._send(one, at_us)

    def _order(self, at_us: int, client_id: int, order_id: int, wish: Wish, permanent_id: int) -> Order:
        assert wish.type is not None
        return Order(client_id, order_id, permanent_id, wish.security, wish.type, dict(wish.values), at_us,
                     quantity_of(wish.values), wish.legs)  # fmt: skip

    def _join(self, order: Order) -> None:
        """Join an order to its parent and to its group; the children of a parent are a group of themselves."""
        order.oca_group, order.oca_type = order.values["oca_group"], order.values["oca_type"] or 0
        order.parent = self._parent(order.client_id, order.values)
        if order.parent is not None:
            order.parent.children.append(order)
        if order.parent is not None and not order.oca_group and order.values.get("hedge_type", "") == "":
            order.oca_group, order.oca_type = str(order.parent.permanent_id), 3

    @staticmethod
    def _family(order: Order) -> list[Order]:
        """Return the orders that are sent with this one: those that waited for the last of a bracket, parent first."""
        parent = order.parent or order
        waiting = [one for one in (parent, *parent.children) if Held.UNSENT in one.held]
        return list(dict.fromkeys((*waiting, order)))

    def _send(self, order: Order, at_us: int) -> None:
        reason = self.till.refusal(order, at_us)
        if reason is not None:
            self.executions.reject(order, at_us, 201, f"Order rejected - reason:{reason}")
            return
        self.gate.submit(order, at_us)

    def _estimate(self, at_us: int, client_id: int, order_id: int, wish: Wish) -> None:
        """Answer what an order would need; nothing is placed."""
        order = self._order(at_us, client_id, order_id, wish, 0)
        self.reports.opened(order, at_us, **self.till.estimate(order, at_us))
        reason = self.till.refusal(order, at_us)
        if reason is not None:
            self.reports.error(order, at_us, 201, f"Order rejected - reason:{reason}")
        order.status = Status.CANCELLED
        self.till.changed(order, at_us)

    # Changes

    def _change(self, order: Order, at_us: int, wish: Wish) -> None:
        """Change an open order: what may not be changed leaves it as it was."""
        fault = self._change_fault(order, wish) or self._means_fault(order, at_us, wish)
        if fault is not None:
            self.reports.error(order, at_us, *fault)
            return
        if Held.UNSENT in order.held:
            self._alter(order, at_us, wish)
            if wish.values["transmit"]:
                for one in self._family(order):
                    self._send(one, at_us)
            return
        self.gate.later(order, at_us, lambda order, at_us: self._alter(order, at_us, wish))

    def _change_fault(self, order: Order, wish: Wish) -> tuple[int, str] | None:
        if changed_base(order.values, wish.values):
            return 105, "Order being modified does not match original order."
        if (wish.values["parent_id"] or 0) != (order.parent.order_id if order.parent else 0):
            return 10341, "Parent order cannot be changed."
        if (wish.values["oca_group"] or order.oca_group) != order.oca_group:
            return 10326, "OCA group revision is not allowed."
        if wish.type != order.type and (order.type.trigger or wish.type is None or wish.type.trigger):
            return 329, "Order modify failed. Cannot change to the new order type."
        return None

    def _means_fault(self, order: Order, at_us: int, wish: Wish) -> tuple[int, str] | None:
        """Reserve for the changed order in place of the old one, or say why it cannot be borne."""
        assert wish.type is not None
        changed = replace(order, type=wish.type, values=wish.values, quantity=quantity_of(wish.values))
        reason = self.till.refusal(changed, at_us) if changed.remaining > 0 and not order.is_unsent else None
        return None if reason is None else (201, f"Order rejected - reason:{reason}")

    def _alter(self, order: Order, at_us: int, wish: Wish) -> None:
        assert wish.type is not None
        if quantity_of(wish.values) <= order.filled:
            self.executions.cancel(order, at_us, "", f"Filled Size: {order.filled}")
            return
        keeps_place = self._keeps_place(order, wish)
        order.type, order.quantity = wish.type, quantity_of(wish.values)
        order.values = dict(wish.values)
        if keeps_place or Held.UNSENT in order.held:
            self._told(order, at_us)
            return
        order.resting, order.limit = None, None
        self.orders.rank_last(order)
        self._told(order, at_us)
        if not order.held - {Held.TRIGGER}:
            self.floor.enter(order, at_us)

    def _told(self, order: Order, at_us: int) -> None:
        if Held.UNSENT not in order.held:
            self.reports.state(order, at_us)

    @staticmethod
    def _keeps_place(order: Order, wish: Wish) -> bool:
        """Return whether a changed order keeps its place in the queue: at its price, it became no larger."""
        names = ("limit_price", "auxiliary_price", "trail_stop_price", "trailing_percent", "order_type")
        same = all(order.values[name] == wish.values[name] for name in names)
        return same and quantity_of(wish.values) <= order.quantity

    # What follows of fills and ends

    def _filled(self, order: Order, quantity: Decimal, at_us: int) -> None:
        self._groups.filled(order, quantity, at_us)
        self.conditions.filled(order, at_us)

    def _ended(self, order: Order, at_us: int) -> None:
        self.gate.children(order, at_us)
        self._groups.ended(order, at_us)
