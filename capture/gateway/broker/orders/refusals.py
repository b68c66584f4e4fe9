"""Why an order may not be: what has to hold of every one, as a table of IB's codes and texts; the first is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.triggers import METHODS
from capture.gateway.broker.security import Security
from capture.wire.ib_times import parse_time_us

from .order import Leg, Values, quantity_of
from .order_types import TIMES, OrderType, find_type

SIDES = ("BUY", "SELL", "SSHORT")
UNTAGGED_PRICES = ("BAG", "CASH")  # kinds of security whose prices a rule of the contract does not bind here


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
    """What is refused with a code and a text: an order for which `broken` says so."""

    code: int
    text: str
    broken: Callable[[Wish], object]


def invalid(cause: str) -> str:
    """Return IB's text of code 321 for a cause."""
    return f"Error validating request.-'bW' : cause - {cause}"


def _kind(wish: Wish) -> OrderType:
    assert wish.type is not None  # the first rule
    return wish.type


def _time_in_force(wish: Wish) -> str:
    return str(wish.values["time_in_force"] or "DAY")


def _needs(wish: Wish, need: str, name: str) -> bool:
    return need == "must" and wish.values[name] is None


def _is_off_grid(wish: Wish) -> bool:
    return wish.security.sec_type not in UNTAGGED_PRICES and any(
        exact(price) % exact(wish.tick(price)) for price in wish.prices)


def _cannot_be_read(text: str) -> bool:
    return bool(text) and parse_time_us(text) is None


def _has_no_distance(wish: Wish) -> bool:
    """Return whether a trailing stop is without a distance, or has two."""
    given = wish.values["auxiliary_price"], wish.values["trailing_percent"]
    return _kind(wish).trigger == "trail" and sum(bool(one) for one in given) != 1


def _prices_legs(wish: Wish) -> bool:
    return any(price["price"] is not None for price in wish.values.get("leg_prices", ()))


RULES = (
    Rule(387, "Unsupported order type for this exchange and security type.", lambda wish: wish.type is None),
    Rule(321, invalid("Invalid side"), lambda wish: wish.values["action"] not in SIDES),
    Rule(434, "The order size cannot be zero.", lambda wish: quantity_of(wish.values) == 0),
    Rule(321, invalid("The order size cannot be negative"), lambda wish: quantity_of(wish.values) < 0),
    Rule(10243, "Fractional-sized order cannot be placed via API. Please use desktop version of TWS.",
         lambda wish: quantity_of(wish.values) % Decimal(str(wish.security.details.get("size_increment") or 1))),
    Rule(413, "The What-If order should have the transmit flag set to true.",
         lambda wish: wish.values["what_if"] and not wish.values["transmit"]),
    Rule(321, invalid("The limit price is missing"), lambda wish: _needs(wish, _kind(wish).limit, "limit_price")),
    Rule(403, "Invalid stop price.", lambda wish: _needs(wish, _kind(wish).auxiliary, "auxiliary_price")),
    Rule(158, "Trailing amount or trailing percent, and only one of them, must be given.", _has_no_distance),
    Rule(159, "The trailing percent must be between 0 and 100.",
         lambda wish: _kind(wish).trigger == "trail" and not 0 <= (wish.values["trailing_percent"] or 0) < 100),
    Rule(110, "The price does not conform to the minimum price variation for this contract.", _is_off_grid),
    Rule(113, "The Tif should be set to DAY for MOC and LOC orders.",
         lambda wish: _kind(wish).closes and _time_in_force(wish) != "DAY"),
    Rule(111, "The TIF (TIF type) and the order type are incompatible.",
         lambda wish: _time_in_force(wish) not in TIMES),
    Rule(343, "The date, time, or time-zone entered is invalid.",
         lambda wish: any(_cannot_be_read(wish.values[name]) for name in ("good_till_date", "good_after_time"))),
    Rule(334, "Invalid Good Till Date order.",
         lambda wish: _time_in_force(wish) == "GTD" and not wish.values["good_till_date"]),
    Rule(146, "Invalid trigger method.", lambda wish: (wish.values["trigger_method"] or 0) not in METHODS),
    Rule(321, invalid("Invalid OCA type"), lambda wish: (wish.values["oca_type"] or 0) not in (0, 1, 2, 3)),
    Rule(10020, "Display size should be smaller than order size.",
         lambda wish: (wish.values["display_size"] or 0) > quantity_of(wish.values)),
    Rule(157, "Iceberg order cannot be discretionary.",
         lambda wish: wish.values["display_size"] and wish.values["discretionary_amount"]),
    Rule(10268, "The 'EtradeOnly' order attribute is not supported.",
         lambda wish: wish.values["electronic_trade_only"]),
    Rule(10269, "The 'firmQuoteOnly' order attribute is not supported.", lambda wish: wish.values["firm_quote_only"]),
    Rule(10270, "The 'nbboPriceCap' order attribute is not supported.", lambda wish: wish.values["nbbo_price_cap"]),
    Rule(10058, "Leg prices are taken for non-guaranteed combinations of two legs only.",
         lambda wish: len(wish.legs) != 2 and _prices_legs(wish)),
)


def refusal(wish: Wish) -> tuple[int, str] | None:
    """Return IB's code and text for the first fault of an order, None for one that may be."""
    return next(((rule.code, rule.text) for rule in RULES if rule.broken(wish)), None)


BOUND = ("con_id", "symbol", "sec_type", "last_trade_date", "strike", "right", "currency", "action", "account")


def changed_base(before: Values, after: Values) -> bool:
    """Return whether a change touches what may not be changed of an order: its contract, side or account."""
    return any((before.get(name) or "") != (after.get(name) or "") for name in BOUND if after.get(name))
