"""A paper broker for tests, and orders for it."""

from collections.abc import Sequence
from typing import Any

from capture.gateway.broker.exchange.displayed import Level, Levels
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.reports import Reports, Told
from capture.gateway.broker.till import Unlimited

from .scene import wanted


def order(action: str, quantity: float, order_type: str, **values: Any) -> dict[str, Any]:
    """Return the values of an order to place, those that are not given as a client sends them."""
    return wanted(action=action, total_quantity=quantity, order_type=order_type, **values)


def nothing_behind(_con_id: int, _at_us: int, _asks: bool) -> Sequence[Level]:
    """Return no recorded levels."""
    return ()


def broker(rules: Rules | None = None, levels: Levels = nothing_behind, latency_us: int = 0) -> Paper:
    """Return a broker without bounds or costs, of prices in cents."""
    return Paper(Unlimited(), Reports("DU1234567", "US/Eastern"), rules or Rules(), levels,
                 lambda _security, _price: 0.01, latency_us=latency_us)  # fmt: skip


def fills_of(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Return what was told of fills, in order."""
    return [dict(one.values) for one in told if one.name == "execution_details"]
