"""Names of time zones as IB writes them."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire import zones
from capture.wire.zones import exchange_zone, find_zone


@pytest.mark.parametrize(("name", "zone", "summer"), [
    ("Israel Standard Time", "Asia/Jerusalem", False),
    ("Israel Daylight Time", "Asia/Jerusalem", True),
    ("British Summer Time", "Europe/London", True),
    ("Greenwich Mean Time", "UTC", None),
    ("Central European Summer Time", "Europe/Paris", True),
    ("Central Standard Time (Mexico)", "America/Mexico_City", False),
    ("Australian Eastern Daylight Time (New South Wales)", "Australia/Sydney", True),
    ("eastern standard time", "America/New_York", False),
    ("EST", "America/New_York", False),
    ("EST (Eastern Standard Time)", "America/New_York", None),
    ("MET (Middle Europe Time)", "Europe/Berlin", None),
    ("GB-Eire", "GB-Eire", None),
    (" US/Central ", "US/Central", None),
])
def test_the_zone_and_the_season_of_a_name(name: str, zone: str, summer: bool | None) -> None:
    assert find_zone(name) == (ZoneInfo(zone), summer)
    assert exchange_zone(name) == ZoneInfo(zone)


@pytest.mark.parametrize("name", ["", " ", "Europe", "Time", "Standard Time", "Moon Standard Time", "x" * 999, "../"])
def test_other_names_are_none(name: str) -> None:
    assert find_zone(name) is None
    assert exchange_zone(name) is None
    assert exchange_zone(None) is None


@pytest.mark.parametrize(("name", "zone"), [("CST", "America/Chicago"), ("IST", "Asia/Kolkata"), ("JST", "Asia/Tokyo")])
def test_a_short_name_of_an_exchange(name: str, zone: str) -> None:
    assert exchange_zone(name) == ZoneInfo(zone)


@pytest.mark.parametrize("name", ["CST", "IST"])
def test_a_short_name_that_means_several_is_none_beside_a_time(name: str) -> None:
    assert find_zone(name) is None


def test_every_zone_of_the_tables_exists() -> None:
    for name in {*zones._STEMS.values(), *(name for name, _ in zones._SHORT.values()), *zones._JAVA_IDS.values()}:
        assert ZoneInfo(name).key == name


@given(st.text(max_size=40) | st.tuples(st.sampled_from(list(zones._STEMS)), st.text(max_size=30)).map(" ".join))
@settings(deadline=None)
def test_random_text_raises_nothing(text: str) -> None:
    found = find_zone(text)
    assert found is None or isinstance(found.zone, ZoneInfo)
