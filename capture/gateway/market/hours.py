"""Trading sessions: when an instrument trades, how busy it is then, and the hours as IB writes them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from capture.times import DAY_S, HOUR_S

from .noise import Flags, Floats, Ints

DAY_MINUTES = 1_440
EXTENDED_ACTIVITY = 0.05
HOURS_DAYS = 7  # IB's details name the sessions of about a week


@dataclass(frozen=True)
class Session:
    """The sessions of a market: minutes from the local midnight of the trading date, which may be negative."""

    zone: str
    open_minute: int
    close_minute: int
    liquid_open_minute: int
    liquid_close_minute: int
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)

    def local_seconds(self, epoch_s: Ints) -> Ints:
        """Return seconds since 1970 as a clock on the wall of the session's zone would count them."""
        hours = epoch_s // HOUR_S
        first, last = (int(hours.min()), int(hours.max())) if len(hours) else (0, -1)
        known, place = np.arange(first, last + 1), hours - first
        if len(known) > len(hours):
            known, place = np.unique(hours, return_inverse=True)
        offsets = np.array([_utc_offset_s(self.zone, int(hour)) for hour in known], np.int64)
        return epoch_s + (offsets[place] if len(known) else 0)

    def trading_date(self, epoch_s: Ints) -> Ints:
        """Return days since 1970 of the trading date each moment belongs to (an evening session is tomorrow's)."""
        return (self.local_seconds(epoch_s) - min(self.open_minute, 0) * 60) // DAY_S

    def minute(self, epoch_s: Ints) -> Floats:
        """Return minutes from the local midnight of the trading date, negative on the evening before."""
        return (self.local_seconds(epoch_s) - self.trading_date(epoch_s) * DAY_S) / 60.0

    def is_open(self, epoch_s: Ints) -> Flags:
        """Return whether the market trades at each moment."""
        minute = self.minute(epoch_s)
        weekday = (self.trading_date(epoch_s) + 3) % 7  # 1970-01-01 was a Thursday
        return (minute >= self.open_minute) & (minute < self.close_minute) & np.isin(weekday, self.weekdays)

    def is_liquid(self, epoch_s: Ints) -> Flags:
        """Return whether each moment lies in regular hours."""
        minute = self.minute(epoch_s)
        regular = (minute >= self.liquid_open_minute) & (minute < self.liquid_close_minute)
        return regular & self.is_open(epoch_s)

    def activity(self, epoch_s: Ints) -> Floats:
        """Return how busy the market is: 1 on average in liquid hours, more near their ends, little outside them."""
        minute = self.minute(epoch_s)
        across = (minute - self.liquid_open_minute) / (self.liquid_close_minute - self.liquid_open_minute)
        liquid = (across >= 0) & (across < 1)
        return np.where(liquid, 0.6 + 1.2 * (2 * across - 1) ** 2, EXTENDED_ACTIVITY)

    def hours(self, epoch_s: int, liquid: bool) -> str:
        """Return the sessions of the week from `epoch_s` on: YYYYMMDD:HHMM-YYYYMMDD:HHMM;YYYYMMDD:CLOSED."""
        return _hours(self, epoch_s, liquid)

    def _week_hours(self, epoch_s: int, liquid: bool) -> str:
        first = date(1970, 1, 1) + timedelta(int(self.trading_date(np.array([epoch_s]))[0]))
        regular, whole = (self.liquid_open_minute, self.liquid_close_minute), (self.open_minute, self.close_minute)
        opens, closes = regular if liquid else whole
        return ";".join(self._day_hours(first + timedelta(day), opens, closes) for day in range(HOURS_DAYS))

    def _day_hours(self, day: date, opens: int, closes: int) -> str:
        if day.weekday() not in self.weekdays:
            return f"{day:%Y%m%d}:CLOSED"
        midnight = datetime(day.year, day.month, day.day)
        return "-".join(f"{midnight + timedelta(minutes=minute):%Y%m%d:%H%M}" for minute in (opens, closes))


@lru_cache(64)  # the contracts of an option chain all ask for the same
def _hours(session: Session, epoch_s: int, liquid: bool) -> str:
    return session._week_hours(epoch_s, liquid)


@cache
def _utc_offset_s(zone: str, epoch_hour: int) -> int:
    offset = datetime.fromtimestamp(epoch_hour * HOUR_S, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
SESSIONS = {
    "US stocks": Session("US/Eastern", 240, 1200, 570, 960),
    "US options": Session("US/Eastern", 570, 960, 570, 960),
    "US index": Session("US/Eastern", 570, 975, 570, 960),
    "Canada stocks": Session("US/Eastern", 570, 960, 570, 960),
    "CME": Session("US/Central", -420, 960, 510, 960),
    "NYMEX": Session("US/Eastern", -360, 1020, 540, 870),
    "FX": Session("US/Eastern", -405, 1020, -405, 1020),
    "crypto": Session("US/Central", 0, DAY_MINUTES, 0, DAY_MINUTES, EVERY_DAY),
}


def around_the_clock(session: Session) -> Session:
    """Return the session's market as if it never closed: every day from midnight to midnight in its zone."""
    return Session(session.zone, 0, DAY_MINUTES, 0, DAY_MINUTES, EVERY_DAY)
