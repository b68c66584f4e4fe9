"""An order as a client wants it, and what a rule that may refuse it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import compress
from operator import ne
from typing import NamedTuple

from capture.gateway.broker.security import Security

from .order import Leg, Order, Values, quantity_of
from .order_types import OrderType, find_type


@dataclass(slots=True)
class Wish:
    """An order as a client wants it: its values, its type where that is simulated, and what it is for. Not to change.

    `size` is how much it is for where it names no amount of money. `tick` is the price step that the market rule of its
    exchange has at a price.
    """

    values: Values
    security: Security
    tick: Callable[[float], float]
    legs: Sequence[Leg] = ()
    type: OrderType | None = field(init=False)
    size: Decimal = field(init=False)
    _before: Values | None = field(init=False, default=None)
    _changed: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        self.type = find_type(self.values["order_type"])
        self.size = quantity_of(self.values)

    @property
    def prices(self) -> list[float]:
        """All prices that it names."""
        kind = self.type
        named = [self.values["limit_price"] if kind is None or kind.limit != "none" else None]
        if kind is not None and kind.trigger in ("stop", "touch"):
            named.append(self.values["auxiliary_price"])
        named.append(self.values["trail_stop_price"] if kind is not None and kind.trigger == "trail" else None)
        return [price for price in named if price]


    @property
    def instruments(self) -> tuple[Security, ...]:
        """What it is for, and the legs of that."""
        return instruments(self.security, self.legs)

    def change_of(self, known: Order | None) -> tuple[str, ...] | None:
        """Return what it changes of an order that no rule refuses; None where it has to be held against all rules."""
        if known is None or known.passed is None or self.legs or known.legs:
            return None
        values, security = known.passed
        return self.changed(values) if values is known.values and security is self.security else None

    def changed(self, before: Values) -> tuple[str, ...]:
        """Return the fields in which it differs from the values of an earlier one."""
        if before is not self._before:
            self._before, self._changed = before, _changed(before, self.values)
        return self._changed


class Rule(NamedTuple):
    """What is refused with a code and a text: an order for which `broken` says so.

    `about` are the fields that it is about alone: it holds where all of these are empty. None: it is about any order.
    `also` are the other fields that it looks at: only a change of one of both can break it.
    """

    code: int
    text: str
    broken: Callable[[Wish], object]
    about: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def instruments(security: Security, legs: Sequence[Leg]) -> tuple[Security, ...]:
    """Return what an order is for, and the legs of that."""
    return (security, *(leg.security for leg in legs)) if legs else (security,)


def _changed(before: Values, after: Values) -> tuple[str, ...]:
    if list(after) == list(before):  # as it is with those of one client; most of the time goes here, and this is quick
        return tuple(compress(after, map(ne, after.values(), before.values())))
    return tuple(name for name in {**before, **after} if before.get(name) != after.get(name))


def invalid(cause: str) -> str:
    """Return IB's text of code 321 for a cause."""
    return f"Error validating request.-'bW' : cause - {cause}"
