"""Where orders meet the market: quotes and trades set them off, fill them, or move their price (D137)."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import takewhile
from math import inf, isnan

from capture.gateway.broker.course.gate import Gate
from capture.gateway.broker.exchange.displayed import Displayed, Levels, Quote, Trade, exact
from capture.gateway.broker.exchange.matching import Resting, Taken, is_within, stands, taking
from capture.gateway.broker.exchange.queue_position import QueuePosition
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.exchange.takings import NOTHING
from capture.gateway.broker.exchange.triggers import Trigger, method_of
from capture.gateway.broker.orders.order import Held, Order, Status
from capture.gateway.broker.orders.order_book import watched_of
from capture.gateway.broker.orders.pricing import limit_behind, pegged, trail_reference, trailed
from capture.gateway.broker.orders.standing import Other, Place

from .combos import available, combined, take
from .executions import Executions
from .fill import REMOVED
from .interest import Interest, interest
from .security import Security

NO_MORE = "Order Message:\n{symbol}\nWarning: {shown} of {quantity} were displayed; the rest waits for more."
IN_BREAK = "Order Message:\n{symbol}\nWarning: {why}; nothing fills before that is over."
AFTER_BREAK = ("Order Message:\n{symbol}\nWarning: {why}, from {begun} on, and that is over now; nothing has filled "
               "meanwhile, and your order has lost its place.")  # fmt: skip
WHY = {False: "the recording has a gap", True: "trading is halted"}
HALTED = 154, "Orders cannot be transmitted for a halted security."
Ticks = Callable[[Security, float], float]  # the price step of an instrument at a price
Look = Callable[[int, int], None]  # contract id, moment: let the floor see what the market shows just before that


class Floor:
    """The market of all instruments, and the orders in it. An order takes only ticks that came after it."""

    def __init__(self, executions: Executions, gate: Gate, rules: Rules, levels: Levels, tick: Ticks) -> None:
        self._executions = executions
        self._gate = gate
        self.rules = rules
        self._rules_text = str(rules)
        self._levels = levels
        self._tick = tick
        self._displayed: dict[int, Displayed] = {}
        self._breaks: dict[int, dict[bool, int]] = {}  # contract id -> whether it is a halt -> since when
        self.look: Look = lambda con_id, at_us: None
        # Told of each order that enters, and of an instrument whose market it waits for.
        self.entered: Callable[[int, Order], None] = lambda con_id, order: None

    def displayed(self, con_id: int) -> Displayed:
        """Return what the market of an instrument shows."""
        assert con_id, "a combination has no market of its own"
        found = self._displayed.get(con_id)
        if found is None:
            found = self._displayed[con_id] = Displayed(con_id, self._levels)
        return found

    def market(self, order: Order) -> Displayed:
        """Return what the market of an order shows: of a combination, what those of its legs make of it."""
        return combined(order, self.displayed) if order.legs else self.displayed(order.security.con_id)

    # What happens in the market

    def quote(self, con_id: int, quote: Quote) -> None:
        """Let a new quote have its effect on the orders for an instrument, the first in rank first."""
        shown = self.displayed(con_id)
        shown.show(quote)
        orders = self._executions.orders
        for _, order in list(orders.standing(con_id).others):
            if order.type.peg is not None and order.works and order.arrived_us < quote.at_us:
                self._price(order, quote)
        there = orders.standing(con_id)
        reached = (*takewhile(lambda one: one.resting.concerns(quote), there.bids),
                   *takewhile(lambda one: one.resting.concerns(quote), there.asks))  # fmt: skip
        for order in _served(there.others, reached):
            if not order.is_done and order.arrived_us < quote.at_us:
                self._quoted(order, self.market(order) if order.legs else shown)

    def trade(self, con_id: int, trade: Trade) -> None:
        """Let a trade have its effect on the orders for an instrument."""
        shown = self.displayed(con_id)
        shown.last = trade
        used = {True: NOTHING, False: NOTHING}
        there = self._executions.orders.standing(con_id)
        reached = (*takewhile(lambda one: one.resting.trades_at(trade.price), there.bids),
                   *takewhile(lambda one: one.resting.trades_at(trade.price), there.asks))  # fmt: skip
        for order in _served(there.others, reached):
            if not order.is_done and order.arrived_us < trade.at_us:
                used[order.buys] += self._traded(order, shown, trade, used[order.buys])

    def interest(self, con_id: int) -> Interest:
        """Return what of an instrument's market may matter to the orders for it."""
        shown = self._displayed.get(con_id)
        return interest(self._executions.orders.standing(con_id), shown.ledger if shown else ())

    def taken_from(self) -> list[int]:
        """Return the contract ids of instruments of which own orders took what is shown still."""
        return [con_id for con_id, shown in self._displayed.items() if shown.ledger]

    # Breaks: the market was not seen, or did not trade

    def in_break(self, con_id: int) -> bool:
        """Return whether an instrument's market is not seen now, or does not trade."""
        return con_id in self._breaks

    def fault(self, security: Security) -> tuple[int, str] | None:
        """Return IB's code and text for why there can be no new order for an instrument now."""
        return HALTED if True in self._breaks.get(security.con_id, ()) else None

    def interrupt(self, con_id: int, at_us: int, is_halt: bool) -> None:
        """Take note that a break begins: no order knows its place any more."""
        self._breaks.setdefault(con_id, {}).setdefault(is_halt, at_us)
        self._displayed.pop(con_id, None)
        for order in self._executions.orders.at(con_id):
            self._executions.orders.stand(order, None)

    def resume(self, con_id: int, at_us: int, is_halt: bool) -> None:
        """Take note that a break ends: orders come in anew, and their clients are told."""
        begun_us = self._breaks.get(con_id, {}).get(is_halt, at_us)
        self.forget_break(con_id, is_halt)
        for order in self._executions.orders.at(con_id):
            if not order.is_unsent:
                text = AFTER_BREAK.format(symbol=order.security.local_symbol, why=WHY[is_halt],
                                          begun=self._executions.reports.time_text(begun_us))  # fmt: skip
                self._executions.reports.error(order, at_us, 399, text)

    def _say_break(self, order: Order, con_id: int, at_us: int) -> None:
        for is_halt in self._breaks.get(con_id, ()):
            text = IN_BREAK.format(symbol=order.security.local_symbol, why=WHY[is_halt])
            self._executions.reports.error(order, at_us, 399, text)

    def forget_break(self, con_id: int, is_halt: bool) -> None:
        """Take note that there is no break any more; nobody waited for its end."""
        breaks = self._breaks.get(con_id, {})
        breaks.pop(is_halt, None)
        if not breaks:
            self._breaks.pop(con_id, None)

    def _quoted(self, order: Order, shown: Displayed) -> None:
        quote = shown.quote
        if order.held == {Held.TRIGGER}:
            self._trail(order, shown, quote.at_us)
            if order.trigger is not None and order.trigger.quoted(quote):
                self._set_off(order, quote.at_us)
        elif order.works:
            self._work(order, shown)

    def _traded(self, order: Order, shown: Displayed, trade: Trade, used: Decimal) -> Decimal:
        """Return how much of a trade an order was filled by."""
        if order.legs:
            return NOTHING
        if order.held == {Held.TRIGGER}:
            self._trail(order, shown, trade.at_us)
            if order.trigger is not None and order.trigger.traded(trade):
                self._set_off(order, trade.at_us)
            return NOTHING
        if not order.works:
            return NOTHING
        taken = self._at_auction(order, trade, used) if order.is_for_auction else self._passing(order, trade, used)
        if taken is None:
            return NOTHING
        self._executions.fill(order, taken, trade.at_us)
        return taken.quantity

    @staticmethod
    def _passing(order: Order, trade: Trade, used: Decimal) -> Taken | None:
        return order.resting.traded(trade, order.remaining, used) if order.resting else None

    @staticmethod
    def _at_auction(order: Order, trade: Trade, used: Decimal) -> Taken | None:
        """Return what the print of an auction fills: all at its one price."""
        quantity = min(order.remaining, exact(trade.size) - used)
        limit = order.values["limit_price"] if order.type.limit == "must" else None
        within = is_within(trade.price, limit, order.buys)
        taken = Taken(trade.price, quantity, REMOVED, trade.exchange, "auction")
        return taken if within and quantity > 0 else None

    # Orders that come in

    def enter(self, order: Order, at_us: int) -> None:
        """Take an order that nothing holds any more, or that waits for its trigger only."""
        order.arrived_us = max(order.arrived_us, at_us)
        for con_id in watched_of(order):
            self.look(con_id, at_us)
            self.entered(con_id, order)
            self._say_break(order, con_id, at_us)
        if order.held == {Held.TRIGGER}:
            self._arm(order, at_us)
        elif not order.held:
            self._submit(order, at_us)

    def _submit(self, order: Order, at_us: int) -> None:
        shown = self.market(order)
        order.limit = limit_behind(order, order.stop or 0.0)
        if order.status == Status.PRE_SUBMITTED and (order.limit is not None or order.type.peg):
            order.status = Status.SUBMITTED
            self._executions.reports.state(order, at_us)
        self._price(order, shown.quote)
        if self._is_of_session(order, shown.quote, at_us):
            self._rest(order, shown, at_us)

    def _is_of_session(self, order: Order, quote: Quote, at_us: int) -> bool:
        """Return whether a quote came in the session of a moment, as far as sessions are known."""
        return quote.at_us >= (self._gate.hours(order).begun_us(at_us) or 0)

    def _rests(self, order: Order) -> bool:
        force = order.values["time_in_force"]
        if order.limit is None or order.legs or force in ("IOC", "FOK") or order.is_for_auction:
            return False
        return not order.least

    def _rest(self, order: Order, shown: Displayed, at_us: int) -> None:
        """Let an order stand in the book, behind what is shown at its price, if it is one that rests there."""
        if not self._rests(order) or order.limit is None or not stands(shown.quote, order.limit, order.buys):
            return
        ahead = shown.shown_at(order.limit, order.buys, at_us)
        queue = QueuePosition(order.limit)
        if ahead is not None:
            queue.shows(ahead)
        rules, reach = self.rules, order.limit if order.reach is None else order.reach
        penetration = self._tick(order.security, order.limit) * rules.penetration_ticks if rules.is_strict else 0.0
        resting = Resting(order.buys, queue, rules.fills, penetration, reach, self._rules_text)
        self._executions.orders.stand(order, resting)

    # Orders that work

    def _work(self, order: Order, shown: Displayed) -> None:
        if order.is_for_auction:
            return
        at_us = shown.quote.at_us
        if order.legs:
            self._take_legs(order, at_us)
        elif order.resting is not None:
            self._stand(order, order.resting, shown, at_us)
        elif order.limit is not None or not order.type.peg:
            self._take(order, shown, at_us)

    def _stand(self, order: Order, resting: Resting, shown: Displayed, at_us: int) -> None:
        """Fill an order that stands by a quote that reaches it; what is left then takes what comes, and stands no more.

        Else it would go on to fill at a price that the market has left behind.
        """
        if resting.reach != resting.limit and _crosses(order, shown.quote):
            self._use_discretion(order, shown, at_us)
            return
        resting.look(shown.quote)
        if not resting.is_reached(shown.quote):
            return
        self._executions.orders.stand(order, None)
        taken = resting.quoted(shown, order.remaining)
        if taken is not None:
            self._executions.fill(order, taken, at_us)

    def _take(self, order: Order, shown: Displayed, at_us: int) -> None:
        """Fill an order with what the other side shows, and let the rest stand, wait or go."""
        if order.least and not self._has(order.least, order, shown, at_us):
            self._miss(order, at_us)
            return
        wanted, reach = order.remaining, order.reach
        if reach is None and order.type.rest_at_fill:
            reach = shown.quote.price(order.buys)
        for taken in taking(shown, order.buys, reach, order.remaining, at_us):
            self._executions.fill(order, taken, at_us)
            if order.is_done:
                return
        self._leave(order, shown, at_us, wanted)

    def _use_discretion(self, order: Order, shown: Displayed, at_us: int) -> None:
        """Fill an order that stands in the book beyond its limit: what is left keeps its place."""
        for taken in taking(shown, order.buys, order.reach, order.remaining, at_us):
            self._executions.fill(order, taken, at_us)

    def _take_legs(self, order: Order, at_us: int) -> None:
        """Fill a combination with what the legs show."""
        if not self._are_all_new(order):
            return
        wanted, quantity = order.remaining, available(order, self.displayed)
        if quantity < order.least:
            self._miss(order, at_us)
            return
        if quantity:
            net, legs = take(order, quantity, self.displayed)
            self._executions.fill_legs(order, quantity, net, legs, at_us)
        if not order.is_done:
            self._leave(order, self.market(order), at_us, wanted)

    def _are_all_new(self, order: Order) -> bool:
        """Return whether the quotes of all legs came after the order."""
        return all(self.displayed(leg.security.con_id).quote.at_us > order.arrived_us for leg in order.legs)

    def _miss(self, order: Order, at_us: int) -> None:
        """Let an order that wants more at once than there is go, where it may not wait."""
        force = order.values["time_in_force"]
        if force == "FOK":
            self._executions.kill(order, at_us, "Cancelled by System:FOK")
        elif force == "IOC":
            self._executions.cancel_rest(order, at_us, "Cancelled by System:IOC")

    def _leave(self, order: Order, shown: Displayed, at_us: int, wanted: Decimal) -> None:
        if order.values["time_in_force"] in ("IOC", "FOK"):
            self._executions.cancel_rest(order, at_us, "Cancelled by System:IOC")
            return
        if order.type.rest_at_fill and order.filled and order.limit is None:
            order.limit = float(order.last_price)
        self._rest(order, shown, at_us)
        if not self._rests(order) and order.remaining < wanted and not order.warning:
            self._say_rest(order, at_us, wanted)

    def _say_rest(self, order: Order, at_us: int, wanted: Decimal) -> None:
        """Say once that more was wanted than the market showed."""
        shown = wanted - order.remaining
        order.warning = NO_MORE.format(symbol=order.security.local_symbol, shown=shown, quantity=wanted)
        self._executions.reports.error(order, at_us, 399, order.warning)

    @staticmethod
    def _has(quantity: Decimal, order: Order, shown: Displayed, at_us: int) -> bool:
        """Return whether the market shows so much that an order may take."""
        there = NOTHING
        for level, left in shown.levels(order.buys, at_us):
            if not is_within(level.price, order.reach, order.buys):
                break
            there += left
            if there >= quantity:
                return True
        return there >= quantity

    def _price(self, order: Order, quote: Quote) -> None:
        """Let a pegged order follow the quote; where its price changes it loses its place."""
        if order.type.peg is None or (order.type.peg.once and order.resting is not None):
            return
        limit = pegged(order, quote, self._tick(order.security, quote.ask))
        if limit != order.limit:
            order.limit = limit
            self._executions.orders.stand(order, None)

    # Orders that are set off

    def _arm(self, order: Order, at_us: int) -> None:
        """Set the trigger of an order; one that the market stands beyond is set off at once."""
        shown = self.market(order)
        method = method_of(order.values["trigger_method"] or 0, order.security.sec_type)
        stop = "trail_stop_price" if order.type.trigger == "trail" else "auxiliary_price"
        order.stop = order.values[stop]
        above = order.buys == (order.type.trigger != "touch")
        order.trigger = None if order.stop is None else Trigger(order.stop, above, method)
        self._trail(order, shown, at_us)
        if order.trigger is not None and order.trigger.stands(shown.quote, shown.last) and order.parent is not None:
            self._set_off(order, at_us)

    def _trail(self, order: Order, shown: Displayed, at_us: int) -> None:
        """Let a trailing stop follow the market."""
        if order.type.trigger != "trail":
            return
        method = method_of(order.values["trigger_method"] or 0, order.security.sec_type)
        reference = trail_reference(order, method, shown.quote, shown.last)
        if reference is None:
            return
        stop = trailed(order, order.stop, reference)
        if order.trigger is None:
            order.trigger = Trigger(stop, order.buys, method)
        if stop != order.stop:
            order.stop = order.trigger.price = stop
            self._executions.reports.opened(order, at_us)

    def _set_off(self, order: Order, at_us: int) -> None:
        order.held.discard(Held.TRIGGER)
        order.trigger = None
        order.status = Status.SUBMITTED
        self._executions.reports.state(order, at_us)
        self.enter(order, at_us)


def _crosses(order: Order, quote: Quote) -> bool:
    """Return whether an order's limit reaches the other side of the market."""
    other = quote.price(order.buys)
    return not isnan(other) and is_within(other, order.reach, order.buys)


def _served(others: Sequence[Other], reached: Sequence[Place]) -> list[Order]:
    """Return orders as they are served: what waits to be set off, then the best price, then the first in rank."""
    orders = [one.order for one in others] + [one.order for one in reached]
    orders.sort(key=lambda order: (order.trigger is None, _eagerness(order), order.rank))
    return orders


def _eagerness(order: Order) -> float:
    """Return what sorts the best price of each side first."""
    if order.limit is None:
        return -inf
    return -order.limit if order.buys else order.limit
