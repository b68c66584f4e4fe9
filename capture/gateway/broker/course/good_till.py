"""Until when an order works that is good until it is cancelled: IB cancels it by itself after some quarters."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from capture.times import microseconds, moment_of

SATURDAY = 5
QUARTERS = 1  # after the one in which it was placed or changed last; IB's text says so, its example one more


def auto_cancel_us(placed_us: int, zone: str) -> int:
    """Return the end of the last weekday of the quarter that follows the one of a moment."""
    return _end_us(moment_of(placed_us).astimezone(ZoneInfo(zone)).date(), zone)


@lru_cache(1_024)
def _end_us(placed: date, zone: str) -> int:
    return microseconds(datetime.combine(last_day(placed) + timedelta(1), time(), ZoneInfo(zone)))


def last_day(placed: date, quarters: int = QUARTERS) -> date:
    """Return the last weekday of the quarter that comes so many after the one of a date."""
    quarter = placed.year * 4 + (placed.month - 1) // 3 + quarters + 1  # the one after
    last = date(quarter // 4, quarter % 4 * 3 + 1, 1) - timedelta(1)
    return last - timedelta(max(last.weekday() - SATURDAY + 1, 0))
