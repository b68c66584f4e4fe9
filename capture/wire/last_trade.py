"""When a contract is last traded: IB's text, in whatever zone it is, to the exchange's date and the moment."""

import re
from typing import NamedTuple

from capture.times import moment_of

from .ib_times import readings_us, zone_of
from .zones import exchange_zone

_DATE = re.compile(r"(\d{6}(?:\d\d)?)(?:[ -]+(\d\d:\d\d(?::\d\d)?)(.*))?")


class LastTrade(NamedTuple):
    """The exchange's `date` (YYYYMMDD, or YYYYMM) and `time` (HH:MM:SS) of the last trade, and its moment.

    `ts_us` is in microseconds since 1970, UTC. None is what IB's text does not say; where its zone or the exchange's is
    not known, date and time are those of the text.
    """

    date: str | None = None
    time: str | None = None
    ts_us: int | None = None


def last_trade(text: str, zone: str | None, date: str = "") -> LastTrade:
    """Return what a last trade date says; `zone` is the exchange's as contract details name it.

    IB writes YYYYMMDD, and a time of day behind it in the zone of the operator, of the instrument, or in UTC: the zone
    follows, `YYYYMMDD-HH:MM:SS` is UTC, and without any it is the exchange's. `date` is the date that newer servers
    send besides, empty where they do not: where it is another, a time without zone is in one that nobody knows.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None or match[2] is None:
        return LastTrade(date or (match[1] if match else None) or text.strip() or None)
    where = exchange_zone(zone)
    found = _moment(text.strip(), where.key if where else None)
    if found is None or where is None:
        return LastTrade(date or match[1], match[2], found)
    local = moment_of(found).astimezone(where)
    if date and date != f"{local:%Y%m%d}" and not _has_zone(text.strip()):
        return LastTrade(date, match[2])
    return LastTrade(f"{local:%Y%m%d}", f"{local:%H:%M:%S}", found)


def _moment(text: str, zone: str | None) -> int | None:
    readings = readings_us(re.sub(r"( |-)(\d\d:\d\d)(?!:|\d)", r"\1\2:00", text, count=1), zone)
    return readings[0] if readings else None


def _has_zone(text: str) -> bool:
    return "-" in text[:9] or zone_of(text) is not None
