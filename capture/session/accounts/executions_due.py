"""When executions are asked for, and since when: IB forgets them at midnight of the gateway's zone (lesson B1)."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from capture.times import DAY_S, SECOND_US
from capture.wire.ib_times import parse_time_us, zone_of
from capture.wire.zones import find_zone

AROUND_MIDNIGHT = ((23, 50), (0, 10))  # hour and minute in the gateway's zone
FIRST_DAYS, LATER_DAYS = 7, 1  # how far back: TWS may know a week, and corrections of today's come late


class GatewayClock(NamedTuple):
    """The clock of a gateway: its zone, and by how many seconds it is ahead of ours. It may play another day."""

    zone: ZoneInfo = ZoneInfo("UTC")
    ahead_s: float = 0.0

    def now_s(self, wall_s: float) -> float:
        """Return the gateway's time, given ours, in seconds since 1970."""
        return wall_s + self.ahead_s


def clock_of(connection_time: str, wall_s: float) -> GatewayClock:
    """Return the clock of a gateway by its hello, which came at a time; UTC where it names no zone that is known."""
    found, told_us = find_zone(zone_of(connection_time) or ""), parse_time_us(connection_time)
    return GatewayClock(found.zone if found else ZoneInfo("UTC"),
                        0.0 if told_us is None else told_us / SECOND_US - wall_s)


def midnight_wait_s(now_s: float, zone: ZoneInfo) -> float:
    """Return how long it is until executions are asked for around midnight, given the gateway's time."""
    today = datetime.fromtimestamp(now_s, zone).date()
    moments = [datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
               for day in (today, today + timedelta(days=1)) for hour, minute in AROUND_MIDNIGHT]
    return min(moment for moment in moments if moment > now_s) - now_s


def since_text(now_s: float, first: bool) -> str:
    """Return since when executions are asked for, as IB reads it, in UTC: a filter without a time may never be
    answered."""
    begin_s = now_s - (FIRST_DAYS if first else LATER_DAYS) * DAY_S
    return f"{datetime.fromtimestamp(max(begin_s, 0.0), UTC):%Y%m%d-%H:%M:%S}"
