"""What working orders would take: by instrument, so that one more order is weighed beside a hundred thousand."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.security import Security

from .position import NOTHING


class Deal(NamedTuple):
    """What an order, or a leg of one, would trade: so much, below zero to sell, at about this price."""

    security: Security
    quantity: Decimal
    price: Decimal

    @property
    def value(self) -> Decimal:
        """What it is worth, below zero where it is sold."""
        return self.quantity * self.price * self.security.multiplier


class Supposed(NamedTuple):
    """What working orders would change: `quantity` of what is held, and `value`, which is paid for it."""

    quantity: Decimal = NOTHING
    value: Decimal = NOTHING

    def plus(self, other: "Supposed") -> "Supposed":
        """Return both together."""
        return Supposed(self.quantity + other.quantity, self.value + other.value)


_NONE = Supposed()


class ReservedOrder(NamedTuple):
    """An order as it was reserved for; `fee` in the base currency."""

    legs: tuple[Deal, ...]
    fee: Decimal
    oca: str


@dataclass(slots=True)
class _Working:
    """Of one instrument: what would be bought, sold, and traded as legs; of `groups` one order each."""

    bought: Supposed = _NONE
    sold: Supposed = _NONE
    joint: Supposed = _NONE
    groups: dict[tuple[str, bool], dict[int, Supposed]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no order works."""
        return not self.groups and self.bought == _NONE == self.sold == self.joint

    def side(self, buys: bool) -> Supposed:
        total = self.bought if buys else self.sold
        for (_, group_buys), orders in self.groups.items():
            if group_buys == buys:
                total = total.plus(max(orders.values(), key=lambda each: abs(each.quantity)))
        return total


class Reserved:
    """The working orders, by their permanent ids. Buys and sells of one instrument do not add up: the worse counts."""

    def __init__(self) -> None:
        self.fees = NOTHING  # in the base currency, of all of them
        self._orders: dict[int, ReservedOrder] = {}
        self._working: defaultdict[int, _Working] = defaultdict(_Working)

    def add(self, permanent_id: int, legs: Sequence[Deal], fee: Decimal, oca: str = "") -> None:
        """Reserve for an order; `oca` names orders of which only one will be filled."""
        assert permanent_id not in self._orders
        order = self._orders[permanent_id] = ReservedOrder(tuple(legs), fee, oca)
        self.fees += fee
        self._apply(permanent_id, order, 1)

    def remove(self, permanent_id: int) -> ReservedOrder | None:
        """Release what was reserved for an order, and return it; None if nothing was."""
        order = self._orders.pop(permanent_id, None)
        if order:
            self.fees -= order.fee
            self._apply(permanent_id, order, -1)
        return order

    def order(self, permanent_id: int) -> ReservedOrder | None:
        """Return what is reserved for an order; None if nothing is."""
        return self._orders.get(permanent_id)

    def legs(self) -> Iterator[Deal]:
        """Yield the legs of every order."""
        return (leg for order in self._orders.values() for leg in order.legs)

    def supposed(self, security: Security, held: Decimal) -> Supposed:
        """Return the worse of what working orders would do to a position.

        What would close is not counted. Options that would be bought are paid for and cover nothing yet; legs of
        combinations are taken to be filled, all of them together.
        """
        working = self._working.get(security.con_id)
        if working is None:
            return _NONE
        joint, bought, sold = working.joint, working.side(True), working.side(False)
        held += joint.quantity
        if abs(held + sold.quantity) > abs(held) and abs(held + sold.quantity) >= abs(held + bought.quantity):
            return joint.plus(sold)
        if abs(held + bought.quantity) <= abs(held):
            return joint
        if security.is_option:
            opening = min(bought.quantity, held + bought.quantity)
            return joint.plus(Supposed(NOTHING, bought.value * opening / bought.quantity))
        return joint.plus(bought)

    def closed(self, con_id: int, held: Decimal) -> Decimal:
        """Return what working orders would close of what is held, legs of combinations aside; below zero is sold."""
        working = self._working.get(con_id)
        if working is None or not held:
            return NOTHING
        return max(working.side(False).quantity, -held) if held > 0 else min(working.side(True).quantity, -held)

    def sold(self, con_id: int) -> Decimal:
        """Return how much all sells of an instrument would take from what is held: zero or below."""
        working = self._working.get(con_id)
        return working.side(False).quantity + min(working.joint.quantity, NOTHING) if working else NOTHING

    def snapshot(self) -> Any:
        """Return its state, for `restore`."""
        return dict(self._orders), deepcopy(self._working), self.fees

    def restore(self, snapshot: Any) -> None:
        """Be again what it was at a snapshot, which may be used again."""
        orders, working, self.fees = snapshot
        self._orders, self._working = dict(orders), deepcopy(working)

    def _apply(self, permanent_id: int, order: ReservedOrder, sign: int) -> None:
        for leg in order.legs:
            working = self._working[leg.security.con_id]
            change = Supposed(sign * leg.quantity, sign * leg.value)
            if len(order.legs) > 1:
                working.joint = working.joint.plus(change)
            elif order.oca:
                _group(working, permanent_id, order.oca, leg, sign)
            elif leg.quantity > 0:
                working.bought = working.bought.plus(change)
            else:
                working.sold = working.sold.plus(change)
            if sign < 0 and working.is_empty:
                del self._working[leg.security.con_id]


def _group(working: _Working, permanent_id: int, oca: str, leg: Deal, sign: int) -> None:
    key = oca, leg.quantity > 0
    orders = working.groups.setdefault(key, {})
    if sign > 0:
        orders[permanent_id] = Supposed(leg.quantity, leg.value)
    else:
        del orders[permanent_id]
    if not orders:
        del working.groups[key]
