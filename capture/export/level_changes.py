"""What changed at each price, from one book to the next: the form in which backtesters take order books (D118)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TIMESTAMP

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BID, ASK, NEITHER = 1, -1, 0
CHANGES = pa.schema([
    ("ts", TIMESTAMP), ("instrument_id", pa.int64()), ("row", pa.int32()), ("side", pa.int8()), ("price", pa.float64()),
    ("size", pa.float64()), ("void", pa.bool_()), ("first", pa.bool_()), ("last", pa.bool_()),
])  # fmt: skip

# Rows compared at once: each takes levels² numbers.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Books:
    """Books in order: `valid`, and of bids and asks prices and sizes, a column per level."""

    valid: Flags
    sides: tuple[tuple[Floats, Floats], ...]  # where there is no level the price is NaN and the size 0

    def pick(self, which: Ints | slice) -> "Books":
        """Return some of them."""
        return Books(self.valid[which], tuple((price[which], size[which]) for price, size in self.sides))

    def after(self, others: "Books") -> "Books":
        """Return others and these after them."""
        sides = zip(others.sides, self.sides, strict=True)
        return Books(np.append(others.valid, self.valid), tuple(
            (np.concatenate([old[0], new[0]]), np.concatenate([old[1], new[1]])) for old, new in sides))


@dataclass(frozen=True, slots=True)
class _Found:
    """Changes, or books that became void, by the row of the batch."""

    row: Ints
    side: int
    price: Floats
    size: Floats
    first: Flags


class LevelChanges:
    """Turns batches of books, as `source.books` gives them, into changes; remembers each instrument's last book.

    Before its first row a book is void.
    """

    def __init__(self) -> None:
        self._last: dict[str, Books] = {}

    def of(self, books: pa.RecordBatch) -> pa.RecordBatch:
        """Return the changes that a batch of books makes, with the columns of CHANGES, in order of its rows.

        `row` is the book's place in the batch, to find its other columns. `side` is BID or ASK. `size` is what all
        levels of the side at that `price` have together now, 0 where the price is no longer among the levels: it may
        have fallen out of sight. Of one book, prices that are gone come before those that are there, so that applying
        one after the other never makes bid and ask cross where the books do not. Levels whose size is null or 0 are
        as absent.

        `void`: from here on nothing is known of the book, all its levels are to be forgotten; such a row has side
        NEITHER and no price and size. `first`: the change belongs to the first book after that. `last`: no other change
        of the same book comes after it.
        """
        found = [one for key, rows in _instruments(books)
                 for one in self._changes(key, rows, books_by_price(books, rows))]
        # Those that are gone come first within each instrument's; the order of equal rows stays.
        row = np.concatenate([one.row for one in found] or [np.zeros(0, np.int64)])
        order = np.argsort(row, kind="stable")
        row = row[order]
        side, price, size, first = (
            np.concatenate(parts)[order] if parts else np.zeros(0)
            for parts in ([np.full(len(one.row), one.side, np.int8) for one in found], [one.price for one in found],
                          [one.size for one in found], [one.first for one in found]))
        void = side == NEITHER
        return pa.record_batch([
            books["ts"].take(pa.array(row)), books["instrument_id"].take(pa.array(row)), pa.array(row, pa.int32()),
            pa.array(side, pa.int8()), pa.array(price, mask=void), pa.array(size, mask=void), pa.array(void),
            pa.array(first, pa.bool_()), pa.array(np.append(row[1:] != row[:-1], True)[:len(row)]),
        ], schema=CHANGES)  # fmt: skip

    def _changes(self, key: str, rows: Ints, books: Books) -> Iterator[_Found]:
        before = self._last.get(key) or Books(np.zeros(1, np.bool_), tuple(
            (np.full((1, price.shape[1]), np.nan), np.zeros((1, price.shape[1]))) for price, _ in books.sides))
        for at in range(0, len(rows), _ROWS):
            now = books.pick(slice(at, at + _ROWS)).after(before)
            yield from _compared(rows[at:at + _ROWS], now)
            before = now.pick(slice(-1, None))
        self._last[key] = before


def _instruments(books: pa.RecordBatch) -> Iterator[tuple[str, Ints]]:
    """Yield each instrument of a batch, by a name of its own, and its rows."""
    # Where no contract id was recorded the symbol is all there is.
    names = pc.coalesce(books["instrument_id"].cast(pa.string()), books["symbol"].cast(pa.string()))
    coded = names.dictionary_encode(null_encoding="encode")
    codes = coded.indices.to_numpy()
    for code, name in enumerate(coded.dictionary.to_pylist()):
        yield name, np.flatnonzero(codes == code)


def books_by_price(books: pa.RecordBatch, rows: Ints) -> Books:
    """Return some rows of a batch with no price twice on a side: its first level has the size of all of them."""
    valid = books["valid"].to_numpy(zero_copy_only=False)[rows]
    sides = []
    for side in ("bid", "ask"):
        price, size = (
            np.stack([books[name].to_numpy(zero_copy_only=False)[rows]
                      for name in books.schema.names if name.startswith(f"{side}_{what}_")], axis=1)
            for what in ("px", "sz"))
        absent = ~valid[:, None] | np.isnan(price) | np.isnan(size) | (size == 0)
        sides.append(_by_price(np.where(absent, np.nan, price), np.where(absent, 0.0, size)))
    return Books(valid, tuple(sides))


def _by_price(price: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Return levels of which no two in a row have the same price: the first of them has the size of all."""
    levels = np.arange(price.shape[1])
    for level in levels[1:]:
        same = price[:, :level] == price[:, level, None]
        rows = np.flatnonzero(same.any(axis=1))
        into = same[rows].argmax(axis=1)
        size[rows, into] += size[rows, level]
        price[rows, level], size[rows, level] = np.nan, 0.0
    return price, size


def _compared(rows: Ints, books: Books) -> Iterator[_Found]:
    """Yield what changed from each book to the next; the first is the one before that of the first row."""
    voided = rows[books.valid[:-1] & ~books.valid[1:]]
    nothing = np.zeros(len(voided))
    yield _Found(voided, NEITHER, nothing, nothing, np.zeros(len(voided), np.bool_))
    first = ~books.valid[:-1]
    gone: list[_Found] = []
    there: list[_Found] = []
    for side, (price, size) in zip((BID, ASK), books.sides, strict=True):
        same = price[:-1, :, None] == price[1:, None, :]  # of the book before by that of the row
        was = (same * size[:-1, :, None]).sum(axis=1)
        # What a void book forgets is not said level by level.
        old = ~np.isnan(price[:-1]) & ~same.any(axis=2) & books.valid[1:, None]
        at, level = np.nonzero(old)
        gone.append(_Found(rows[at], side, price[at, level], np.zeros(len(at)), first[at]))
        at, level = np.nonzero(size[1:] != was)
        there.append(_Found(rows[at], side, price[at + 1, level], size[at + 1, level], first[at]))
    yield from (*gone, *there)
