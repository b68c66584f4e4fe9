"""Turns events into Arrow tables: the columns of a lake table that make sense without a recorder."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from capture.schemas import MIDPOINTS, QUOTES, TRADES, Table
from capture.times import SECOND_US

from .blocks import Quotes, Trades
from .noise import Flags, Floats, Ints, Words, field
from .universe import Instrument

RECORDER_COLUMNS = ("seq", "row", "recorder", "symbol", "stream", "request_id", "origin")
# Four for round lots, four for odd ones; only stocks have any.
CONDITIONS = {True: ("", "", "", " F", " I", " I", " I", " T  I"), False: ("",) * 8}
PAST_LIMIT = 3  # of 262,144 events
CONDITIONS_FIELD, EXCHANGE_FIELD = 3, 4


def arrow(table: Table, instrument: Instrument, columns: Mapping[str, Any]) -> pa.Table:
    """Return `columns` with the instrument's id, in the types and the order of a lake table."""
    arrays = {"instrument_id": np.full(len(columns["ts"]), instrument.con_id), **columns}
    known = [column for column in table.columns if column.name in arrays]
    return pa.table({column.name: _typed(arrays[column.name], column.type) for column in known})


@cache
def empty(table: Table) -> pa.Table:
    """Return no rows, with all the columns of a lake table that make sense without a recorder."""
    return table.schema.empty_table().drop_columns(list(RECORDER_COLUMNS))


def _typed(values: Any, to: pa.DataType) -> pa.Array:
    """Return an Arrow array of a type; NaN becomes null."""
    return values.cast(to) if isinstance(values, pa.Array) else pa.array(values, to, from_pandas=True)


def trades_table(instrument: Instrument, trades: Trades) -> pa.Table:
    """Return trades as rows of the lake's table `trades`."""
    style, odd = instrument.style, trades.size % instrument.style.round_lot > 0
    conditions = field(trades.word, CONDITIONS_FIELD) % 4 + np.where(odd, 4, 0)
    return arrow(TRADES, instrument, {
        "ts": trades.ts_us,
        "ts_event": seconds(trades.ts_us),
        "price": prices(instrument, trades.price),
        "size": sizes(instrument, trades.size),
        "exchange": pick(style.trade_exchanges or (instrument.exchange,), exchange_places(instrument, trades.word)),
        "conditions": pick(CONDITIONS[style.round_lot > 1], conditions),
        "past_limit": rare(trades.word),
        "unreported": odd,
    })


def quotes_table(instrument: Instrument, quotes: Quotes) -> pa.Table:
    """Return quotes as rows of the lake's table `quotes`."""
    past = rare(quotes.word)
    low = field(quotes.word, CONDITIONS_FIELD) % 2 == 0
    return arrow(QUOTES, instrument, {
        "ts": quotes.ts_us,
        "ts_event": seconds(quotes.ts_us),
        "bid_price": prices(instrument, quotes.bid),
        "ask_price": prices(instrument, quotes.ask),
        "bid_size": sizes(instrument, quotes.bid_size),
        "ask_size": sizes(instrument, quotes.ask_size),
        "bid_past_low": past & low,
        "ask_past_high": past & ~low,
    })


def midpoints_table(instrument: Instrument, quotes: Quotes, before: Quotes) -> pa.Table:
    """Return the changes of the midpoint as rows of `midpoints`; `before` is the quote in front, or none."""
    doubled = quotes.bid + quotes.ask
    earlier = before.bid + before.ask if len(before.ts_us) else np.array([-1])
    changed = np.diff(doubled, prepend=earlier) != 0
    ts_us = quotes.ts_us[changed]
    return arrow(MIDPOINTS, instrument, {
        "ts": ts_us,
        "ts_event": seconds(ts_us),
        "price": doubled[changed] / (2 * instrument.ticks_per_unit),
    })


def seconds(ts_us: Ints) -> Ints:
    """Return the whole second of each moment: all that IB sends of the time of an event."""
    return ts_us // SECOND_US * SECOND_US


def prices(instrument: Instrument, ticks: Ints) -> Floats:
    """Return ticks as prices; a division by a whole number gives the float64 nearest to the decimal."""
    return ticks / instrument.ticks_per_unit


def sizes(instrument: Instrument, lots: Ints) -> Floats:
    """Return smallest units as sizes."""
    return lots / instrument.style.lots


def pick(words: Sequence[str], places: Ints) -> pa.Array:
    """Return the words at `places`."""
    return pa.array(words, pa.string()).take(pa.array(places))


def exchange_places(instrument: Instrument, words: Words) -> Ints:
    """Return each event's exchange as a place in the style's list."""
    return field(words, EXCHANGE_FIELD) % max(len(instrument.style.trade_exchanges), 1)


def rare(words: Words) -> Flags:
    """Return which few events are past a price limit."""
    return (words >> np.uint64(40)) % np.uint64(1 << 18) < PAST_LIMIT
