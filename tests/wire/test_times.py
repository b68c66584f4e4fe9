"""IB's written dates and times."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire import ib_times as times
from capture.wire.ib_times import parse_time_us

ZONES = ["US/Eastern", "Europe/Amsterdam", "Asia/Hong_Kong", "UTC", "Australia/Sydney"]


@given(st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31)))
@settings(deadline=None)
def test_utc_in_every_form(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    expected = int(moment.timestamp()) * 1_000_000
    for form in ("%Y%m%d-%H:%M:%S", "%Y%m%d-%H:%M:%SZ", "%Y%m%d  %H:%M:%S", "%Y%m%d %H:%M:%S UTC", "%Y%m%d %H:%M:%S Z"):
        assert parse_time_us(moment.strftime(form)) == expected
    day = moment.replace(hour=0, minute=0, second=0)
    assert parse_time_us(moment.strftime("%Y%m%d")) == int(day.timestamp()) * 1_000_000


@given(st.integers(10**8, 10**11 - 1))
@settings(deadline=None)
def test_epoch_seconds(seconds: int) -> None:
    assert parse_time_us(str(seconds)) == seconds * 1_000_000


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("20260105 09:30:00", "US/Eastern", "20260105-14:30:00"),
        ("20260705  09:30:00", "US/Eastern", "20260705-13:30:00"),
        ("20260105 15:30:00 Europe/Amsterdam", "US/Eastern", "20260105-14:30:00"),
        ("20260105-14:30:00", "US/Eastern", "20260105-14:30:00"),
        ("20260106 01:30:00 Australia/Sydney", "UTC", "20260105-14:30:00"),
    ],
)
def test_zones(text: str, zone: str, utc: str) -> None:
    assert parse_time_us(text, zone) == parse_time_us(utc) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "12345678",
        "123456789012",
        "20261301",
        "20260230",
        "20260105 25:00:00",
        "20260105 14:30",
        "x",
        "20260105 14:30:00 Nowhere Standard Time",
        "20260105 14:30:00 ../../etc/passwd",
        "2026-01-05",
        "20260105 14:30:00 US",
        "00000101",
        "20260105 14:30:00 \ufffd",
        "١٢٣٤٥٦٧٨٩",
    ],
)
def test_what_cannot_be_read_is_none(text: str) -> None:
    assert parse_time_us(text) is None


@given(st.text(max_size=30) | st.tuples(st.just("20260105 14:30:00 "), st.text(max_size=300)).map("".join))
@settings(deadline=None)
def test_random_text_raises_nothing(text: str) -> None:
    assert parse_time_us(text) is None or isinstance(parse_time_us(text), int)


def test_what_is_too_long_to_be_a_date_is_none_and_not_kept() -> None:
    kept = times._readings_us.cache_info().currsize
    assert parse_time_us("20260105 14:30:00 " + "x" * 1_000) is None
    assert times._readings_us.cache_info().currsize == kept
