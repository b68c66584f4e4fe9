"""IB's written dates and times to UTC microseconds."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from capture.times import SECOND_US

from .zones import LONGEST, find_zone

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:([ -]+)(\d\d):(\d\d):(\d\d)(?:[ -]?(\S.*))?)?")


def parse_time_us(text: str, zone: str = "UTC") -> int | None:
    """Return a date or time as IB writes it in microseconds since 1970, UTC; None when it cannot be read.

    Of the two moments that a time has in the night in which clocks go back, this is the first; see `readings_us`.
    """
    readings = readings_us(text, zone)
    return readings[0] if readings else None


def readings_us(text: str, zone: str | None = "UTC") -> tuple[int, ...]:
    """Return the moments that a date or time may mean, in microseconds since 1970, UTC: none, one, or two.

    Understood are epoch seconds (9 to 11 digits), `YYYYMMDD` (midnight UTC: a trading date, not an instant),
    `YYYYMMDD-HH:MM:SS` with or without Z (UTC), and `YYYYMMDD HH:MM:SS` in the zone that follows, or in `zone`, which
    may be None. Two it may be where clocks go back, unless the zone's name says which. A name of summer time beside a
    date that has none contradicts itself and cannot be read.
    """
    return _readings_us(text, zone) if len(text) <= LONGEST else ()


def zone_of(text: str) -> str | None:
    """Return the zone's name behind a date and time as IB writes them, None where there is none."""
    match = _DATE.fullmatch(text) if len(text) <= LONGEST else None
    return match[8] if match else None


@lru_cache(maxsize=4096)
def _readings_us(text: str, zone: str | None) -> tuple[int, ...]:
    if text.isdigit() and text.isascii() and 9 <= len(text) <= 11:
        return (int(text) * SECOND_US,)
    match = _DATE.fullmatch(text)
    if match is None:
        return ()
    try:
        local = datetime(*(int(match[i] or 0) for i in (1, 2, 3, 5, 6, 7)))  # type: ignore[arg-type] # six numbers
    except ValueError:
        return ()
    name = match[8] or ("UTC" if match[4] is None or "-" in match[4] else zone)
    found = find_zone(name) if name else None
    # A zone that stands elsewhere was named in another season, maybe.
    return _moments_us(local, found.zone, found.summer if match[8] else None) if found else ()


def _moments_us(local: datetime, zone: ZoneInfo, summer: bool | None) -> tuple[int, ...]:
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    first_us, second_us = (int(moment.timestamp()) * SECOND_US for moment in (first, second))
    if first_us < second_us:  # clocks go back: the first is in summer time
        return {None: (first_us, second_us), True: (first_us,), False: (second_us,)}[summer]
    if summer and first.utcoffset() == _standard_offset(local.year, zone):
        return ()
    return (first_us,)


def _standard_offset(year: int, zone: ZoneInfo) -> timedelta | None:
    winters = (datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return min(offset for offset in winters if offset is not None)
