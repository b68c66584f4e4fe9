from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.option_prices import Floats
from capture.risk.pricing.lattice import lattice_prices
from capture.risk.pricing.option_worth import QUANTLIB, price
from capture.risk.pricing.options import SHORTEST_YEARS, Options, join
from capture.risk.pricing.quantlib_prices import quantlib_prices
from capture.risk.risk_error import RiskError
from tests.risk.pricing.some_options import DAY_YEARS, HOUR_YEARS, option, random_options

CENT = 0.01


def worth(options: Options, spot: float = 100) -> float:
    return float(price(options, np.array([[spot]]))[0, 0])


def finite_differences(options: Options, spots: Floats) -> Floats:
    """Return what finer and finer grids of QuantLib's lead to: their errors halve where their steps do."""
    coarse, fine = (quantlib_prices(options, spots, times, 2 * times) for times in (200, 400))
    return 2 * fine - coarse


@pytest.mark.slow
def test_quick_prices_are_those_of_finite_differences_within_a_cent() -> None:
    options, spot = random_options(160, seed=15)
    ours, theirs = price(options, spot[None]), finite_differences(options, spot[None])
    assert np.abs(ours - theirs).max() < CENT


@pytest.mark.slow
@pytest.mark.parametrize("hours", [0.25, 1, 6.5])
def test_on_the_last_day_prices_are_those_of_finite_differences_within_a_cent(hours: float) -> None:
    """At ten o'clock on the day of expiry six and a half hours are left, which whole days would make none."""
    options, spot = random_options(24, seed=int(hours * 4))
    deviation = options.volatility * np.sqrt(hours * HOUR_YEARS)
    strike = spot * np.exp(np.linspace(-2, 2, len(spot)) * deviation)
    options = replace(options, strike=strike, years=np.full(len(spot), hours * HOUR_YEARS))
    ours = price(options, spot[None])
    assert np.abs(ours - finite_differences(options, spot[None])).max() < CENT
    assert (ours > np.maximum(options.sign * (spot - strike), 0) - 1e-9)[0, options.is_american].all()
    near = np.abs(np.log(strike / spot)) < deviation / 2
    assert (ours[0, near] > 0).all()  # none is worth nothing but for the lack of time


@pytest.mark.slow
def test_a_dividend_in_the_last_days_costs_no_cent_of_accuracy() -> None:
    """The price there bends within less than a step of the lattice."""
    lives = ((30, 1), (90, 3), (180, 2), (365, 3))  # days, and days from the last dividend on
    late = [option(strike, days / 365, 0.25, 0.045, right=right, dividends=_quarterly(days - left, 1.6))
            for days, left in lives for strike in (180, 210) for right in "CP"]  # fmt: skip
    options, spots = join(late), np.full((1, len(late)), 200.0)
    assert np.abs(price(options, spots) - finite_differences(options, spots)).max() < CENT


def _quarterly(last_day: float, amount: float) -> list[tuple[float, float]]:
    """Return four dividends, 91 days apart; those of the past are none."""
    return [((last_day - 91 * number) / 365, amount) for number in range(4)]


@pytest.mark.slow
def test_one_walk_gives_all_prices_of_the_underlying_within_a_cent() -> None:
    options, spot = random_options(12, seed=3)
    spots = spot * np.array([0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3])[:, None]
    assert np.abs(price(options, spots) - finite_differences(options, spots)).max() < CENT


@pytest.mark.parametrize(("is_american", "expected"), [(True, 7.538), (False, 7.367)])
def test_prices_are_those_that_engines_agree_on(is_american: bool, expected: float) -> None:
    assert worth(option(is_american=is_american)) == pytest.approx(expected, abs=0.0006)


def test_the_method_quantlib_is_quantlib() -> None:
    options = option(dividends=[(0.1, 1.0), (0.35, 1.0)])
    spots = np.array([[95.0], [105.0]])
    assert np.array_equal(price(options, spots, QUANTLIB), quantlib_prices(options, spots))
    assert price(options, spots) == pytest.approx(price(options, spots, QUANTLIB), abs=CENT)


