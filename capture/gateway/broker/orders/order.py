"""One order of a client: what it says, and how far it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.matching import Resting
from capture.gateway.broker.exchange.triggers import Trigger
from capture.gateway.broker.fill import BUY, SELL
from capture.gateway.broker.security import Security

from .order_types import OrderType

Values = Mapping[str, Any]  # of a `place_order`, by the names of capture.wire.messages.order_fields
NONE = Decimal(0)
MOST_CHANGES = 20  # of one order, that are kept


class Status(StrEnum):
    """IB's words for how an order is."""

    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    CANCELLED = "Cancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"


DONE = (Status.CANCELLED, Status.FILLED, Status.INACTIVE)


class Held(StrEnum):
    """Why an order is kept back: only of the first two IB tells the client."""

    __hash__ = str.__hash__  # sets of them are asked all the time

    CHILD = "child"  # its parent has not filled
    TRIGGER = "trigger"
    LOCATE = "locate"
    CONDITION = "condition"
    TIME = "time"  # it is not to be active yet
    CLOSED = "closed"  # its market is
    ON_ITS_WAY = "on its way"
    UNSENT = "unsent"  # its client did not say `transmit`


TOLD = (Held.CHILD, Held.TRIGGER, Held.LOCATE)
WAITING = frozenset((Held.TRIGGER,))  # of what waits for nothing else


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg of a combination: so many of a security, bought or sold where the order buys."""

    security: Security
    ratio: int
    side: int
    exchange: str


class Change(NamedTuple):
    """A change of an order: its values before and after."""

    at_us: int
    before: Values
    after: Values

    @property
    def fields(self) -> dict[str, tuple[object, object]]:
        """What it changed: by field, what it was and what it became."""
        before, after = self.before, self.after
        changed = {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}
        gone = (name for name in before.keys() - after.keys() if before[name] is not None)
        return changed | {name: (before[name], None) for name in gone}


@dataclass(slots=True, eq=False)
class Order:
    """An order that was taken. `values` are as its client placed it last; `quantity` may have been reduced since.

    `filled` so many at `worth` (price times quantity) together, and each leg at `legs_worth`. `limit` is at what it
    works now, None where at any price. `rank` is its place among own orders. `closes_us` is when it ends by itself,
    None for never, and `pauses_us` when its session ends otherwise. `let_in`: its conditions have held. `changes` are
    the latest. `passed` are the values, and the instrument, with which no rule refused it last.
    """

    client_id: int
    order_id: int
    permanent_id: int
    security: Security
    type: OrderType
    values: Values
    placed_us: int
    quantity: Decimal
    legs: Sequence[Leg] = ()
    status: Status = Status.PRE_SUBMITTED
    held: set[Held] = field(default_factory=set)
    filled: Decimal = NONE
    worth: Decimal = NONE
    legs_worth: dict[int, Decimal] = field(default_factory=dict)
    last_price: Decimal = NONE
    commission: Decimal | None = None
    limit: float | None = None
    stop: float | None = None
    trigger: Trigger | None = None
    resting: Resting | None = None
    arrived_us: int = 0
    closes_us: int | None = None
    pauses_us: int | None = None
    rank: int = 0
    parent: "Order | None" = None
    children: list["Order"] = field(default_factory=list)
    oca_group: str = ""
    oca_type: int = 0
    let_in: bool = False
    warning: str = ""
    notes: list[tuple[int, str]] = field(default_factory=list)  # codes and texts to tell once it is sent
    changes: list[Change] = field(default_factory=list)
    passed: tuple[Values, Security] | None = None
    done_us: int = 0
    done_reason: str = ""

    @property
    def buys(self) -> bool:
        """Whether it buys."""
        return bool(self.values["action"] == "BUY")

    @property
    def side(self) -> int:
        """BUY or SELL."""
        return BUY if self.buys else SELL

    @property
    def remaining(self) -> Decimal:
        """How much of it is not filled."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """The average price of what filled, 0 before."""
        return self.worth / self.filled if self.filled else NONE

    @property
    def is_done(self) -> bool:
        """Whether it is out of the market for good."""
        return self.status in DONE

    @property
    def works(self) -> bool:
        """Whether it is in the market now."""
        return not self.held and not self.is_done

    @property
    def is_free(self) -> bool:
        """Whether nothing holds it back but its trigger."""
        return not self.held or self.held == WAITING

    @property
    def is_unsent(self) -> bool:
        """Whether its client has not told to send it: nobody else sees it then."""
        return Held.UNSENT in self.held

    @property
    def why_held(self) -> str:
        """What IB says of why it is kept back; empty where it does not."""
        return ",".join(reason for reason in TOLD if reason in self.held) if self.held else ""

    def offset(self) -> float:
        """Return by how much it pegs or trails, 0 where nothing is given."""
        return float(self.values["auxiliary_price"] or 0.0)

    @property
    def least(self) -> Decimal:
        """How much of it has to fill at once, 0 where any part may."""
        if self.values["all_or_none"] or self.values["time_in_force"] == "FOK":
            return self.remaining
        return NONE if self.filled else min(Decimal(self.values["minimum_quantity"] or 0), self.remaining)

    @property
    def reach(self) -> float | None:
        """The worst price that it takes: its limit, and beyond it what is left to the broker's discretion."""
        more = self.values["discretionary_amount"] or 0.0
        if self.limit is None or not more:
            return self.limit
        return round(self.limit + (more if self.buys else -more), 10)

    @property
    def is_for_auction(self) -> bool:
        """Whether it takes part in an auction only."""
        return self.type.closes or self.values["time_in_force"] == "OPG"

    @property
    def renewed_us(self) -> int:
        """When it was placed, or changed last."""
        return self.changes[-1].at_us if self.changes else self.placed_us

    @property
    def is_adjustable(self) -> bool:
        """Whether it is a stop that becomes another order once the market reaches a price."""
        return self.type.trigger == "stop" and self.values["adjusted_order_type"] not in ("", "None")

    def leg_filled(self, con_id: int) -> Decimal:
        """Return how much of a leg is filled."""
        return self.filled * sum(leg.ratio for leg in self.legs if leg.security.con_id == con_id)

    def fill(self, quantity: Decimal, price: Decimal) -> None:
        """Take so much of it as filled at a price."""
        assert NONE < quantity <= self.remaining
        self.filled += quantity
        self.worth += quantity * price
        self.last_price = price

    def take_back(self, quantity: Decimal, price: Decimal) -> None:
        """Take so much of it as not filled after all."""
        assert NONE < quantity <= self.filled
        self.filled -= quantity
        self.worth -= quantity * price

    def reduce(self, quantity: Decimal) -> None:
        """Make it smaller, down to what is filled at most."""
        self.quantity = max(self.filled, self.quantity - quantity)


def quantity_of(values: Values) -> Decimal:
    """Return how much an order is for, 0 where it does not say."""
    return exact(float(values["total_quantity"] or 0.0))
