"""How much of an order the market fills, and at what: by taking what is shown, or by standing until it is reached.

Rules, and why: docs/paper.md. A fill takes a tick that came after the order; it is never better than the other side of
the market, and what own orders took of a size is not there again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isnan

from capture.gateway.broker.fill import ADDED, REMOVED

from .displayed import Displayed, Level, Quote, Trade, exact
from .queue_position import QueuePosition
from .takings import NOTHING


class Fills(StrEnum):
    """When a resting order fills.

    STRICT: once the market trades or is quoted beyond its price; QUEUE: once the size that stood before it is gone,
    too; TOUCH: as soon as the market trades at its price or the other side is quoted there.
    """

    STRICT = "strict"
    QUEUE = "queue"
    TOUCH = "touch"


@dataclass(frozen=True, slots=True)
class Taken:
    """A part of an order that fills: at `price`, having added or removed liquidity, by a `rule` in words."""

    price: float
    quantity: Decimal
    liquidity: int
    exchange: str = ""
    rule: str = "displayed"


def taking(displayed: Displayed, buys: bool, limit: float | None, quantity: Decimal, at_us: int) -> Iterator[Taken]:
    """Yield what an order takes of the other side, level by level, up to its limit (None: any price)."""
    for level, available in displayed.levels(buys, at_us):
        if quantity <= 0 or not is_within(level.price, limit, buys):
            return
        taken = min(quantity, available)
        if taken > 0:
            quantity -= taken
            displayed.take(buys, level, taken)
            yield Taken(level.price, taken, REMOVED, level.exchange)


def stands(quote: Quote, limit: float, buys: bool) -> bool:
    """Return whether an order rests at its limit beside a quote: the other side, or else its own, has to show that."""
    other, own = quote.price(buys), quote.price(not buys)
    return not is_within(other, limit, buys) if not isnan(other) else is_within(limit, own, buys)


def is_within(price: float, limit: float | None, buys: bool) -> bool:
    """Return whether a price is no worse than a limit."""
    return limit is None or (price <= limit if buys else price >= limit)


def is_beyond(price: float, limit: float, buys: bool, tick: float) -> bool:
    """Return whether a price is beyond a limit by a tick or more: below that of a buyer."""
    reach = tick * (1 - 1e-9)  # prices are multiples of a tick, and not exact
    return price <= limit - reach if buys else price >= limit + reach


@dataclass(slots=True)
class Resting:
    """An order that stands at its limit in the book, and by which rules it fills there.

    `penetration` is how far beyond its price, in money, the market has to go where the rules are strict; `rule` are
    these rules in words. `reach` is the worst price that it takes, its own where there is none beyond that.
    """

    buys: bool
    queue: QueuePosition
    fills: Fills
    penetration: float
    reach: float
    rule: str = ""

    @property
    def limit(self) -> float:
        """Its price."""
        return self.queue.price

    @property
    def is_plain(self) -> bool:
        """Whether it takes nothing beyond its price."""
        return self.reach == self.queue.price

    @property
    def waits(self) -> bool:
        """Whether it waits for others to be served."""
        return self.fills == Fills.QUEUE and not self.queue.is_first

    def concerns(self, quote: Quote) -> bool:
        """Return whether a quote may change anything for it: not while others stand before it, unreached."""
        if self.buys:
            return not self.queue.price < quote.bid or quote.ask <= self.reach
        return not self.queue.price > quote.ask or quote.bid >= self.reach

    def quoted(self, displayed: Displayed, quantity: Decimal) -> Taken | None:
        """Return what of it a quote that reaches it fills, out of the size that the other side shows."""
        quote = displayed.quote
        level = Level(quote.price(self.buys), quote.size(self.buys))
        taken = min(quantity, displayed.available(self.buys, level))
        if taken <= 0:
            return None
        displayed.take(self.buys, level, taken)
        return Taken(self.limit, taken, ADDED, rule=self.rule)

    def traded(self, trade: Trade, quantity: Decimal, used: Decimal) -> Taken | None:
        """Return what of it a trade fills; `used` of the trade's size went to own orders that stood before it.

        Only a trade that the other side began gets to those that rest.
        """
        if not self.trades_at(trade.price) or trade.seller_began is not self.buys:
            return None
        if trade.price != self.limit:
            self.queue.passes()
            reached = exact(trade.size) if self._is_reached_by(trade.price) else NOTHING
        else:
            passed = self.queue.prints(trade.size)
            reached = {Fills.STRICT: NOTHING, Fills.QUEUE: passed, Fills.TOUCH: exact(trade.size)}[self.fills]
        taken = min(quantity, reached - used)
        return Taken(self.limit, taken, ADDED, trade.exchange, self.rule) if taken > 0 else None

    def trades_at(self, price: float) -> bool:
        """Return whether a trade at a price may fill it."""
        return is_within(price, self.queue.price, self.buys)

    def is_reached(self, quote: Quote) -> bool:
        """Return whether the other side of a quote fills it."""
        other = quote.price(self.buys)
        return not isnan(other) and self._is_reached_by(other)

    def _is_reached_by(self, price: float) -> bool:
        if self.fills == Fills.STRICT:
            return is_beyond(price, self.limit, self.buys, self.penetration)
        return is_within(price, self.limit, self.buys)

    def look(self, quote: Quote) -> None:
        """See what stands at its price now: nothing where the best is behind it."""
        best, limit = quote.price(not self.buys), self.queue.price
        if best == limit:
            self.queue.shows(quote.size(not self.buys))
        elif isnan(best) or (best < limit if self.buys else best > limit):
            self.queue.passes()
