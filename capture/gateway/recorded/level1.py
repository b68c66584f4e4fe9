"""Level 1: as it was recorded, or made from quotes and trades where it was not."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.gateway.subscription import with_column
from capture.times import DAY_US, SECOND_US
from capture.wire.messages.ticktypes import TICK_TYPES

from .catalog import Catalog
from .store import Series, Store, empty

SAMPLE_US = 250_000  # IB samples most instruments so often
UNPLAYED = ("efp", "news")  # kinds of ticks that are stored as a text of their fields
MOST_STATES = 8
REACHES_US = (60 * SECOND_US, 3_600 * SECOND_US, DAY_US)  # how far the last row before a moment is looked for
MOST_TYPES = max(TICK_TYPES) + 1

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_NO_TICKS = empty("ticks").drop_columns(["seq", "row", "instrument_id"])


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a sample: its columns, and the ticks that say them."""

    price: str
    size: str
    price_tick: int
    size_tick: int
    time_tick: int | None = None


_SIDES = {
    "quotes": (Side("bid_price", "bid_size", 1, 0), Side("ask_price", "ask_size", 2, 3)),
    "all_last": (Side("price", "size", 4, 5, 45),),
}


@dataclass(frozen=True, slots=True)
class Samples:
    """The last row of each sample and where the sample ends; `first`: the first of them counts as a change."""

    rows: pa.Table
    ends_us: Numbers
    first: bool


