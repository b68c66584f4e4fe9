"""Spans of time that hold about so many rows each: how much is read at once, however much there is."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from capture.query.selection import moment
from capture.schemas import Table
from capture.times import DAY, moment_of

from .row_filter import Asked, Wanted

# Rows are counted by day for so many days at once, and in days of many rows by 2^20 microseconds, about a second.
WINDOW = timedelta(days=32)
BUCKET_BITS = 20


def spans(lake: Asked, wanted: Wanted, most_rows: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield spans of whole days, or of parts of one, that hold about `most_rows` each and all rows together."""
    for start, end, rows in day_spans(lake, wanted, most_rows):
        yield from within(lake, wanted, start, end, most_rows) if rows > most_rows else [(start, end)]


def day_spans(lake: Asked, wanted: Wanted, most_rows: int) -> Iterator[tuple[datetime, datetime, int]]:
    """Yield spans of whole days and how many rows they hold: `most_rows`, or a day of more."""
    for first, last in _windows(lake, wanted):
        pending, rows = _begin(first, wanted), 0
        for day, count in _by_day(lake, wanted, first, last, most_rows):
            begin = _begin(day, wanted)
            if rows and rows + count > most_rows:
                yield pending, begin, rows
                pending, rows = begin, 0
            if count > most_rows:
                yield begin, _end(day, wanted), count
                pending = _end(day, wanted)
            else:
                rows += count
        if rows:
            yield pending, _end(last, wanted), rows


def within(
    lake: Asked, wanted: Wanted, start: datetime, end: datetime, most_rows: int
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a day, of about `most_rows` each."""
    day = start.date()
    counts = np.array(_counts(lake, wanted, lambda table: f"epoch_us({wanted.ts(table)}) >> {BUCKET_BITS}", day, day))
    full = np.cumsum(counts[:, 1]) // most_rows
    for bucket in counts[1:, 0][np.diff(full) > 0].tolist():
        cut = moment_of(bucket << BUCKET_BITS)
        yield start, cut
        start = cut
    yield start, end


def _windows(lake: Asked, wanted: Wanted) -> Iterator[tuple[date, date]]:
    """Yield the first and last dates of windows that hold all rows there are."""
    # Of moments as they lie in files these say which is the first and the last: nothing is read.
    parts = [f"select timezone('UTC', min({ts}))::date as first, timezone('UTC', max({ts}))::date as last "
             f'from "{table.name}" where {wanted.where(table, wanted.start, wanted.end)}'
             for table in wanted.tables for ts in [wanted.ts(table)]]
    [(first, last)] = lake.sql(f"select min(first), max(last) from ({' union all '.join(parts)})").rows()
    while first is not None and first <= last:
        until = min(first + WINDOW, last + DAY)
        yield first, until - DAY
        first = until


def _by_day(lake: Asked, wanted: Wanted, first: date, last: date, most_rows: int) -> list[tuple[Any, int]]:
    """Return how many rows all tables have on each date; all of the last one, where they are no more than asked for."""
    if wanted.shifts:
        return _counts(lake, wanted, wanted.day, first, last)
    [rows] = _count(lake, wanted, [(first, last)])
    if rows <= most_rows or first == last:
        return [(last, rows)]
    days = [first + number * DAY for number in range((last - first) // DAY + 1)]
    return list(zip(days, _count(lake, wanted, [(day, day) for day in days]), strict=True))


def _count(lake: Asked, wanted: Wanted, spans: Sequence[tuple[date, date]]) -> list[int]:
    """Return how many rows all tables have in each span of dates. Files say so: of whole dates nothing is read."""
    parts = []
    for number, (first, last) in enumerate(spans):
        start, end = _begin(first, wanted), _end(last, wanted)
        limits = start if start > moment(first) else None, end if end < moment(last + DAY) else None
        parts += [f'select {number} as part, count(*) as rows from "{table.name}" where {wanted.where(table, *limits)} '
                  f"and date between date '{first}' and date '{last}'" for table in wanted.tables]
    query = f"select sum(rows)::bigint from ({' union all '.join(parts)}) group by part order by part"
    return [rows for (rows,) in lake.sql(query).rows()]


def _counts(lake: Asked, wanted: Wanted, by: Callable[[Table], str], first: date, last: date) -> list[tuple[Any, int]]:
    """Return how many rows all tables have by an SQL expression, on the dates from `first` to `last`, in its order."""
    start, end = _begin(first, wanted), _end(last, wanted)
    parts = [f'select {by(table)} as part, count(*) as rows from "{table.name}" '
             f"where {wanted.where(table, start, end)} group by part" for table in wanted.tables]
    return lake.sql(f"select part, sum(rows)::bigint from ({' union all '.join(parts)}) group by 1 order by 1").rows()


def _begin(day: date, wanted: Wanted) -> datetime:
    midnight = moment(day)
    return midnight if wanted.start is None else max(midnight, wanted.start)


def _end(day: date, wanted: Wanted) -> datetime:
    midnight = moment(day + DAY)
    return midnight if wanted.end is None else min(midnight, wanted.end)
