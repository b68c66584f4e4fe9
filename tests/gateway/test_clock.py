"""The gateway's clock: at a speed, standing, moved, and going by what clients take."""

import pytest

from capture.gateway import AT_ONCE, Clock
from capture.gateway.control.replay_commands import as_text, moment_us, speed_text
from capture.replay.clock import FASTEST

SPAN = (1_000_000, 9_000_000)


class Hands:
    """What the machine's clock shows."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ns = 5_000
        patch.setattr("time.monotonic_ns", lambda: self.ns)

    def pass_by(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def test_it_runs_at_its_speed_and_stands_while_paused(hands: Hands) -> None:
    clock = Clock(2_000_000, 2.0, SPAN)
    hands.pass_by(1)
    assert clock.now_us() == 4_000_000
    clock.pause()
    hands.pass_by(5)
    assert clock.now_us() == 4_000_000
    clock.resume()
    hands.pass_by(0.5)
    assert clock.now_us() == 5_000_000
    clock.run_at(0.5)
    hands.pass_by(2)
    assert clock.now_us() == 6_000_000 and not clock.ended


def test_it_stands_at_the_end_and_can_be_moved_back(hands: Hands) -> None:
    clock = Clock(8_000_000, 10.0, SPAN)
    hands.pass_by(100)
    assert clock.now_us() == SPAN[1] and clock.ended
    clock.seek(3_000_000)
    assert clock.now_us() == 3_000_000 and not clock.ended
    hands.pass_by(0.1)
    assert clock.now_us() == 4_000_000


def test_at_once_it_goes_only_by_what_is_taken(hands: Hands) -> None:
    clock = Clock(2_000_000, AT_ONCE, SPAN)
    hands.pass_by(100)
    assert clock.now_us() == 2_000_000
    assert clock.advance(3_000_000) and clock.now_us() == 5_000_000
    clock.pause()
    assert not clock.advance(1) and clock.now_us() == 5_000_000
    clock.resume()
    assert clock.advance(9_000_000) and clock.now_us() == SPAN[1]
    assert not clock.advance(1)
    clock.run_at(1.0)
    assert not clock.advance(1)


def test_it_does_not_leave_its_span(hands: Hands) -> None:
    for start_us in (SPAN[0] - 1, SPAN[1] + 1):
        with pytest.raises(ValueError, match="outside"):
            Clock(start_us, span=SPAN)
        with pytest.raises(ValueError, match="outside"):
            Clock(SPAN[0], span=SPAN).seek(start_us)
    with pytest.raises(ValueError, match="above 0"):
        Clock(SPAN[0], span=SPAN).run_at(0)


def test_one_that_grows_is_at_the_present_and_at_no_end(hands: Hands) -> None:
    clock = Clock(8_000_000, 10.0, SPAN, grows=True)
    assert clock.known_us == SPAN[1] + 1 and not clock.live
    hands.pass_by(100)
    assert clock.now_us() == SPAN[1] and clock.live and not clock.ended
    clock.grow(12_000_001)
    assert clock.now_us() == 12_000_000 and clock.known_us == 12_000_001
    clock.grow(11_000_000)
    assert clock.span == (SPAN[0], 12_000_000), "it never goes back"
    clock.seek(10_000_000)
    assert not clock.live
    hands.pass_by(0.1)
    assert clock.now_us() == 11_000_000


def test_one_that_grows_goes_at_once_only_by_what_is_taken(hands: Hands) -> None:
    clock = Clock(8_000_000, AT_ONCE, SPAN, grows=True)
    assert clock.advance(60_000_000) and clock.now_us() == SPAN[1] and not clock.advance(1)
    clock.grow(50_000_001)
    assert clock.now_us() == SPAN[1] and not clock.live
    assert clock.advance(1_000_000) and clock.now_us() == SPAN[1] + 1_000_000


NEAR_US = 1_795_185_000_250_000  # 2026-11-20T14:30:00.25Z


@pytest.mark.parametrize(("text", "us"), [
    ("2026-11-20T14:30", NEAR_US - 250_000), ("2026-11-20T14:30Z", NEAR_US - 250_000),
    ("2026-11-20T09:30-05:00", NEAR_US - 250_000), ("2026-11-20", NEAR_US - 250_000 - 52_200_000_000),
    ("14:30", NEAR_US - 250_000), ("14:31:00.5", NEAR_US + 60_250_000), ("+60", NEAR_US + 60_000_000),
    ("-0.25", NEAR_US - 250_000)])  # fmt: skip
def test_moments_are_read(text: str, us: int) -> None:
    assert moment_us(text, NEAR_US) == us


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "+", "25:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment_us(text, NEAR_US)


@pytest.mark.parametrize("text", ["+1e300", "-1e12", "0001-01-01T00:00+14:00"])
def test_a_moment_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(OverflowError):
        moment_us(text, NEAR_US)


@pytest.mark.parametrize("speed", [0.0, -1.0, 2 * FASTEST, 1e300, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    clock = Clock(2_000_000, FASTEST, SPAN)
    with pytest.raises(ValueError, match="must be above 0 and at most 1,000,000"):
        clock.run_at(speed)
    assert clock.now_us() <= SPAN[1]


def test_moments_and_speeds_are_written() -> None:
    assert as_text(NEAR_US) == "2026-11-20T14:30:00.25Z"
    assert as_text(NEAR_US - 250_000) == "2026-11-20T14:30:00Z"
    assert (speed_text(AT_ONCE), speed_text(2.5), speed_text(10.0)) == ("max", "2.5", "10")
