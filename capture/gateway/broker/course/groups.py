"""Orders that are joined: brackets of a parent and its children, and groups of which one cancels the others."""

from decimal import ROUND_DOWN, Decimal

from capture.gateway.broker.executions import Executions
from capture.gateway.broker.orders.order import Held, Order

CANCEL_WITH_BLOCK, REDUCE_WITH_BLOCK, REDUCE = 1, 2, 3  # IB's types of OCA groups
WHOLE = Decimal(1)


class Groups:
    """What a fill or the end of an order does to those it is joined to.

    Types 1 and 2 of a group have one order in the market at a time, in effect: after every fill the others are smaller
    or gone before anything else happens here, so that no group fills beyond its size. So it is with type 3, too, where
    IB itself may overfill.
    """

    def __init__(self, executions: Executions) -> None:
        self._executions = executions
        self._filled: set[str] = set()  # groups in which something filled
        self._over: set[str] = set()  # groups that are filled: nothing may join them

    def has_filled(self, order: Order) -> bool:
        """Return whether anything of an order's group has filled."""
        return order.oca_group in self._filled

    def resume(self, order: Order) -> None:
        """Take note of what an order of before a restart has filled of its group."""
        if order.oca_group and order.filled:
            self._note(order)

    def forget(self) -> None:
        """Forget the groups that are over: a day is over."""
        self._over.clear()
        self._filled = {group for group in self._filled if self._executions.orders.of_group(group)}

    def _note(self, order: Order) -> None:
        self._filled.add(order.oca_group)
        if order.oca_type == CANCEL_WITH_BLOCK or order.remaining == 0:
            self._over.add(order.oca_group)

    def is_over(self, order: Order) -> bool:
        """Return whether an order's group has filled already."""
        return order.oca_group in self._over

    def filled(self, order: Order, quantity: Decimal, at_us: int) -> None:
        """Let a fill have its effect on the others of the group."""
        if not order.oca_group:
            return
        before = order.remaining + quantity
        self._note(order)
        for other in self._executions.orders.of_group(order.oca_group):
            if other is order:
                continue
            if order.oca_type == CANCEL_WITH_BLOCK or order.remaining == 0:
                self._executions.cancel(other, at_us, "OCA Order filled", "Cancelled by System:OCA")
            else:
                self._reduce(other, other.remaining * quantity / before, at_us)

    def _reduce(self, order: Order, share: Decimal, at_us: int) -> None:
        """Make an order smaller in proportion; what is no whole piece of it goes, too, lest the group overfill."""
        kept = order.remaining - share
        if order.quantity % 1 == 0:
            kept = kept.quantize(WHOLE, ROUND_DOWN)
        order.reduce(order.remaining - kept)
        self._executions.till.changed(order, at_us)
        if order.remaining <= 0:
            self._executions.cancel(order, at_us, "OCA Order filled", "Cancelled by System:OCA")
        elif not order.is_unsent:
            self._executions.reports.state(order, at_us)

    def ended(self, order: Order, at_us: int) -> None:
        """Let the end of an order have its effect: children end with a parent that did not fill at all."""
        for child in list(order.children):
            if child.held & {Held.CHILD, Held.UNSENT} and not order.filled:
                self._executions.cancel(child, at_us, "Parent order cancelled", "Cancelled by System:parent")
        parent = order.parent
        if parent is not None and not parent.is_done and not order.filled and order.values.get("auto_cancel_parent"):
            self._executions.cancel(parent, at_us, "Child order cancelled", "Cancelled by System:child")
