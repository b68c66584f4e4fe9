"""What sets off a stop or an order that waits to be touched: IB's trigger methods, one by one.

Source: IB's documentation of trigger methods; 5 and 6 do not exist.
"""

from dataclasses import dataclass
from math import isnan

from .displayed import NO_QUOTE, Quote, Trade

DEFAULT, DOUBLE_BID_ASK, LAST, DOUBLE_LAST, BID_ASK, LAST_OR_BID_ASK, MIDPOINT = 0, 1, 2, 3, 4, 7, 8
METHODS = (DEFAULT, DOUBLE_BID_ASK, LAST, DOUBLE_LAST, BID_ASK, LAST_OR_BID_ASK, MIDPOINT)
BY_QUOTES = (DOUBLE_BID_ASK, BID_ASK, LAST_OR_BID_ASK, MIDPOINT)
BY_TRADES = (LAST, DOUBLE_LAST, LAST_OR_BID_ASK)
DOUBLE = (DOUBLE_BID_ASK, DOUBLE_LAST)
DEFAULT_OF = {"OPT": DOUBLE_BID_ASK, "CASH": BID_ASK, "BAG": BID_ASK, "CFD": BID_ASK}  # kind of security; others: LAST


def method_of(number: int, sec_type: str) -> int:
    """Return the trigger method that a number means for a kind of security."""
    return number or DEFAULT_OF.get(sec_type, LAST)


@dataclass(slots=True)
class Trigger:
    """Fires when the market reaches a price: from below with `above`, else from above, by one of the methods.

    A method whose data does not come never fires. A single last price has to be possible beside the quote: it fires
    nothing where the other side stands before the trigger's price.
    """

    price: float
    above: bool
    method: int
    _before: tuple[float, float] | None = None  # price and size that reached it last, for methods that want two

    def quoted(self, quote: Quote) -> bool:
        """Return whether a new quote fires it."""
        if self.method not in BY_QUOTES:
            return False
        price = quote.middle if self.method == MIDPOINT else quote.price(not self.above)
        return self._reach(price, quote.size(not self.above))

    def traded(self, trade: Trade) -> bool:
        """Return whether a trade fires it."""
        if self.method not in BY_TRADES or not self._is_possible(trade.quote):
            return False
        return self._reach(trade.price, trade.size)

    def stands(self, quote: Quote, last: Trade | None) -> bool:
        """Return whether the market stands where it fires at once, for one that is only now looked at."""
        seen = self.method in BY_QUOTES and self._is_reached(
            quote.middle if self.method == MIDPOINT else quote.price(not self.above))
        return seen or (self.method in BY_TRADES and last is not None and self._is_reached(last.price))

    def _is_possible(self, quote: Quote) -> bool:
        if self.method == DOUBLE_LAST or quote is NO_QUOTE:
            return True
        other = quote.price(self.above)
        return isnan(other) or self._is_reached(other)

    def _reach(self, price: float, size: float) -> bool:
        before, reached = self._before, self._is_reached(price)
        self._before = (price, size) if reached else None
        if self.method not in DOUBLE:
            return reached
        # A bid counts once more when it is another one, or grew; every trade is another one.
        return reached and before is not None and (
            self.method == DOUBLE_LAST or price != before[0] or size > before[1])

    def _is_reached(self, price: float) -> bool:
        return price >= self.price if self.above else price <= self.price  # NaN reaches nothing
