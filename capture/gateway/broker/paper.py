"""The paper broker: takes requests, quotes, trades and time as they happen, and reports what follows (D136).

The same events in the same order give the same reports. `reports.take` hands them over.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from capture.gateway.broker.course.adjustments import Adjustments
from capture.gateway.broker.course.changes import Changes, Fault
from capture.gateway.broker.course.conditions import Conditions
from capture.gateway.broker.course.expiries import Expiries
from capture.gateway.broker.course.facts import Facts
from capture.gateway.broker.course.gate import Gate
from capture.gateway.broker.course.groups import Groups
from capture.gateway.broker.course.quantities import quantity_of
from capture.gateway.broker.course.timers import Timers
from capture.gateway.broker.exchange.displayed import Levels, Quote, Trade
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.orders.condition_rules import conditions
from capture.gateway.broker.orders.habits import Habits
from capture.gateway.broker.orders.order import Held, Leg, Order, Status, Values
from capture.gateway.broker.orders.order_book import MOST_OPEN, Orders
from capture.gateway.broker.orders.refusals import refusal, text_of
from capture.gateway.broker.orders.warnings import as_done
from capture.gateway.broker.orders.wish import Wish, instruments

from .combos import step
from .executions import Executions
from .floor import Floor, Ticks
from .identities import Identities
from .reports import Reports
from .security import Security
from .till import Terms, Till

UNKNOWN = "OrderId {} that needs to be cancelled is not found."
OVER = "OrderId {} that needs to be cancelled can not be cancelled, state: {}."
TOO_MANY = f"The account has {MOST_OPEN:,} open orders, and may have no more."
REJECTED = "Order rejected - reason:{}"
PAST = "Invalid Good Till Date order."
NOT_LOCATED = "Order held while securities are located."
INACTIVE_BY = 201  # the code by which an order that was taken becomes inactive


class Paper:
    """An account that trades a market which goes by, whatever it does.

    `levels` gives what was recorded behind the best quote, `tick` the price step of an instrument at its `exchange`;
    `till` says what the account can afford, and books; `facts` are what else is asked. `now_us` is how far it has come:
    what comes in may not be earlier.
    """

    def __init__(
        self, till: Till, reports: Reports, rules: Rules, levels: Levels, tick: Ticks,
        identities: Identities | None = None, latency_us: int = 0, time_zone: str = "US/Eastern",
        facts: Facts | None = None, habits: Habits | None = None,
    ) -> None:  # fmt: skip
        self.now_us = 0
        self.till = till
        self.reports = reports
        self.orders = Orders()
        self.identities = identities or Identities()
        self.timers = Timers()
        self.habits = habits or Habits()
        self.executions = Executions(self.orders, reports, till, self.identities)
        self.gate = Gate(self.executions, self.timers, latency_us, time_zone)
        self.floor = Floor(self.executions, self.gate, rules, levels, tick)
        self._facts = facts or Facts()
        self.conditions = Conditions(self.gate, self.executions, self.timers, self._facts, time_zone)
        self.expiries = Expiries(self.orders, self.executions, self.timers, self._facts)
        self._adjustments = Adjustments(self.orders, self.floor, reports)
        self._groups = Groups(self.executions)
        self._changes = Changes(self.executions, self.gate, self.floor, self._groups)
        self._tick = tick
        self.gate.enter = self.floor.enter
        self.gate.watch = self.conditions.begin
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
        if self.floor.in_break(con_id):
            return
        self.floor.quote(con_id, quote)
        self._adjustments.quote(con_id, quote)
        self.conditions.quote(con_id, quote)

    def trade(self, con_id: int, trade: Trade) -> None:
        """Take a trade."""
        self.advance(trade.at_us)
        if self.floor.in_break(con_id):
            return
        self.floor.trade(con_id, trade)
        self._adjustments.trade(con_id, trade)
        self.conditions.trade(con_id, trade)

    def forget(self) -> None:
        """Forget what was done of orders: a day is over."""
        self.orders.forget()
        self._groups.forget()
        self.executions.done.clear()

    def begin_break(self, con_id: int, at_us: int, is_halt: bool) -> None:
        """Take note that from now on an instrument's market is not seen, or does not trade."""
        self.advance(at_us)
        self.floor.interrupt(con_id, at_us, is_halt)

    def end_break(self, con_id: int, at_us: int, is_halt: bool) -> None:
        """Take note that a break is over."""
        self.advance(at_us)
        self.floor.resume(con_id, at_us, is_halt)

    # Requests

    def place(
        self, at_us: int, client_id: int, order_id: int, security: Security, values: Values, legs: Sequence[Leg] = (),
        rejected: int = 0,
    ) -> None:  # fmt: skip
        """Take an order, or change one that is open; one that is `rejected` by a code is refused by that."""
        self.advance(at_us)
        wish = self._wish(security, values, legs)
        known = self._known(client_id, order_id)
        fault = (self._id_fault(client_id, order_id, known, values) or refusal(wish, wish.change_of(known))
                 or self._parent_fault(client_id, values, known) or self._market_fault(wish, at_us)
                 or (self.floor.fault(security) if known is None else None))  # fmt: skip
        if fault is not None:
            self.reports.refuse(client_id, order_id, at_us, *fault)
            return
        wish, told = as_done(wish, self.habits)
        if values["what_if"]:
            self._estimate(at_us, client_id, order_id, wish)
        elif rejected:
            self._reject(at_us, client_id, order_id, wish, known, rejected)
        elif known is not None:
            self._change(known, at_us, wish, told)
        else:
            self._take(at_us, client_id, order_id, wish, told)

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
        if not self.gate.latency_us or order.is_unsent:
            self.executions.cancel(order, at_us)
            return
        order.status = Status.PENDING_CANCEL
        self.reports.status(order, at_us)
        self.gate.later(order, at_us, self._cancel_there)

    def _cancel_there(self, order: Order, at_us: int) -> None:
        """Cancel an order where it is, unless it filled before the word of it came."""
        if order.status == Status.FILLED:
            self.reports.error(order, at_us, 10148, OVER.format(order.order_id, order.status))
        else:
            self.executions.cancel(order, at_us)

    def exercise(
        self, at_us: int, client_id: int, request_id: int, security: Security, exchange: str, action: int,
        quantity: int, override: bool,
    ) -> None:  # fmt: skip
        """Exercise options that the account holds, or let them lapse."""
        self.advance(at_us)
        self.expiries.watch(security, at_us)
        fault = self.expiries.exercise(security, exchange, action, quantity, override, at_us)
        if fault is not None:
            self.reports.refuse(client_id, request_id, at_us, *fault)

    # Faults

    def _known(self, client_id: int, order_id: int) -> Order | None:
        """Return the order of a client that has an id; an id that is still to be given names none."""
        is_new = order_id >= self.identities.next_order_id(client_id)
        return None if is_new else self.orders.find(client_id, order_id)

    def _reject(
        self, at_us: int, client_id: int, order_id: int, wish: Wish, known: Order | None, code: int
    ) -> None:  # fmt: skip
        """Reject an order with a code: a new one by 201 becomes inactive, as with IB; all others never existed."""
        if code != INACTIVE_BY or known is not None:
            self.reports.refuse(client_id, order_id, at_us, code, text_of(code))
            return
        order = self._order(at_us, client_id, order_id, wish, self.identities.permanent_id())
        self.identities.use(client_id, order_id)
        self.orders.add(order)
        self.executions.reject(order, at_us, code, text_of(code))

    def _id_fault(self, client_id: int, order_id: int, known: Order | None, values: Values) -> Fault | None:
        if order_id <= 0:
            return 10149, f"Invalid order id: {order_id}"
        if known is None:
            used = order_id < self.identities.next_order_id(client_id)
            if used and not values["what_if"]:
                return 103, "Duplicate order id"
            return (201, REJECTED.format(TOO_MANY)) if self.orders.is_full else None
        if known.is_done:
            filled = known.status == Status.FILLED
            return (104, "Cannot modify a filled order.") if filled else (103, "Duplicate order id")
        return None

    def _parent_fault(self, client_id: int, values: Values, known: Order | None) -> Fault | None:
        parent_id = values["parent_id"]
        if not parent_id or self._parent(client_id, values) is not None:
            return None
        if known is None:
            return 10006, "Missing parent order."
        own = known.parent is not None and known.parent.order_id == parent_id
        return None if own else (135, f"Can't find order with id = {parent_id}")

    def _market_fault(self, wish: Wish, at_us: int) -> Fault | None:
        """Return what is wrong with an order beside what is known of instruments and prices."""
        for one in wish.instruments:
            if self.expiries.is_over(one, at_us):
                return 392, "Invalid order: contract expired."
        for condition in conditions(wish):
            if condition.get("con_id") and not self._facts.knows(condition["con_id"], at_us):
                return 147, "The conditional contract info is incomplete."
        if self.gate.is_past(wish.values, at_us):
            return 334, PAST
        if quantity_of(wish, self.floor) <= 0:
            return 201, REJECTED.format("The cash quantity buys less than the least size, or there is no price.")
        return None

    def _parent(self, client_id: int, values: Values) -> Order | None:
        parent = self.orders.find(client_id, values["parent_id"]) if values["parent_id"] else None
        return parent if parent is not None and parent.status not in (Status.CANCELLED, Status.INACTIVE) else None

    # New orders

    def _wish(self, security: Security, values: Values, legs: Sequence[Leg]) -> Wish:
        def tick(price: float) -> float:
            return step(legs) if legs else self._tick(_routed(security, values["exchange"]), price)

        return Wish(values, security, tick, legs)

    def _take(self, at_us: int, client_id: int, order_id: int, wish: Wish, told: list[Fault]) -> None:
        order = self._order(at_us, client_id, order_id, wish, self.identities.permanent_id())
        self.identities.use(client_id, order_id)
        self.orders.add(order)
        self._watch_expiries(order, at_us)
        self._join(order)
        order.notes = told
        order.held.add(Held.UNSENT)
        self._send_family(order, at_us)

    def _watch_expiries(self, order: Order, at_us: int) -> None:
        for one in instruments(order.security, order.legs):
            self.expiries.watch(one, at_us)

    def _order(self, at_us: int, client_id: int, order_id: int, wish: Wish, permanent_id: int) -> Order:
        assert wish.type is not None
        order = Order(client_id, order_id, permanent_id, wish.security, wish.type, wish.values, at_us,
                      quantity_of(wish, self.floor), wish.legs)  # fmt: skip
        order.passed = wish.values, wish.security
        return order

    def _join(self, order: Order) -> None:
        """Join an order to its parent and to its group; the children of a parent are a group of themselves."""
        order.oca_group, order.oca_type = order.values["oca_group"], order.values["oca_type"] or 0
        order.parent = self._parent(order.client_id, order.values)
        if order.parent is not None:
            order.parent.children.append(order)
        if order.parent is not None and not order.oca_group:
            order.oca_group, order.oca_type = str(order.parent.permanent_id), 3

    def _send_family(self, order: Order, at_us: int) -> None:
        """Send an order if its client says so, and with it those that waited for the last of a bracket."""
        if not order.values["transmit"]:
            return
        parent = order.parent or order
        waiting = [one for one in (parent, *parent.children) if one.is_unsent]
        for one in dict.fromkeys((*waiting, order)):
            if not one.is_done:  # its parent was rejected
                self._send(one, at_us)

    def _send(self, order: Order, at_us: int) -> None:
        filled = "OCA group is already filled." if self._groups.is_over(order) else None
        reason = filled or self.till.refusal(order, at_us)
        if reason is not None:
            self.executions.reject(order, at_us, 201, REJECTED.format(reason))
            return
        for note in order.notes:
            self.reports.error(order, at_us, *note)
        if self._is_short(order) and order.security.symbol in self.habits.not_locatable:
            order.held.add(Held.LOCATE)
            self.reports.error(order, at_us, 404, NOT_LOCATED)
        self.gate.submit(order, at_us)

    def _is_short(self, order: Order) -> bool:
        """Return whether an order sells more shares than are held."""
        shares = not order.buys and order.security.sec_type == "STK"
        return shares and order.quantity > self._facts.position(order.security.con_id)

    def _estimate(self, at_us: int, client_id: int, order_id: int, wish: Wish) -> None:
        """Answer what an order would need; nothing is placed."""
        order = self._order(at_us, client_id, order_id, wish, 0)
        self.reports.opened(order, at_us, **self.till.estimate(order, at_us))
        reason = self.till.refusal(order, at_us)
        if reason is not None:
            self.reports.error(order, at_us, 201, REJECTED.format(reason))
        order.status = Status.CANCELLED
        self.till.changed(order, at_us)

    # Changes

    def _change(self, order: Order, at_us: int, wish: Wish, told: list[Fault]) -> None:
        """Change an open order: what may not be changed leaves it as it was."""
        fault = self._changes.fault(order, wish) or self._means_fault(order, at_us, wish)
        if fault is not None:
            self.reports.error(order, at_us, *fault)
        elif order.is_unsent:
            self._changes.alter(order, at_us, wish)
            order.notes = told
            self._send_family(order, at_us)
        else:
            for note in told:
                self.reports.error(order, at_us, *note)
            self.gate.later(order, at_us, lambda order, at_us: self._changes.alter(order, at_us, wish))

    def _means_fault(self, order: Order, at_us: int, wish: Wish) -> Fault | None:
        """Reserve for the changed order in place of the old one, or say why it cannot be borne."""
        assert wish.type is not None
        remaining = quantity_of(wish, self.floor) - order.filled
        if remaining <= 0 or order.is_unsent:
            return None
        reason = self.till.refusal(order, at_us, Terms(wish.type, wish.values, remaining))
        return None if reason is None else (201, REJECTED.format(reason))

    # After a restart

    def resume(self, order: Order, at_us: int, is_unsent: bool, is_set_off: bool) -> None:
        """Go on with an order of before a restart, last in its queue. One that ended meanwhile is cancelled."""
        self.orders.add(order)
        self._groups.resume(order)
        if order.is_done:
            self.orders.retire(order)
            self.till.changed(order, at_us)
            return
        self._watch_expiries(order, at_us)
        if is_unsent:
            order.held.add(Held.UNSENT)
            return
        over = order.status == Status.PENDING_CANCEL or (order.closes_us is not None and order.closes_us <= at_us)
        order.status, order.closes_us = Status.PRE_SUBMITTED, None
        self.till.changed(order, at_us)
        if over:
            self.executions.cancel(order, at_us, "", "Expired")
            return
        if order.type.trigger == "trail" and order.stop is not None:
            order.values = {**order.values, "trail_stop_price": order.stop}
        self.gate.submit(order, at_us)
        if is_set_off:
            self.gate.release(order, Held.TRIGGER, at_us)

    # What follows of fills and ends

    def _filled(self, order: Order, quantity: Decimal, at_us: int) -> None:
        self._groups.filled(order, quantity, at_us)
        self.conditions.filled(order, at_us)

    def _ended(self, order: Order, at_us: int) -> None:
        self.gate.children(order, at_us)
        self._groups.ended(order, at_us)


@lru_cache(4_096)
def _routed(security: Security, exchange: str) -> Security:
    """Return an instrument as it trades at an exchange."""
    return replace(security, exchange=exchange)
