"""Covariance that can be used also where there are more names than days."""

import numpy as np
import pytest

from capture.risk.tail.covariance import LEAST_EIGENVALUE, covariance, normal_deviation


def sample(days: int, names: int, seed: int = 7) -> np.ndarray:
    generator = np.random.default_rng(seed)
    market = generator.normal(0, 0.01, (days, 1))
    return market + generator.normal(0, 0.005, (days, names))


def test_with_more_names_than_days_no_portfolio_has_a_variance_of_none() -> None:
    """B40: the plain covariance of 20 days and 50 names is singular, and some portfolio seems to be without risk."""
    returns = sample(20, 50)
    plain = np.cov(returns.T)
    safe = np.linalg.eigh(plain)[1][:, 0]
    assert abs(safe @ plain @ safe) < 1e-12
    found = covariance(returns)
    assert (found.days, found.names) == (20, 50)
    assert 0 < found.shrinkage < 1
    assert normal_deviation(safe, found.matrix) > 1e-4
    assert np.linalg.eigvalsh(found.matrix).min() >= LEAST_EIGENVALUE * np.trace(plain) / 50 * 0.5


def test_equal_names_are_floored_and_that_is_counted() -> None:
    one = sample(200_000, 1)  # so many days that hardly anything is shrunk
    found = covariance(np.hstack((one, one, one)))
    assert found.floored == 2
    assert np.linalg.eigvalsh(found.matrix).min() > 0


def test_with_many_days_it_is_the_plain_one() -> None:
    returns = sample(20_000, 3)
    assert covariance(returns).matrix == pytest.approx(np.cov(returns.T), rel=0.01)
    assert covariance(returns).shrinkage < 0.01


def test_days_with_a_gap_are_left_out_and_never_days_without_change() -> None:
    returns = sample(60, 3)
    holes = returns.copy()
    holes[::2, 1] = np.nan
    found = covariance(holes)
    assert found.days == 30
    assert found.matrix == pytest.approx(covariance(returns[1::2]).matrix)


def test_too_few_days_are_said() -> None:
    with pytest.raises(ValueError, match="1 days have returns of all 3 names"):
        covariance(sample(1, 3))


def test_deviation_by_hand() -> None:
    """3² × 0.04 + 4² × 0.01 + 2 × 3 × 4 × 0.01 = 0.76."""
    assert normal_deviation(np.array([3.0, 4.0]), np.array([[0.04, 0.01], [0.01, 0.01]])) == pytest.approx(0.76**0.5)
