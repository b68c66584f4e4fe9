"""What keeps an order from the market: its way, its parent, its hour, its conditions; and when it ends by itself."""

from collections.abc import Callable

from capture.gateway.broker.exchange.sessions import Sessions, regular_sessions, sessions
from capture.gateway.broker.executions import Executions
from capture.gateway.broker.orders.order import Held, Order, Status, Values
from capture.times import SECOND_US
from capture.wire.ib_times import parse_time_us

from .good_till import auto_cancel_us
from .timers import Timers

AUCTION_US = 600 * SECOND_US  # so long after the bell its print may come
TIMES = frozenset((
    "time_in_force", "good_after_time", "good_till_date", "outside_regular_hours", "include_overnight"))
CONDITIONS = frozenset(("conditions", "conditions_cancel_order", "conditions_ignore_regular_hours"))
NOT_YET = ("Order Message:\n{action} {quantity} {symbol}\nWarning: your order will not be placed at the exchange until "
           "{time}")  # fmt: skip


class Gate:
    """Holds orders back, and lets each in when nothing holds it any more: `enter` is then called with it. `watch`
    is called with each that has conditions.

    `latency_us` is how long an order, a change or a cancel is on its way.
    """

    def __init__(self, executions: Executions, timers: Timers, latency_us: int, time_zone: str) -> None:
        self.enter: Callable[[Order, int], None] = lambda order, at_us: None
        self.watch: Callable[[Order, int], None] = lambda order, at_us: None
        self.latency_us = latency_us
        self._executions = executions
        self._timers = timers
        self._time_zone = time_zone

    def submit(self, order: Order, at_us: int) -> None:
        """Send an order that its client has released on its way."""
        order.held.discard(Held.UNSENT)
        self._hold(order)
        if self.latency_us:
            order.held.add(Held.ON_ITS_WAY)
        self._executions.reports.state(order, at_us)
        self.later(order, at_us, self._arrive)

    def later(self, order: Order, at_us: int, action: Callable[[Order, int], None]) -> None:
        """Do something to an order when the word of it has come to the exchange, whatever has become of it."""
        if self.latency_us:
            self._timers.at(at_us + self.latency_us, lambda at_us: action(order, at_us))
        else:
            action(order, at_us)

    def _when_open(self, order: Order, moment_us: int, action: Callable[[Order, int], None]) -> None:
        """Do something to an order at a moment, if it is not done by then."""

        def act(at_us: int) -> None:
            if not order.is_done:
                action(order, at_us)

        self._timers.at(moment_us, act)

    def _arrive(self, order: Order, at_us: int) -> None:
        order.held.discard(Held.ON_ITS_WAY)
        if order.is_done:
            return
        self._hold_for_time(order, at_us)
        self._hold_outside(order, at_us)
        self._set_end(order, at_us)
        self.watch(order, at_us)
        self._let_in(order, at_us)

    def _let_in(self, order: Order, at_us: int) -> None:
        """Let an order enter, if nothing but its trigger holds it any more."""
        if order.is_free:
            self.enter(order, at_us)

    def again(self, order: Order, changed: tuple[str, ...], at_us: int) -> None:
        """Look anew at what keeps a changed order back, where that is among the fields that were changed."""
        times, conditions = not TIMES.isdisjoint(changed), not CONDITIONS.isdisjoint(changed)
        if times:
            order.held -= {Held.TIME, Held.CLOSED}
            order.closes_us = order.pauses_us = None
            self._hold_for_time(order, at_us)
            self._hold_outside(order, at_us)
            self._set_end(order, at_us)
        if conditions:
            order.held.discard(Held.CONDITION)
            order.let_in = False
            self._hold_for_conditions(order)
            self._executions.orders.look(order)
            self.watch(order, at_us)
        if (times or conditions) and not order.is_free and order.status == Status.SUBMITTED:
            order.status = Status.PRE_SUBMITTED
            self._executions.orders.stand(order, None)

    def _hold(self, order: Order) -> None:
        """Note what keeps an order back whatever the time is."""
        parent = order.parent
        if parent is not None and not parent.is_done:
            order.held.add(Held.CHILD)
        elif parent is not None:
            order.quantity = min(order.quantity, parent.filled)
        if order.type.trigger:
            order.held.add(Held.TRIGGER)
        self._hold_for_conditions(order)

    @staticmethod
    def _hold_for_conditions(order: Order) -> None:
        waits = order.values.get("conditions") and not order.values.get("conditions_cancel_order")
        if waits and not order.let_in:
            order.held.add(Held.CONDITION)

    def _hold_outside(self, order: Order, at_us: int) -> None:
        if not self.hours(order).is_open(at_us):
            self._hold_while_closed(order, at_us)

    def _hold_for_time(self, order: Order, at_us: int) -> None:
        after_us = moment_us(order.values["good_after_time"], self._time_zone)
        bell_us = self._bell_us(order, at_us)
        waits_us = max(filter(None, (after_us, bell_us)), default=0)
        if waits_us > at_us:
            order.held.add(Held.TIME)
            self._when_open(order, waits_us, lambda order, at_us: self._in_time(order, at_us))
        if bell_us is not None:
            self._when_open(order, bell_us + AUCTION_US, self._miss_auction)

    def _in_time(self, order: Order, at_us: int) -> None:
        """Let an order in when its hour has come: later, where that was changed."""
        after_us = moment_us(order.values["good_after_time"], self._time_zone)
        if after_us is None or at_us >= after_us:
            self.release(order, Held.TIME, at_us)

    def _bell_us(self, order: Order, at_us: int) -> int | None:
        """Return when the auction is that an order is for, None where it is for none."""
        hours = regular_sessions(order.security)
        if order.type.closes:
            return hours.closes_us(at_us)
        return hours.opens_us(at_us) if order.values["time_in_force"] == "OPG" else None

    def _miss_auction(self, order: Order, at_us: int) -> None:
        self._executions.cancel(order, at_us, "No auction trade", "Expired")

    def _hold_while_closed(self, order: Order, at_us: int) -> None:
        opens_us = self.hours(order).opens_us(at_us)
        if order.type.closes or opens_us is None:
            return
        order.held.add(Held.CLOSED)
        self._when_open(order, opens_us, self._open)
        reports = self._executions.reports
        symbol, action = order.security.local_symbol, order.values["action"]
        text = NOT_YET.format(action=action, quantity=order.quantity, symbol=symbol, time=reports.time_text(opens_us))
        reports.error(order, at_us, 399, text)

    def _open(self, order: Order, at_us: int) -> None:
        if self.hours(order).is_open(at_us):
            self.release(order, Held.CLOSED, at_us)

    def _set_end(self, order: Order, at_us: int) -> None:
        """Set when an order ends by itself, or is held until the next session."""
        if order.type.closes:
            return
        closes_us = self.hours(order).closes_us(at_us)
        self.renew(order, closes_us)
        if closes_us is not None and closes_us != order.closes_us:
            order.pauses_us = closes_us
            self._when_open(order, closes_us, self._close)

    def renew(self, order: Order, closes_us: int | None = None) -> None:
        """Set when an order ends by itself, as far as it was placed or changed since that was set."""
        ends_us = self._ends_us(order, closes_us or order.closes_us)
        if ends_us is not None and ends_us != order.closes_us:
            order.closes_us = ends_us
            self._when_open(order, ends_us, self._expire)

    def _ends_us(self, order: Order, closes_us: int | None) -> int | None:
        force = order.values["time_in_force"] or "DAY"
        if force == "GTD":
            return moment_us(order.values["good_till_date"], self._time_zone)
        return auto_cancel_us(order.renewed_us, self._time_zone) if force == "GTC" else closes_us

    def is_past(self, values: Values, at_us: int) -> bool:
        """Return whether an order is good until a moment that has come."""
        if values["time_in_force"] != "GTD":
            return False
        ends_us = moment_us(values["good_till_date"], self._time_zone)
        return ends_us is not None and ends_us <= at_us

    def _expire(self, order: Order, at_us: int) -> None:
        if order.closes_us is not None and at_us >= order.closes_us:
            self._executions.cancel(order, at_us, "", "Expired")

    def _close(self, order: Order, at_us: int) -> None:
        """Hold an order over the time in which its market is closed."""
        if order.pauses_us != at_us:
            return
        self._executions.orders.stand(order, None)
        self._hold_outside(order, at_us)
        if Held.CLOSED in order.held and order.status == Status.SUBMITTED:
            order.status = Status.PRE_SUBMITTED
            self._executions.reports.state(order, at_us)
        self._set_end(order, at_us)

    def release(self, order: Order, reason: Held, at_us: int) -> None:
        """Take one of the reasons away for which an order is held; without any it enters the market."""
        if reason not in order.held or order.is_done:
            return
        order.held.discard(reason)
        self._let_in(order, at_us)

    def children(self, order: Order, at_us: int) -> None:
        """Let in the children of an order that is done: for what of it filled, stops first."""
        for child in sorted(order.children, key=lambda child: child.rank):
            if order.filled and not child.is_done:
                child.quantity = min(child.quantity, max(order.filled, child.filled))
                self.release(child, Held.CHILD, at_us)
                if child.held:  # it waits for something else now, which its client has not been told
                    self._executions.reports.state(child, at_us)

    @staticmethod
    def hours(order: Order) -> Sessions:
        """Return when an order works: one for a combination as its first leg does."""
        outside = bool(order.values["outside_regular_hours"] or order.values.get("include_overnight"))
        return sessions(order.legs[0].security if order.legs else order.security, outside)


def moment_us(text: str, zone: str) -> int | None:
    """Return the moment that IB's text of a time means, None for an empty one."""
    return parse_time_us(text, zone) if text else None
