"""Bars of trades, without SQL: what the research function `time_bars` gives."""

import numpy as np
import pyarrow as pa

from capture.functions import FUNCTIONS
from capture.schemas import TIMESTAMP

from .columns import Columns, Floats, Integers, changes, in_order, ranks
from .missing_time import Spans

BUCKET_ORIGIN_US = 946_857_600_000_000  # 2000-01-03, a Monday: from there DuckDB's `time_bucket` counts

TYPES = {"symbol": pa.string(), "instrument_id": pa.int64(), "ts": TIMESTAMP, "trades": pa.int64(),
         "recorder": pa.string()}  # fmt: skip
SCHEMA = pa.schema([(name, TYPES.get(name, pa.float64())) for name, _ in FUNCTIONS["time_bars"].returns])


class TimeBars:
    """Bars of trades, each event once and in order of time; `width_us` is how long a bar is, in microseconds.

    Sums are made one trade after another, so where DuckDB adds in the same order they are equal bit by bit.
    """

    def __init__(self, trades: Columns, width_us: int) -> None:
        symbols = ranks(trades.words["symbol"])[trades["symbol"]]
        begins = BUCKET_ORIGIN_US + (trades["ts"] - BUCKET_ORIGIN_US) // width_us * width_us
        keys = symbols, trades["instrument_id"], begins
        places = in_order((*keys, trades["ts"], trades["seq"], trades["row"]))
        self._rows = rows = trades.where(places)
        changed = changes([key[places] for key in keys])
        self._firsts, self._bars = np.flatnonzero(changed), np.cumsum(changed) - 1
        self.width_us = width_us
        self.begins: Integers = begins[places][self._firsts]
        self.ids: Integers = rows["instrument_id"][self._firsts]

    @property
    def within(self) -> dict[int, tuple[int, int]]:
        """From when to when there are bars, by contract id."""
        return {one: (int(self.begins[self.ids == one].min()), int(self.begins[self.ids == one].max()) + self.width_us)
                for one in np.unique(self.ids).tolist()}

    def gap_s(self, missing: Spans) -> Floats:
        """Return how many seconds are missing of each bar."""
        lost = np.zeros(len(self.begins))
        for instrument_id, spans in missing.items():
            mine = np.flatnonzero(self.ids == instrument_id)
            mine = mine[np.argsort(self.begins[mine], kind="stable")]
            begins = self.begins[mine]
            for begin, end in spans:
                bars = slice(*np.searchsorted(begins, (begin - self.width_us + 1, end)))
                since, until = np.maximum(begins[bars], begin), np.minimum(begins[bars] + self.width_us, end)
                lost[mine[bars]] += until / 1e6 - since / 1e6
        return lost

    def table(self, gap_s: Floats, *, whole: bool) -> pa.Table:
        """Return the bars, with how many seconds are missing of each; only `whole` ones, or all."""
        rows, firsts = self._rows, self._firsts
        if not len(firsts):
            return SCHEMA.empty_table()
        lasts = np.append(firsts[1:], len(rows)) - 1
        price, size = rows["price"], rows["size"]
        volume, worth = self._summed(size), self._summed(price * size)
        with np.errstate(divide="ignore", invalid="ignore"):
            vwap = np.where(volume == 0, np.nan, worth / volume)
        names = ranks(rows.words["recorder"])
        least = np.minimum.reduceat(names[rows["recorder"]], firsts)
        columns = {
            "symbol": rows.texts("symbol", firsts), "instrument_id": pa.array(self.ids),
            "ts": pa.array(self.begins).cast(TIMESTAMP), "open": pa.array(price[firsts]),
            "high": pa.array(np.maximum.reduceat(price, firsts)), "low": pa.array(np.minimum.reduceat(price, firsts)),
            "close": pa.array(price[lasts]), "volume": pa.array(volume, mask=np.isnan(volume)),
            "vwap": pa.array(vwap, mask=np.isnan(vwap)), "trades": pa.array(lasts - firsts + 1),
            "gap_s": pa.array(gap_s), "recorder": pa.array(sorted(rows.words["recorder"])).take(pa.array(least)),
        }
        found = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
        return found.filter(pa.array(gap_s == 0)) if whole else found

    def _summed(self, values: Floats) -> Floats:
        """Return the sum of each bar's values that are not null, nan where all are."""
        known = ~np.isnan(values)
        sums = np.bincount(self._bars, np.where(known, values, 0.0), minlength=len(self._firsts))
        return np.where(np.bincount(self._bars, known, minlength=len(self._firsts)) > 0, sums, np.nan)
