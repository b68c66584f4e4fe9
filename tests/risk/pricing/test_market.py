import pytest

from capture.risk.pricing.market import YEAR_US, Market
from capture.risk.risk_error import RiskError


@pytest.mark.parametrize("rate", [4.5, -0.6, float("nan")])
def test_a_rate_in_percent_is_refused_and_says_what_to_write(rate: float) -> None:
    with pytest.raises(RiskError, match=r"interest rate of USD at 0 years is .* write fractions, such as 0\.045"):
        Market(0, "USD", interest={"USD": rate})
    with pytest.raises(RiskError, match="interest rate of EUR at 2 years"):
        Market(0, "USD", interest={"USD": 0.04, "EUR": [(1, 0.02), (2, rate)]})


def test_a_rate_is_a_number_or_a_curve() -> None:
    market = Market(0, "USD", interest={"USD": 0.04, "EUR": [(1, 0.02), (2, 0.03)]})
    assert market.interest_rate("USD", 7) == 0.04
    assert [market.interest_rate("EUR", years) for years in (0, 1.5, 9)] == pytest.approx([0.02, 0.025, 0.03])
    assert market.interest_rate("JPY", 1) is None


def test_time_is_counted_to_the_microsecond() -> None:
    assert Market(1_000_000, "USD").years_to(1_000_000 + YEAR_US // 365 // 24) == pytest.approx(1 / 365 / 24)
    assert Market(1_000_000, "USD").years_to(0) < 0
