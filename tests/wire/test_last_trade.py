"""The exchange's last trading date and its moment, from IB's text in whatever zone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.times import microseconds
from capture.wire.last_trade import LastTrade, last_trade

EASTERN = "US/Eastern"


def moment(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(("text", "zone", "date", "time", "at"), [
    ("20261219 05:00:00 Asia/Shanghai", EASTERN, "20261218", "16:00:00", "2026-12-18 21:00"),  # the operator's
    ("20261219 05:00:00 China Standard Time", EASTERN, "20261218", "16:00:00", "2026-12-18 21:00"),
    ("20261218 14:30:00 Europe/Zurich", EASTERN, "20261218", "08:30:00", "2026-12-18 13:30"),
    ("20261218 14:30 Europe/Zurich", EASTERN, "20261218", "08:30:00", "2026-12-18 13:30"),
    ("20261218 08:30:00 US/Central", "US/Central", "20261218", "08:30:00", "2026-12-18 14:30"),  # the instrument's
    ("20260320-13:30:00", EASTERN, "20260320", "09:30:00", "2026-03-20 13:30"),  # UTC
    ("20261219-02:00:00", EASTERN, "20261218", "21:00:00", "2026-12-19 02:00"),
    ("20261218-08:30:00-US/Central", EASTERN, "20261218", "09:30:00", "2026-12-18 14:30"),
    ("20261218 08:30:00", "CST (Central Standard Time)", "20261218", "08:30:00", "2026-12-18 14:30"),
])
def test_date_and_time_are_the_exchanges(text: str, zone: str, date: str, time: str, at: str) -> None:
    assert last_trade(text, zone) == (date, time, moment(at))
    assert last_trade(text, zone, date) == (date, time, moment(at))


@pytest.mark.parametrize(("text", "zone", "date", "expected"), [
    ("20261218", EASTERN, "", LastTrade("20261218")),
    ("202612", None, "", LastTrade("202612")),
    ("", None, "", LastTrade()),
    ("", EASTERN, "20261218", LastTrade("20261218")),
    ("soon", EASTERN, "", LastTrade("soon")),
    ("20261219 05:00:00 Asia/Shanghai", "", "", LastTrade("20261219", "05:00:00", moment("2026-12-18 21:00"))),
    ("20261219 05:00:00 Moon", EASTERN, "20261218", LastTrade("20261218", "05:00:00")),
    # Without a zone it is the exchange's, unless the date besides says that it is not.
    ("20261219 05:00:00", EASTERN, "20261218", LastTrade("20261218", "05:00:00")),
])
def test_what_is_not_said_is_none(text: str, zone: str | None, date: str, expected: LastTrade) -> None:
    assert last_trade(text, zone, date) == expected


@given(st.text(max_size=40), st.text(max_size=20))
@settings(deadline=None)
def test_no_text_is_harmful(text: str, zone: str) -> None:
    assert len(last_trade(text, zone)) == 3
