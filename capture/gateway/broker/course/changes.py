"""Changes of open orders: what may be changed, what a change does, and a note of what each one changed."""

from collections.abc import Iterable
from decimal import Decimal

from capture.gateway.broker.executions import Executions
from capture.gateway.broker.floor import Floor
from capture.gateway.broker.orders.order import MOST_CHANGES, Change, Held, Order, Status, Values
from capture.gateway.broker.orders.wish import Wish
from capture.gateway.broker.security import Security

from .gate import Gate
from .groups import Groups
from .quantities import quantity_of

Fault = tuple[int, str]

BOUND = frozenset(("action", "account"))  # where the order and its change both name it
PRICES = frozenset((
    "limit_price", "auxiliary_price", "trail_stop_price", "trailing_percent", "limit_price_offset",
    "discretionary_amount", "order_type"))  # fmt: skip
FREE = ("LMT", "MKT", "MTL", "MIDPRICE", "REL")  # types of which one may become another


class Changes:
    """Changes orders."""

    def __init__(self, executions: Executions, gate: Gate, floor: Floor, groups: Groups) -> None:
        self._executions = executions
        self._gate = gate
        self._floor = floor
        self._groups = groups

    @staticmethod
    def fault(order: Order, wish: Wish) -> Fault | None:
        """Return IB's code and text for why an order may not be changed so; it stays as it was then."""
        values = wish.values
        if order.status == Status.PENDING_CANCEL:
            return 2102, "Unable to modify this order as it is still being processed."
        if _changed_base(order, wish):
            return 105, "Order being modified does not match original order."
        if (values["parent_id"] or 0) != (order.values["parent_id"] or 0):
            return 10341, "Parent order cannot be changed."
        if (values["oca_group"] or order.oca_group) != order.oca_group:
            return 10326, "OCA group revision is not allowed."
        if (values["oca_type"] or order.oca_type) != order.oca_type and values["oca_group"]:
            return 10327, "OCA type revision is not allowed."
        assert wish.type is not None
        if wish.type is not order.type and not (wish.type.word in FREE and order.type.word in FREE):
            return 329, "Order modify failed. Cannot change to the new order type."
        return None

    def alter(self, order: Order, at_us: int, wish: Wish) -> None:
        """Change an order. What no longer is in the market by then is told that it is too late."""
        if order.is_done:
            self.too_late(order, at_us)
            return
        quantity = self._quantity(order, wish)
        if quantity <= order.filled:
            self._executions.cancel(order, at_us, "", f"Filled Size: {order.filled}")
            return
        changed, keeps_place = wish.changed(order.values), _keeps_place(order, wish, quantity)
        _take(order, at_us, wish, quantity)
        if Held.UNSENT in order.held:
            return
        waited = not order.is_free
        if Held.ON_ITS_WAY not in order.held:
            self._gate.again(order, changed, at_us)
            self._gate.renew(order)
        is_let_in = waited and order.is_free
        self._rank(order, at_us, keeps_place and not is_let_in)

    def too_late(self, order: Order, at_us: int) -> None:
        """Tell that an order was done before its change came."""
        if order.status == Status.FILLED:
            self._executions.reports.error(order, at_us, 104, "Cannot modify a filled order.")

    def _rank(self, order: Order, at_us: int, keeps_place: bool) -> None:
        """Tell an order's new state; unless it keeps its place, it comes to the market once more."""
        if not keeps_place:
            order.resting, order.limit, order.trigger = None, None, None
            self._executions.orders.rank_last(order)
        self._executions.reports.state(order, at_us)
        if not keeps_place and order.is_free:
            self._floor.enter(order, at_us)
        if keeps_place or order.resting is None:  # else it was sorted anew when it came to stand
            self._executions.orders.renew(order)

    def _quantity(self, order: Order, wish: Wish) -> Decimal:
        """Return how large a changed order is: one that its group or its parent made smaller does not grow again."""
        wanted = quantity_of(wish, self._floor)
        bounded = self._groups.has_filled(order) or (order.parent is not None and order.parent.is_done)
        return min(wanted, order.quantity) if bounded else wanted


def _take(order: Order, at_us: int, wish: Wish, quantity: Decimal) -> None:
    """Let an order be as its client wants it now."""
    assert wish.type is not None
    order.changes.append(Change(at_us, order.values, wish.values))
    del order.changes[:-MOST_CHANGES]
    order.type, order.quantity, order.values, order.legs = wish.type, quantity, wish.values, wish.legs
    order.passed = wish.values, wish.security


def _changed_base(order: Order, wish: Wish) -> bool:
    """Return whether a change touches what may not be changed of an order: its contract, side or account."""
    changed = wish.changed(order.values)
    if not BOUND.isdisjoint(changed) and any(_is_other(order.values, wish.values, name) for name in BOUND):
        return True
    is_same = wish.security is order.security and not (wish.legs or order.legs)
    return not is_same and _subject(order.security, order.legs) != _subject(wish.security, wish.legs)


def _is_other(before: Values, after: Values, name: str) -> bool:
    return bool(before.get(name) and after.get(name)) and before[name] != after[name]


def _subject(security: Security, legs: Iterable[object]) -> tuple[object, ...]:
    """Return what an order is for, however its client wrote that; a combination has no id of its own."""
    return (security.symbol, security.currency, *legs) if legs else (security.con_id,)


def _keeps_place(order: Order, wish: Wish, quantity: Decimal) -> bool:
    """Return whether a changed order keeps its place in the queue: at its price, it became no larger."""
    before, after = order.values, wish.values  # in which no price may be written as 0
    return quantity <= order.quantity and all(
        (before[name] or 0) == (after[name] or 0) for name in wish.changed(before) if name in PRICES)
