"""Dates, times and durations of history, as clients write them and as IB does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa

from capture.gateway.refusal import Refusal, invalid
from capture.gateway.replies import Telling, error
from capture.gateway.shared_state import Peer
from capture.times import DAY_S, SECOND_US
from capture.wire.ib_times import parse_time_us
from capture.wire.text.codec import Values
from capture.wire.zones import exchange_zone

from .contract_search import Details

WEEK_S, MONTH_S, YEAR_S = 7 * DAY_S, 30 * DAY_S, 365 * DAY_S

UNITS = {"S": (1, DAY_S), "D": (DAY_S, 365), "W": (WEEK_S, 52), "M": (MONTH_S, 12), "Y": (YEAR_S, 68)}  # seconds, most
ZONELESS = ("Warning: You submitted request with date-time attributes without explicit time zone. "
            "Please switch to use yyyymmdd-hh:mm:ss in UTC")
ZONED_SINCE = 174  # server version from which dates carry a zone, those of bars the instrument's

Dates = Callable[[pa.Table], pa.Array]


def moment_us(peer: Peer, values: Values, name: str) -> Telling[int | None]:
    """Return the time in a field, None where it is empty; warns of one without a zone, refuses (10314) no time."""
    text = values[name]
    if not text:
        return None
    parsed = parse_time_us(text, peer.state.time_zone)
    if parsed is None:
        raise Refusal(10314, f"{name}: '{text}' is no date and time. The correct format is yyyymmdd hh:mm:ss xx/xxxx, "
                             "or yyyymmdd-hh:mm:ss for UTC")
    if re.fullmatch(r"\d{8} +[\d:]+", text):
        yield error(values["request_id"], 2174, ZONELESS, peer.now_us)
    return parsed


def range_us(peer: Peer, values: Values) -> Telling[tuple[int, int]]:
    """Return the range of a duration back from an end, which is never later than now."""
    match = re.fullmatch(r"(\d{1,9}) ([SDWMY])", values["duration"])
    if match is None or not 0 < int(match[1]) <= UNITS[match[2]][1]:
        longest = ", ".join(f"{most} {unit}" for unit, (_, most) in UNITS.items())
        raise invalid(f"Historical data query duration '{values['duration']}' is invalid; the longest are {longest}")
    now_us = peer.now_us
    end_us = yield from moment_us(peer, values, "end")
    to_us = min(end_us or now_us, now_us)
    return max(to_us - int(match[1]) * UNITS[match[2]][0] * SECOND_US, peer.state.feed.head_us), to_us


def written(peer: Peer, at_us: int) -> str:
    """Return a moment as IB writes the ends of a range."""
    local = peer.state.local_time(at_us)
    if peer.server_version < ZONED_SINCE:
        return f"{local:%Y%m%d  %H:%M:%S}"
    return f"{local:%Y%m%d %H:%M:%S} {peer.state.time_zone}"


def bar_dates(peer: Peer, details: Details, date_format: int | None, size_s: int) -> Dates:
    """Return what writes the dates of bars: trading dates for days and more, else epoch seconds or local time."""
    zoned = peer.server_version >= ZONED_SINCE
    zone = details["time_zone_id"] if zoned else peer.state.time_zone
    pattern = f"%Y%m%d %H:%M:%S {zone}" if zoned else "%Y%m%d  %H:%M:%S"
    if size_s >= DAY_S:
        zone, pattern = "UTC", "%Y%m%d"

    def write(bars: pa.Table) -> pa.Array:
        seconds = bars["ts_event"].cast(pa.int64()).to_numpy() // SECOND_US
        if date_format == 2 and size_s < DAY_S:
            return pa.array(seconds).cast(pa.string())
        where = exchange_zone(zone) or UTC
        return pa.array([datetime.fromtimestamp(s, where).strftime(pattern) for s in seconds.tolist()], pa.string())

    return write


def utc_text(at_us: int, date_format: int | None) -> str:
    """Return a moment in epoch seconds (format 2) or as a date and time in UTC."""
    seconds = at_us // SECOND_US
    return str(seconds) if date_format == 2 else f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}"
