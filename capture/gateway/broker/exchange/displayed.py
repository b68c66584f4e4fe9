"""What the market of one instrument shows: its quote, its last trade, and how much of what it shows was taken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from math import isnan
from typing import NamedTuple

from .takings import NOTHING, Takings


class Quote(NamedTuple):
    """The best bid and ask from `at_us` on; a side without a price has no size, and its price is NaN."""

    at_us: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float

    def price(self, asks: bool) -> float:
        """Return the best price of a side."""
        return self.ask if asks else self.bid

    def size(self, asks: bool) -> float:
        """Return what is shown at the best price of a side."""
        return self.ask_size if asks else self.bid_size

    @property
    def middle(self) -> float:
        """Half way between bid and ask; NaN where one is missing."""
        return round((self.bid + self.ask) / 2, 10)  # prices are decimals, which floats only nearly are


NO_QUOTE = Quote(0, float("nan"), 0.0, float("nan"), 0.0)


class Trade(NamedTuple):
    """A trade that was printed, and the quote before it; `exchange` may be empty."""

    at_us: int
    price: float
    size: float
    quote: Quote = NO_QUOTE
    exchange: str = ""

    @property
    def seller_began(self) -> bool | None:
        """Whether the seller took a standing bid; None where the quote at the print does not tell: IB does not."""
        took_bid, took_ask = self.price <= self.quote.bid, self.price >= self.quote.ask
        return None if took_bid == took_ask else took_bid


@dataclass(frozen=True, slots=True)
class Level:
    """What is shown at a price of one side, and where."""

    price: float
    size: float
    exchange: str = ""


Levels = Callable[[int, int, bool], Sequence[Level]]  # contract id, moment, of asks -> recorded levels, best first


class Displayed:
    """The market of one instrument as orders meet it.

    It holds a ledger of what own orders took of the sizes shown, by side and price. That is not there again while the
    price is shown: what it grows by is new, and what is gone of it may be what was taken. Once the market has left the
    price the ledger forgets it.
    """

    def __init__(self, con_id: int, levels: Levels) -> None:
        self.con_id = con_id
        self.quote = NO_QUOTE
        self.last: Trade | None = None
        self._levels = levels
        self._bids, self._asks = Takings(asks=False), Takings(asks=True)

    def show(self, quote: Quote) -> None:
        """Take a new quote."""
        self.quote = quote
        if self._bids.prices:
            self._bids.show(quote.bid, exact(quote.bid_size))
        if self._asks.prices:
            self._asks.show(quote.ask, exact(quote.ask_size))

    @property
    def ledger(self) -> list[tuple[bool, float]]:
        """The sides (True: asks) and prices at which own orders took something that is shown still."""
        return [*((False, price) for price in self._bids.prices), *((True, price) for price in self._asks.prices)]

    def _takings(self, asks: bool) -> Takings:
        return self._asks if asks else self._bids

    def levels(self, asks: bool, at_us: int) -> Iterator[tuple[Level, Decimal]]:
        """Yield the levels of a side, best first, each with what of it own orders have not taken.

        The quote's level comes first, then those behind it that were recorded.
        """
        for price, there in groupby(self._shown(asks, at_us), lambda level: level.price):
            taken = self._takings(asks).at(price)
            for level in there:
                gone = min(taken, exact(level.size))
                taken -= gone
                yield level, exact(level.size) - gone

    def _shown(self, asks: bool, at_us: int) -> Iterator[Level]:
        best = Level(self.quote.price(asks), self.quote.size(asks))
        if isnan(best.price):
            return
        yield best
        for level in self._levels(self.con_id, at_us, asks):
            if level.price > best.price if asks else level.price < best.price:
                yield level

    def available(self, asks: bool, level: Level) -> Decimal:
        """Return how much of a level own orders have not taken yet."""
        return max(exact(level.size) - self._takings(asks).at(level.price), NOTHING)

    def take(self, asks: bool, level: Level, quantity: Decimal) -> None:
        """Note that own orders took some of a level."""
        self._takings(asks).add(level.price, quantity)

    def shown_at(self, price: float, bids: bool, at_us: int) -> float | None:
        """Return the size shown at a price of a side: 0 in front of the best, None where it was not recorded."""
        best = self.quote.price(not bids)
        if isnan(best):
            return None
        if price == best:
            return self.quote.size(not bids)
        if price > best if bids else price < best:
            return 0.0
        return _at(price, self._levels(self.con_id, at_us, not bids))


def _at(price: float, levels: Sequence[Level]) -> float | None:
    """Return what recorded levels show at a price together; None for one behind them all, or without any."""
    if not levels or abs(price - levels[0].price) > abs(levels[-1].price - levels[0].price):
        return None
    return sum(level.size for level in levels if level.price == price)


@lru_cache(65_536)
def exact(number: float) -> Decimal:
    """Return a price or a size as it was written, not as the machine holds it."""
    return Decimal(int(number)) if number.is_integer() else Decimal(repr(number))
