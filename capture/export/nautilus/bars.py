"""Bars as nautilus_trader's: those that are made of trades, quotes or midpoints, and those that IB made.

Both times of a bar are when it was over, so that a backtest knows it no sooner.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.export.job import Job
from capture.query import QueryError

from .instruments import Instrument
from .names import UNITS_US, bar_specification, bar_type, identity
from .numbers import CALCULATED, NUMBER
from .records import TIMES, Part, Scale, nanoseconds, record_schema

_PRICES = ("open", "high", "low", "close")
_FIELDS = {**dict.fromkeys((*_PRICES, "volume"), NUMBER), **TIMES}
_MID = "MID"  # such prices may need one more decimal

# Table -> which prices its bars hold, and how the names of their columns begin.
_MADE: Mapping[str, Mapping[str, str]] = {
    "trades": {"LAST": ""},
    "quotes": {"BID": "bid_", "ASK": "ask_", _MID: "mid_"},
    "midpoints": {_MID: ""},
}
# What IB made a bar of -> the price.
_OF_IB = {"TRADES": "LAST", "BID": "BID", "ASK": "ASK", "MIDPOINT": _MID}
# Beginnings of IB's units of bars. A week's or a month's date does not say when it begins and ends.
_UNITS_OF_IB = {"sec": "SECOND", "min": "MINUTE", "hour": "HOUR", "day": "DAY"}


def width_us(job: Job) -> int:
    """Return the width of a job's bars. Raises QueryError for one that nautilus_trader has no words for."""
    [(width, months)] = job.lake.sql("select epoch_us(cast($1 as interval)), datepart('month', cast($1 as interval)) "
                                     "+ 12 * datepart('year', cast($1 as interval))", [job.every]).rows()
    if months or bar_specification(width) is None:
        raise QueryError(f"bars of {job.every} have no name in nautilus_trader: give whole milliseconds, seconds, "
                         "minutes, hours or days")
    return int(width)


class MadeBars:
    """Bars of trades, quotes or midpoints."""

    def __init__(self, job: Job) -> None:
        self._job, self._width_us = job, width_us(job)

    def parts(self, rows: pa.RecordBatch, instrument: Instrument) -> Iterator[Part]:
        """Yield what becomes of an instrument's rows: bars of each price; those without such prices are none."""
        for price_type, prefix in _MADE[self._job.table.name].items():
            there = rows.filter(pc.is_valid(rows[f"{prefix}open"]))
            volume = there["volume"] if "volume" in there.schema.names else pa.nulls(len(there), pa.float64())
            bars = pa.record_batch([there["ts"], *(there[f"{prefix}{name}"] for name in _PRICES), volume],
                                   names=["start", *_PRICES, "volume"])
            yield _part(bars, instrument, self._job, self._width_us, price_type, CALCULATED)

    def rest(self) -> Iterator[Part]:
        """Yield what was kept back: nothing."""
        return iter(())


class BarsOfIB:
    """Bars of table `bars`: of one that came several times the last, unless one that begins later came in between."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._series: dict[tuple[int, str], _Series] = {}

    def parts(self, rows: pa.RecordBatch, instrument: Instrument) -> Iterator[Part]:
        """Yield what becomes of an instrument's rows."""
        kinds = pc.binary_join_element_wise(rows["bar_size"].cast(pa.string()), rows["what"].cast(pa.string()), "|")
        for kind in pc.unique(kinds).to_pylist():
            of_kind = rows.filter(pc.equal(kinds, kind)) if kind else rows.filter(pc.is_null(kinds))
            size, _, what = (kind or "").partition("|")
            known = width_of(size)
            if known is None or what not in _OF_IB:
                self._job.lose(f"bars of {size or 'unknown size'} made of {what or 'unknown data'}, which "
                               "nautilus_trader has no name for", len(of_kind))
                continue
            key = (instrument.details["instrument_id"], kind)
            series = self._series.setdefault(key, _Series(instrument, known, _OF_IB[what]))
            yield self._part(series, series.finished(self._dated(of_kind)))

    def rest(self) -> Iterator[Part]:
        """Yield the last bar of each kind; one that IB was still making is none."""
        for series in self._series.values():
            held = series.held
            if held is not None and not held["unfinished"][0].as_py():
                yield self._part(series, (held, 0))
            elif held is not None:
                self._job.lose("bars that were still in the making at the end", 1)

    def _dated(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        self._job.lose("bars whose date could not be read", rows["ts_event"].null_count)
        rows = rows.filter(pc.is_valid(rows["ts_event"]))
        unfinished = pc.equal(rows["form"].cast(pa.string()), "update")
        return pa.record_batch([rows["ts_event"], *(rows[name] for name in (*_PRICES, "volume")), unfinished],
                               names=["start", *_PRICES, "volume", "unfinished"])

    def _part(self, series: "_Series", found: tuple[pa.RecordBatch, int]) -> Part:
        bars, again = found
        self._job.lose("bars that came again, or after later ones", again)
        return _part(bars, series.instrument, self._job, series.width_us, series.price_type, 0.0)


class _Series:
    """Bars of one type; the newest is `held`, as it may come again."""

    def __init__(self, instrument: Instrument, width_us: int, price_type: str) -> None:
        self.instrument, self.width_us, self.price_type = instrument, width_us, price_type
        self.held: pa.RecordBatch | None = None

    def finished(self, bars: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
        """Return bars that will not change any more, in order, and how many finished ones are not among them."""
        if self.held is not None:
            bars = pa.concat_batches([self.held, bars])
        start = bars["start"].cast(pa.int64()).to_numpy()
        late = start < np.maximum.accumulate(start)
        bars, start = bars.filter(pa.array(~late)), start[~late]
        last = np.append(start[1:] != start[:-1], True)[:len(start)]
        again = np.count_nonzero(~last & ~bars["unfinished"].to_numpy(zero_copy_only=False))
        bars = bars.filter(pa.array(last))
        self.held = bars.slice(len(bars) - 1) if len(bars) else None
        return bars.slice(0, max(len(bars) - 1, 0)), int(np.count_nonzero(late) + again)


def width_of(bar_size: str) -> int | None:
    """Return the width of bars in microseconds as IB words it (5 secs, 1 min); None for what has none."""
    number, _, unit = bar_size.partition(" ")
    name = next((name for prefix, name in _UNITS_OF_IB.items() if unit.startswith(prefix)), None)
    return int(number) * UNITS_US[name] if name and number.isdigit() else None


def _part(bars: pa.RecordBatch, instrument: Instrument, job: Job, width_us: int, price_type: str,
          tolerance: float) -> Part:
    name = bar_type(identity(instrument.details), width_us, price_type)
    more = 1 if price_type == _MID else 0
    scale = Scale(job, instrument)
    # Only bars of trades have a volume; 0 is what nautilus_trader takes for none.
    volume = pc.fill_null(bars["volume"], 0.0)
    bars = scale.fitting(bars.set_column(bars.schema.get_field_index("volume"), "volume", volume), _PRICES, ["volume"],
                         "bars without a price")
    over = nanoseconds(pc.add(bars["start"].cast(pa.int64()), width_us))
    columns: list[Any] = [scale.prices(bars[name], tolerance, more) for name in _PRICES]
    return Part("bar", name, pa.record_batch(
        [*columns, scale.sizes(bars["volume"], tolerance), over, over],
        schema=record_schema(_FIELDS, instrument, more, bar_type=name)))
