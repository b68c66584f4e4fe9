"""Combinations: what their legs cost together, and how much of all legs at once the market shows."""

from collections.abc import Callable
from decimal import Decimal
from math import isnan

from capture.gateway.broker.exchange.displayed import Displayed, Level, exact
from capture.gateway.broker.exchange.matching import Taken, is_within
from capture.gateway.broker.orders.order import Leg, Order

from .fill import REMOVED

Shown = Callable[[int], Displayed]
LegFills = list[tuple[Leg, Taken]]


def net_price(order: Order, shown: Shown) -> float:
    """Return what one of a combination costs an order now, leg by leg at the other side; NaN without all quotes."""
    if not _is_quoted(order, shown):
        return float("nan")
    return float(sum((_worth(order, leg, shown) for leg in order.legs), Decimal(0)))


def takes(order: Order, shown: Shown) -> tuple[Decimal, Decimal, LegFills] | None:
    """Return how many of a combination fill at which net price, with each leg's part; None where nothing does.

    No leg is filled without the others: how many depends on the leg of which the market shows least.
    """
    net = net_price(order, shown)
    if isnan(net) or not is_within(net, order.limit, order.buys):
        return None
    quantity = min(order.remaining, *(_available(order, leg, shown) for leg in order.legs))
    if quantity <= 0:
        return None
    return quantity, exact(round(net, 10)), [_fill(order, leg, quantity, shown) for leg in order.legs]


def _is_quoted(order: Order, shown: Shown) -> bool:
    """Return whether all legs have quotes that came after the order."""
    return all(not isnan(_level(order, leg, shown).price) and shown(leg.security.con_id).quote.at_us > order.arrived_us
               for leg in order.legs)  # fmt: skip


def _leg_buys(order: Order, leg: Leg) -> bool:
    return order.side * leg.side > 0


def _level(order: Order, leg: Leg, shown: Shown) -> Level:
    quote, asks = shown(leg.security.con_id).quote, _leg_buys(order, leg)
    return Level(quote.price(asks), quote.size(asks))


def _worth(order: Order, leg: Leg, shown: Shown) -> Decimal:
    return leg.side * leg.ratio * exact(_level(order, leg, shown).price)


def _available(order: Order, leg: Leg, shown: Shown) -> Decimal:
    there = shown(leg.security.con_id).available(_leg_buys(order, leg), _level(order, leg, shown))
    return there // leg.ratio


def _fill(order: Order, leg: Leg, quantity: Decimal, shown: Shown) -> tuple[Leg, Taken]:
    level, wanted = _level(order, leg, shown), quantity * leg.ratio
    shown(leg.security.con_id).take(_leg_buys(order, leg), level, wanted)
    return leg, Taken(level.price, wanted, REMOVED, leg.security.exchange)

