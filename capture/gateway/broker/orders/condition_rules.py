"""Why the conditions of an order may not be: rules of IB's codes and texts, as `refusals` has them of the rest."""

from capture.gateway.broker.exchange.triggers import METHODS
from capture.wire.ib_times import parse_time_us
from capture.wire.messages.order_conditions import EXECUTION, PERCENT_CHANGE, PRICE, TIME, VOLUME

from .order import Values
from .wish import Rule, Wish, invalid

OF_INSTRUMENTS = (PRICE, VOLUME, PERCENT_CHANGE)
LIMITS, PEGS = ("LMT", "MIDPRICE"), ("REL", "SNAP MKT", "SNAP MID", "SNAP PRIM", "MKT")


def conditions(wish: Wish) -> list[Values]:
    """Return the conditions that an order names."""
    return list(wish.values.get("conditions") or ())


def _cannot_wait(wish: Wish) -> bool:
    """Return whether an order has conditions that its type does not take."""
    assert wish.type is not None
    allowed = LIMITS if wish.values.get("conditions_cancel_order") else (*LIMITS, *PEGS)
    return bool(conditions(wish)) and wish.type.word not in allowed


def _is_incomplete(one: Values) -> bool:
    if one["kind"] == EXECUTION:
        return not (one["symbol"] and one["sec_type"])
    if one["kind"] in OF_INSTRUMENTS and not one["con_id"]:
        return True
    return any(name in one and one[name] is None for name in ("price", "volume", "change_percent", "percent"))


CONDITION_RULES = tuple(rule._replace(about=("conditions",)) for rule in (
    Rule(148, "A conditional order can only be submitted when the order type is set to limit or market.",
         _cannot_wait, also=("order_type", "conditions_cancel_order")),
    Rule(147, "The conditional contract info is incomplete.",
         lambda wish: any(_is_incomplete(one) for one in conditions(wish))),
    Rule(146, "Invalid trigger method.",
         lambda wish: any((one.get("trigger_method") or 0) not in METHODS for one in conditions(wish))),
    Rule(343, "The date, time, or time-zone entered is invalid.",
         lambda wish: any(one["kind"] == TIME and parse_time_us(one["time"]) is None for one in conditions(wish))),
    Rule(321, invalid("Invalid conjunction of conditions"),
         lambda wish: any(one["connector"] not in ("a", "o") for one in conditions(wish))),
))  # fmt: skip