class Level1:
    """Ticks and option computations of recorded instruments."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._lasts: dict[Series, tuple[int, pa.Table]] = {}  # a moment, and the last row before it
        self._states: dict[tuple[Series, int], tuple[set[int], pa.Table]] = {}  # kind and moment -> whose, and rows

    def ticks(self, con_id: int, from_us: int, to_us: int, generic: frozenset[int], first: bool) -> pa.Table:
        """Return level 1 ticks; with `first`, what had a value comes at `from_us`."""
        series = self._catalog.series(con_id, "ticks")
        if series is None:
            return self._made(con_id, from_us, to_us, first)
        rows = self._recorded(series, from_us, to_us, first)
        hidden = _hidden(generic)[np.clip(rows["tick_type"].to_numpy(), 0, MOST_TYPES)]
        return rows.filter(pa.array(~hidden)) if hidden.any() else rows

    def greeks(self, con_id: int, from_us: int, to_us: int, first: bool) -> pa.Table:
        """Return option computations; with `first`, the last of each kind comes at `from_us`."""
        series = self._catalog.series(con_id, "greeks")
        return empty("greeks") if series is None else self._recorded(series, from_us, to_us, first)

    def _recorded(self, series: Series, from_us: int, to_us: int, first: bool) -> pa.Table:
        rows = self._store.rows(series, from_us, to_us)
        start = self._catalog.start_before(series, from_us - 1) if first else None
        if start is None:
            return rows
        state = self._state(series, from_us)
        state = state.filter(pa.array(state["ts"].cast(pa.int64()).to_numpy() >= start.ts_us))
        return pa.concat_tables([_at(state, from_us), rows])

    def _state(self, series: Series, at_us: int) -> pa.Table:
        """Return the last row of each tick type before a moment; for all that starts there, it is asked for at once."""
        kind, con_ids = (replace(series, con_id=0), at_us), self._store.beside(series)
        if series.con_id not in self._states.get(kind, (set(), None))[0]:
            starts = [self._catalog.start_before(replace(series, con_id=con_id), at_us - 1) for con_id in con_ids]
            begin_us = min(start.ts_us for start in starts if start is not None)
            self._states[kind] = con_ids, self._store.newest(series, con_ids, begin_us, at_us, "tick_type")
            while len(self._states) > MOST_STATES:
                del self._states[next(iter(self._states))]
        rows = self._states[kind][1]
        return rows.filter(pa.array(rows["instrument_id"].to_numpy() == series.con_id))

    # Made

    def _made(self, con_id: int, from_us: int, to_us: int, first: bool) -> pa.Table:
        """Return a tick for all that changed from one sample to the next, at the end of each."""
        parts = []
        for stream, sides in _SIDES.items():
            series = self._catalog.series(con_id, stream)
            if series is not None:
                samples = self._sampled(series, from_us, to_us, first)
                parts += [_changes(samples, side) for side in sides]
        rows = pa.concat_tables([_NO_TICKS, *parts])
        rows = rows.sort_by("ts") if len(rows) else rows
        return rows.append_column("instrument_id", pa.array(np.full(len(rows), con_id)))

    def _sampled(self, series: Series, from_us: int, to_us: int, first: bool) -> Samples:
        """Return the last row of each sample that ends in the range, and the one before in front."""
        begin_us = (-(-from_us // SAMPLE_US) - 1) * SAMPLE_US
        end_us = (to_us - 1) // SAMPLE_US * SAMPLE_US
        before = self._before(series, begin_us)
        rows = pa.concat_tables([before, self._store.rows(series, begin_us, max(end_us, begin_us))])
        ends_us = (rows["ts"].cast(pa.int64()).to_numpy() // SAMPLE_US + 1) * SAMPLE_US
        kept = np.append(ends_us[1:] != ends_us[:-1], True)[: len(rows)]
        return Samples(rows.filter(pa.array(kept)), np.maximum(ends_us[kept], from_us), first or not len(before))

    def _before(self, series: Series, at_us: int) -> pa.Table:
        """Return the last row of the day before a moment."""
        last = self._known(series, at_us)
        if last is None:
            parts = (self._store.rows(series, at_us - reach_us, at_us) for reach_us in REACHES_US)
            last = next((_last(rows) for rows in parts if len(rows)), empty(series.table))
        self._lasts[series] = at_us, last
        return last

    def _known(self, series: Series, at_us: int) -> pa.Table | None:
        """Return the last row before a moment if it follows from what was looked for before, without a long search."""
        known_us, last = self._lasts.get(series, (0, empty(series.table)))
        last_us = last["ts"].cast(pa.int64())[0].as_py() if len(last) else at_us
        if not at_us - DAY_US <= last_us < at_us <= known_us + REACHES_US[1]:
            return None
        newer = self._store.rows(series, known_us, at_us) if known_us < at_us else empty(series.table)
        return _last(newer) if len(newer) else last


def _last(rows: pa.Table) -> pa.Table:
    """Return a copy of the last row, which lets go of the others."""
    return rows.take(pa.array([len(rows) - 1]))


@cache
def _hidden(generic: frozenset[int]) -> Flags:
    """Return by tick type which ticks are not sent to who asks for some generic ticks."""
    hidden = np.zeros(MOST_TYPES + 1, np.bool_)
    hidden[[tick.id for tick in TICK_TYPES.values()
            if tick.kind in UNPLAYED or (tick.generic is not None and tick.generic not in generic)]] = True  # fmt: skip
    return hidden


def _changes(samples: Samples, side: Side) -> pa.Table:
    """Return the ticks that one side of the samples gives: price with size, size, and where it has one its time."""
    price, size = (samples.rows[name].to_numpy() for name in (side.price, side.size))
    priced = _changed(price, samples.first) & ~np.isnan(price)
    sized = (_changed(size, samples.first) | priced) & ~np.isnan(size)
    parts = [_ticks(samples, side.price_tick, priced, price=price, size=size),
             _ticks(samples, side.size_tick, sized, size=size)]  # fmt: skip
    if side.time_tick is not None:
        seconds = samples.rows["ts_event"].cast(pa.int64()).to_numpy() // SECOND_US
        texts = pa.array(seconds).cast(pa.string())
        parts.append(_ticks(samples, side.time_tick, sized, text=texts))
    return pa.concat_tables(parts)


def _ticks(samples: Samples, number: int, where: Flags, **values: Any) -> pa.Table:
    tick = TICK_TYPES[number]
    flag = pa.scalar(False if tick.kind == "price" else None, pa.bool_())
    columns = dict.fromkeys(("can_auto_execute", "past_limit", "pre_open"), flag) | values | {
        "ts": samples.ends_us, "tick_type": pa.scalar(number), "tick_name": pa.scalar(tick.name)}  # fmt: skip
    filled = [columns.get(field.name, pa.scalar(None, field.type)) for field in _NO_TICKS.schema]
    arrays = [pa.repeat(one, len(where)) if isinstance(one, pa.Scalar) else pa.array(one) for one in filled]
    cast = [array.cast(field.type) for array, field in zip(arrays, _NO_TICKS.schema, strict=True)]
    return pa.table(cast, schema=_NO_TICKS.schema).filter(pa.array(where))


def _changed(values: Floats, first: bool) -> Flags:
    """Return which values differ from the one before; two that are missing do not."""
    known = np.nan_to_num(values, nan=-np.inf)
    return np.concatenate([np.full(min(len(known), 1), first), known[1:] != known[:-1]])


def _at(rows: pa.Table, at_us: int) -> pa.Table:
    """Return rows as of another moment."""
    return with_column(rows, "ts", pa.array(np.full(len(rows), at_us)))
