"""Conditions of orders: prices, moments, executions, volumes and changes, joined by and and or."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.exchange.sessions import regular_sessions
from capture.gateway.broker.exchange.triggers import BY_QUOTES, BY_TRADES, LAST, Trigger
from capture.gateway.broker.executions import Executions
from capture.gateway.broker.orders.order import Held, Order, Values
from capture.times import SECOND_US
from capture.wire.messages.order_conditions import EXECUTION, MARGIN, PERCENT_CHANGE, PRICE, TIME, VOLUME

from .facts import Facts
from .gate import Gate, moment_us
from .timers import Timers

OR = "o"  # the word between a condition and the next; "and" binds closer
ANY = ("", "*", "SMART")  # exchanges of an execution condition that mean every one
LOOK_US = SECOND_US  # how often what no tick tells is looked at


@dataclass(slots=True)
class Condition:
    """One condition: `met` as the market stood last; `trigger` decides those of prices."""

    values: Values
    met: bool = False
    trigger: Trigger | None = None
    moment_us: int = 0
    asked_s: int = -1

    @property
    def kind(self) -> int:
        """What it is about."""
        return int(self.values["kind"])

    def reaches(self, figure: float | None) -> bool:
        """Return whether a figure is on the wanted side of the condition's own; one that is not known is not."""
        wanted = self.values[WANTED[self.kind]]
        return figure is not None and (figure >= wanted if self.values["is_more"] else figure <= wanted)


WANTED = {MARGIN: "percent", VOLUME: "volume", PERCENT_CHANGE: "change_percent"}


@dataclass(slots=True)
class Watch:
    """An order whose conditions are watched since `begun_us`. `is_over` once they held, or others took their place."""

    order: Order
    begun_us: int
    conditions: list[Condition] = field(default_factory=list)
    is_over: bool = False

    @property
    def holds(self) -> bool:
        """Whether the conditions hold together."""
        together, result = True, False
        for condition in self.conditions[:-1]:
            together = together and condition.met
            if condition.values["connector"] == OR:
                result, together = result or together, True
        return result or (together and self.conditions[-1].met)


