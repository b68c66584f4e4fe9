"""Decoded columns to the rows of a stored table: flags out of bit masks, no sentinels, whose data it is."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.kernel.decoding import decoding
from capture.wire.messages.absent import ABSENT, NoValue, highest_word, is_absent
from capture.wire.messages.shapes import Shape
from capture.wire.messages.ticktypes import SIZE_OF_PRICE
from capture.wire.text.typed_columns import Columns, Numbers

from .ib_times import readings_us
from .lookup import BACKFILL, DELAYED, LIVE, ORIGINS, Lookup, constant, encoded, is_delayed, tick_names, words

SECONDS = pa.timestamp("s", tz="UTC")
MICROSECONDS = pa.timestamp("us", tz="UTC")

OPERATIONS = ("insert", "update", "delete")
SIDES = ("ask", "bid")

# Tick type -> whether its price comes with a size of its own; the last place stands for every other number.
_PAIRED = np.zeros(max(SIZE_OF_PRICE) + 2, np.bool_)
_PAIRED[list(SIZE_OF_PRICE)] = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table: the frame (its number in the read) and the place in it that each came from, and the columns.

    The columns are those of the table but `ts`, `seq`, `row` and `recorder`; absent ones are null throughout.
    """

    table: str
    frames: Numbers
    places: npt.NDArray[np.int32]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Change:
    """From this frame on, IB delivers another market data type for a request."""

    frame: int
    request_id: int
    data_type: int


def fill(
    shape: Shape, columns: Columns, frames: Numbers, places: npt.NDArray[np.int32], lookup: Lookup,
    changes: list[Change],
) -> Rows:
    """Return the table rows of decoded columns of one shape."""
    request_ids = _numbers(columns["request_id"])
    slots = lookup.places(request_ids)
    filled = FILLS[shape.name](columns, slots, lookup)
    origins = lookup.origins(slots)
    for change in changes:
        origins[(request_ids == change.request_id) & (frames > change.frame)] = change.data_type - 1
    if "tick_type" in columns:
        origins[is_delayed(_numbers(columns["tick_type"])) & (origins == LIVE)] = DELAYED
    if shape.repeat is not None:
        origins[:] = BACKFILL
    filled |= {
        "instrument_id": lookup.instruments(slots),
        "symbol": lookup.text("symbol", slots),
        "stream": lookup.text("stream", slots),
        "request_id": pa.array(request_ids.astype(np.int32)),
        "origin": encoded(origins, words(ORIGINS)),
    }
    return Rows(shape.table, frames, places, filled)


def _numbers(column: pa.Array) -> Numbers:
    """Return whole numbers without nulls as int64, 0 for null."""
    whole = column.fill_null(0) if column.null_count else column
    numbers: Numbers = whole.to_numpy().astype(np.int64)
    return numbers


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    """Return floats, NaN for null."""
    floats: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return floats


def _null(column: pa.Array, where: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(where), None, column) if where.any() else column


def _bit(mask: Numbers, bit: int) -> pa.Array:
    return pa.array((mask & bit) != 0)


def _text(column: pa.Array) -> pa.Array:
    """Return text with empty turned into null; where the kernel is there, and words repeat, dictionary-encoded."""
    offsets, kernel = _offsets(column), decoding()
    found = kernel.text_codes(np.frombuffer(column.buffers()[2] or b"", np.uint8), offsets) if kernel else None
    if found is None:
        return _null(column, np.diff(offsets) == 0)
    codes, firsts = found
    return encoded(codes, column.take(pa.array(firsts)))


def _offsets(column: pa.Array) -> npt.NDArray[np.int32]:
    return np.frombuffer(column.buffers()[1], np.int32, len(column) + 1 + column.offset)[column.offset :]


def _seconds(column: pa.Array) -> pa.Array:
    """Return epoch seconds as a time; 0 is no time, and one too far away to be a time is none either."""
    seconds = _numbers(column)
    none = (seconds <= 0) | (seconds > 250_000_000_000)
    return pc.cast(pc.cast(_null(column, none), SECONDS), MICROSECONDS)


def _present(message: str, c: Columns) -> Columns:
    """Return the columns of a message, with nulls for IB's words of no value."""
    return c | {name: _without(rules, name, c) for name, rules in ABSENT[message].items()}


def _without(rules: tuple[NoValue, ...], name: str, c: Columns) -> pa.Array:
    column = c[name]
    # One look finds that nothing in the column can be such a word, as is nearly always the case.
    if not len(column) or (not column.null_count and column.to_numpy().min() > highest_word(rules)):
        return column
    types = _numbers(c["tick_type"]) if "tick_type" in c else None
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    none = np.zeros(len(column), np.bool_)
    for rule in rules:
        none |= is_absent(rule, values, _floats(c[rule.beside]) if rule.beside else None, types)
    return _null(column, none)


