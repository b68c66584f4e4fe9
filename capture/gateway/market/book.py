"""The order book behind the quotes: its rows at any moment, and the operations that lead from one moment to another.

The first row of a side is its best quote. Behind it stand orders at every tick, with sizes that depend on price, side
and time alone, so that a book can be computed for any moment and most rows survive a move of the quote. In a smart
book two exchanges stand at every price.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.schemas import DEPTH
from capture.times import SECOND_US

from .blocks import Quotes
from .noise import Flags, Ints, draw, field, key
from .rows import arrow, pick, prices, sizes
from .universe import Instrument

REFRESH_US = 4 * SECOND_US  # how long orders behind the best stand unchanged
SMART_ROWS_PER_PRICE = 2
OPERATIONS = ("insert", "update", "delete")
INSERT, UPDATE, DELETE = range(3)
SIDES = ("ask", "bid")  # numbered as IB does
PIECE_QUOTES = 20_000


@dataclass(frozen=True)
class Side:
    """One side of the book after each of some quotes: arrays of quotes by rows; `best` is one number per quote."""

    best: Ints  # how good the best price is: higher is better on both sides
    price: Ints
    size: Ints
    exchange: Ints


def side_rows(seed: int, instrument: Instrument, quotes: Quotes, bid: bool, rows: int, smart: bool) -> Side:
    """Return one side of the book after each quote."""
    sign, per_price = (-1 if bid else 1), (SMART_ROWS_PER_PRICE if smart else 1)
    best, best_size = (quotes.bid, quotes.bid_size) if bid else (quotes.ask, quotes.ask_size)
    place = np.arange(rows)
    price = best[:, None] + sign * (place // per_price)[None, :]
    order = price * per_price + (place % per_price)[None, :]  # names a row wherever it stands
    base = key(seed, instrument.con_id, "book", bid, smart)
    phase = field(draw(base, order), 0) * REFRESH_US // 4096
    words = draw(draw(base, order), (quotes.ts_us[:, None] + phase) // REFRESH_US)
    size = instrument.style.quote_sizes[field(words, 0)]
    size[:, 0] = best_size
    venues = max(len(instrument.style.trade_exchanges), 1)
    exchange = (field(draw(base, price), 1) + place % per_price) % venues
    return Side(-sign * best * per_price, price, size, exchange)


def book_table(seed: int, instrument: Instrument, quote: Quotes, at_us: int, rows: int, smart: bool) -> pa.Table:
    """Return the book after a quote (one row, or none) as inserts from position 0 up, asks first, at `at_us`."""
    parts = []
    for bid in (False, True):
        side = side_rows(seed, instrument, quote, bid, rows, smart)
        count = side.price.size
        position, operation = np.arange(count), np.full(count, INSERT)
        parts.append((np.full(count, at_us), position, operation, np.full(count, int(bid)),
                      side.price.ravel(), side.size.ravel(), side.exchange.ravel()))
    return _table(instrument, smart, [np.concatenate(column) for column in zip(*parts, strict=True)])


def depth_table(seed: int, instrument: Instrument, quotes: Quotes, rows: int, smart: bool) -> pa.Table:
    """Return the operations that lead from the book after the first quote to the book after the last."""
    pieces = []
    for first in range(0, max(len(quotes.ts_us) - 1, 1), PIECE_QUOTES):
        piece = quotes.pick(slice(first, first + PIECE_QUOTES + 1))
        pieces.append(_table(instrument, smart, _operations(seed, instrument, piece, rows, smart)))
    return pa.concat_tables(pieces)


def _operations(seed: int, instrument: Instrument, quotes: Quotes, rows: int, smart: bool) -> list[Ints]:
    """Return columns ts, position, operation, side, price, size, exchange, in the order to be applied."""
    grids = [_steps(side_rows(seed, instrument, quotes, bid, rows, smart), rows) for bid in (False, True)]
    happens = np.stack([happens for happens, _ in grids], axis=1)
    quote, side, operation, place = np.nonzero(happens)
    position, price, size, exchange = (
        np.stack([columns[name] for _, columns in grids], axis=1)[quote, side, operation, place]
        for name in range(4)
    )
    kinds = np.array([DELETE, INSERT, UPDATE])  # in this order a book never holds more rows than it should
    return [quotes.ts_us[1:][quote], position, kinds[operation], side, price, size, exchange]


def _steps(side: Side, rows: int) -> tuple[Flags, list[Ints]]:
    """Return which deletes, inserts and updates each quote brings, and what they carry: quotes by kinds by rows.

    A best price that improves by n rows deletes n at the end and inserts n in front; one that worsens deletes n in
    front and inserts n at the end. A move of the whole book or more updates every row.
    """
    place = np.arange(rows)[None, :]
    moved = np.diff(side.best)[:, None]
    shift = np.where(np.abs(moved) < rows, moved, 0)
    deletes = place < np.abs(shift)
    inserts = np.where(shift > 0, place < shift, place >= rows + shift)
    old = np.clip(place - shift, 0, rows - 1)
    differs = np.zeros(old.shape, np.bool_)
    for column in (side.price, side.size, side.exchange):
        differs |= np.take_along_axis(column[:-1], old, axis=1) != column[1:]
    updates = differs & ~inserts
    deleted = np.where(shift > 0, rows - 1 - place, 0)
    here = np.broadcast_to(place, deleted.shape)
    nothing = np.zeros(deleted.shape, np.int64)
    carried = [
        np.stack([at_delete, at_change, at_change], axis=1)
        for at_delete, at_change in ((deleted, here), (nothing, side.price[1:]), (nothing, side.size[1:]),
                                     (np.take_along_axis(side.exchange[:-1], deleted, axis=1), side.exchange[1:]))
    ]
    return np.stack([deletes, inserts, updates], axis=1), carried


def _table(instrument: Instrument, smart: bool, columns: list[Ints]) -> pa.Table:
    ts_us, position, operation, side, price, size, exchange = columns
    names = instrument.style.trade_exchanges or (instrument.exchange,)
    return arrow(DEPTH, instrument, {
        "ts": ts_us,
        "position": position,
        "operation": pick(OPERATIONS, operation),
        "side": pick(SIDES, side),
        "price": prices(instrument, price),
        "size": sizes(instrument, size),
        "market_maker": pick(names, exchange) if smart else pa.nulls(len(ts_us), pa.string()),
        # Null where the message does not say: that of a plain book.
        "smart": np.full(len(ts_us), True) if smart else pa.nulls(len(ts_us), pa.bool_()),
    })
