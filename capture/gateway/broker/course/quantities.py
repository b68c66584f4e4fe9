"""How much orders are for: so many, or what an amount of money buys as the market stands."""

from decimal import ROUND_DOWN, Decimal
from math import isnan

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.floor import Floor
from capture.gateway.broker.orders.wish import Wish

FINEST = Decimal("1e-8")  # of what an amount of money buys, where the instrument does not say


def quantity_of(wish: Wish, floor: Floor) -> Decimal:
    """Return how much an order is for; 0 for an amount of money where there is no price."""
    cash = wish.values.get("cash_quantity")
    if not cash:
        return wish.size
    standing = floor.displayed(wish.security.con_id).quote.price(wish.values["action"] == "BUY")
    price = wish.values["limit_price"] or standing
    if isnan(price) or price <= 0:
        return Decimal(0)
    increment = Decimal(str(wish.security.details.get("size_increment") or FINEST))
    return (exact(cash) / exact(price) / increment).quantize(Decimal(1), ROUND_DOWN) * increment
