"""An order as a client wants it, and what a rule that may refuse it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from capture.gateway.broker.security import Security

from .order import Leg, Values
from .order_types import OrderType, find_type


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as a client wants it: its values, its type where it is known, and what it is for.

    `tick` is the price step that the market rule of its exchange has at a price.
    """

    values: Values
    security: Security
    tick: Callable[[float], float]
    legs: Sequence[Leg] = ()

    @property
    def type(self) -> OrderType | None:
        """The order's type, None for one that is not simulated."""
        return find_type(self.values["order_type"])

    @property
    def prices(self) -> list[float]:
        """All prices that it names."""
        kind = self.type
        named = [self.values["limit_price"] if kind is None or kind.limit != "none" else None]
        if kind is not None and kind.trigger in ("stop", "touch"):
            named.append(self.values["auxiliary_price"])
        named.append(self.values["trail_stop_price"] if kind is not None and kind.trigger == "trail" else None)
        return [price for price in named if price]


class Rule(NamedTuple):
    """What is refused with a code and a text: an order for which `broken` says so.

    `about` are the fields that it is about alone: it holds where all of these are empty. None: it is about any order.
    """

    code: int
    text: str
    broken: Callable[[Wish], object]
    about: tuple[str, ...] = ()


def invalid(cause: str) -> str:
    """Return IB's text of code 321 for a cause."""
    return f"Error validating request.-'bW' : cause - {cause}"
