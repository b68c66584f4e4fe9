"""Combinations: what their legs cost together, and how much of all legs at once the market shows."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from math import isnan

from capture.gateway.broker.exchange.displayed import Displayed, Level, Quote, exact
from capture.gateway.broker.exchange.matching import Taken, is_within
from capture.gateway.broker.orders.order import Leg, Order

from .fill import REMOVED
from .security import Security

STEP, INDEX_STEP = 0.01, 0.05  # of prices of combinations, and of those of options on an index
Shown = Callable[[int], Displayed]
LegFills = list[tuple[Leg, Taken]]


def step(legs: Sequence[Leg]) -> float:
    """Return the price step of a combination."""
    return INDEX_STEP if all(_is_on_index(leg.security) for leg in legs) else STEP


def _is_on_index(security: Security) -> bool:
    return security.is_option and security.details.get("under_sec_type") == "IND"


def net_price(order: Order, shown: Shown, buys: bool) -> float:
    """Return what one of a combination costs who buys it, or brings who sells; NaN without quotes of all legs."""
    return float(sum((leg.side * leg.ratio * _worth(leg, shown, buys) for leg in order.legs), Decimal(0)))


def combined(order: Order, shown: Shown) -> Displayed:
    """Return the market of a combination as its legs show it: as many as there are of the leg of which least is."""
    quotes = [shown(leg.security.con_id).quote for leg in order.legs]
    sizes = {buys: min(_level(leg, shown, buys).size // leg.ratio for leg in order.legs) for buys in (True, False)}
    market = Displayed(order.security.con_id, lambda *_: ())
    market.show(Quote(max(quote.at_us for quote in quotes), net_price(order, shown, False), sizes[False],
                      net_price(order, shown, True), sizes[True]))  # fmt: skip
    return market


def available(order: Order, shown: Shown) -> Decimal:
    """Return how many of a combination an order could take now, up to its limit and as long as all legs are quoted.

    How many there are depends on the leg of which least is shown.
    """
    net = net_price(order, shown, order.buys)
    if isnan(net) or not is_within(net, order.limit, order.buys):
        return Decimal(0)
    return min(order.remaining, *(_available(order, leg, shown) for leg in order.legs))


def take(order: Order, quantity: Decimal, shown: Shown) -> tuple[Decimal, LegFills]:
    """Take so many of a combination, no leg without the others; return at which net price, and each leg's part."""
    net = exact(round(net_price(order, shown, order.buys), 10))
    return net, [_fill(order, leg, quantity, shown) for leg in order.legs]


def _asks(leg: Leg, buys: bool) -> bool:
    """Return whether who buys a combination, or sells it, takes a leg from those who ask."""
    return (leg.side > 0) == buys


def _level(leg: Leg, shown: Shown, buys: bool) -> Level:
    quote, asks = shown(leg.security.con_id).quote, _asks(leg, buys)
    return Level(quote.price(asks), quote.size(asks))


def _worth(leg: Leg, shown: Shown, buys: bool) -> Decimal:
    price = _level(leg, shown, buys).price
    return Decimal("NaN") if isnan(price) else exact(price)


def _available(order: Order, leg: Leg, shown: Shown) -> Decimal:
    there = shown(leg.security.con_id).available(_asks(leg, order.buys), _level(leg, shown, order.buys))
    return there // leg.ratio


def _fill(order: Order, leg: Leg, quantity: Decimal, shown: Shown) -> tuple[Leg, Taken]:
    level, wanted = _level(leg, shown, order.buys), quantity * leg.ratio
    shown(leg.security.con_id).take(_asks(leg, order.buys), level, wanted)
    return leg, Taken(level.price, wanted, REMOVED, leg.security.exchange)

