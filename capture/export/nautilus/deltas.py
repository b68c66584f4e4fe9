"""Order books as nautilus_trader's OrderBookDelta, by price level (L2_MBP).

A book's changes carry the same `sequence`, the last of them the flag F_LAST. The first book, and each after one that
could not be trusted, is a snapshot: CLEAR, and then all its levels. A book that cannot be trusted any more is CLEAR
alone.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.export.job import Job
from capture.export.level_changes import ASK, BID, LevelChanges

from .instruments import Instrument
from .names import identity
from .numbers import NUMBER
from .records import TIMES, Part, Scale, nanoseconds, record_schema

_FIELDS = {"action": pa.uint8(), "side": pa.uint8(), "price": NUMBER, "size": NUMBER, "order_id": pa.uint64(),
           "flags": pa.uint8(), "sequence": pa.uint64(), **TIMES}  # fmt: skip
ADD, UPDATE, DELETE, CLEAR = 1, 2, 3, 4
BUY, SELL, NO_SIDE = 1, 2, 0
F_LAST, F_SNAPSHOT, F_MBP = 128, 32, 16

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Deltas:
    """Books, as `source.books` gives them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._books: dict[int, Book] = {}

    def parts(self, rows: pa.RecordBatch, instrument: Instrument) -> Iterator[Part]:
        """Yield what becomes of an instrument's rows."""
        book = self._books.setdefault(instrument.details["instrument_id"], Book())
        deltas = book.deltas(rows)
        scale = Scale(self._job, instrument)
        deltas = scale.fitting(deltas, ["price"], ["size"], "changes of a book without a price")
        yield Part("order_book_delta", identity(instrument.details), pa.record_batch([
            deltas["action"], deltas["side"], scale.prices(deltas["price"]), scale.sizes(deltas["size"]),
            pa.array(np.zeros(len(deltas), np.uint64)), deltas["flags"], deltas["sequence"],
            nanoseconds(deltas["ts"]), nanoseconds(deltas["ts"]),
        ], schema=record_schema(_FIELDS, instrument)))  # fmt: skip

    def rest(self) -> Iterator[Part]:
        """Yield what was kept back: nothing."""
        return iter(())


class Book:
    """An instrument's book, from batch to batch: its prices, and how many books there were."""

    def __init__(self) -> None:
        self._changes = LevelChanges()
        self._prices: dict[int, Floats] = {BID: np.zeros(0), ASK: np.zeros(0)}
        self._count = 0

    def deltas(self, books: pa.RecordBatch) -> pa.RecordBatch:
        """Return deltas of a batch of books: ts, action, side, price, size, flags, sequence."""
        changes = self._changes.of(books)
        begins, place = _with_clears(changes)
        row, side, price, size, void, first, last = (
            changes[name].to_numpy(zero_copy_only=False)[place]
            for name in ("row", "side", "price", "size", "void", "first", "last"))
        clears = begins | void
        action = np.where(clears, CLEAR, np.where(size == 0, DELETE, self._adds_or_updates(side, price, size, clears)))
        flags = np.where(clears, 0, F_MBP) | np.where(first, F_SNAPSHOT, 0) | np.where(last & ~begins, F_LAST, 0)
        books_so_far = self._count + np.cumsum(np.append(True, row[1:] != row[:-1])[:len(row)])
        self._count = int(books_so_far[-1]) if len(row) else self._count
        sides = np.where(clears, NO_SIDE, np.where(side == BID, BUY, SELL))
        return pa.record_batch({
            "ts": changes["ts"].take(pa.array(place)), "action": pa.array(action.astype(np.uint8)),
            "side": pa.array(sides.astype(np.uint8)), "price": pa.array(np.where(clears, 0.0, price)),
            "size": pa.array(np.where(clears, 0.0, size)), "flags": pa.array(flags.astype(np.uint8)),
            "sequence": pa.array(books_so_far.astype(np.uint64)),
        })  # fmt: skip

    def _adds_or_updates(self, side: Ints, price: Floats, size: Floats, clears: Flags) -> Ints:
        """Return UPDATE for changes of prices that are in the book, else ADD; remember the book's prices."""
        known = [np.concatenate([np.full(len(prices), side) for side, prices in self._prices.items()]),
                 np.concatenate(list(self._prices.values()))]
        before = len(known[1])
        # What is in the book stands before its changes; after each time it was cleared prices are others.
        sides, prices = np.concatenate([known[0], side]), np.concatenate([known[1], price])
        there = np.concatenate([np.ones(before), size]) != 0
        life = np.concatenate([np.zeros(before), np.cumsum(clears)])
        there[before:] &= ~clears
        order = np.lexsort((prices, sides, life))
        same = np.zeros(len(order), np.bool_)
        same[1:] = ((life[order][1:] == life[order][:-1]) & (sides[order][1:] == sides[order][:-1])
                    & (prices[order][1:] == prices[order][:-1]))
        updates = np.zeros(len(order), np.bool_)
        updates[order[1:]] = same[1:] & there[order[:-1]]
        newest = order[np.append(~same[1:], True)[:len(order)]]
        left = newest[there[newest] & (life[newest] == (life[-1] if len(life) else 0))]
        self._prices = {side: prices[left][sides[left] == side] for side in (BID, ASK)}
        return np.where(updates[before:], UPDATE, ADD)


def _with_clears(changes: pa.RecordBatch) -> tuple[Flags, Ints]:
    """Return the places of all changes, those with which a snapshot begins twice, and which of these are to clear."""
    row, first = (changes[name].to_numpy(zero_copy_only=False) for name in ("row", "first"))
    begins = first & np.append(True, row[1:] != row[:-1])[:len(row)]
    place = np.repeat(np.arange(len(row)), 1 + begins)
    return begins[place] & np.append(place[1:] == place[:-1], False)[:len(place)], place
