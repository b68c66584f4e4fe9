"""Another broker, slow and obvious: it keeps all that ever happened and works everything out anew from that.

The rules in words:

1.  An order meets only what happens after it arrived. Of several it is the best price that is served first, one at any
    price before all, then the one that came first. What waits to be set off looks at an event before anything fills.
2.  An order takes what the other side shows, best level first, up to its limit. It rests from the moment on at which
    the other side is shown and does not reach its limit; where no other side is shown, its own has to be as good.
3.  What own orders took is not there again while its price is shown: at most what is shown counts as taken, and it is
    forgotten once the market is worse than that price, or shows nothing of that side.
4.  What rests fills at its limit: by a quote whose other side reaches it, out of the size shown there; by a trade that
    the other side began, at a better price; at its own price by what the mode says. Once a quote reached it, what is
    left of it does not rest any more: it takes.
5.  STRICT: the market has to be beyond by the penetration; trades at the limit never. TOUCH: all of a trade at the
    limit. QUEUE: what of it came past the size that stood there.
6.  That size is what was shown when the order came to rest (nothing where its price was the best; where its level was
    not shown, what is shown when it becomes the best). Prints take from its front. A size that shrinks by more than was
    printed was cancelled for the rest: of that, the part in front is in proportion, whole pieces only. A print that
    comes after a shrink counts as if it had come before. When the market is worse than the price nothing is left.
7.  A seller began a trade at the bid or below, a buyer one at the ask or above; anything else nobody began.
8.  Of a trade's size own orders of one side together get no more than all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

Q = Fraction
TICK, NOTHING, ONE = Q(1, 100), Q(0), Q(1)


class Shown(NamedTuple):
    """A quote: prices are None where a side is missing; `behind` are levels behind the best, by side (True: asks)."""

    at: int
    bid: Q | None
    bid_size: Q
    ask: Q | None
    ask_size: Q
    behind: dict[bool, list[tuple[Q, Q]]]

    def price(self, asks: bool) -> Q | None:
        return self.ask if asks else self.bid

    def size(self, asks: bool) -> Q:
        return self.ask_size if asks else self.bid_size

    @property
    def middle(self) -> Q | None:
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


class Print(NamedTuple):
    """A trade, with the quote before it."""

    at: int
    price: Q
    size: Q
    quote: Shown


class Took(NamedTuple):
    """What an own order took of a side's price."""

    asks: bool
    price: Q
    size: Q


Past = list[Shown | Print | Took]
NOTHING_SHOWN = Shown(0, None, Q(0), None, Q(0), {True: [], False: []})


class Filled(NamedTuple):
    """A fill: it `rested` or took."""

    at: int
    order_id: int
    price: Q
    size: Q
    rested: bool


@dataclass
class SlowOrder:
    """An order; `stood` is the place in the past from which on it rests, None while it does not."""

    order_id: int
    buys: bool
    size: Q
    kind: str
    force: str
    limit: Q | None
    auxiliary: Q | None
    method: int
    arrived: int
    turn: int
    works_at: Q | None = None
    stop: Q | None = None
    waits: bool = False
    seen: list[tuple[str, Q, Q, bool]] = field(default_factory=list)  # while it waits: kind, price, size, reached
    stood: int | None = None
    in_front: Q | None = None
    filled: Q = NOTHING
    last: Q = NOTHING
    status: str = "open"

    @property
    def left(self) -> Q:
        return self.size - self.filled

    def reaches(self, price: Q | None, limit: Q | None) -> bool:
        if price is None:
            return False
        return limit is None or (price <= limit if self.buys else price >= limit)


PEGS: dict[str, Callable[[Shown, bool, Q], Q | None]] = {
    "REL": lambda quote, buys, offset: _plus(quote.price(not buys), offset if buys else -offset),
    "PEG MKT": lambda quote, buys, offset: _plus(quote.price(buys), -offset if buys else offset),
    "PEG MID": lambda quote, buys, offset: _plus(quote.middle, -offset if buys else offset),
}
STOPS, TOUCHES, TRAILS = ("STP", "STP LMT"), ("MIT", "LIT"), ("TRAIL",)


def _plus(price: Q | None, offset: Q) -> Q | None:
    return None if price is None else price + offset


