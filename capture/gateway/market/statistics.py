"""What the day's trades add up to by any moment: volume, value, count, open, high, low and the last trade."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from capture.times import DAY_S, SECOND_US

from .blocks import BLOCK_S, BLOCK_US, Blocks, Trades
from .instruments import INSTRUMENTS
from .noise import Floats, Ints
from .price import price_ticks
from .rows import prices

# A market that never closes has no day, so its figures start anew every four hours: adding up a whole day would
# make a new subscription wait. In a very busy market (rate above 4) they start anew the sooner the busier it is: after
# ten minutes at most, and every block at a rate of hundreds.
WINDOW_S, BUSY_WINDOW_S, BUSY_RATE = 14_400, 600, 4
PIECES_BLOCKS = (360, 60, 6, 1)  # an hour, ten minutes, a minute and a block: whole pieces are added up once and kept
CACHED_PIECES = 8_192
CACHED_PRICES = 256
CACHED_STARTS = 256
LONGER_DAY_BLOCKS = 360  # the day on which summer time ends has an hour more


@dataclass(frozen=True)
class Statistics:
    """Sums in ticks and smallest units. Without a trade, prices and the last trade's time and word are -1."""

    volume: int = 0
    value: int = 0
    count: int = 0
    opened: int = -1
    high: int = -1
    low: int = -1
    last: int = -1
    last_size: int = 0
    last_us: int = -1
    last_word: int = 0

    def then(self, later: "Statistics") -> "Statistics":
        """Return what this and a later stretch of time add up to."""
        if not later.count or not self.count:
            return later if later.count else self
        return replace(
            later,
            volume=self.volume + later.volume,
            value=self.value + later.value,
            count=self.count + later.count,
            opened=self.opened,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
        )


def add_up(trades: Trades) -> Statistics:
    """Return the statistics of some trades."""
    if not len(trades.ts_us):
        return Statistics()
    return Statistics(
        volume=int(trades.size.sum()),
        value=int((trades.size * trades.price).sum()),
        count=len(trades.ts_us),
        opened=int(trades.price[0]),
        high=int(trades.price.max()),
        low=int(trades.price.min()),
        last=int(trades.price[-1]),
        last_size=int(trades.size[-1]),
        last_us=int(trades.ts_us[-1]),
        last_word=int(trades.word[-1]),
    )


class Days:
    """The statistics of every instrument from the start of its day, or of its window, to any moment."""

    def __init__(self, blocks: Blocks) -> None:
        self.seed = blocks.seed
        self._blocks = blocks
        self._window_s = _window_s(blocks.rate)
        self.prices_at = lru_cache(maxsize=CACHED_PRICES)(self._prices_at)
        self._start = lru_cache(maxsize=CACHED_STARTS)(self._find_start)
        self._piece = lru_cache(maxsize=CACHED_PIECES)(self._add_up_piece)

    def day(self, con_id: int, at_us: Ints) -> Ints:
        """Return a number for the day each moment belongs to; figures start anew when it changes."""
        if self._blocks.always_open:
            return at_us // (self._window_s * SECOND_US)
        return INSTRUMENTS[con_id].session.trading_date(at_us // SECOND_US)

    def start_us(self, con_id: int, at_us: int) -> int:
        """Return when the day that a moment belongs to began: no trade of that day is earlier."""
        if self._blocks.always_open:
            return at_us // (self._window_s * SECOND_US) * self._window_s * SECOND_US
        return self._start(con_id, at_us // BLOCK_US)

    def _find_start(self, con_id: int, block: int) -> int:
        """Return the first moment of the day that a block belongs to: `_start` keeps it."""
        blocks_us = np.arange(block - DAY_S // BLOCK_S - LONGER_DAY_BLOCKS, block + 1) * BLOCK_US
        days = self.day(con_id, blocks_us)
        return int(blocks_us[days == days[-1]][0])

    def until(self, con_id: int, at_us: int) -> Statistics:
        """Return the statistics of the day up to, and without, a moment."""
        return self.between(con_id, self.start_us(con_id, at_us), at_us)

    def between(self, con_id: int, from_us: int, to_us: int) -> Statistics:
        """Return the statistics of [from, to); `from` must start a block."""
        total = Statistics()
        for first, count in _pieces(from_us // BLOCK_US, to_us // BLOCK_US):
            total = total.then(self._piece(con_id, first, count))
        _, trades = self._blocks.events(con_id, to_us // BLOCK_US * BLOCK_US, to_us)
        return total.then(add_up(trades))

    def _prices_at(self, con_id: int, last_s: int, count: int) -> Floats:
        """Return the fair price at a moment and at the same time on the days before: `prices_at` keeps them."""
        instrument = INSTRUMENTS[con_id]
        times_s = last_s - np.arange(count) * DAY_S
        return prices(instrument, price_ticks(self.seed, instrument, times_s))

    def _add_up_piece(self, con_id: int, first: int, count: int) -> Statistics:
        _, trades = self._blocks.events(con_id, first * BLOCK_US, (first + count) * BLOCK_US)
        return add_up(trades)


def _window_s(rate: float) -> int:
    """Return how long figures add up in a market that never closes: whole blocks."""
    if rate <= BUSY_RATE:
        return WINDOW_S
    return max(int(BUSY_WINDOW_S * BUSY_RATE / rate) // BLOCK_S, 1) * BLOCK_S


def _pieces(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the largest whole pieces that make up blocks [first, end), as (first block, number of blocks)."""
    while first < end:
        count = next(size for size in PIECES_BLOCKS if first % size == 0 and first + size <= end)
        yield first, count
        first += count
