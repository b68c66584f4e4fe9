"""Dates and times as Flex queries write them, in whichever of their formats; what could mean two dates is none."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

# IB's statements tell times of New York, unless the query's time format has a zone.
NEW_YORK = ZoneInfo("America/New_York")
_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "UTC": 0, "GMT": 0,
          "BST": 1, "CET": 1, "CEST": 2, "HKT": 8, "JST": 9, "AEST": 10, "AEDT": 11}  # fmt: skip
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATES = (
    re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"),
    re.compile(r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)"),
    re.compile(r"(?P<day>\d\d)-(?P<month>[A-Za-z]{3})-(?P<year>\d\d(?:\d\d)?)"),
)
_TIME = re.compile(r"(\d\d):?(\d\d):?(\d\d)(?: ?([A-Za-z]{3,4}))?")
_BETWEEN = re.compile(r"[;, T]+")


class When(NamedTuple):
    """What a text says of when: its date, and the moment, UTC; the moment is None where it says no time of day that can
    be read, both where it says no date.
    """

    day: date | None
    moment: datetime | None = None


def when(text: str, time_text: str = "") -> When:
    """Return what a text says of when; the time of day may stand in another text."""
    for pattern in _DATES:
        if (match := pattern.match(text)) and (day := _date(match)):
            rest = text[match.end():]
            between = _BETWEEN.match(rest)
            if rest and between is None:
                return When(None)  # the beginning of something else
            told = rest[between.end():] if between else time_text
            return When(day, _moment(day, told))
    return When(None)


def _date(match: re.Match[str]) -> date | None:
    month, year = match["month"], int(match["year"])
    try:
        return date(year + 2000 if year < 100 else year,
                    int(month) if month.isdecimal() else _MONTHS.index(month.upper()) + 1, int(match["day"]))
    except ValueError:
        return None


def _moment(day: date, text: str) -> datetime | None:
    match = _TIME.fullmatch(text.strip())
    zone = _zone(match[4]) if match else None
    if match is None or zone is None:
        return None
    try:
        local = datetime.combine(day, time(int(match[1]), int(match[2]), int(match[3])))
        return local.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):  # no such time of day, or no such moment: beyond the calendar
        return None


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return NEW_YORK
    hours = _HOURS.get(name.upper())
    return None if hours is None else timezone(timedelta(hours=hours))
