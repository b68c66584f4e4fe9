"""What happened in blocks of ten seconds: quotes and trades as numpy columns, each block made by itself.

A block is a pure function of (seed, instrument, number of the block). Its quotes walk from the price at its start
to the price at its end; the walk is a sum of whole numbers, so that blocks made one by one and a thousand blocks
made at once agree to the last bit. The last quote of a block is the state the next block starts from.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Self

import numpy as np

from capture.times import SECOND_US

from .hours import Session, around_the_clock
from .instruments import INSTRUMENTS
from .noise import (
    EXPONENTIAL_UNITS,
    FIELD_SIZE,
    NORMAL_UNITS,
    UNIT,
    Flags,
    Floats,
    Ints,
    Words,
    below,
    draw,
    field,
    key,
    smooth,
)
from .price import movement_ticks, price_ticks
from .universe import Instrument

BLOCK_S = 10
BLOCK_US = BLOCK_S * SECOND_US

CLUSTER_EVENTS = 6  # events of a burst
CLUSTERED = FIELD_SIZE * 6 // 10  # how many of 4096 events belong to a burst
BURST_US = 40_000  # mean delay of a burst's events
REPEATED = FIELD_SIZE * 15 // 100  # how many of 4096 trades repeat the one before: an order that fills in parts
BUSTLE_SCALES_S = (10, 60, 600)  # how long lively and quiet times last
BUSTLE_STEP, BUSTLE_GROWTH = 0.35, 0.05
STEP_UNIT = 256  # fixed point of the walk within a block, per tick

CACHED_PIECES = 128
PIECE_BLOCKS = 360  # an hour: longer ranges are made piece by piece
NEAR_PIECES = 3  # what is followed live comes from small cached pieces; longer ranges are made in one go
LONGEST_CLOSE_BLOCKS = 5 * 24 * 360  # a long weekend


@dataclass(frozen=True)
class Columns:
    """Columns of equal length, in order of time."""

    ts_us: Ints

    def pick(self, rows: Ints | Flags | slice) -> Self:
        """Return the rows named by an index, a mask or a slice."""
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))

    def between(self, from_us: int, to_us: int) -> Self:
        """Return the rows of [from, to)."""
        first, last = np.searchsorted(self.ts_us, (from_us, to_us))
        return self.pick(slice(first, last))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return one after the other."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))


@dataclass(frozen=True)
class Quotes(Columns):
    """Best bid and ask in ticks, sizes in the instrument's smallest unit, and the random word of each row."""

    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints
    word: Words


@dataclass(frozen=True)
class Trades(Columns):
    """Trade prices in ticks, sizes in the instrument's smallest unit, and the random word of each row."""

    price: Ints
    size: Ints
    word: Words