class Conditions:
    """Watches the conditions of open orders: once they hold, the order is let in, or cancelled where it says so.

    They count in the regular hours of the order's instrument, or at any time where it says so. What a tick tells is
    looked at with every tick after the order came; the account's cushion once a second.
    """

    def __init__(self, gate: Gate, executions: Executions, timers: Timers, facts: Facts, zone: str) -> None:
        self._gate = gate
        self._executions = executions
        self._timers = timers
        self._facts = facts
        self._zone = zone
        self._watches: dict[int, Watch] = {}  # by permanent id of the order, in the order in which they began
        self._at: dict[int, dict[int, Watch]] = {}  # by contract id of the condition

    def begin(self, order: Order, at_us: int) -> None:
        """Watch the conditions of an order from now on, in place of those it had before."""
        self._end(order)
        values = order.values.get("conditions") or ()
        if not values or order.let_in:
            return
        watch = Watch(order, at_us, [self._condition(one) for one in values])
        self._watches[order.permanent_id] = watch
        for condition in watch.conditions:
            if "con_id" in condition.values:
                self._at.setdefault(condition.values["con_id"], {})[order.permanent_id] = watch
        for moment in sorted(one.moment_us for one in watch.conditions if one.kind == TIME):
            self._look_at(watch, max(moment, at_us))
        if any(one.kind == MARGIN for one in watch.conditions):
            self._look_often(watch, at_us)
        self._look(watch, at_us)

    def _condition(self, values: Values) -> Condition:
        condition = Condition(values)
        if condition.kind == PRICE:
            method = values["trigger_method"] or LAST
            condition.trigger = Trigger(values["price"], values["is_more"], method)
        elif condition.kind == TIME:
            condition.moment_us = moment_us(values["time"], self._zone) or 0
        return condition

    def _end(self, order: Order) -> None:
        watch = self._watches.pop(order.permanent_id, None)
        if watch is None:
            return
        watch.is_over = True
        for condition in watch.conditions:
            there = self._at.get(condition.values.get("con_id", 0), {})
            there.pop(order.permanent_id, None)

    # What happens

    def quote(self, con_id: int, quote: Quote) -> None:
        """Take a quote of any instrument."""
        for watch, condition in self._of(con_id, quote.at_us):
            if condition.trigger is not None and condition.trigger.method in BY_QUOTES:
                condition.met = condition.trigger.quoted(quote)
                self._look(watch, quote.at_us)

    def trade(self, con_id: int, trade: Trade) -> None:
        """Take a trade of any instrument."""
        for watch, condition in self._of(con_id, trade.at_us):
            self._traded(condition, con_id, trade)
            self._look(watch, trade.at_us)

    def _traded(self, condition: Condition, con_id: int, trade: Trade) -> None:
        if condition.trigger is not None and condition.trigger.method in BY_TRADES:
            condition.met = condition.trigger.traded(trade)
        elif condition.kind == PERCENT_CHANGE:
            before = self._facts.previous_close(con_id, trade.at_us)
            condition.met = condition.reaches(round(100 * (trade.price - before) / before, 10) if before else None)
        elif condition.kind == VOLUME and condition.asked_s != trade.at_us // SECOND_US:
            condition.asked_s = trade.at_us // SECOND_US
            condition.met = condition.reaches(self._facts.volume(con_id, trade.at_us))

    def filled(self, order: Order, at_us: int) -> None:
        """Take a fill of any order."""
        for watch in list(self._watches.values()):
            for condition in watch.conditions:
                if condition.kind == EXECUTION and watch.order is not order and _is_of(condition.values, order):
                    condition.met = True
                    self._look(watch, at_us)

    def _of(self, con_id: int, at_us: int) -> Iterator[tuple[Watch, Condition]]:
        """Yield the conditions about an instrument, of orders that came before a moment and count then."""
        for watch in list(self._at.get(con_id, {}).values()):
            if at_us > watch.begun_us and self._counts(watch.order, at_us):
                yield from ((watch, one) for one in watch.conditions if one.values.get("con_id") == con_id)

    @staticmethod
    def _counts(order: Order, at_us: int) -> bool:
        return bool(order.values["conditions_ignore_regular_hours"]) or regular_sessions(order.security).is_open(at_us)

    # Whether they hold

    def _look_at(self, watch: Watch, at_us: int) -> None:
        self._timers.at(at_us, lambda now_us: self._look(watch, now_us))

    def _look_often(self, watch: Watch, at_us: int) -> None:
        if watch.is_over or watch.order.is_done:
            return
        self._look(watch, at_us)
        self._timers.at(at_us + LOOK_US, lambda now_us: self._look_often(watch, now_us))

    def _look(self, watch: Watch, at_us: int) -> None:
        """Let an order in, or cancel it, if its conditions hold now; where they do not count yet, look again then."""
        order = watch.order
        if watch.is_over or order.is_done:
            self._end(order)
            return
        if not self._counts(order, at_us):
            opens_us = regular_sessions(order.security).opens_us(at_us)
            if opens_us is not None:
                self._look_at(watch, opens_us)
            return
        for condition in watch.conditions:
            self._see(condition, at_us)
        if not watch.holds:
            return
        self._end(order)
        if order.values["conditions_cancel_order"]:
            self._executions.cancel(order, at_us, "Cancelled by condition", "Cancelled by System:condition")
        else:
            order.let_in = True
            self._gate.release(order, Held.CONDITION, at_us)

    def _see(self, condition: Condition, at_us: int) -> None:
        """See what no tick tells: the time, and the account's cushion."""
        if condition.kind == TIME:
            condition.met = (at_us >= condition.moment_us) == condition.values["is_more"]
        elif condition.kind == MARGIN:
            condition.met = condition.reaches(self._facts.cushion(at_us))


def _is_of(values: Values, order: Order) -> bool:
    """Return whether an order is what a condition about an execution names."""
    security = order.security
    same = values["symbol"] == security.symbol and values["sec_type"] == security.sec_type
    return same and (values["exchange"] in ANY or values["exchange"] in (order.values["exchange"], security.exchange))
