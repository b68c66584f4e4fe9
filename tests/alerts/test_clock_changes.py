"""Alerts where clocks change (D25): America on 14 March and 7 November 2027, Europe on 28 March and 31 October."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capture.alerts.alert_limits import of_recorders
from capture.alerts.ledger import Ledger
from capture.alerts.lookout import plain
from capture.wanted.hours import Phase, parse_hours
from capture.watch.line_troubles import recorder_troubles
from tests.watch.conftest import ago, recorder, stream

from .conftest import block

MINUTE = timedelta(seconds=60)
DAYS = [datetime(2027, month, day, tzinfo=UTC)
        for month, days in ((3, range(13, 30)), (10, range(30, 32)), (11, range(1, 10))) for day in days]  # fmt: skip
EACH_DAY = pytest.mark.parametrize("day", DAYS, ids=[f"{day:%m-%d}" for day in DAYS])
NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
VENUES = {NEW_YORK: ("0930", "1600"), BERLIN: ("0900", "1730")}
# What to add to a time of day for UTC, in hours, by hand: from midnight of each date on, but for the night of change.
HOURS = {NEW_YORK: {"2027-01-01": 5, "2027-03-14": 4, "2027-11-07": 5},
         BERLIN: {"2027-01-01": -1, "2027-03-28": -2, "2027-10-31": -1}}  # fmt: skip

WINTER = {NEW_YORK: {"03-13", "11-07", "11-08", "11-09"},
          BERLIN: {f"{day:%m-%d}" for day in DAYS} - {"03-28", "03-29", "10-30"}}  # fmt: skip


def utc(day: datetime, clock: str, zone: str) -> datetime:
    """Return a time of day of a zone in UTC, by the table above."""
    hours = [add for first, add in HOURS[zone].items() if first <= f"{day:%Y-%m-%d}"][-1]
    return day + timedelta(hours=int(clock[:2]) + hours, minutes=int(clock[2:]))


def state(now: datetime, **more: Any) -> dict[str, Any]:
    said = recorder(started=ago(90_000, now), written=ago(1, now), heard=ago(1, now), **more)
    return said | {"running": True, "condition": said["state"]}


@EACH_DAY
@pytest.mark.parametrize("zone", VENUES)
def test_silence_is_told_by_the_hours_of_the_venue(day: datetime, zone: str) -> None:
    opens, closes = VENUES[zone]
    hours = parse_hours(f"{day:%Y%m%d}:{opens}-{day:%Y%m%d}:{closes};{day + timedelta(1):%Y%m%d}:CLOSED", None, zone)
    assert hours is not None
    first, last = utc(day, opens, zone), utc(day, closes, zone)
    assert first.hour == {NEW_YORK: 13, BERLIN: 7}[zone] + (f"{day:%m-%d}" in WINTER[zone])
    for moment, is_told in ((first - MINUTE, False), (first + MINUTE, True), (last - MINUTE, True),
                            (last + MINUTE, False)):  # fmt: skip
        one = stream(market=hours.phase(moment.timestamp()).value, last_row=ago(80_000, moment))
        found = of_recorders(block(silent_above_s=3600), [state(moment, streams=[one], restart_windows=[])], moment)
        assert [trouble.kind for trouble in found] == (["silent-above"] if is_told else [])


@EACH_DAY
def test_a_lost_line_is_routine_by_the_clock_of_the_restart_window(day: datetime) -> None:
    begin = utc(day, "2345", NEW_YORK)
    end = begin + timedelta(hours=2)  # no clock changes before 02:00
    for moment, is_told in ((begin - MINUTE, True), (begin + MINUTE, False), (end - MINUTE, False),
                            (end + MINUTE, True)):  # fmt: skip
        lost = state(moment, state="backing off", line_since=ago(120, moment), trouble="lost", lost_in="recording",
                     restart_windows=["daily 23:45-01:45 America/New_York"])  # fmt: skip
        found = [plain(one) for one in recorder_troubles(lost, moment, None)]
        assert [one["kind"] for one in found] == ["line-lost"]
        news = Ledger(0.0, 300.0).look(moment.timestamp(), found, lambda one: False)
        assert [status for status, _ in news] == (["firing"] if is_told else [])


def test_markets_that_are_closed_for_days_are_closed_in_between() -> None:
    hours = parse_hours("20270312:0930-20270312:1600;20270313:CLOSED;20270314:CLOSED;20270315:0930-20270315:1600", None,
                        NEW_YORK)  # fmt: skip
    assert hours is not None
    sunday = datetime(2027, 3, 14, 15, 0, tzinfo=UTC)
    assert hours.phase(sunday.timestamp()) is Phase.CLOSED
