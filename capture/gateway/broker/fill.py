"""A fill: so much of an order, bought or sold at a price, as it was found in the market."""

from dataclasses import dataclass, field
from decimal import Decimal

from .security import Security

BUY, SELL = 1, -1
ADDED, REMOVED = 1, 2  # IB's words for liquidity: the order stood in the book, or took from it


@dataclass(frozen=True, slots=True)
class Fill:
    """What one execution was: `side` is BUY or SELL, `quantity` above zero, `price` as quoted, `at_us` since 1970.

    `permanent_id` names the order over the whole account; an execution id with its last part raised corrects the one
    before.
    """

    execution_id: str
    at_us: int
    security: Security
    side: int
    quantity: Decimal
    price: Decimal
    exchange: str
    liquidity: int
    permanent_id: int
    order_id: int
    client_id: int
    order_reference: str = ""
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        assert self.side in (BUY, SELL) and self.quantity > 0

    @property
    def signed(self) -> Decimal:
        """The change of the position."""
        return self.side * self.quantity

    @property
    def value(self) -> Decimal:
        """What was bought or sold is worth in its currency, fees left out; below zero at prices below zero."""
        return self.quantity * self.price * self.security.multiplier