class SlowMatcher:
    """The orders of one instrument, and what happened in its market so far."""

    def __init__(self, mode: str, penetration_ticks: int, piece: Q = ONE) -> None:
        self.mode, self.penetration, self.piece = mode, penetration_ticks * TICK, piece
        self.past: Past = []
        self.orders: dict[int, SlowOrder] = {}
        self.fills: list[Filled] = []
        self.turns = 0

    # What clients do

    def place(self, at: int, order_id: int, buys: bool, size: Q, kind: str, **more: Any) -> None:
        """Take an order."""
        given = {"force": "DAY", "limit": None, "auxiliary": None, "method": 0} | more
        self.orders[order_id] = SlowOrder(order_id, buys, size, kind, arrived=at, turn=self._turn(), **given)
        self._arrive(self.orders[order_id], at)

    def modify(self, at: int, order_id: int, size: Q, limit: Q | None, auxiliary: Q | None) -> None:
        """Change an order: it loses its place where its price changes or it grows."""
        order = self.orders[order_id]
        if order.status != "open":
            return
        if size <= order.filled:
            order.status = "cancelled"
            return
        stays = (limit, auxiliary) == (order.limit, order.auxiliary) and size <= order.size
        order.size, order.limit, order.auxiliary = size, limit, auxiliary
        if not stays:
            order.turn = self._turn()
            order.arrived = at
            self._arrive(order, at, again=True)

    def cancel(self, order_id: int) -> None:
        """Cancel an order."""
        if self.orders[order_id].status == "open":
            self.orders[order_id].status = "cancelled"

    def _turn(self) -> int:
        self.turns += 1
        return self.turns

    def _arrive(self, order: SlowOrder, at: int, again: bool = False) -> None:
        order.stood = None
        if (order.waits or not again) and order.kind in (*STOPS, *TOUCHES, *TRAILS):
            order.waits, order.seen = True, []
            order.stop = None if order.kind in TRAILS else order.auxiliary
            self._trail(order)
        else:
            self._enter(order)

    def _enter(self, order: SlowOrder) -> None:
        order.works_at = order.limit
        if order.kind == "MTL" and order.filled:
            order.works_at = order.last
        if order.kind in PEGS:
            order.works_at = self._pegged(order)
        order.stood = None
        self._maybe_rest(order)

    # What the market does

    def quote(self, quote: Shown) -> None:
        """Let a quote happen."""
        self.past.append(quote)
        present = [one for one in self.orders.values() if one.status == "open" and one.arrived < quote.at]
        for order in present:
            if order.kind in PEGS and (price := self._pegged(order)) != order.works_at:
                order.works_at, order.stood = price, None
        for order in self._queue(present):
            if order.waits:
                self._trail(order)
                self._look(order, quote)
            else:
                self._meet_quote(order, quote)

    def trade(self, trade: Print) -> None:
        """Let a trade happen."""
        self.past.append(trade)
        left = {True: trade.size, False: trade.size}
        for order in self._queue(list(self.orders.values())):
            if order.status != "open" or order.arrived >= trade.at:
                continue
            if order.waits:
                self._trail(order)
                self._look(order, trade)
            elif order.stood is not None:
                got = min(order.left, self._given_by(order, trade) - (trade.size - left[order.buys]))
                if got > 0:
                    left[order.buys] -= got
                    self._fill(order, trade.at, order.works_at or Q(0), got, True)

    @staticmethod
    def _queue(orders: list[SlowOrder]) -> list[SlowOrder]:
        def rank(order: SlowOrder) -> tuple[bool, bool, Q, bool, int]:
            price = Q(0) if order.works_at is None else order.works_at
            is_stop = order.kind in (*STOPS, *TRAILS)
            return not order.waits, order.works_at is not None, -price if order.buys else price, not is_stop, order.turn

        return sorted(orders, key=rank)

    def _shown(self) -> Shown:
        return next((one for one in reversed(self.past) if isinstance(one, Shown)), NOTHING_SHOWN)

    # Taking

    def _meet_quote(self, order: SlowOrder, quote: Shown) -> None:
        if order.kind in PEGS and order.works_at is None:
            return
        if order.stood is not None:
            other = quote.price(order.buys)
            if self._is_through(order, other):
                assert other is not None and order.works_at is not None
                got = min(order.left, self._there(order.buys, other, quote.size(order.buys)))
                if got > 0:
                    self.past.append(Took(order.buys, other, got))
                    self._fill(order, quote.at, order.works_at, got, True)
                order.stood = None
            return
        self._take(order, quote)

    def _take(self, order: SlowOrder, quote: Shown) -> None:
        best = quote.price(order.buys)
        limit = best if order.kind == "MTL" and order.works_at is None else order.works_at
        levels = [] if best is None else [(best, quote.size(order.buys)), *quote.behind[order.buys]]
        within = []
        for place, (price, size) in enumerate(levels):
            before = sum((more for other, more in levels[:place] if other == price), Q(0))
            if order.reaches(price, limit):
                there = self._there(order.buys, price, before + size) - self._there(order.buys, price, before)
                within.append((price, there))
        if order.force == "FOK" and sum(size for _, size in within) < order.left:
            order.status = "cancelled"
            return
        for price, there in within:
            got = min(there, order.left)
            if got > 0:
                self.past.append(Took(order.buys, price, got))
                self._fill(order, quote.at, price, got, False)
        if order.status == "open" and order.force in ("IOC", "FOK"):
            order.status = "cancelled"
        if order.kind == "MTL" and order.filled and order.works_at is None:
            order.works_at = order.last
        if order.status == "open":
            self._maybe_rest(order)

    def _there(self, asks: bool, price: Q, size: Q) -> Q:
        """Work out from all that happened how much of a size shown now own orders have not taken."""
        taken = Q(0)
        for event in self.past:
            if isinstance(event, Took) and (event.asks, event.price) == (asks, price):
                taken += event.size
            elif isinstance(event, Shown):
                best = event.price(asks)
                if best is None or (best > price if asks else best < price):
                    taken = Q(0)
                elif best == price:
                    taken = min(taken, event.size(asks))
        return max(size - taken, Q(0))

    def _fill(self, order: SlowOrder, at: int, price: Q, size: Q, rested: bool) -> None:
        order.filled += size
        order.last = price
        self.fills.append(Filled(at, order.order_id, price, size, rested))
        if not order.left:
            order.status = "filled"

    # Resting

    def _maybe_rest(self, order: SlowOrder) -> None:
        if order.works_at is None or order.force in ("IOC", "FOK"):
            return
        quote = self._shown()
        other, own = quote.price(order.buys), quote.price(not order.buys)
        if other is not None:
            rests = not order.reaches(other, order.works_at)
        else:
            rests = own is not None and (order.works_at <= own if order.buys else order.works_at >= own)
        if rests:
            order.stood, order.in_front = len(self.past), self._size_at(order, quote)

    @staticmethod
    def _size_at(order: SlowOrder, quote: Shown) -> Q | None:
        """Return what a quote and the levels behind it show at an order's price, None where they do not say."""
        own, limit = quote.price(not order.buys), order.works_at
        assert limit is not None
        if own is None:
            return None
        if limit == own:
            return quote.size(not order.buys)
        if limit > own if order.buys else limit < own:
            return Q(0)
        behind = quote.behind[not order.buys]
        worst = behind[-1][0] if behind else own
        if not behind or (limit < worst if order.buys else limit > worst):
            return None
        return sum((size for price, size in behind if price == limit), Q(0))

    def _is_through(self, order: SlowOrder, price: Q | None) -> bool:
        if price is None or order.works_at is None:
            return False
        reach = self.penetration if self.mode == "strict" else Q(0)
        return price <= order.works_at - reach if order.buys else price >= order.works_at + reach

    def _given_by(self, order: SlowOrder, trade: Print) -> Q:
        """Return how much of a trade gets to an order, were no other own order there."""
        if _seller_began(trade) is not order.buys or not order.reaches(trade.price, order.works_at):
            return Q(0)
        if trade.price != order.works_at:
            return trade.size if self._is_through(order, trade.price) else Q(0)
        if self.mode == "queue":
            story = self._story(order)
            before = _came_past(order.in_front, story[:-1], self.piece)
            return _came_past(order.in_front, story, self.piece) - before
        return trade.size if self.mode == "touch" else Q(0)

    def _story(self, order: SlowOrder) -> list[tuple[str, Q]]:
        """Return what happened at an order's price since it rests there."""
        story: list[tuple[str, Q]] = []
        assert order.stood is not None and order.works_at is not None
        for event in self.past[order.stood:]:
            if isinstance(event, Shown):
                own = event.price(not order.buys)
                if own == order.works_at:
                    story.append(("shows", event.size(not order.buys)))
                elif own is None or (own < order.works_at if order.buys else own > order.works_at):
                    story.append(("gone", Q(0)))
            elif isinstance(event, Print) and _seller_began(event) is order.buys:
                if event.price == order.works_at:
                    story.append(("prints", event.size))
                elif order.reaches(event.price, order.works_at):
                    story.append(("gone", Q(0)))
        return story

    # Waiting to be set off

    def _pegged(self, order: SlowOrder) -> Q | None:
        price = PEGS[order.kind](self._shown(), order.buys, order.auxiliary or Q(0))
        if price is None or order.limit is None:
            return price
        return min(price, order.limit) if order.buys else max(price, order.limit)

    def _trail(self, order: SlowOrder) -> None:
        if order.kind not in TRAILS:
            return
        prints = [one for one in self.past if isinstance(one, Print)]
        quote = self._shown()
        price = quote.middle if order.method == 8 else quote.price(not order.buys)
        if (order.method or 2) in (2, 3, 7) and prints:
            price = prints[-1].price
        if price is None:
            return
        wanted = price + (order.auxiliary or Q(0)) * (1 if order.buys else -1)
        best = min if order.buys else max
        order.stop = wanted if order.stop is None else best(order.stop, wanted)

    def _look(self, order: SlowOrder, event: Shown | Print) -> None:
        if order.stop is None:
            return
        up = order.buys != (order.kind in TOUCHES)
        method, seen = order.method or 2, order.seen

        def reached(price: Q | None) -> bool:
            stop = order.stop
            return price is not None and stop is not None and (price >= stop if up else price <= stop)

        if isinstance(event, Shown):
            price = event.middle if method == 8 else event.price(not up)
            seen.append(("quote", price if price is not None else Q(-1), event.size(not up), reached(price)))
        else:
            across = event.quote.price(up)
            fits = method == 3 or across is None or reached(across)
            if fits:
                seen.append(("trade", event.price, event.size, reached(event.price)))
        if seen and self._is_set_off(method, seen, "quote" if isinstance(event, Shown) else "trade"):
            order.waits, order.arrived = False, event.at
            self._enter(order)

    @staticmethod
    def _is_set_off(method: int, seen: list[tuple[str, Q, Q, bool]], now: str) -> bool:
        kind, price, size, reached = seen[-1]
        if kind != now:
            return False
        wanted = {1: ("quote",), 2: ("trade",), 3: ("trade",), 4: ("quote",), 7: ("quote", "trade"), 8: ("quote",)}
        if kind not in wanted[method] or not reached:
            return False
        if method not in (1, 3):
            return True
        before = [one for one in seen[:-1] if one[0] == kind]
        if not before or not before[-1][3]:
            return False
        return method == 3 or price != before[-1][1] or size > before[-1][2]


