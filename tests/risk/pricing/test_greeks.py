import numpy as np
import pytest

from capture.risk.pricing.greeks import DAY_YEARS, option_greeks
from capture.risk.pricing.option_worth import QUANTLIB, price
from capture.risk.pricing.options import Options, join
from tests.risk.pricing.some_options import HOUR_YEARS, option, random_options

SPOT = np.array([100.0])


def worth(options: Options, spot: float) -> float:
    return float(price(options, np.array([[spot]]))[0, 0])


@pytest.mark.parametrize("right", ["C", "P"])
@pytest.mark.parametrize("dividend", [0.0, 2.0, 15.0])
def test_delta_is_what_a_price_moves_by_also_with_a_big_dividend(right: str, dividend: float) -> None:
    options = option(strike=95, right=right, dividends=[(0.2, dividend)])
    found = option_greeks(options, SPOT)
    moved = (worth(options, 100.5) - worth(options, 99.5)) / 1.0
    assert found.delta[0] == pytest.approx(moved, abs=0.01)
    assert (found.delta[0] > 0) == (right == "C")
    assert abs(found.delta[0]) <= 1 + 1e-6


def test_greeks_are_those_of_the_closed_form() -> None:
    found = option_greeks(option(is_american=False, right="C", years=1, rate=0.0), SPOT)
    d1 = 0.15
    density = np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    assert found.delta[0] == pytest.approx(0.5596, abs=0.001)
    assert found.gamma[0] == pytest.approx(density / 30, abs=1e-4)
    assert found.vega[0] == pytest.approx(density, abs=1e-3)
    assert found.theta[0] == pytest.approx(-100 * density * 0.3 / 2 / 365, abs=1e-4)
    assert found.rho[0] == pytest.approx((100 * 0.5596 - found.price[0]) / 100, abs=1e-3)


@pytest.mark.slow
def test_greeks_of_both_methods_agree() -> None:
    options = join([option(strike=strike, right=right, dividends=[(0.2, 2.0)])
                    for strike in (90, 100, 115) for right in "CP"])  # fmt: skip
    quick, slow = (option_greeks(options, np.full(6, 100.0), method) for method in ("quick", QUANTLIB))
    assert quick.delta == pytest.approx(slow.delta, abs=0.002)
    assert quick.gamma == pytest.approx(slow.gamma, abs=0.001)
    assert quick.vega == pytest.approx(slow.vega, abs=0.002)
    assert quick.theta == pytest.approx(slow.theta, abs=0.001)
    assert quick.rho == pytest.approx(slow.rho, abs=0.002)


def test_on_the_day_of_expiry_they_are_finite_and_of_their_sign() -> None:
    found = option_greeks(option(years=HOUR_YEARS, right="C"), SPOT)
    assert 0.4 < found.delta[0] < 0.6
    assert found.gamma[0] > 0.1
    assert -1 <= found.theta[0] / found.price[0] < -0.97  # a day takes all but the last second's


def test_of_any_options_deltas_and_gammas_keep_their_bounds() -> None:
    options, spot = random_options(100, seed=4)
    found = option_greeks(options, spot)
    assert (found.delta * options.sign >= -0.01).all() and (np.abs(found.delta) <= 1.06).all()
    assert (found.gamma * spot * spot * options.volatility * np.sqrt(options.years) > -0.01 * spot).all()
    assert (found.vega > -1e-3).all()
    for each in (found.price, found.delta, found.gamma, found.vega, found.theta, found.rho):
        assert np.isfinite(each).all()


def test_a_day_of_theta_is_the_price_a_day_later() -> None:
    options = option(years=0.5, dividends=[(0.3, 1.0)])
    later = option(years=0.5 - DAY_YEARS, dividends=[(0.3 - DAY_YEARS, 1.0)])
    assert option_greeks(options, SPOT).theta[0] == pytest.approx(worth(later, 100) - worth(options, 100))
