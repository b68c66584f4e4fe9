"""Daily returns: between days that follow each other, and nothing in the place of what is missing."""

from datetime import date

import numpy as np
import pytest

from capture.risk.tail.daily_returns import daily_returns

DAYS = [date(2026, 11, day) for day in (2, 3, 4, 5, 6, 9)]  # Monday to Friday, and the Monday after


def series(*closes: float | None) -> dict[date, float | None]:
    return dict(zip(DAYS, closes, strict=False))


def test_a_missing_close_costs_the_two_returns_that_it_is_part_of() -> None:
    """B40: a gap is never a return of 0, and the return over it is no daily one."""
    found = daily_returns({"A": series(100, 101, None, 103, 103, 103), "B": series(10, 11, 11, 12, 12, 12)})
    assert found.of("A") == pytest.approx([0.01, np.nan, np.nan, 0.0, 0.0], nan_ok=True)
    assert found.of("B") == pytest.approx([0.1, 0.0, 1 / 11, 0.0, 0.0])
    assert (found.days_of("A"), found.days_of("B")) == (3, 5)
    assert found.days == tuple(DAYS[1:])


def test_a_weekend_is_no_gap_and_a_lost_week_is_one() -> None:
    found = daily_returns({"A": {date(2026, 11, 6): 100, date(2026, 11, 9): 110, date(2026, 11, 17): 121}})
    assert found.of("A") == pytest.approx([0.1, np.nan], nan_ok=True)


def test_a_session_that_nobody_recorded_is_known_from_the_sessions_given() -> None:
    closes = {"A": {DAYS[0]: 100.0, DAYS[2]: 110.0}}
    assert daily_returns(closes).of("A") == pytest.approx([0.1])
    assert np.isnan(daily_returns(closes, DAYS[:3]).of("A")).all()


def test_a_long_holiday_is_no_gap_where_the_sessions_are_given() -> None:
    holiday = [date(2026, 2, 13), date(2026, 2, 24)]
    assert daily_returns({"A": {holiday[0]: 100.0, holiday[1]: 110.0}}, holiday).of("A") == pytest.approx([0.1])


@pytest.mark.parametrize("close", [0.0, -1.0, float("nan"), float("inf"), None])
def test_what_is_no_price_has_no_return(close: float | None) -> None:
    """B23: how IB writes a side that is not there is never a price."""
    assert np.isnan(daily_returns({"A": series(100, close, 100)}).of("A")).all()


def test_a_name_without_closes_has_no_return_on_any_day() -> None:
    found = daily_returns({"A": series(1, 2, 3), "B": {}})
    assert np.isnan(found.of("B")).all()
    assert np.isnan(found.of("never heard of")).all()
    assert found.days_of("never heard of") == 0
    assert daily_returns({}).returns.shape[0] == 0
