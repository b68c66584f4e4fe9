"""Stops that become others once the market reaches a price: what each becomes."""

from typing import Any

from .order import Values

ADJUSTED = ("STP", "STP LMT", "TRAIL")  # what a stop may become
NO_TYPE = ("", "None")  # as clients write that there is none
PERCENT = 1  # of adjustable_trailing_unit; 0 is an amount


def is_adjusted(values: Values) -> bool:
    """Return whether an order says what it is to become."""
    return values["adjusted_order_type"] not in NO_TYPE


def adjusted(values: Values) -> dict[str, Any]:
    """Return the values of what an order becomes, which is adjusted no more."""
    kind = values["adjusted_order_type"]
    becomes = dict(values) | {"order_type": kind, "adjusted_order_type": "", "trigger_price": None,
                              "auxiliary_price": values["adjusted_stop_price"]}  # fmt: skip
    if kind == "STP LMT":
        becomes["limit_price"] = values["adjusted_stop_limit_price"]
    if kind == "TRAIL":
        by_percent = values["adjustable_trailing_unit"] == PERCENT
        becomes |= {"trail_stop_price": values["adjusted_stop_price"],
                    "auxiliary_price": None if by_percent else values["adjusted_trailing_amount"],
                    "trailing_percent": values["adjusted_trailing_amount"] if by_percent else None}  # fmt: skip
    return becomes
