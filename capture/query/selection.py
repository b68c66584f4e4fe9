"""Rows of a table by instrument and time: the SQL behind `lake.trades("AAPL", "2026-11-20")` and its siblings."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from capture.lake.sql_text import NEWEST_GAPS, quoted
from capture.schemas import Table
from capture.suggestion import hint

from .answer import AskedError, QueryError

# A point in time: a date ("2026-11-20" or datetime.date) is its midnight UTC; anything finer says its zone.
Moment = str | date | datetime
Instruments = str | int | Sequence[str | int]

_CONTRACT_ID = re.compile(r"conid:(\d{1,18})")

# Every gap as it stands now, of some instruments, a stream and a span of time, each of which may be left out.
GAPS = f"""
select instrument_id, symbol, stream, gap_id, state, from_ts, to_ts,
       epoch(coalesce(to_ts, now()) - from_ts) as lasted_s, reason, code, rows_restored, lag_s, recorder
from {NEWEST_GAPS}
where (len($symbols) + len($ids) = 0 or symbol in (select unnest(cast($symbols as varchar[])))
       or instrument_id in (select unnest(cast($ids as bigint[]))))
  and ($stream is null or stream = $stream)
  and ($since is null or coalesce(to_ts, now()) > cast($since as timestamptz))
  and ($until is null or from_ts < cast($until as timestamptz))
  and (not $open_only or state = 'open')
order by from_ts, gap_id
"""

ORDER = ("ts", "recorder", "seq", "row")  # of rows in time, always


def moment(given: Moment) -> datetime:
    """Return a point in time as UTC. Raises QueryError for what is none, and for a time that does not say its zone."""
    if isinstance(given, str):
        given = _parsed(given)
    if not isinstance(given, date):
        raise QueryError(f"{given!r} is no time: give a text, datetime.date or datetime.datetime")
    if not isinstance(given, datetime):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if given.tzinfo is None:
        raise QueryError(f"the time {given.isoformat()} does not say its zone: write {given.isoformat()}Z for UTC, "
                         "…-05:00 for another, or give a datetime with tzinfo")
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise QueryError(f"the time {given.isoformat()} lies beyond the years 1 to 9999 in UTC: give one within, or "
                         "none to leave that end open") from None


def _parsed(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} is no time: write a date, 2026-11-20, or a time with its zone, "
                         "2026-11-20T14:30Z") from None


def selection(
    table: Table,
    instruments: Instruments | None,
    start: Moment | None,
    end: Moment | None,
    columns: Sequence[str] | None,
    stream: str | None,
) -> tuple[str, dict[str, Any]]:
    """Return the SQL query of some rows of a table, in order of time, and its parameters.

    `start` is included, `end` is not. Raises QueryError for a column or a time that is none.
    """
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if instruments is not None:
        conditions.append(_instruments(table, instruments))
    if start is not None:
        begin = moment(start)
        # The date too: by it whole folders are left out.
        conditions += ["ts >= $start", f"date >= date '{begin.date()}'"]
        parameters["start"] = begin
    if end is not None:
        before = moment(end)
        conditions += ["ts < $end", f"date <= date '{_last_date(before)}'"]
        parameters["end"] = before
    if stream is not None:
        conditions.append("stream = $stream")
        parameters["stream"] = stream
    where = f"\nwhere {' and '.join(conditions)}" if conditions else ""
    order = ", ".join(f'"{name}"' for name in ORDER)
    return f'select {_columns(table, columns)}\nfrom "{table.name}"{where}\norder by {order}', parameters


def dates_of(start: Moment, end: Moment) -> tuple[date, date]:
    """Return the first and the last UTC date of which a moment lies in [start, end); the last is less for none."""
    return moment(start).date(), _last_date(moment(end))


def date_span(start: Moment | None, end: Moment | None) -> tuple[date, date]:
    """Return the first and the last UTC date of which a moment lies in [start, end), either of which may be open."""
    return (date.min if start is None else moment(start).date(), date.max if end is None else _last_date(moment(end)))


def days(first: date, last: date) -> list[date]:
    """Return the dates from one to another, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _last_date(end: datetime) -> date:
    """Return the UTC date of the moment before; there is none before the first of all."""
    return (end - timedelta(microseconds=1)).date() if end > datetime.min.replace(tzinfo=UTC) else date.min


def symbols_and_ids(given: Instruments) -> tuple[list[str], list[int]]:
    """Return which instruments are meant: a text is a symbol, of digits too, but for `conid:265598`.

    Raises QueryError for what is neither a symbol nor a contract id.
    """
    # The items of bytes and of mappings are others than these.
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable | int | np.integer):
        raise QueryError(f"{given!r:.60} is no instrument: give symbols, or contract ids as whole numbers")
    several: list[object] = [given] if isinstance(given, str | int | np.integer) else list(given)
    if wrong := [one for one in several if not isinstance(one, str | int | np.integer)]:
        raise QueryError(f"{wrong[0]!r} is no instrument: give symbols, or contract ids as whole numbers")
    texts = [one for one in several if isinstance(one, str)]
    named = {one: match[1] for one in texts if (match := _CONTRACT_ID.fullmatch(one))}
    # Numbers of numpy are none of Python's.
    numbers = [named.get(one) if isinstance(one, str) else one for one in several]
    return ([one for one in texts if one not in named],
            [int(one) for one in numbers if isinstance(one, str | int | np.integer)])


def _instruments(table: Table, given: Instruments) -> str:
    """Return the condition. Raises AskedError for a table whose rows are of none.

    Its values are constants, by which DuckDB leaves out what the files are sorted by."""
    if not {"symbol", "instrument_id"} <= {column.name for column in table.columns}:
        raise AskedError(f"rows of {table.name} are of no instrument: ask for them without one")
    symbols, ids = symbols_and_ids(given)
    values = {"symbol": list(map(quoted, symbols)), "instrument_id": list(map(str, ids))}
    named = [f"{column} in ({', '.join(constants)})" for column, constants in values.items() if constants]
    return f"({' or '.join(named)})" if named else "false"


def _columns(table: Table, wanted: Sequence[str] | None) -> str:
    names = [column.name for column in table.columns]
    for name in wanted or ():
        if name not in names:
            raise AskedError(f"{table.name} has no column {name}; {hint(name, names, 'it has')}")
    return ", ".join(f'"{name}"' for name in (wanted or names))
