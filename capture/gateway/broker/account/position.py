"""A position: how much is held of an instrument, what was paid for it, and what was won or lost on it today."""

from dataclasses import dataclass, replace
from decimal import Decimal

from capture.gateway.broker.fill import Fill
from capture.gateway.broker.security import Security

NOTHING = Decimal(0)
_FINEST = Decimal("1e-8")  # to what a share of a cost is rounded; the rest of that cost stays with the rest of it


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one instrument: `quantity` below zero is short.

    `cost` is all that was paid for what is held, fees included, below zero for what was sold short. Of the day are
    `realised`, `traded` (the worth of what was bought less that of what was sold) and `fees`. `settled` is of futures:
    what cash already holds, as a worth; that of `traded` comes on top. All in the currency of the instrument.
    """

    security: Security
    quantity: Decimal = NOTHING
    cost: Decimal = NOTHING
    realised: Decimal = NOTHING
    traded: Decimal = NOTHING
    fees: Decimal = NOTHING
    settled: Decimal = NOTHING

    @classmethod
    def held(cls, security: Security, quantity: Decimal, average_cost: Decimal) -> "Position":
        """Return a position from before: `average_cost` as IB gives it, of one share or one contract."""
        cost = quantity * average_cost
        return cls(security, quantity, cost, settled=cost)

    @property
    def average_cost(self) -> Decimal:
        """What one share or one contract has cost, multiplier and fees included; zero where none is held."""
        return self.cost / self.quantity if self.quantity else NOTHING

    def worth(self, price: Decimal) -> Decimal:
        """What is held is worth at a price; of futures, what it stands for."""
        return self.quantity * price * self.security.multiplier

    def unrealised(self, price: Decimal) -> Decimal:
        """What would be won if it were closed at a price, fees paid so far counted."""
        return self.worth(price) - self.cost

    def futures_pnl(self, price: Decimal) -> Decimal:
        """What was won since the last settlement, and is not in cash yet; zero for all but futures."""
        return self.worth(price) - self.settled - self.traded if self.security.is_future else NOTHING

    def after(self, fill: Fill, fee: Decimal) -> tuple["Position", Decimal | None]:
        """Return the position after a fill, and what the fill realised: None if it closed nothing.

        A fill that goes through zero closes first; its fee is shared by quantity.
        """
        closed = min(abs(self.quantity), fill.quantity) if self.quantity * fill.side < 0 else NOTHING
        closing_fee = _part(fee, closed, fill.quantity)
        given_up = _part(self.cost, closed, abs(self.quantity))
        one = fill.side * fill.price * fill.security.multiplier
        realised = -closed * one - closing_fee - given_up
        position = Position(
            fill.security, self.quantity + fill.signed,
            self.cost - given_up + (fill.quantity - closed) * one + fee - closing_fee,
            self.realised + realised, self.traded + fill.quantity * one, self.fees + fee, self.settled)  # fmt: skip
        return position, realised if closed else None

    def new_day(self) -> "Position":
        """Return it as the next day begins."""
        return replace(self, realised=NOTHING, traded=NOTHING, fees=NOTHING, settled=self.settled + self.traded)


def _part(whole: Decimal, some: Decimal, all_: Decimal) -> Decimal:
    if not some:
        return NOTHING
    return whole if some == all_ else (whole * some / all_).quantize(_FINEST)
