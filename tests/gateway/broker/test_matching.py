"""What orders are filled, beside a slow and obvious matcher, and what holds after every event."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from capture.gateway.broker.exchange.displayed import Level, Quote, Trade
from capture.gateway.broker.exchange.matching import Fills
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.fill import ADDED
from capture.gateway.broker.orders.order import Status
from tests.gateway.broker.placing import broker, fills_of, order
from tests.gateway.broker.slow_matcher import NOTHING_SHOWN, ONE, Filled, Print, Q, Shown, SlowMatcher
from tests.gateway.broker.trading import SHARE

SMALL = replace(SHARE, details={"size_increment": 0.0001})
EVENTS, DAYS = 70, 12
MODES = [(Fills.STRICT, 1), (Fills.STRICT, 2), (Fills.QUEUE, 1), (Fills.TOUCH, 1)]
NAN = float("nan")
pytestmark = pytest.mark.slow


@dataclass
class Day:
    """A random market of one share and random orders for it, given to both matchers alike, event by event."""

    seed: int
    mode: Fills
    penetration: int
    piece: Q = ONE
    at: int = 1_000
    now: Shown = NOTHING_SHOWN
    middle: int = 1_000
    range_of: dict[int, tuple[Q, Q]] = field(default_factory=dict)  # order id -> prices since the quote that stood
    filled: list[Filled] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed} {self.mode}")
        self.slow = SlowMatcher(self.mode, self.penetration, self.piece)
        self.fast = broker(Rules(self.mode, self.penetration), self.levels)
        self.books: list[Shown] = [NOTHING_SHOWN]

    # What both are given

    def levels(self, _con_id: int, at_us: int, asks: bool) -> list[Level]:
        """Return the levels recorded by a moment, the best among them."""
        book = next(one for one in reversed(self.books) if one.at <= at_us)
        best = book.price(asks)
        if best is None or not book.behind[asks]:
            return []
        found = [(best, book.size(asks)), *book.behind[asks]]
        return [Level(float(price), float(size), f"X{place}") for place, (price, size) in enumerate(found)]

    def size(self) -> Q:
        """Return an odd number of pieces: such sizes show in what pieces they come."""
        return (2 * self.random.choice((0, 0, 1, 2, 3, 5, 12, 25)) + 1) * self.piece

    def quote(self) -> None:
        """Move the market, or the sizes in it; now and then a side is missing."""
        draw = self.random
        self.middle += draw.choice((0, 0, 0, 0, 0, 1, -1, 2, -2, 4, -4))
        spread = draw.choice((1, 1, 1, 2, 3))
        behind: dict[bool, list[tuple[Q, Q]]] = {True: [], False: []}
        bid, ask = Q(self.middle, 100), Q(self.middle + spread, 100)
        for asks in (True, False):
            best = ask if asks else bid
            for step in range(1, draw.choice((1, 1, 3, 4))):
                price = best + Q(step if asks else -step, 100)
                behind[asks] += [(price, self.size()) for _ in range(draw.choice((1, 2)))]
        missing = draw.choice((None,) * 20 + (True, False))
        self.now = Shown(self.at, None if missing is False else bid, Q(0) if missing is False else self.size(),
                         None if missing is True else ask, Q(0) if missing is True else self.size(),
                         behind | ({} if missing is None else {missing: []}))  # fmt: skip
        self.books.append(self.now)
        self.widen(*(price for price in (self.now.bid, self.now.ask) if price is not None),
                   *(price for levels in behind.values() for price, _ in levels))
        self.slow.quote(self.now)
        self.fast.quote(SHARE.con_id, _quote(self.now))

    def trade(self) -> None:
        """Print a trade: at the bid, at the ask, between them or beyond."""
        price = Q(self.middle + self.random.choice((0, 0, 0, 1, 1, -1, 2, 3, -3)), 100)
        price += self.random.choice((0, 0, 0, 0, Q(1, 200)))
        size = self.size()
        self.widen(price)
        self.slow.trade(Print(self.at, price, size, self.now))
        self.fast.trade(SHARE.con_id, Trade(self.at, float(price), float(size), _quote(self.now)))

    def widen(self, *prices: Q) -> None:
        """Take note of prices that were there, for all orders."""
        for order_id, (low, high) in self.range_of.items():
            self.range_of[order_id] = min(low, *prices, low), max(high, *prices, high)

    def begin_range(self, order_id: int) -> None:
        """Begin the range of prices for an order with the quote that stands."""
        sides = [price for price in (self.now.bid, self.now.ask) if price is not None]
        self.range_of[order_id] = min(sides, default=Q(10**6)), max(sides, default=Q(0))

    def place(self, order_id: int) -> None:
        """Place a random order."""
        draw = self.random
        buys = draw.random() < 0.5
        size, near = self.size() * draw.choice((1, 3)), self.middle + draw.choice((-4, -2, -1, 0, 0, 1, 1, 2, 3))
        kind = draw.choice(("LMT",) * 6 + ("MKT", "STP", "STP LMT", "MIT", "LIT", "TRAIL", "MTL", "REL", "PEG MID"))
        force = draw.choice(("DAY", "DAY", "DAY", "IOC", "FOK")) if kind in ("LMT", "MKT") else "DAY"
        limit = Q(near, 100) if kind in ("LMT", "STP LMT", "LIT") else None
        if kind in ("REL", "PEG MID") and draw.random() < 0.5:
            limit = Q(near, 100)
        auxiliary = {"TRAIL": Q(draw.choice((1, 2, 4)), 100), "REL": Q(draw.choice((0, 1)), 100), "PEG MID": Q(0)}.get(
            kind, Q(self.middle + draw.choice((-3, -1, 0, 1, 3)), 100) if kind[:2] in ("ST", "MI", "LI") else None)
        method = draw.choice((0, 0, 1, 2, 3, 4, 7, 8)) if kind in ("STP", "STP LMT", "MIT", "LIT", "TRAIL") else 0
        self.begin_range(order_id)
        self.slow.place(self.at, order_id, buys, size, kind, force=force, limit=limit, auxiliary=auxiliary,
                        method=method)  # fmt: skip
        self.send(order_id, buys, size, kind, limit, auxiliary, force=force, method=method)

    def change(self, order_id: int) -> None:
        """Change or cancel an order that is open."""
        old = self.slow.orders[order_id]
        if old.status != "open" or old.kind in ("REL", "PEG MID", "MTL"):
            return
        if self.random.random() < 0.4:
            self.slow.cancel(order_id)
            self.fast.cancel(self.at, 1, order_id)
            return
        move = Q(self.random.choice((0, 0, 1, -1)), 100)
        limit = None if old.limit is None else old.limit + move
        size = max(old.size + self.random.choice((0, -2, 4)) * self.piece, self.piece)
        if move or size > old.size:
            self.begin_range(order_id)
        self.send(order_id, old.buys, size, old.kind, limit, old.auxiliary, force=old.force, method=old.method)
        self.slow.modify(self.at, order_id, size, limit, old.auxiliary)

    def send(self, order_id: int, buys: bool, size: Q, kind: str, limit: Q | None, auxiliary: Q | None, *, force: str,
             method: int) -> None:  # fmt: skip
        values = order("BUY" if buys else "SELL", float(size), kind, time_in_force=force, trigger_method=method,
                       limit_price=None if limit is None else float(limit),
                       auxiliary_price=None if auxiliary is None else float(auxiliary))  # fmt: skip
        self.fast.place(self.at, 1, order_id, SHARE if self.piece == 1 else SMALL, values)

    def go(self) -> Iterator[str]:
        """Let one event after the other happen, and say what each was."""
        placed = 0
        for _ in range(EVENTS):
            self.at += self.random.choice((1, 1, 7))
            draw = self.random.random()
            if draw < 0.45 or not placed:
                what = "quote"
                self.quote()
            elif draw < 0.75:
                what = "trade"
                self.trade()
            else:
                what = "order"
            if what == "order" or not placed:
                if draw < 0.92 or not placed:
                    placed += 1
                    self.place(placed)
                else:
                    self.change(self.random.randrange(placed) + 1)
            self.told += (new := self.fast.reports.take())
            self.filled = [_filled(one, self.at) for one in fills_of(new)]
            yield what


def _quote(shown: Shown) -> Quote:
    return Quote(shown.at, NAN if shown.bid is None else float(shown.bid), float(shown.bid_size),
                 NAN if shown.ask is None else float(shown.ask), float(shown.ask_size))  # fmt: skip


def _filled(told: dict[str, Any], at: int) -> Filled:
    return Filled(at, told["order_id"], Q(told["price"]), Q(told["shares"]), told["last_liquidity"] == ADDED)


@pytest.mark.parametrize("piece", [Q(1), Q(1, 10_000)])
@pytest.mark.parametrize(("mode", "penetration"), MODES)
def test_fills_are_those_of_a_slow_and_obvious_matcher(mode: Fills, penetration: int, piece: Q) -> None:
    total = 0
    for seed in range(DAYS):
        day = Day(seed, mode, penetration, piece)
        for number, what in enumerate(day.go()):
            slow = [one for one in day.slow.fills if one.at == day.at]
            assert day.filled == slow, f"seed {seed}, event {number}: {what} at {day.at}"
            filled = {one.order_id: Q(one.filled) for one in (*day.fast.orders.open(), *day.fast.orders.done)}
            assert filled == {one.order_id: one.filled for one in day.slow.orders.values()}, f"seed {seed}: {number}"
        done = {one.order_id: one.status == Status.FILLED for one in day.fast.orders.done}
        assert done == {key: not one.left for key, one in day.slow.orders.items() if one.status != "open"}, seed
        total += len(day.slow.fills)
    assert total > 3 * DAYS, "hardly anything filled: the market has to be livelier"


@pytest.mark.parametrize(("mode", "penetration"), MODES)
def test_after_every_event_fills_add_up_and_are_of_what_was_there(mode: Fills, penetration: int) -> None:
    rested = 0
    for seed in range(DAYS, 2 * DAYS):
        day = Day(seed, mode, penetration)
        sums: defaultdict[int, Q] = defaultdict(Q)
        taken: defaultdict[tuple[bool, Q], Q] = defaultdict(Q)
        shown: dict[tuple[bool, Q], Q] = {}
        for what in day.go():
            if what == "quote":
                _renew(day.now, shown, taken)
            for fill in day.filled:
                sums[fill.order_id] += fill.size
                buys = day.slow.orders[fill.order_id].buys
                low, high = day.range_of[fill.order_id]
                assert low <= fill.price <= high, f"seed {seed}: {fill} outside of {low} to {high}"
                other = day.now.price(buys)
                if what == "quote":
                    assert other is not None
                    assert fill.price >= other if buys else fill.price <= other, f"seed {seed}: {fill} beside {other}"
                    if fill.rested or fill.price == other:
                        taken[buys, other] += fill.size
                rested += fill.rested
            for order_id, quantity in sums.items():
                state = [one for one in day.told if one.name == "order_status" and one.values["order_id"] == order_id]
                assert Q(state[-1].values["filled"]) == quantity
            for key, size in shown.items():
                assert taken[key] <= size, f"seed {seed}: own orders took {taken[key]} of {size} at {key}"
            if what == "trade":
                size = day.slow.past[-1].size if isinstance(day.slow.past[-1], Print) else Q(0)
                assert sum(fill.size for fill in day.filled) <= size
    assert rested > 20


def _renew(now: Shown, shown: dict[tuple[bool, Q], Q], taken: dict[tuple[bool, Q], Q]) -> None:
    """Add up what a side's best price ever showed anew, since the market came to it."""
    for asks in (True, False):
        best, size = now.price(asks), now.size(asks)
        for key in [key for key in shown if key[0] is asks and key[1] != best]:
            if best is None or (key[1] < best if asks else key[1] > best):
                del shown[key]
                taken.pop(key, None)
        if best is not None:
            shown[asks, best] = shown.get((asks, best), Q(0)) + size
