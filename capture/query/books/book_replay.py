"""Books at chosen moments, from the operations of one key in order: a stream of pieces, however long the time is."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.functions.books import MOST_POSITIONS, NOT_ASKED, NOTHING_YET

from .book_lives import NEVER_US, Break, History, Life
from .book_side import UPDATE, Cells, Ints, Side

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MOST_MOMENTS = 65_536  # in a piece: it holds up to 40 numbers for each


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations on a book in order, a column each; `ts` in microseconds UTC, `bid` where they are of that side."""

    ts: Ints
    seq: Ints
    request_id: Ints
    kind: Ints
    bid: Flags
    position: Ints
    price: Floats
    size: Floats
    market_maker: pa.Array

    def pick(self, which: Ints | Flags) -> "Operations":
        """Return some of them, by their numbers or by flags."""
        if which.dtype == np.bool_:
            if which.all():
                return self
            which = np.flatnonzero(which)
        numbers = {name: getattr(self, name)[which] for name in _NUMBERS}
        return Operations(**numbers, market_maker=self.market_maker.take(pa.array(which)))

    def then(self, others: "Operations") -> "Operations":
        """Return these and others after them."""
        numbers = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in _NUMBERS}
        return Operations(**numbers, market_maker=pa.concat_arrays([self.market_maker, others.market_maker]))


_NUMBERS = [one.name for one in fields(Operations)[:-1]]


def operations(columns: pa.RecordBatch) -> Operations:
    """Return the rows of a query that has the columns of Operations, by name."""
    numbers = {name: columns[name].to_numpy(zero_copy_only=False) for name in _NUMBERS}
    return Operations(**numbers, market_maker=columns["market_maker"])


@dataclass(frozen=True, slots=True)
class Piece:
    """Books of one life at some moments: `bid` and `ask` are which operation stands in each cell, (moments, levels).

    `updated` is the time of the newest operation, NEVER_US where there is none. `reason` says in words why a book is
    not valid; it is none of `reasons` (an index into them, -1) where it is.
    """

    life: Life | None
    moments: Ints
    updated: Ints
    reason: Ints
    reasons: list[str]
    bid: Cells
    ask: Cells
    operations: Operations


class Moments(Protocol):
    """The moments at which books are wanted."""

    def take(self, until_us: int, changes: Ints) -> Iterator[Ints]:
        """Yield those before `until_us` not yielded before; `changes` are when the book changed until then."""


