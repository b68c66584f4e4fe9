"""What the market of one instrument shows: its quote, its last trade, and how much of what it shows was taken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isnan

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quote:
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
        return (self.bid + self.ask) / 2


NO_QUOTE = Quote(0, float("nan"), 0.0, float("nan"), 0.0)


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade that was printed, and the quote before it; `exchange` may be empty."""

    at_us: int
    price: float
    size: float
    quote: Quote = NO_QUOTE
    exchange: str = ""

    @property
    def seller_began(self) -> bool | None:
        """Whether the seller took a standing bid; None where the quote at the print does not tell: IB does not."""
        if self.price <= self.quote.bid:
            return True
        return False if self.price >= self.quote.ask else None


@dataclass(frozen=True, slots=True)
class Level:
    """What is shown at a price of one side, and where."""

    price: float
    size: float
    exchange: str = ""


Levels = Callable[[int, int, bool], Sequence[Level]]  # contract id, moment, of asks -> recorded levels, best first


class Displayed:
    """The market of one instrument as orders meet it.

    `taken` is the ledger of what own orders took of the sizes shown, by side and price: it is there again only when the
    market shows another size, or the level went and came back.
    """

    def __init__(self, con_id: int, levels: Levels) -> None:
        self.con_id = con_id
        self.quote = NO_QUOTE
        self.last: Trade | None = None
        self._levels = levels
        self._taken: dict[tuple[bool, float], tuple[float, Decimal]] = {}

    def show(self, quote: Quote) -> None:
        """Take a new quote."""
        self.quote = quote
        if self._taken:
            self._taken = {key: one for key, one in self._taken.items() if not self._is_gone(*key)}

    def _is_gone(self, asks: bool, price: float) -> bool:
        best = self.quote.price(asks)
        return isnan(best) or (price < best if asks else price > best)

    def levels(self, asks: bool, at_us: int) -> Iterator[Level]:
        """Yield the levels of a side, best first: the quote's, and then those behind it that were recorded."""
        best = Level(self.quote.price(asks), self.quote.size(asks))
        if isnan(best.price):
            return
        yield best
        for level in self._levels(self.con_id, at_us, asks):
            if level.price > best.price if asks else level.price < best.price:
                yield level

    def available(self, asks: bool, level: Level) -> Decimal:
        """Return how much of a level own orders have not taken yet."""
        shown, taken = self._taken.get((asks, level.price), (level.size, NOTHING))
        if shown != level.size:
            del self._taken[asks, level.price]
            taken = NOTHING
        return max(exact(level.size) - taken, NOTHING)

    def take(self, asks: bool, level: Level, quantity: Decimal) -> None:
        """Note that own orders took some of a level."""
        assert NOTHING < quantity <= self.available(asks, level)
        _, taken = self._taken.get((asks, level.price), (level.size, NOTHING))
        self._taken[asks, level.price] = level.size, taken + quantity

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
