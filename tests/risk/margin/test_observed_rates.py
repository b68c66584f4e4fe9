"""Rates of margin that were seen: by name, moment and session, and never made up."""

from datetime import date

import pytest

from capture.risk.margin.dated import Certainty
from capture.risk.margin.observed_rates import FRESH_S, Seen, rate_at, seen_range
from capture.risk.margin.span_figures import ScanRange, span_figures_on
from capture.times import HOUR_US, SECOND_US, moment_of

NOW = 1_800_000_000 * SECOND_US


def es(hours_ago: int, session: str, maintenance: float, quantity: float = 1) -> Seen:
    return Seen("ES", NOW - hours_ago * HOUR_US, session, quantity, quantity * 250_000, 1.1 * maintenance, maintenance)


SEEN = [es(3, "overnight", 22_000), es(20, "overnight", 21_000), es(6, "regular", 5_500), es(-1, "regular", 1.0),
        es(1, "regular", -22_000), es(2, "regular", 0.0), es(1, "regular", 5_000, 0)]  # fmt: skip


def test_a_future_takes_in_each_session_what_was_seen_there() -> None:
    """B41: not a fixed share of the overnight rate. What came later, or was of a hedge, is no rate."""
    regular, overnight = (rate_at(SEEN, "ES", NOW, session) for session in ("regular", "overnight"))
    assert regular
    assert overnight
    assert (regular.maintenance, overnight.maintenance) == (5_500, 22_000)
    assert overnight.initial == pytest.approx(24_200)
    assert overnight.maintenance_share == pytest.approx(0.088)
    assert regular.is_of_session
    assert not regular.is_stale
    assert regular.age_s == 6 * 3600


def test_stocks_take_their_own_share_each() -> None:
    """B41: from 25 to 100 % by name."""
    seen = [Seen("KO", NOW, "regular", 100, 6_000, 1_500, 1_500), Seen("TINY", NOW, "regular", -100, -500, 500, 500)]
    shares = [rate.maintenance_share for name in ("KO", "TINY") if (rate := rate_at(seen, name, NOW, "regular"))]
    assert shares == [0.25, 1.0]


def test_old_rates_are_stale_and_those_of_another_session_say_so() -> None:
    later = NOW + (FRESH_S + 1) * SECOND_US
    found = rate_at(SEEN[:1], "ES", later, "regular")
    assert found
    assert found.is_stale
    assert not found.is_of_session


def test_where_nothing_was_seen_there_is_no_rate() -> None:
    assert rate_at(SEEN, "NQ", NOW, "regular") is None
    assert rate_at([], "ES", NOW, "regular") is None
    assert rate_at(SEEN, "ES", NOW - 100 * HOUR_US, "regular") is None


def test_a_scan_range_that_was_seen_comes_before_the_listed_one_and_says_when() -> None:
    rate = rate_at(SEEN, "ES", NOW, "overnight")
    assert rate
    day = moment_of(NOW).date()
    own = seen_range(rate, ScanRange("ES", 1.0, 50, symbols=("MES",)))
    found = span_figures_on(day, [own]).range_of("MES")
    assert found
    assert (found.price, found.points, found.certainty) == (22_000, 440, Certainty.SEEN)
    assert found.source == f"what-if order at {moment_of(NOW - 3 * HOUR_US):%Y-%m-%d %H:%M} UTC, overnight"
    before = span_figures_on(date(2020, 1, 1), [own]).range_of("ES")
    assert before
    assert before.certainty is Certainty.UNVERIFIED