def _tick_price(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
    kinds = _numbers(c["tick_type"])
    paired = _PAIRED[np.where((kinds >= 0) & (kinds < len(_PAIRED)), kinds, len(_PAIRED) - 1)]
    present, mask = _present("tick_price", c), _numbers(c["mask"])
    return _tick(c) | {
        "price": present["price"],
        "size": _null(present["size"], ~paired),
        "can_auto_execute": _bit(mask, 1),
        "past_limit": _bit(mask, 2),
        "pre_open": _bit(mask, 4),
    }


def _tick(c: Columns) -> Columns:
    kinds = _numbers(c["tick_type"])
    kept: Columns = {name: c[name] for name in ("size", "value", "text") if name in c}
    return kept | {"tick_type": pa.array(kinds.astype(np.int32)), "tick_name": tick_names(kinds)}


def _plain_tick(message: str) -> Callable[[Columns, Numbers, Lookup], Columns]:
    return lambda c, _slots, _lookup: _tick(_present(message, c) if message in ABSENT else c)


def _tick_option(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
    present = _present("tick_option", c)
    greeks = {name: present[name] for name in ABSENT["tick_option"]}
    return _tick(c) | greeks | {"price_based": pc.cast(c["price_based"], pa.bool_())}


def _trade(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
    mask, present = _numbers(c["mask"]), _present("tick_by_tick_last", c)
    return {
        "ts_event": _seconds(c["time"]),
        "price": present["price"],
        "size": present["size"],
        "exchange": _text(c["exchange"]),
        "conditions": _text(c["conditions"]),
        "past_limit": _bit(mask, 1),
        "unreported": _bit(mask, 2),
    }


def _quote(low: int, high: int) -> Callable[[Columns, Numbers, Lookup], Columns]:
    def fill_quote(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
        mask, present = _numbers(c["mask"]), _present("tick_by_tick_quote", c)
        return {
            "ts_event": _seconds(c["time"]),
            **{name: present[name] for name in ABSENT["tick_by_tick_quote"]},
            "bid_past_low": _bit(mask, low),
            "ask_past_high": _bit(mask, high),
        }

    return fill_quote


def _midpoint(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
    size = {"size": _present("historical_midpoints", c)["size"]} if "size" in c else {}
    return {"ts_event": _seconds(c["time"]), "price": c["price"], **size}


def _depth(c: Columns, _slots: Numbers, _lookup: Lookup) -> Columns:
    present = _present("market_depth", c)
    rows = {
        "position": c["position"],
        "operation": encoded(_numbers(c["operation"]), words(OPERATIONS)),
        "side": encoded(_numbers(c["side"]), words(SIDES)),
        "price": present["price"],
        "size": present["size"],
    }
    if "market_maker" in c:
        rows |= {"market_maker": _text(c["market_maker"]), "smart": pa.array(_numbers(c["smart"]) != 0)}
    return rows


def _bar(form: str) -> Callable[[Columns, Numbers, Lookup], Columns]:
    def fill_bar(c: Columns, slots: Numbers, lookup: Lookup) -> Columns:
        present = _present("historical_data", c)
        times = {"ts_event": _seconds(c["time"])} if "time" in c else {
            "ts_event": bar_times(c["bar_date"], slots, lookup.zone, again=form == "update"), "bar_date": c["bar_date"]}
        return times | {name: c[name] for name in ("open", "high", "low", "close")} | {
            **{name: present[name] for name in ABSENT["historical_data"]},
            "bar_size": lookup.text("bar_size", slots),
            "what": lookup.text("what", slots),
            "regular_hours": lookup.regular_hours(slots),
            "form": constant(form, len(slots)),
        }

    return fill_bar


def bar_times(dates: pa.Array, slots: Numbers, zone: str | None, *, again: bool = False) -> pa.Array:
    """Return bar dates as times; null where a date cannot be read, or means two moments and nothing tells which.

    `slots` tell rows of different requests apart, -1 is nobody's; `zone` is that of dates without one. Where bars may
    come `again`, as updates do, the same date twice is the same bar.
    """
    widths = np.diff(_offsets(dates))
    if len(dates) and (widths == 10).all() and pc.all(pc.match_substring_regex(dates, "^[0-9]*$")).as_py():
        return pc.cast(pc.cast(pc.cast(dates, pa.int64()), SECONDS), MICROSECONDS)
    readings = [readings_us(date, zone) for date in dates.to_pylist()]
    chosen = [reading[0] if len(reading) == 1 else None for reading in readings]
    for slot in {slot for slot, reading in zip(slots.tolist(), readings, strict=True) if len(reading) > 1} - {-1}:
        rows = np.flatnonzero(slots == slot).tolist()
        for row, moment in zip(rows, _settled([readings[row] for row in rows], again), strict=True):
            chosen[row] = moment
    return pa.array(chosen, pa.int64()).cast(MICROSECONDS)


def _settled(readings: list[tuple[int, ...]], again: bool) -> list[int | None]:
    """Return one moment per reading of rows in order of time, None where there is none or nothing tells which.

    In the night in which clocks go back, bars run through an hour and then through it once more: where the written
    time steps back the second hour begins.
    """
    moments: list[int | None] = []
    for is_double, group in groupby(readings, lambda reading: len(reading) > 1):
        run = list(group)
        steps = [n for n in range(1, len(run)) if run[n] < run[n - 1] or (run[n] == run[n - 1] and not again)]
        if not is_double:
            moments += [reading[0] if reading else None for reading in run]
        elif len(steps) == 1:
            moments += [reading[n >= steps[0]] for n, reading in enumerate(run)]
        else:
            moments += [None] * len(run)
    return moments


FILLS: dict[str, Callable[[Columns, Numbers, Lookup], Columns]] = {
    "tick_price": _tick_price,
    "tick_size": _plain_tick("tick_size"),
    "tick_generic": _plain_tick("tick_generic"),
    "tick_string": _plain_tick("tick_string"),
    "tick_option": _tick_option,
    "tick_by_tick_last": _trade,
    "tick_by_tick_quote": _quote(low=1, high=2),
    "tick_by_tick_midpoint": _midpoint,
    "market_depth": _depth,
    "market_depth_l2": _depth,
    "real_time_bar": _bar("closed"),
    "historical_data": _bar("history"),
    "historical_data_update": _bar("update"),
    "historical_midpoints": _midpoint,
    "historical_quotes": _quote(low=2, high=1),
    "historical_trades": _trade,
}
