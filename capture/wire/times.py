"""IB's written dates and times to UTC microseconds."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[ -]+(\d\d):(\d\d):(\d\d)(?: ?(\S.*))?)?")
_LONGEST = 128  # far more than any date with its zone; what is longer must not fill the cache either


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - EPOCH) // _US


def moment_of(at_us: int) -> datetime:
    """Return the moment so many microseconds after 1970, UTC. Raises OverflowError beyond the calendar."""
    return EPOCH + at_us * _US


def parse_time_us(text: str, zone: str = "UTC") -> int | None:
    """Return a date or time as IB writes it in microseconds since 1970, UTC; None when it cannot be read.

    Understood are epoch seconds (9 to 11 digits), `YYYYMMDD` (midnight UTC: a trading date, not an instant),
    `YYYYMMDD-HH:MM:SS` with or without Z (UTC), and `YYYYMMDD HH:MM:SS` in the zone that follows, or in `zone`.
    """
    return _parse_time_us(text, zone) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _parse_time_us(text: str, zone: str) -> int | None:
    if text.isdigit() and text.isascii() and 9 <= len(text) <= 11:
        return int(text) * 1_000_000
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    where: tzinfo | None = UTC
    if match[4] is not None and "-" not in text[:9] and (match[7] or zone) != "Z":
        where = _zone(match[7] or zone)
    if where is None:
        return None
    try:
        moment = datetime(*(int(match[i] or 0) for i in range(1, 7)), tzinfo=where)  # type: ignore[arg-type,misc] # six numbers
    except ValueError:
        return None
    return int(moment.timestamp()) * 1_000_000


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
