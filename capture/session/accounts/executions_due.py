"""When executions are asked for, and since when: IB forgets them at midnight of the gateway's zone (lesson B1)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from capture.times import DAY_S
from capture.wire.ib_times import zone_of
from capture.wire.zones import find_zone

AROUND_MIDNIGHT = ((23, 50), (0, 10))  # hour and minute in the gateway's zone
FIRST_DAYS, LATER_DAYS = 7, 1  # how far back: TWS may know a week, and corrections of today's come late


def zone_named(connection_time: str) -> ZoneInfo:
    """Return the zone of a gateway's hello, UTC where it names none that is known."""
    found = find_zone(zone_of(connection_time) or "")
    return found.zone if found else ZoneInfo("UTC")


def next_midnight_look_s(wall_s: float, zone: ZoneInfo) -> float:
    """Return the next moment around midnight at which executions are asked for, in seconds since 1970."""
    today = datetime.fromtimestamp(wall_s, zone).date()
    moments = [datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
               for day in (today, today + timedelta(days=1)) for hour, minute in AROUND_MIDNIGHT]
    return min(moment for moment in moments if moment > wall_s)


def since_text(wall_s: float, first: bool) -> str:
    """Return since when executions are asked for, as IB reads it, in UTC: a filter without a time may never be
    answered."""
    begin_s = wall_s - (FIRST_DAYS if first else LATER_DAYS) * DAY_S
    return f"{datetime.fromtimestamp(max(begin_s, 0.0), UTC):%Y%m%d-%H:%M:%S}"
