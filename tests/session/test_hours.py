from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.wanted.hours import Phase, parse_hours

CME = ("20261122:1700-20261123:1600;20261123:1700-20261124:1600;20261126:CLOSED",
       "20261123:0830-20261123:1600;20261124:0830-20261124:1600;20261126:CLOSED", "US/Central")
ZONE = ZoneInfo("US/Central")


def at(day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp()


@pytest.mark.parametrize(("moment", "phase"), [
    (at(22, 16, 59), Phase.CLOSED), (at(22, 17), Phase.OPEN), (at(23, 3), Phase.OPEN), (at(23, 8, 30), Phase.LIQUID),
    (at(23, 15, 59), Phase.LIQUID), (at(23, 16), Phase.CLOSED), (at(23, 17), Phase.OPEN), (at(24, 12), Phase.LIQUID),
    (at(25, 12), Phase.CLOSED), (at(26, 12), Phase.CLOSED), (at(27, 12), Phase.OPEN)])
def test_the_hours_of_a_future(moment: float, phase: Phase) -> None:
    hours = parse_hours(*CME)
    assert hours is not None
    assert hours.phase(moment) is phase, "what is not known counts as open"
    assert hours.end_s == at(26, 23, 59)


def test_sessions_begin_at_the_same_minutes_of_an_hour_in_summer_and_winter() -> None:
    found = [parse_hours(f"{day}:0910-{day}:1530", f"{day}:0945-{day}:1500", "US/Eastern")
             for day in ("20260107", "20260707")]
    assert [hours.opening_minutes for hours in found if hours] == [frozenset({10, 45})] * 2


def test_older_texts_and_several_sessions_a_day() -> None:
    hours = parse_hours("20261123:0930-1130,1300-1600;20261124:CLOSED", "", "Asia/Hong_Kong")
    assert hours is not None
    zone = ZoneInfo("Asia/Hong_Kong")
    phases = [hours.phase(datetime(2026, 11, 23, hour, tzinfo=zone).timestamp()) for hour in (9, 10, 12, 14, 17)]
    assert phases == [Phase.CLOSED, Phase.OPEN, Phase.CLOSED, Phase.OPEN, Phase.CLOSED]


def test_in_the_older_form_a_session_that_runs_over_midnight_began_the_evening_before() -> None:
    old = "20261123:1700-1600;20261124:1700-1515,1530-1600;20261126:CLOSED"
    new = "20261122:1700-20261123:1600;20261123:1700-20261124:1515;20261124:1530-20261124:1600;20261126:CLOSED"
    assert parse_hours(old, old, "US/Central") == parse_hours(new, new, "US/Central")
    hours = parse_hours(old, "", "US/Central")
    assert hours is not None
    assert hours.phase(at(22, 18)) is Phase.OPEN
    assert hours.phase(at(23, 16, 30)) is Phase.CLOSED


def test_midnight_is_the_end_of_a_day_in_the_older_form_too() -> None:
    assert parse_hours("20261123:1700-0000", "", "UTC") == parse_hours("20261123:1700-20261123:2400", "", "UTC")


@pytest.mark.parametrize("zone", ["CST (Central Standard Time)", "CST", "Central Standard Time", "America/Chicago"])
def test_an_exchanges_zone_by_another_name(zone: str) -> None:
    assert parse_hours(CME[0], CME[1], zone) == parse_hours(*CME)


def test_midnight_between_two_sessions_is_no_closing_time() -> None:
    hours = parse_hours("20261123:0000-20261123:2400;20261124:0000-20261124:2359", None, "UTC")
    assert hours is not None
    assert hours.phase(datetime(2026, 11, 24, tzinfo=UTC).timestamp() - 0.5) is Phase.OPEN
    assert len(hours.trading) == 1


@pytest.mark.parametrize("given_", [
    (None, None, None), ("", "", ""), (CME[0], CME[1], "No/Zone"), (CME[0], CME[1], ""), ("rubbish", CME[1], "UTC"),
    ("20261399:0000-20261399:1000", "", "UTC"), ("20261123:1000-20261123", "", "UTC"), (CME[0], "", "../etc/passwd")])
def test_what_cannot_be_read_is_not_known(given_: tuple[str | None, str | None, str | None]) -> None:
    assert parse_hours(*given_) is None


def test_days_that_can_be_read_count_beside_those_that_cannot() -> None:
    hours = parse_hours("x;20261123:1000-20261123:1100;20261124:9999-20261124:1200;", "?", "UTC")
    assert hours is not None
    assert hours.phase(datetime(2026, 11, 23, 10, 30, tzinfo=UTC).timestamp()) is Phase.OPEN


_PIECES = st.sampled_from(["20261123", "0930", "2400", ":", "-", ";", ",", "CLOSED", "99", " ", "é"])


@given(st.lists(_PIECES, max_size=14).map("".join), st.text(max_size=20), st.sampled_from(["UTC", "US/Eastern", "EST"]))
def test_no_text_is_harmful(trading: str, liquid: str, zone: str) -> None:
    hours = parse_hours(trading, liquid, zone)
    if hours is not None:
        assert hours.phase(hours.end_s) is Phase.OPEN
        assert all(start < end for start, end in hours.trading)
