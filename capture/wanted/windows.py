"""Restart windows: times of the week in which a lost line is routine."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# IB's server resets for North America: the nightly one in its present and its former time, and the weekly one.
IB_RESTART_WINDOWS = ("sat-thu 23:45-01:45 America/New_York", "fri 23:00-03:00 America/New_York")

_FORM = re.compile(r"(\w+)(?:-(\w+))? +([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) +(\S+)")


class WindowError(ValueError):
    """A restart window's text cannot be read; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that begins on some weekdays (0 is Monday) and may reach into the next day."""

    days: frozenset[int]
    from_minute: int
    length_minutes: int
    zone: ZoneInfo

    def holds(self, wall_s: float) -> bool:
        """Return whether a moment in epoch seconds lies within."""
        local = datetime.fromtimestamp(wall_s, self.zone)
        minute = local.hour * 60 + local.minute
        for day, since in ((local, minute), (local - timedelta(days=1), minute + 1440)):
            if day.weekday() in self.days and 0 <= since - self.from_minute < self.length_minutes:
                return True
        return False


def parse_window(text: str) -> Window:
    """Return the window that a text such as `daily 23:45-00:45 America/New_York` names. Raises WindowError."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise _error(text)
    first, last = match[1].lower(), (match[2] or match[1]).lower()
    start, end = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
    try:
        zone = ZoneInfo(match[7])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WindowError(f"{text!r}: {match[7]!r} is no time zone; write it like America/New_York") from None
    return Window(_days(text, first, last), start, (end - start) % 1440 or 1440, zone)


def _days(text: str, first: str, last: str) -> frozenset[int]:
    if first == last == "daily":
        return frozenset(range(7))
    if not {first, last} <= set(DAYS):
        raise _error(text)
    start, end = DAYS.index(first), DAYS.index(last)
    return frozenset((start + i) % 7 for i in range((end - start) % 7 + 1))


def _error(text: str) -> WindowError:
    return WindowError(f"{text!r} is no restart window; write DAYS HH:MM-HH:MM ZONE with DAYS daily, {', '.join(DAYS)} "
                       "or a range such as sun-fri: daily 23:45-00:45 America/New_York")