class Blocks:
    """Quotes and trades of every instrument over any range of time."""

    def __init__(self, seed: int, rate: float, always_open: bool) -> None:
        self.seed = seed
        self.rate = rate
        self.always_open = always_open
        # A block each, more where little happens: to make many takes little longer than to make one.
        self._near_blocks = min(max(int(1 / rate), 1), PIECE_BLOCKS) if rate else PIECE_BLOCKS
        self._piece = lru_cache(maxsize=CACHED_PIECES)(self._make)
        self._open_before = lru_cache(maxsize=CACHED_PIECES)(self._last_open)

    def session(self, instrument: Instrument) -> Session:
        """Return when the instrument trades here."""
        return around_the_clock(instrument.session) if self.always_open else instrument.session

    def events(self, con_id: int, from_us: int, to_us: int) -> tuple[Quotes, Trades]:
        """Return every quote and every trade in [from, to)."""
        first, end = from_us // BLOCK_US, max(-(-to_us // BLOCK_US), from_us // BLOCK_US + 1)
        near = self._near_blocks
        if end - first <= NEAR_PIECES * near:
            parts = [self._piece(con_id, block, near) for block in range(first // near * near, end, near)]
        else:
            pieces = range(first, end, PIECE_BLOCKS)
            parts = [self._make(con_id, block, min(PIECE_BLOCKS, end - block)) for block in pieces]
        return (
            Quotes.joined([quotes.between(from_us, to_us) for quotes, _ in parts]),
            Trades.joined([trades.between(from_us, to_us) for _, trades in parts]),
        )

    def quote_before(self, con_id: int, at_us: int) -> Quotes:
        """Return the last quote before a moment, as one row; none of an instrument without quotes."""
        block = at_us // BLOCK_US
        quotes, _ = self.events(con_id, block * BLOCK_US, at_us)
        if not len(quotes.ts_us):
            opened = self._open_before(con_id, block)
            quotes, _ = self.events(con_id, opened * BLOCK_US, (opened + 1) * BLOCK_US)
        return quotes.pick(slice(-1, None))

    def _last_open(self, con_id: int, block: int) -> int:
        """Return the last block before `block` in which the market was open: `_open_before` keeps it."""
        earlier = np.arange(block - LONGEST_CLOSE_BLOCKS, block)
        is_open = self.session(INSTRUMENTS[con_id]).is_open(earlier * BLOCK_S)
        return int(earlier[is_open][-1])

    def _make(self, con_id: int, first: int, count: int) -> tuple[Quotes, Trades]:
        instrument = INSTRUMENTS[con_id]
        session = self.session(instrument)
        blocks = np.arange(first, first + count)
        blocks = blocks[session.is_open(blocks * BLOCK_S)]
        name = (self.seed, con_id)
        bustle = smooth(key(*name, "bustle"), blocks * BLOCK_S, BUSTLE_SCALES_S, BUSTLE_GROWTH)
        busy = session.activity(blocks * BLOCK_S) * np.exp(bustle * BUSTLE_STEP) * self.rate * BLOCK_S
        bursts = draw(key(*name, "bursts"), blocks)
        quoted = _counts(busy * instrument.quotes_per_s, draw(key(*name, "quotes"), blocks))
        traded = _counts(busy * instrument.trades_per_s, draw(key(*name, "trades"), blocks))
        quoted = np.maximum(quoted, 1 if instrument.quotes_per_s else 0)
        walked = self._walk(instrument, blocks, _Layout(blocks, quoted + 1, bursts))
        trades = self._trade(instrument, walked, _Layout(blocks, traded, bursts))
        return self._without_carried(session, walked, blocks, quoted), trades

    def _walk(self, instrument: Instrument, blocks: Ints, layout: "_Layout") -> Quotes:
        """Return the quotes, with the state carried in as the first row of each block."""
        seed, con_id, style = self.seed, instrument.con_id, instrument.style
        opening, closing = np.split(price_ticks(seed, instrument, np.concatenate([blocks, blocks + 1]) * BLOCK_S), 2)
        words = layout.words(key(seed, con_id, "quote words"))
        state = key(seed, con_id, "states")
        last = layout.first + layout.counts - 1
        words[last], words[layout.first] = draw(state, blocks + 1), draw(state, blocks)

        moves = np.maximum(layout.counts - 1, 1)
        scale = np.rint(movement_ticks(instrument, opening, BLOCK_S) * STEP_UNIT / np.sqrt(moves)).astype(np.int64)
        steps = NORMAL_UNITS[field(words, 0)] * scale[layout.owner] // UNIT
        steps[layout.first] = 0
        walk = np.cumsum(steps)
        walk -= walk[layout.first][layout.owner]
        pull = (closing - opening) * STEP_UNIT - walk[last]
        bridge = walk + pull[layout.owner] * layout.number // moves[layout.owner]
        price = opening[layout.owner] + (bridge + STEP_UNIT // 2) // STEP_UNIT

        spread = style.spreads_ticks[field(words, 1)]
        bid = np.maximum(price - spread // 2, 1)
        bid_size, ask_size = (style.quote_sizes[field(words, place)] for place in (2, 3))
        return Quotes(layout.times_us(words, has_state=True), bid, bid + spread, bid_size, ask_size, words)

    def _trade(self, instrument: Instrument, quotes: Quotes, layout: "_Layout") -> Trades:
        """Return trades at the bid or ask of their moment."""
        words = layout.words(key(self.seed, instrument.con_id, "trade words"))
        ts_us = layout.times_us(words, has_state=False)
        repeats = (field(words, 2) < REPEATED) & (layout.number > 0)
        words = words[np.maximum.accumulate(np.where(repeats, 0, np.arange(len(words))))]
        quote = np.searchsorted(quotes.ts_us, ts_us, side="right") - 1
        buys = (words & np.uint64(1)).astype(np.bool_)
        price = np.where(buys, quotes.ask[quote], quotes.bid[quote])
        return Trades(ts_us, price, instrument.style.trade_sizes[field(words, 1)], words)

    def _without_carried(self, session: Session, quotes: Quotes, blocks: Ints, quoted: Ints) -> Quotes:
        """Drop the carried rows, but for blocks before which the market was closed: there they open it."""
        keep = np.ones(len(quotes.ts_us), np.bool_)
        first = np.cumsum(quoted + 1) - quoted - 1
        keep[first] = ~session.is_open((blocks - 1) * BLOCK_S) & (quoted > 0)
        return quotes.pick(keep)


def _counts(expected: Floats, words: Words) -> Ints:
    """Return whole numbers that are right on average."""
    return np.floor(expected + field(words, 0) / FIELD_SIZE).astype(np.int64)


class _Layout:
    """The events of several blocks one after the other: whose each is, and which number within its block."""

    def __init__(self, blocks: Ints, counts: Ints, burst_words: Words) -> None:
        self.blocks = blocks
        self.counts = counts
        self.burst_words = burst_words
        self.first = np.cumsum(counts) - counts
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.number = np.arange(len(self.owner)) - self.first[self.owner]

    def words(self, base: int) -> Words:
        """Return a random word per event."""
        return draw(draw(base, self.blocks)[self.owner], self.number)

    def times_us(self, words: Words, has_state: bool) -> Ints:
        """Return sorted times, some even and some in bursts; with `has_state` an event 0 is its block's start."""
        clusters = np.maximum(self.counts // CLUSTER_EVENTS, 1)[self.owner]
        clustered = field(words, 3) < CLUSTERED
        place = np.where(clustered, field(words, 1) * clusters // FIELD_SIZE, self.number + UNIT)
        center = below(draw(self.burst_words[self.owner], place), BLOCK_US)
        delay = np.where(clustered, EXPONENTIAL_UNITS[field(words, 4)] * BURST_US // UNIT, 0)
        offset = (center + delay) % BLOCK_US
        if has_state:
            offset[self.number == 0] = 0
        return np.sort((self.blocks * BLOCK_US)[self.owner] + offset)
