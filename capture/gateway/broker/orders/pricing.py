"""At what an order works as the market moves: prices that follow the quote, and stops that trail it."""

from math import isinf, isnan

from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.exchange.triggers import BY_TRADES, MIDPOINT

from .order import Order
from .order_types import Peg

COMPETE_BY = 0.01  # IB's usual offset of PEG BEST


def pegged(order: Order, quote: Quote, tick: float) -> float | None:
    """Return the price at which a pegged order works beside a quote: no worse than its limit, None without a quote."""
    peg = order.type.peg
    assert peg is not None
    price = _reference(peg, order, quote) + _towards(order) * peg.offset * _offset(order, quote, tick)
    if order.type.word == "PEG BEST":
        price = _nearer(order, price, quote.middle)
    if isnan(price):
        return None
    cap = order.values["limit_price"]
    return round(price if not cap else _nearer(order, price, cap), 10)


def _reference(peg: Peg, order: Order, quote: Quote) -> float:
    if peg.reference == "middle":
        return quote.middle
    return quote.price(asks=(peg.reference == "other") == order.buys)


def _towards(order: Order) -> int:
    """Return the direction of the other side of the market."""
    return 1 if order.buys else -1


def _nearer(order: Order, price: float, cap: float) -> float:
    """Return the less eager of two prices."""
    return min(price, cap) if order.buys else max(price, cap)


def _offset(order: Order, quote: Quote, tick: float) -> float:
    """Return by how much an order is off what it follows, in money."""
    values = order.values
    if order.type.word == "PEG BEST":
        offset = values.get("compete_against_best_offset")
        up_to_middle = offset is not None and isinf(offset)
        return abs(quote.middle - quote.price(not order.buys)) if up_to_middle else offset or COMPETE_BY
    if order.type.peg is not None and order.type.peg.reference == "middle":
        whole, half = values.get("mid_offset_at_whole"), values.get("mid_offset_at_half")
        even = round((quote.ask - quote.bid) / tick) % 2 == 0 if not isnan(quote.middle) else True
        return (whole if even else half) or order.offset()
    percent: float = values.get("percent_offset") or 0.0
    return order.offset() or percent * quote.price(not order.buys)


def trailed(order: Order, stop: float | None, reference: float) -> float:
    """Return the stop of a trailing order beside a market price: it only ever moves with the order's gain."""
    percent = order.values["trailing_percent"]
    distance = reference * percent / 100 if percent else order.offset()
    wanted = round(reference + distance if order.buys else reference - distance, 10)
    if stop is None:
        return wanted
    return min(stop, wanted) if order.buys else max(stop, wanted)


def trail_reference(order: Order, method: int, quote: Quote, last: Trade | None) -> float | None:
    """Return the market price that a trailing stop follows by its trigger method, None while there is none."""
    if method in BY_TRADES and last is not None:
        return last.price
    price = quote.middle if method == MIDPOINT else quote.price(not order.buys)
    return None if isnan(price) else price


def limit_behind(order: Order, stop: float) -> float | None:
    """Return the limit at which an order works: a trailing one's stands off its stop, some have that of their fills."""
    offset = order.values["limit_price_offset"]
    if order.type.word == "TRAIL LIMIT" and offset is not None:
        return float(round(stop + offset if order.buys else stop - offset, 10))
    if order.type.rest_at_fill and order.filled:
        return float(order.last_price)
    limit: float | None = order.values["limit_price"]
    return limit if order.type.limit != "none" else None
