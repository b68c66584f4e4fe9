"""SPAN by hand: arrays of a book, worked examples that CME Group publishes, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.risk.margin.span import Commodity, month_charge, span_arrays
from capture.risk.margin.span_figures import CommoditySpread, Leg, MonthSpread
from capture.risk.margin.span_scenarios import PRICES, SCENARIOS, SHARES, TWINS, VOLATILITIES

# McMillan, Options as a Strategic Investment, chapter 34: the S&P future at 500 dollars a point, a maintenance margin
# of 10,000 dollars, an extreme move of 7,000; and the December 410 call on it. In the order of the sixteen scenarios.
FUTURE = np.array([0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10_000, 10_000, -10_000, -10_000,
                   7000, -7000], float)  # fmt: skip
CALL = np.array([460, -610, 2640, 1730, -1270, -2340, 5210, 4540, -2540, -3430, 8060, 7640, -3380, -3990,
                 3130, -1500], float)  # fmt: skip


def risk(changes: np.ndarray) -> float:
    return span_arrays([Commodity("SP", changes)])[0].requirement


def test_the_book_s_long_future_requires_its_maintenance_margin() -> None:
    assert risk(FUTURE) == 10_000


def test_the_book_s_long_call_requires_3990() -> None:
    margin, = span_arrays([Commodity("SP", CALL)])
    assert margin.requirement == 3990
    assert SCENARIOS[margin.worst] == (-1.0, -1, 1.0)  # three thirds down, volatility down


def test_the_book_s_covered_write_requires_6620() -> None:
    margin, = span_arrays([Commodity("SP", FUTURE - CALL)])
    assert margin.requirement == 6620
    assert SCENARIOS[margin.worst] == (-1.0, 1, 1.0)


def test_the_book_s_ratio_write_of_3_futures_and_5_calls() -> None:
    """3 × −10,000 + 5 × 3,380 is −13,100 at the bottom; the extreme move is worse: 3 × −7,000 + 5 × 1,500."""
    assert risk(3 * FUTURE - 5 * CALL) == 13_500


def test_scenarios_are_the_sixteen_of_span_in_its_order() -> None:
    thirds = [0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 9, -9]
    assert (PRICES * 3).tolist() == pytest.approx(thirds)
    assert VOLATILITIES.tolist() == [1, -1] * 7 + [0, 0]
    assert SHARES.tolist() == [1.0] * 14 + [0.33] * 2
    assert TWINS == (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14, 15)


def outright(name: str, futures: float, each: float, month: str = "202612") -> Commodity:
    return Commodity(name, futures * each * PRICES * SHARES, {month: futures})


def test_cme_s_corn_against_soybeans_two_to_one_requires_2700() -> None:
    """cmegroup.com/clearing/margins/spread-calc.html: 6,000 outright less 55 % of 3,500 and of 2,500."""
    spread = CommoditySpread((Leg("corn", 2), Leg("soybeans", -1)), 0.55)
    margins = span_arrays([outright("corn", 2, 1750), outright("soybeans", -1, 2500)], (), [spread])
    assert [margin.scan_risk for margin in margins] == pytest.approx([3500, 2500])
    assert sum(margin.requirement for margin in margins) == pytest.approx(2700)


@pytest.mark.parametrize("futures", [(2, 1), (-2, -1), (2, 0)])
def test_only_opposite_sides_save_anything_between_commodities(futures: tuple[int, int]) -> None:
    spread = CommoditySpread((Leg("corn", 2), Leg("soybeans", -1)), 0.55)
    margins = span_arrays([outright("corn", futures[0], 1750), outright("soybeans", futures[1], 2500)], (), [spread])
    plain = abs(futures[0]) * 1750 + abs(futures[1]) * 2500
    assert sum(margin.requirement for margin in margins) == pytest.approx(plain)


# The same page: months of product X at 500, 500 and 750, charges of 200, 50 and 0.
EACH = {"2": 500.0, "3": 500.0, "4": 750.0}
CHARGES = (MonthSpread("X", 200, "2", "3"), MonthSpread("X", 50, "2", "4"), MonthSpread("X", 0, "3", "4"))


@pytest.mark.parametrize(("near", "far", "required"), [("2", "3", 200), ("2", "4", 300), ("3", "4", 250)])
def test_cme_s_spreads_between_months(near: str, far: str, required: float) -> None:
    changes = (EACH[near] - EACH[far]) * PRICES * SHARES
    margin, = span_arrays([Commodity("X", changes, {near: 1, far: -1})], CHARGES)
    assert margin.requirement == pytest.approx(required)


def test_each_delta_forms_a_spread_once_and_named_months_come_first() -> None:
    any_month = MonthSpread("X", 1000)
    assert month_charge({"2": 3, "3": -1, "4": -1, "5": -4}, [any_month, *CHARGES]) == 200 + 50 + 1000


def test_short_options_have_a_minimum_where_nothing_can_be_lost() -> None:
    margin, = span_arrays([Commodity("X", np.zeros(16), short_options=150.0)])
    assert margin.requirement == 150


def test_nothing_held_requires_nothing() -> None:
    margin, = span_arrays([Commodity("X", np.zeros(16))])
    assert margin.requirement == margin.scan_risk == 0


def test_price_risk_leaves_out_what_volatility_and_time_do() -> None:
    """The worst is 13 with 6,620, its twin 6,010: 6,315 of them is of price, volatility and time; 0 stands still."""
    held = Commodity("SP", FUTURE - CALL, {"199212": 0.5})
    standing = -((-460) + 610) / 2
    assert held.price_risk == pytest.approx(((6620 + 6010) / 2 - standing) / 0.5)


def test_what_moves_like_no_future_has_no_price_risk() -> None:
    assert Commodity("SP", FUTURE - CALL, {"a": 1.0, "b": -1.0}).price_risk == 0


ARRAYS = st.lists(st.floats(-1e6, 1e6), min_size=16, max_size=16).map(np.array)


@given(ARRAYS, ARRAYS, st.floats(0, 1e4), st.floats(0, 1e4))
def test_two_books_together_never_require_more_than_each_alone(
    first: np.ndarray, second: np.ndarray, minimum: float, other: float
) -> None:
    alone = [span_arrays([Commodity("X", changes, {}, least)])[0].requirement
             for changes, least in ((first, minimum), (second, other))]  # fmt: skip
    together = span_arrays([Commodity("X", first + second, {}, minimum + other)])[0].requirement
    assert 0 <= together <= sum(alone) + 1e-6


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0, 1))
def test_credits_between_commodities_never_make_a_requirement_negative(one: float, other: float, rate: float) -> None:
    spread = CommoditySpread((Leg("A", 1), Leg("B", -2)), rate)
    margins = span_arrays([outright("A", one, 1000), outright("B", other, 700)], (), [spread])
    plain = abs(one) * 1000 + abs(other) * 700
    assert 0 <= sum(margin.requirement for margin in margins) <= plain + 1e-6
