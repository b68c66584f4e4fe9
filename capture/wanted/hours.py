"""When an instrument trades, from its contract details: closed, open, or in regular (liquid) hours."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from capture.wire.zones import exchange_zone


class Phase(StrEnum):
    """How an instrument's market is."""

    CLOSED = "closed"
    OPEN = "open"
    LIQUID = "liquid"


Spans = tuple[tuple[float, float], ...]  # from, to in epoch seconds: in order, none touching the next

_END = r"(?:(\d{8}):)?(\d{4})"
_SPAN = re.compile(rf"(\d{{8}}):(\d{{4}})-{_END}")
_CLOSED = re.compile(r"(\d{8}):CLOSED")


@dataclass(frozen=True, slots=True)
class Hours:
    """The trading hours of some days; `end_s` is how far they are known, in epoch seconds."""

    trading: Spans
    liquid: Spans
    end_s: float

    @property
    def opening_minutes(self) -> frozenset[int]:
        """At which minutes of an hour sessions begin: the same in summer and winter, and on other days."""
        return frozenset(int(start // 60 % 60) for start, _ in (*self.trading, *self.liquid))

    def phase(self, wall_s: float) -> Phase:
        """Return how the market is at a moment in epoch seconds; OPEN where the hours are not known any more."""
        if wall_s >= self.end_s:
            return Phase.OPEN
        if _within(self.liquid, wall_s):
            return Phase.LIQUID
        return Phase.OPEN if _within(self.trading, wall_s) else Phase.CLOSED


def parse_hours(trading: str | None, liquid: str | None, zone: str | None) -> Hours | None:
    """Return the hours that contract details name, None where they cannot be read.

    IB writes sessions with `;` between them, `YYYYMMDD:HHMM-YYYYMMDD:HHMM` or `YYYYMMDD:CLOSED`, in older versions
    `YYYYMMDD:HHMM-HHMM,HHMM-HHMM`, in the time zone that it names beside them. In the older form the date is that on
    which a session ends: 1700-1600 began the evening before.
    """
    where = exchange_zone(zone)
    if where is None:
        return None
    spans, ends = _spans(trading or "", where)
    if not ends:
        return None
    return Hours(_merged(spans), _merged(_spans(liquid or "", where)[0]), max(ends))


def _spans(text: str, zone: ZoneInfo) -> tuple[list[tuple[float, float]], list[float]]:
    """Return the sessions that can be read, and the moments up to which they and the closed days reach."""
    spans, ends = [], []
    for day in text.replace(" ", "").split(";"):
        date = day[:8]
        for part in day.split(","):
            span = _SPAN.fullmatch(part if ":" in part else f"{date}:{part}")
            closed = _CLOSED.fullmatch(part)
            try:
                if span:
                    start, end = _ends(span, zone)
                    spans += [(start, end)] if start < end else []
                    ends.append(end)
                elif closed:
                    ends.append(_moment(closed[1], "2359", zone))
            except (ValueError, OverflowError):
                continue  # no such day or time
    return spans, ends


def _ends(span: re.Match[str], zone: ZoneInfo) -> tuple[float, float]:
    """Return beginning and end of a session. Raises ValueError where it names no such day or time."""
    if span[3] is not None:
        return _moment(span[1], span[2], zone), _moment(span[3], span[4], zone)
    end_time = "2400" if span[4] == "0000" else span[4]
    evening = datetime.strptime(span[1], "%Y%m%d") - timedelta(days=span[2] >= end_time)
    return _moment(f"{evening:%Y%m%d}", span[2], zone), _moment(span[1], end_time, zone)


@lru_cache(maxsize=4096)  # of days that contract details name again each day
def _moment(date: str, time: str, zone: ZoneInfo) -> float:
    day, minute = (f"{date}2359", 60) if time == "2400" else (date + time, 0)
    return datetime.strptime(day, "%Y%m%d%H%M").replace(tzinfo=zone).timestamp() + minute


def _merged(spans: list[tuple[float, float]]) -> Spans:
    """Return spans in order; those that touch become one, so that midnight is no closing time."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + 60:
            start, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((start, end))
    return tuple(merged)


def _within(spans: Spans, wall_s: float) -> bool:
    place = bisect_right(spans, (wall_s, float("inf"))) - 1
    return place >= 0 and wall_s < spans[place][1]
