"""What an account can afford: whether an order may be, what it would need, and where its fills are booked."""

from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from capture.gateway.broker.account.position import Position
from capture.gateway.broker.orders.order import Order, Values
from capture.gateway.broker.orders.order_types import OrderType

from .fill import Fill


class Booked(NamedTuple):
    """What a fill cost, and what it won or lost: None where it opened a position."""

    fee: Decimal
    realised: Decimal | None


class Terms(NamedTuple):
    """What an order is to be by a change, and how much of it would be left then."""

    type: OrderType
    values: Values
    remaining: Decimal


class Till(Protocol):
    """The account as orders meet it."""

    def book(self, fill: Fill) -> Booked:
        """Take a fill into the account, and return what it cost and won."""

    def correct(self, execution_id: str, fill: Fill) -> Booked:
        """Put a fill in the place of one that was booked, as if it had been so from the first."""

    def bust(self, execution_id: str) -> None:
        """Take a fill back, as if it had never been; its fee, too."""

    def settle(self, fill: Fill) -> Booked:
        """Take in what follows of an expiry or an exercise: it is free."""

    def held(self, con_id: int) -> Position | None:
        """Return what the account holds of an instrument."""

    def refusal(self, order: Order, at_us: int, terms: Terms | None = None) -> str | None:
        """Return why an order, or a change of it, may not be beside those that work.

        None where it may: then it counts as one of them, by the terms of its change.
        """

    def changed(self, order: Order, at_us: int) -> None:
        """Take note that less of an order is left to fill, or another price is to be paid, or that it is done."""

    def estimate(self, order: Order, at_us: int) -> dict[str, Any]:
        """Return what an order would need, by the names of the fields of an open order."""


class Unlimited:
    """An account without bounds or costs."""

    def book(self, fill: Fill) -> Booked:
        """Charge nothing."""
        return Booked(Decimal(0), None)

    def correct(self, execution_id: str, fill: Fill) -> Booked:
        """Charge nothing."""
        return Booked(Decimal(0), None)

    def bust(self, execution_id: str) -> None:
        """Keep no account of it."""

    def settle(self, fill: Fill) -> Booked:
        """Charge nothing."""
        return Booked(Decimal(0), None)

    def held(self, con_id: int) -> Position | None:
        """Hold nothing."""
        return None

    def refusal(self, order: Order, at_us: int, terms: Terms | None = None) -> str | None:
        """Refuse nothing."""
        return None

    def changed(self, order: Order, at_us: int) -> None:
        """Reserve nothing."""

    def estimate(self, order: Order, at_us: int) -> dict[str, Any]:
        """Say that nothing is needed."""
        return {}
