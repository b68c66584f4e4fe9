"""Value at risk and expected shortfall by hand, and what must hold of any history."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.risk.tail.tail_risk import CONFIDENCES, tail_risk


def test_of_500_days_the_fifth_worst_is_the_value_at_risk_at_99_percent() -> None:
    """Losses of 1 to 500: at 99 % the fifth worst is 496, the worst five 498 on average; at 95 % 476 and 488."""
    changes = -np.random.default_rng(1).permutation(np.arange(1.0, 501.0))
    found = {row.confidence: row for row in tail_risk(changes)}
    assert (found[0.99].value_at_risk, found[0.99].expected_shortfall) == (496, 498)
    assert (found[0.95].value_at_risk, found[0.95].expected_shortfall) == (476, 488)
    assert found[0.995].value_at_risk == 498  # 2.5 days: the third worst ends the tail
    assert found[0.995].expected_shortfall == pytest.approx((500 + 499 + 498 * 0.5) / 2.5)
    assert {row.label for row in found.values()} == {""}
    assert {row.days for row in found.values()} == {500}


def test_missing_days_are_left_out_and_never_days_without_change() -> None:
    """B40: with 0 for what is missing the tail would be of 400 days, and its end the loss of another one."""
    changes = np.concatenate((-np.arange(1.0, 301.0), np.full(100, np.nan)))
    row = tail_risk(changes, [0.99])[0]
    assert (row.days, row.tail_days, row.value_at_risk) == (300, 3.0, 298)
    assert tail_risk(np.nan_to_num(changes), [0.99])[0].value_at_risk == 297


@pytest.mark.parametrize(("days", "label"), [
    (250, ""), (249, "only 249 days, 250 are needed"),
    (100, "only 100 days, 250 are needed; the tail is less than one day: the worst day stands for it"),
    (0, "no days")])  # fmt: skip
def test_few_days_are_said(days: int, label: str) -> None:
    assert tail_risk(-np.arange(1.0, days + 1), [0.995])[0].label == label


def test_without_days_there_is_no_figure() -> None:
    row = tail_risk(np.full(10, np.nan), [0.99])[0]
    assert np.isnan(row.value_at_risk)
    assert np.isnan(row.expected_shortfall)
    assert row.days == 0


def test_with_less_than_a_day_of_tail_the_worst_day_stands_for_it() -> None:
    row = tail_risk(-np.arange(1.0, 101.0), [0.995])[0]
    assert (row.value_at_risk, row.expected_shortfall, row.tail_days) == (100, 100, 0.5)


def histories(days: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two histories of so many days, with far tails and days that are equal."""
    drawn = np.random.default_rng(seed).standard_t(2, (2, days)).round(1) * 1000
    return drawn[0], drawn[1]


HISTORIES = st.builds(histories, st.integers(1, 600), st.integers(0, 10**9))


@given(HISTORIES)
def test_expected_shortfall_never_grows_by_putting_portfolios_together(pair: tuple[np.ndarray, np.ndarray]) -> None:
    alone, other, both = (tail_risk(changes) for changes in (*pair, pair[0] + pair[1]))
    for one, two, together in zip(alone, other, both, strict=True):
        assert together.expected_shortfall <= one.expected_shortfall + two.expected_shortfall + 1e-6


@given(HISTORIES)
def test_more_confidence_is_never_less_risk_and_shortfall_never_below_value_at_risk(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    rows = tail_risk(pair[0], CONFIDENCES)
    assert all(row.expected_shortfall >= row.value_at_risk - 1e-6 for row in rows)
    assert [row.value_at_risk for row in rows] == sorted(row.value_at_risk for row in rows)
