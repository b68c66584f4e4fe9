"""Bars made of recorded ticks: first fine ones, of a minute or of the seconds asked for, which are kept by the day."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.times import DAY_US, SECOND_US

from .catalog import Catalog
from .store import Bars, Series, Store

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SLACK_US = 10 * SECOND_US  # a row is received at most so long before or after IB's time of it, unless the line lagged
MOST_DAYS = 4_000
CLOSED = Bars("5 secs", 5, "", False)


@dataclass(frozen=True, slots=True)
class Fine:
    """Bars as columns: start, prices, and sums: size, size by price, number of ticks, and of quotes bids and asks."""

    start_us: Numbers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    value: Floats
    count: Floats
    bids: Floats
    asks: Floats

    def pick(self, where: Flags) -> Self:
        """Return some of the bars."""
        return type(self)(*(getattr(self, one.name)[where] for one in fields(self)))

    def merged(self, numbers: Numbers, starts_us: Callable[[Numbers], Numbers]) -> Self:
        """Return one bar for each run of bars of the same number, which starts where its first one does."""
        if not len(numbers):
            return self
        first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        last = np.append(first[1:], len(numbers)) - 1
        volume, value, count, bids, asks = (
            np.add.reduceat(column, first) for column in (self.volume, self.value, self.count, self.bids, self.asks))
        return type(self)(starts_us(first), self.open[first], np.maximum.reduceat(self.high, first),
                          np.minimum.reduceat(self.low, first), self.close[last],
                          volume, value, count, bids, asks)  # fmt: skip

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return bars one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


NONE = np.zeros(0)
NO_BARS = Fine(np.zeros(0, np.int64), *[NONE] * 9)

# What bars are made of: the ticks, and which columns raise the high and which lower the low.
Prices = Callable[[pa.Table], tuple[Floats, Floats]]


def _column(rows: pa.Table, name: str) -> Floats:
    values: Floats = rows[name].to_numpy()
    return values


def _one(name: str) -> Prices:
    return lambda rows: (_column(rows, name), _column(rows, name))


def _middle(rows: pa.Table) -> tuple[Floats, Floats]:
    middle = (_column(rows, "bid_price") + _column(rows, "ask_price")) / 2
    return middle, middle


# What the bars are of -> streams that they can be made of, the first that there is, and the prices in these.
BARS_OF: dict[str, tuple[tuple[str, Prices], ...]] = {
    "TRADES": (("all_last", _one("price")),),
    "MIDPOINT": (("midpoints", _one("price")), ("quotes", _middle)),
    "BID": (("quotes", _one("bid_price")),),
    "ASK": (("quotes", _one("ask_price")),),
    "BID_ASK": (("quotes", lambda rows: (_column(rows, "ask_price"), _column(rows, "bid_price"))),),
}


class FineBars:
    """Makes fine bars; those of whole days that are over are kept."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._lock = Lock()
        self._days: OrderedDict[tuple[Series, str, int, int], Fine] = OrderedDict()

    def forget(self) -> None:
        """Make all bars anew, as rows came of days that are over."""
        with self._lock:
            self._days.clear()

    def offers(self, con_id: int, what: str) -> bool:
        """Return whether there is something that bars can be made of."""
        return self._source(con_id, what) is not None

    def series(self, con_id: int, what: str) -> Series | None:
        """Return the rows that bars are made of, None where there are none."""
        source = self._source(con_id, what)
        return None if source is None else source[0]

    def bars(self, con_id: int, from_us: int, to_us: int, unit_s: int, what: str, known_us: int) -> Fine:
        """Return the bars of a unit that start in [from, to), by IB's time, of rows received before `known_us`."""
        source = self._source(con_id, what)
        if source is None:
            return NO_BARS
        return Fine.joined([NO_BARS, *(self._part(*source, begin_us, end_us, unit_s, what, known_us)
                                       for begin_us, end_us in _days(from_us, to_us))])  # fmt: skip

    def _source(self, con_id: int, what: str) -> tuple[Series, Prices] | None:
        for stream, prices in BARS_OF.get(what, ()):
            if (series := self._catalog.series(con_id, stream)) is not None:
                return series, prices
        for kind in self._catalog.bar_kinds(con_id):
            if (kind.size_s, kind.regular_hours) == (CLOSED.size_s, False) and kind.what == what:
                series = self._catalog.bar_series(con_id, kind)
                return None if series is None else (series, _one("close"))
        return None

    def _part(
        self, series: Series, prices: Prices, from_us: int, to_us: int, unit_s: int, what: str, known_us: int
    ) -> Fine:
        key, slack_us = (series, what, unit_s, from_us), slack(self._store, series.table, from_us, to_us)
        is_whole = to_us - from_us == DAY_US and to_us + slack_us <= known_us
        if is_whole and (kept := self._days.get(key)) is not None:
            return kept
        rows = self._store.rows(series, from_us - slack_us, max(min(to_us + slack_us, known_us), from_us - slack_us))
        made = _recorded(rows, from_us, to_us) if series.bars else _made(rows, prices, from_us, to_us)
        found = _by_unit(made, unit_s)
        if is_whole:
            with self._lock:  # several threads work out answers
                self._days[key] = found
                if len(self._days) > MOST_DAYS:
                    self._days.popitem(last=False)
        return found


def slack(store: Store, table: str, from_us: int, to_us: int) -> int:
    """Return how long before or after IB's time of them rows of a range may have come, in microseconds."""
    return max(SLACK_US, store.late_us(table, from_us, to_us))


def _days(from_us: int, to_us: int) -> Iterator[tuple[int, int]]:
    """Yield a range by UTC days."""
    while from_us < to_us:
        end_us = min((from_us // DAY_US + 1) * DAY_US, to_us)
        yield from_us, end_us
        from_us = end_us


def _made(rows: pa.Table, prices: Prices, from_us: int, to_us: int) -> Fine:
    """Return a bar for every tick of a range, in the order of IB's time."""
    upper, lower = prices(rows)
    event_us = rows["ts_event"].cast(pa.int64()).fill_null(-1).to_numpy()
    there = np.flatnonzero((event_us >= from_us) & (event_us < to_us) & ~np.isnan(upper) & ~np.isnan(lower))
    there = there[np.argsort(event_us[there], kind="stable")]
    upper, lower = upper[there], lower[there]
    size = _column(rows, "size")[there] if "size" in rows.column_names else np.zeros(len(there))
    size = np.nan_to_num(size)
    return Fine(event_us[there], upper, upper, lower, upper, size, size * upper, np.ones(len(there)), lower, upper)


def _recorded(rows: pa.Table, from_us: int, to_us: int) -> Fine:
    """Return recorded bars of 5 seconds."""
    start_us = rows["ts_event"].cast(pa.int64()).fill_null(-1).to_numpy()
    there = np.flatnonzero((start_us >= from_us) & (start_us < to_us))
    there = there[np.unique(start_us[there], return_index=True)[1]]
    volume, wap, count = (np.nan_to_num(rows[name].to_numpy().astype(np.float64)[there])
                          for name in ("volume", "wap", "trade_count"))  # fmt: skip
    opens, high, low, close = (_column(rows, name)[there] for name in ("open", "high", "low", "close"))
    zeros = np.zeros(len(there))
    return Fine(start_us[there], opens, high, low, close, volume, volume * wap, count, zeros, zeros)


def _by_unit(bars: Fine, unit_s: int) -> Fine:
    unit_us = unit_s * SECOND_US
    numbers = bars.start_us // unit_us
    return bars.merged(numbers, lambda first: numbers[first] * unit_us)
