"""What of an order is done otherwise than it says: the order lives, and its client is told in IB's codes and texts."""

from collections.abc import Iterator
from dataclasses import replace

from capture.gateway.broker.exchange.sessions import REGULAR_ONLY, has_extended

from .habits import Habits
from .order import Values
from .wish import Wish

Warned = tuple[int, str]
AT_ANY_PRICE = ("MKT", "MTL")  # types that work in regular hours only
NO_HOURS = (2109, "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the order type "
            "and destination. PlaceOrder is now being processed.")  # fmt: skip
PRESET = (10349, "Order TIF was set to DAY based on order preset.")
PLAIN = "Order Message:\n{symbol}\nWarning: algorithm {name} is not simulated here; the order works as a plain {type}."


def as_done(wish: Wish, habits: Habits) -> tuple[Wish, list[Warned]]:
    """Return an order as it will be done, and what its client is told of that."""
    said = wish.values
    if said["time_in_force"] and not said["outside_regular_hours"] and not said["algo_strategy"]:
        return wish, []
    told = list(_told(wish, habits))
    if said["time_in_force"] and not told:
        return wish, told
    values = dict(said)
    values["time_in_force"] = values["time_in_force"] or "DAY"
    if NO_HOURS in told:
        values["outside_regular_hours"] = False
    return replace(wish, values=values), told


def _told(wish: Wish, habits: Habits) -> Iterator[Warned]:
    values = wish.values
    if not values["time_in_force"] and habits.tells_preset_force:
        yield PRESET
    if values["outside_regular_hours"] and not _may_be_outside(wish, values):
        yield NO_HOURS
    if values["algo_strategy"]:
        text = PLAIN.format(symbol=wish.security.local_symbol, name=values["algo_strategy"], type=values["order_type"])
        yield 399, text


def _may_be_outside(wish: Wish, values: Values) -> bool:
    """Return whether an order of this type can work outside of regular hours, and its instrument trades then."""
    assert wish.type is not None
    if wish.type.closes or values["time_in_force"] == "OPG":
        return False
    if wish.security.sec_type not in REGULAR_ONLY:
        return True
    return wish.type.word not in AT_ANY_PRICE and has_extended(wish.security)
