"""Which stretch of time a picture shows, and how wide its bars are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from capture.query import LakeReader

# The widths of bars to choose among, in seconds; all but the last fit into a day a whole number of times.
WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
MOST_BARS = 1_000  # of an instrument: about one for each pixel

_ROWS = "select ts, date, symbol from trades where price is not null union all select ts, date, symbol from quotes"
_LAST_DATE = f"""
select max(date) as last from ({_ROWS})
where symbol in (select unnest($symbols)) and ts < $end and date <= $last_date
"""
_BOUNDS = f"""
select min(ts) as first, max(ts) as last from ({_ROWS})
where symbol in (select unnest($symbols)) and ts >= $start and ts < $end and date >= $first_date and date <= $last_date
"""
_MOMENT = timedelta(microseconds=1)
_BEGINNING, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """The time in [start, end), in bars of `width_s` seconds that fill it."""

    start: datetime
    end: datetime
    width_s: int

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


def window(
    lake: LakeReader, symbols: Sequence[str], start: datetime | None, end: datetime | None,
    gaps: Sequence[dict[str, Any]],
) -> Window | None:
    """Return the part of [start, end) in which instruments have trades, quotes or gaps; None where there is none.

    Without a start it is in the last UTC day that has rows. A gap widens it only towards an end that was given, as the
    recorder may be off for long; where there are no rows at all, the gaps are what there is.
    """
    begin = start or _last_day(lake, symbols, end)
    first, last = _bounds(lake, symbols, begin or _BEGINNING, end or _END)
    has_rows = first is not None
    firsts = [first] if first else []
    firsts += [gap["from_ts"] for gap in gaps if start or not has_rows]
    lasts = [last + _MOMENT] if last else []  # which is in the window, its end is not
    lasts += [gap["to_ts"] or datetime.now(UTC) for gap in gaps if end or not has_rows]
    if not firsts or not lasts:
        return None
    return _in_bars(max(min(firsts), begin or _BEGINNING), min(max(lasts), end or _END))


def fitting_width_s(span_s: float) -> int:
    """Return the narrowest width of bars of which a span needs no more than a picture shows."""
    return next((width_s for width_s in WIDTHS_S if span_s / width_s <= MOST_BARS), WIDTHS_S[-1])


def _in_bars(start: datetime, end: datetime) -> Window:
    from_s, to_s = start.timestamp(), end.timestamp()
    width_s = fitting_width_s(to_s - from_s)
    first_s = int(from_s // width_s * width_s)
    last_s = max(-int(-to_s // width_s) * width_s, first_s + width_s)
    return Window(datetime.fromtimestamp(first_s, UTC), datetime.fromtimestamp(last_s, UTC), width_s)


def _last_day(lake: LakeReader, symbols: Sequence[str], end: datetime | None) -> datetime | None:
    before = end or _END
    parameters = {"symbols": list(symbols), "end": before, "last_date": before.date()}
    (last,) = lake.sql(_LAST_DATE, parameters).rows()[0]
    return datetime(last.year, last.month, last.day, tzinfo=UTC) if last else None


def _bounds(
    lake: LakeReader, symbols: Sequence[str], start: datetime, end: datetime
) -> tuple[datetime | None, datetime | None]:
    first, last = lake.sql(_BOUNDS, {
        "symbols": list(symbols), "start": start, "end": end, "first_date": start.date(), "last_date": end.date(),
    }).rows()[0]  # fmt: skip
    return first, last