def test_without_quantlib_its_method_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "QuantLib", None)
    with pytest.raises(RiskError, match=r"pip install 'ticktape\[risk\]'"):
        price(option(), np.array([[100.0]]), QUANTLIB)
    assert worth(option()) > 0


@pytest.mark.parametrize("right", ["C", "P"])
def test_a_dividend_moves_a_price_and_early_exercise_catches_it(right: str) -> None:
    plain, paying = option(right=right), option(right=right, dividends=[(0.2, 3.0)])
    assert (worth(paying) > worth(plain)) == (right == "P")
    late = option(right=right, dividends=[(1.0, 3.0)])  # after expiry
    assert worth(late) == worth(plain)
    past = option(right=right, dividends=[(-0.1, 3.0)])
    assert worth(past) == worth(plain)


def test_a_call_is_exercised_just_before_a_large_dividend() -> None:
    options = option(strike=60, right="C", dividends=[(0.25, 20.0)])
    assert worth(options) == pytest.approx(100 - 60 * np.exp(-0.04 * 0.25), abs=CENT)


def test_a_put_deep_in_the_money_is_worth_its_exercise() -> None:
    assert worth(option(strike=300)) == 200
    assert worth(option(strike=300, is_american=False)) < 195


def test_an_option_on_a_future_needs_no_money_for_the_future() -> None:
    call, put = (option(right=right, is_on_future=True, is_american=False) for right in "CP")
    assert worth(call) == pytest.approx(worth(put), abs=1e-4)  # at the money, by Black's formula
    assert worth(option(right="C", is_on_future=True)) > worth(call)


@given(st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_prices_keep_to_what_must_hold(seed: int) -> None:
    options, spot = random_options(20, seed)
    american, european = (price(replace(options, is_american=np.full(20, flag)), spot[None])[0]
                          for flag in (True, False))  # fmt: skip
    assert (american >= european - 0.005).all()
    assert (american >= np.maximum(options.sign * (spot - options.strike), 0) - 1e-9).all()
    most = np.where(options.sign > 0, spot * np.exp(np.maximum(-options.yield_, 0) * options.years),
                    options.strike * np.exp(np.maximum(-options.rate, 0) * options.years))  # fmt: skip
    assert (american <= most + CENT).all()
    assert np.isfinite(american).all()


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_calls_and_puts_are_at_parity(seed: int) -> None:
    options, spot = random_options(20, seed)
    options = replace(options, is_american=np.zeros(20, bool))
    call, put = (price(replace(options, sign=np.full(20, sign)), spot[None])[0] for sign in (1.0, -1.0))
    forward = spot * np.exp(-options.yield_ * options.years) - (
        options.paid * options.amounts * np.exp(-options.rate * options.ex_years
                                                - options.yield_ * (options.years - options.ex_years))).sum(axis=0)
    assert call - put == pytest.approx(forward - options.strike * np.exp(-options.rate * options.years), abs=CENT)


def test_the_lattice_is_the_closed_form_where_there_is_one() -> None:
    options, spot = random_options(60, seed=8)
    options = replace(options, is_american=np.zeros(60, bool), amounts=np.zeros((30, 60)))
    assert lattice_prices(options, spot[None], 96) == pytest.approx(price(options, spot[None]), abs=CENT)


def test_a_second_and_ten_years_and_any_volatility_have_prices() -> None:
    for years in (SHORTEST_YEARS, DAY_YEARS, 10.0):
        for volatility in (0.005, 0.3, 5.0, 10.0):
            for right in "CP":
                found = price(option(years=years, volatility=volatility, right=right),
                              np.array([[1e-3], [50.0], [100.0], [1e5]]))  # fmt: skip
                assert np.isfinite(found).all()
                assert (found >= 0).all()
                assert (np.diff(found[:, 0]) * (1 if right == "C" else -1) >= -1e-6).all()