def _seller_began(trade: Print) -> bool | None:
    at_bid = trade.quote.bid is not None and trade.price <= trade.quote.bid
    at_ask = trade.quote.ask is not None and trade.price >= trade.quote.ask
    return None if at_bid == at_ask else at_bid


def _came_past(in_front: Q | None, story: list[tuple[str, Q]], piece: Q) -> Q:
    """Return how much of all prints of a story got past what stood in front, prints put before what they explain."""
    front, shown, printed, past = in_front, in_front or Q(0), Q(0), Q(0)
    for what, size in _in_place(in_front, story):
        if what == "gone":
            front, shown, printed = Q(0), Q(0), Q(0)
        elif what == "shows" and front is None:
            front, shown, printed = size, size, Q(0)
        elif what == "shows":
            assert front is not None
            cancelled = max(shown - printed - size, Q(0))
            share = floor(front * cancelled / shown / piece) * piece if cancelled else Q(0)
            front, shown, printed = min(front - share, size), size, Q(0)
        elif front is not None:
            served = min(front, size)
            front, printed, past = front - served, printed + size, past + size - served
    return past


def _in_place(in_front: Q | None, story: list[tuple[str, Q]]) -> list[tuple[str, Q]]:
    """Return a story with each print before the shrink that it explains."""
    told: list[tuple[str, Q]] = []
    for what, size in story:
        last_shows = next((place for place in reversed(range(len(told))) if told[place][0] != "prints"), None)
        if what != "prints" or last_shows is None or told[last_shows][0] != "shows":
            told.append((what, size))
            continue
        early = min(max(_unexplained(in_front, told[: last_shows + 1]), Q(0)), size)
        told[last_shows:last_shows] = [("prints", early)]
        told.append(("prints", size - early))
    return told


def _unexplained(in_front: Q | None, told: list[tuple[str, Q]]) -> Q:
    """Return by how much the size shown last is smaller than the one before and the prints between explain."""
    places = [place for place, (what, _) in enumerate(told[:-1]) if what != "prints"]
    before = told[places[-1]][1] if places else in_front
    begin = places[-1] + 1 if places else 0
    if before is None:
        return Q(0)
    return before - sum(size for _, size in told[begin:-1]) - told[-1][1]
