"""Research functions of few instruments that are computed without SQL, and what each reads."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from capture.functions.sql_pieces import HISTORY, STREAMS
from capture.lake.row_groups.bounds import Wanted
from capture.query.database import ALL_DATES, Found
from capture.query.selection import Moment, date_span, moment
from capture.schemas import TABLES
from capture.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, microseconds

from .asked_rows import Asked
from .columns import NOTHING, Columns, columns_of
from .direct_bars import TimeBars
from .direct_quotes import PRICES, with_quotes
from .direct_rows import DirectRows
from .missing_time import Asking, Row, Spans, missing_time
from .sources import Key, Source, counted, sources, taken, without_doubles

EVENTS = ("requested", "cancelled", "unwanted")  # of `subscriptions`, by which a stream comes and goes

_TRADE = ("ts", "seq", "row", "recorder", "instrument_id", "symbol", "stream", "ts_event", "price", "size",
          "unreported")  # fmt: skip
_QUOTE = ("ts", "seq", "row", "recorder", "instrument_id", "stream", "ts_event", *PRICES)
_SUBSCRIPTION = ("ts", "seq", "row", "recorder", "instrument_id", "symbol", "stream", "request_id", "event")
_GAP = ("seq", "row", "recorder", "instrument_id", "symbol", "stream", "gap_id", "state", "from_ts", "to_ts")
_TIMES = ("ts", "from_ts", "to_ts")

# Widths that are a length of time; others DuckDB takes, such as months, are left to it.
_WIDTH = re.compile(r"\s*(\d{1,9})\s*(microsecond|millisecond|second|minute|hour|day|week)s?\s*", re.IGNORECASE)
_UNITS_US = {"microsecond": 1, "millisecond": 1_000, "second": SECOND_US, "minute": MINUTE_US, "hour": HOUR_US,
             "day": DAY_US, "week": 7 * DAY_US}
MOST_WIDTH_US = 31 * DAY_US  # missing time is known so far beyond the rows

Given = Mapping[str, Any]  # values of a function's parameters by name


@dataclass(frozen=True, slots=True)
class Reading:
    """How a function reads a lake as it was when it was asked.

    `found` are the tables by name, `heard_s` says when each recorder last heard anything (0 for never), `now_s` what
    time it is, in seconds since 1970.
    """

    found: Mapping[str, Found]
    heard_s: Mapping[str, float]
    now_s: float
    rows_of: Callable[[Found, Asked], DirectRows]

    def columns(self, table: str, wanted: Wanted, names: Sequence[str]) -> Columns | None:
        """Return rows in order of time; None where they may be too many. Raises QueryError."""
        rows = self.rows_of(self.found[table], Asked(TABLES[table], wanted, tuple(names))).held()
        return None if rows is None else columns_of(rows)

    def names(self, given: Given) -> Callable[[], Iterator[tuple[Any, ...]]]:
        """Return what gives the names of instruments, of those that a function is about, of which there are rows."""
        found = self.found["trades"]
        return self.rows_of(found, Asked(found.table, wanted_rows(given), ())).names

    def rows(self, table: str, symbols: Sequence[str], names: Sequence[str]) -> list[Row]:
        """Return all rows of instruments, of a table that has few; times in microseconds. Raises QueryError."""
        rows = self.rows_of(self.found[table], Asked(TABLES[table], Wanted(symbols, []), tuple(names))).held()
        assert rows is not None, f"{table} has few rows of an instrument"
        for name in set(_TIMES).intersection(rows.column_names):
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, rows[name].cast(pa.int64()))
        found: list[Row] = rows.to_pylist()
        return found


def read_by(name: str, given: Given) -> dict[str, tuple[date, date]]:
    """Return the tables that a function reads, each with the first and the last date of which rows are wanted."""
    quotes = {"quotes": date_span(_quotes_from(given), given["end"])} if name == "trades_with_quotes" else {}
    return {"trades": date_span(given["start"], given["end"]), **quotes, "subscriptions": ALL_DATES, "gaps": ALL_DATES}


def computed(name: str, reading: Reading, given: Given) -> pa.Table | None:
    """Return the rows of a function; None where that has to be left to SQL. Raises QueryError."""
    return FUNCTIONS[name].computed(reading, given)


def takes(name: str, given: Given) -> bool:
    """Return whether a function can be computed without SQL of what is given."""
    if name not in FUNCTIONS:
        return False
    symbols = _symbols(given)
    return (bool(symbols) and not any(one.startswith("[") for one in symbols) and not given.get("fill")
            and 0 < width_us(given[FUNCTIONS[name].width]) <= MOST_WIDTH_US)


def width_us(width: str | timedelta) -> int:
    """Return how long a width is in microseconds; 0 for none, and what only DuckDB knows."""
    if isinstance(width, timedelta):
        return width // timedelta(microseconds=1)
    match = _WIDTH.fullmatch(width)
    return int(match[1]) * _UNITS_US[match[2].lower()] if match else 0


def wanted_rows(given: Given) -> Wanted:
    """Return the rows that a function is about."""
    bounds = {name: microseconds(moment(given[at])) for name, at in (("start_us", "start"), ("end_us", "end"))
              if given[at] is not None}
    return Wanted(_symbols(given), [], **bounds)


def time_bars(reading: Reading, given: Given) -> pa.Table | None:
    """Return bars of trades; None where that has to be left to SQL. Raises QueryError."""
    rows = reading.columns("trades", wanted_rows(given), _TRADE)
    if rows is None:
        return None
    rows, found = _once(rows, given)
    bars = TimeBars(rows, width_us(given["width"]))
    missing = _missing(reading, "trades", given, given["start"], found, bars.within)
    return bars.table(bars.gap_s(missing), whole=bool(given["whole"]))


def trades_with_quotes(reading: Reading, given: Given) -> pa.Table | None:
    """Return trades beside their quotes; None where that has to be left to SQL. Raises QueryError."""
    rows = reading.columns("trades", wanted_rows(given), (*_TRADE, "exchange", "conditions"))
    quotes = reading.columns("quotes", wanted_rows({**given, "start": _quotes_from(given)}), _QUOTE)
    if rows is None or quotes is None:
        return None
    rows, found = _once(rows, given)
    quotes = quotes.where(quotes.are("stream", (*STREAMS["quotes"], HISTORY)))
    if not len(rows):
        return with_quotes(rows, quotes, {}, by_event=False)
    times = [array for one in (rows, quotes) if len(one) for array in (one["ts"], one["ts_event"])]
    known = np.concatenate(times)
    known = known[known != NOTHING]
    span = int(known.min()) // DAY_US * DAY_US, (int(known.max()) // DAY_US + 1) * DAY_US
    within = dict.fromkeys(np.unique(rows["instrument_id"]).tolist(), span)
    missing = _missing(reading, "quotes", given, _quotes_from(given), found, within)
    return with_quotes(rows, quotes, missing, by_event=bool(given["by_event"]))


def _once(rows: Columns, given: Given) -> tuple[Columns, dict[Key, Source]]:
    """Return each trade once, and the recorders that are taken."""
    rows = counted(rows, "trades", given["recorded_by"])
    found = sources(rows)
    rows = taken(rows, found)
    rows = rows.where(~np.isnan(rows["price"]) & (given["with_unreported"] | ~rows["unreported"]))
    return without_doubles(rows, found), found


def _quotes_from(given: Given) -> datetime | None:
    """Return the moment from which on quotes are looked at; None for all, as where that is before the year 1."""
    if given["start"] is None:
        return None
    try:
        return moment(given["start"]) - timedelta(microseconds=width_us(given["lookback"]))
    except OverflowError:
        return None


def _missing(
    reading: Reading, table: str, given: Given, start: Moment | None, found: Mapping[Key, Source],
    within: Mapping[int, tuple[int, int]],
) -> Spans:
    symbols, recorder = _symbols(given), given["recorded_by"]
    subscriptions, gaps = (
        [row for row in reading.rows(name, symbols, columns)
         if row["stream"] in STREAMS[table] and recorder in (None, row["recorder"])]
        for name, columns in (("subscriptions", _SUBSCRIPTION), ("gaps", _GAP)))
    asks = [row for row in subscriptions if row["event"] in EVENTS and row["instrument_id"] is not None]
    start_us, end_us = (None if at is None else microseconds(moment(at)) for at in (start, given["end"]))
    heard_us = {name: round(at_s * 1e6) for name, at_s in reading.heard_s.items()}
    return missing_time(Asking(asks, gaps, heard_us, start_us, end_us, round(reading.now_s * 1e6)), found, within)


def _symbols(given: Given) -> list[str]:
    symbols = given["symbols"]
    return [symbols] if isinstance(symbols, str) else list(symbols or [])


@dataclass(frozen=True, slots=True)
class _Function:
    """How a function is computed, and the parameter of it that must be a length of time."""

    computed: Callable[[Reading, Given], pa.Table | None]
    width: str


FUNCTIONS = {"time_bars": _Function(time_bars, "width"),
             "trades_with_quotes": _Function(trades_with_quotes, "lookback")}