@dataclass
class Every:
    """Moments `step_us` apart, from `next_us` on and before `end_us`."""

    next_us: int
    end_us: int
    step_us: int

    def take(self, until_us: int, changes: Ints) -> Iterator[Ints]:
        """Yield the moments up to there."""
        until_us = min(until_us, self.end_us)
        while self.next_us < until_us:
            count = min(-(-(until_us - self.next_us) // self.step_us), MOST_MOMENTS)
            yield self.next_us + np.arange(count) * self.step_us
            self.next_us += count * self.step_us


@dataclass
class Changes:
    """The first moment, `next_us`, and every one before `end_us` after which the book is another."""

    next_us: int
    end_us: int
    begun: bool = False

    def take(self, until_us: int, changes: Ints) -> Iterator[Ints]:
        """Yield the moments up to there."""
        until_us = min(until_us, self.end_us)
        first = [] if self.begun else [self.next_us]
        found = np.unique(np.concatenate([changes, np.array(first, np.int64)]))
        found = found[(found >= self.next_us) & (found < until_us)]
        if len(found):
            self.begun = True
            yield from np.split(found, range(MOST_MOMENTS, len(found), MOST_MOMENTS))
        self.next_us = max(self.next_us, until_us)


def replay(history: History, batches: Iterator[Operations], moments: Moments, levels: int) -> Iterator[Piece]:
    """Yield the books of a key at all moments, in order. `batches` begin where the life of the first moment does."""
    lives = history.lives
    begins = np.array([life.begin_seq for life in lives], np.int64)
    book = _Book(None, lives[0].begin_us, history, levels)
    current = -1
    for batch in batches:
        if not len(batch.seq):
            continue
        which = np.searchsorted(begins, batch.seq) - 1  # rows come after the frame with which their life begins
        for number in which[np.append(np.diff(which) > 0, True)].tolist():  # each once: rows are in order
            if number < 0:  # of a request that is not on the tape
                continue
            while current < number:
                yield from book.rest(moments)
                current += 1
                book = _Book.of(history, current, levels)
            yield from book.feed(batch.pick(which == number), moments)
    while current < len(lives) - 1:
        yield from book.rest(moments)
        current += 1
        book = _Book.of(history, current, levels)
    yield from book.rest(moments)


class _Book:
    """A book during one life, up to `until_us`, when the next begins. Before the first life there is none."""

    def __init__(self, life: Life | None, until_us: int, history: History, levels: int) -> None:
        self.life, self.until_us, self.history, self.levels = life, until_us, history, levels
        self.standing: Operations | None = None  # what would make the book as it is
        self.first_us = self.last_us = self.standing_us = NEVER_US
        self.broken = Break(NEVER_US, NEVER_US, "")

    @classmethod
    def of(cls, history: History, number: int, levels: int) -> "_Book":
        """Return the book of a life by its number."""
        lives = history.lives
        until_us = lives[number + 1].begin_us if number + 1 < len(lives) else NEVER_US
        return cls(lives[number], until_us, history, levels)

    def feed(self, rows: Operations, moments: Moments) -> Iterator[Piece]:
        """Take operations in; yield the books before the last of them."""
        assert self.life is not None
        rows = rows.pick((rows.request_id == self.life.request_id) & (rows.seq <= self.life.end_seq))
        if not len(rows.ts):
            return
        if self.standing is None:
            self.first_us, self.broken = int(rows.ts[0]), self.history.broken(int(rows.seq[0]))
        together = self.standing.then(rows) if self.standing else rows
        changed = np.append(rows.ts, self.last_us)
        self.last_us = int(rows.ts[-1])
        sides = _Sides(together, self.life.rows)
        yield from self._pieces(sides, changed, self.last_us, moments)
        self._stand(sides)

    def rest(self, moments: Moments) -> Iterator[Piece]:
        """Yield the books after the last operation, until the next life begins."""
        last = np.array([self.last_us], np.int64)
        sides = _Sides(self.standing or _NONE, self.life.rows if self.life else MOST_POSITIONS)
        yield from self._pieces(sides, last, self.until_us, moments)

    def _pieces(self, sides: "_Sides", changed: Ints, until_us: int, moments: Moments) -> Iterator[Piece]:
        stops = [] if self.life is None else [self.life.begin_us, self.life.end_us, self.broken.last_us + 1]
        changes = np.concatenate([changed, np.array([min(stop, NEVER_US) for stop in stops], np.int64)])
        for found in moments.take(min(until_us, self.until_us), changes):
            yield self._piece(sides, found)

    def _piece(self, sides: "_Sides", moments: Ints) -> Piece:
        rows = sides.rows
        done = np.searchsorted(rows.ts, moments, side="right")
        updated = np.append(rows.ts, NEVER_US)[np.maximum(done, 1) - 1]
        updated = np.where(done > 0, updated, self.standing_us)
        reason, reasons = self._reasons(moments)
        bid, ask = sides.cells(done, self.levels)
        return Piece(self.life, moments, updated, reason, reasons, bid, ask, rows)

    def _reasons(self, moments: Ints) -> tuple[Ints, list[str]]:
        if self.life is None:
            return np.zeros(len(moments), np.int64), [NOT_ASKED]
        not_valid = [moments >= self.life.end_us, moments > self.broken.last_us, moments < self.first_us]
        return np.select(not_valid, [0, 1, 2], -1), [self.life.end_reason, self.broken.reason, NOTHING_YET]

    def _stand(self, sides: "_Sides") -> None:
        """Keep of all rows so far what makes the book as it is now."""
        whole = sides.cells(np.array([len(sides.rows.ts)]), MOST_POSITIONS)
        cells = np.concatenate([side[0] for side in whole])
        there = np.flatnonzero(cells >= 0)
        rows, count = sides.rows.pick(cells[there]), len(there)
        self.standing_us = self.last_us
        self.standing = Operations(
            np.full(count, self.last_us), rows.seq, rows.request_id, np.full(count, UPDATE), rows.bid,
            there % MOST_POSITIONS, rows.price, rows.size, rows.market_maker)


class _Sides:
    """Both sides of the book that rows make, of at most so many levels each."""

    def __init__(self, rows: Operations, most: int) -> None:
        self.rows, self._most = rows, most
        self._numbers = [np.flatnonzero(rows.bid), np.flatnonzero(~rows.bid)]
        self._sides: list[Side] | None = None

    def cells(self, done: Ints, levels: int) -> list[Cells]:
        """Return which rows stand in the first cells after so many of them: of bids and of asks."""
        if self._sides is None:  # where no moment is wanted there is no need
            self._sides = [Side(self.rows.kind[numbers], self.rows.position[numbers], self._most)
                           for numbers in self._numbers]
        found = ((numbers, side.cells(np.searchsorted(numbers, done), levels))
                 for numbers, side in zip(self._numbers, self._sides, strict=True))
        return [np.append(numbers, -1).astype(np.int32)[cells] for numbers, cells in found]


_NONE = Operations(*(np.zeros(0, np.int64),) * 4, np.zeros(0, np.bool_), np.zeros(0, np.int64),
                   *(np.zeros(0, np.float64),) * 2, pa.array([], pa.string()))
