from dataclasses import replace

import numpy as np
import pytest

from capture.risk.pricing.implied import ABOVE, BELOW, NO_PRICE, chain_volatilities, implied_volatilities
from capture.risk.pricing.option_worth import price
from capture.risk.pricing.options import join
from tests.risk.pricing.some_options import HOUR_YEARS, option, random_options


def test_a_price_leads_back_to_its_volatility_with_dividends_and_exercise_in_it() -> None:
    options, spot = random_options(60, seed=2)
    worth = price(options, spot[None])[0]
    time_value = worth - np.maximum(options.sign * (spot - options.strike), 0)
    found, reasons = implied_volatilities(options, spot, worth)
    clear = time_value > 0.01 * spot * options.volatility * np.sqrt(options.years)
    assert clear.sum() > 40
    assert [reasons[place] for place in np.flatnonzero(clear)] == [""] * clear.sum()
    assert found[clear] == pytest.approx(options.volatility[clear], abs=0.001)
    again = price(options.at_volatility(np.nan_to_num(found, nan=0.3)), spot[None])[0]
    assert again[~np.isnan(found)] == pytest.approx(worth[~np.isnan(found)], abs=1e-4)


def test_on_the_day_of_expiry_too() -> None:
    options = option(strike=101, years=6.5 * HOUR_YEARS, volatility=0.8, right="C")
    found, _ = implied_volatilities(options, np.array([100.0]), price(options, np.array([[100.0]]))[0])
    assert found[0] == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize(("worth", "reason"), [
    (np.nan, NO_PRICE), (9.5, BELOW), (99.9, ABOVE), (-1.0, BELOW), (10.0, ""), (60.0, ""),
])  # fmt: skip
def test_a_price_without_a_volatility_has_none_and_says_why(worth: float, reason: str) -> None:
    options = option(strike=90, right="C", rate=0.0, years=0.5)
    found, reasons = implied_volatilities(options, np.array([100.0]), np.array([worth]))
    assert reasons == [reason]
    assert np.isnan(found[0]) == bool(reason)


def test_the_volatility_found_is_from_one_to_five_hundred_percent() -> None:
    options = join([option(volatility=volatility) for volatility in (0.01, 0.0101, 4.99)])
    spot = np.full(3, 95.0)
    found, reasons = implied_volatilities(options, spot, price(options, spot[None])[0])
    assert [reason in ("", BELOW) for reason in reasons] == [True] * 3
    assert (np.nan_to_num(found, nan=0.01) >= 0.01).all() and (np.nan_to_num(found, nan=0.01) <= 5).all()
    assert found[2] == pytest.approx(4.99, abs=0.001)


def test_of_both_sides_of_a_strike_the_one_out_of_the_money_says_the_volatility() -> None:
    sides = join([option(strike=80, right=right, volatility=0.4) for right in "CP"])
    spot = np.full(2, 100.0)
    worth = price(sides, spot[None])[0]
    worth[0] = 19.0  # a quote in the money below what exercise gives
    own, reasons = implied_volatilities(sides, spot, worth)
    assert np.isnan(own[0]) and reasons == [BELOW, ""]
    found, left = chain_volatilities(sides, spot, worth)
    assert found == pytest.approx([0.4, 0.4], abs=0.001)
    assert left == ["", ""]


def test_a_side_without_a_better_one_keeps_its_own_volatility_or_reason() -> None:
    calls = replace(join([option(strike=80, right="C"), option(strike=90, right="C")]), rate=np.zeros(2))
    worth = np.array([25.0, 5.0])
    found, left = chain_volatilities(calls, np.full(2, 100.0), worth)
    assert found[0] == implied_volatilities(calls, np.full(2, 100.0), worth)[0][0]
    assert left == ["", BELOW]
