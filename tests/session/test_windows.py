from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from capture.wanted.windows import IB_RESTART_WINDOWS, WindowError, parse_window

NEW_YORK = ZoneInfo("America/New_York")


def at(day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK).timestamp()


@pytest.mark.parametrize(("text", "inside", "outside"), [
    ("daily 23:45-00:45 America/New_York", [at(23, 23, 45), at(24, 0, 44)], [at(24, 0, 45), at(23, 23, 44)]),
    ("sat 10:00-11:00 America/New_York", [at(28, 10, 30)], [at(27, 10, 30), at(28, 11)]),
    ("fri 23:00-03:00 America/New_York", [at(27, 23), at(28, 2, 59)], [at(28, 23), at(27, 2), at(28, 3)]),
    ("sun-fri 00:15-01:45 America/New_York", [at(22, 1), at(27, 1)], [at(28, 1)]),
    ("Mon-Mon 05:00-05:00 America/New_York", [at(23, 5), at(24, 4, 59)], [at(23, 4, 59), at(24, 5)]),
])
def test_windows(text: str, inside: list[float], outside: list[float]) -> None:
    window = parse_window(text)
    assert [window.holds(moment) for moment in inside] == [True] * len(inside)
    assert [window.holds(moment) for moment in outside] == [False] * len(outside)


def test_ib_resets_are_the_default() -> None:
    windows = [parse_window(text) for text in IB_RESTART_WINDOWS]
    for moment in (at(23, 0, 30), at(23, 23, 50), at(27, 23, 30), at(28, 2)):
        assert any(window.holds(moment) for window in windows)
    assert not any(window.holds(at(23, 12)) for window in windows)


@pytest.mark.parametrize("text", ["", "daily", "daily 1:00-2:00 UTC", "always 01:00-02:00 UTC", "daily 25:00-02:00 UTC",
                                  "daily 01:00-02:00", "daily-mon 01:00-02:00 UTC", "mon 01:00-02:00 Mars/Olympus"])
def test_what_is_no_window_is_told_with_an_example(text: str) -> None:
    with pytest.raises(WindowError, match=r"America/New_York"):
        parse_window(text)
