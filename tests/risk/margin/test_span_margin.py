"""SPAN of holdings: scan ranges of data, by hand, and what must hold of any futures and options on them."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.risk.holding import Holding
from capture.risk.margin.margin_file import read_margin_file
from capture.risk.margin.margin_parameters import parameters_on
from capture.risk.margin.span_margin import COMMODITY_SCHEMA, SpanMargin, span
from tests.risk.markets import future, future_option, market, stock

FILE = """
[[scan_range]]
commodity = "ES"
price = 20000
multiplier = 50
symbols = ["ES", "MES"]
short_option_minimum = 40
volatility = 0.25

[[scan_range]]
commodity = "NQ"
price = 30000
multiplier = 20

[[scan_range]]
commodity = "DAX"
price = 10000
multiplier = 25
currency = "EUR"

[[month_spread]]
commodity = "ES"
charge = 600

[[month_spread]]
commodity = "DAX"
charge = 1000

[[commodity_spread]]
legs = [{ commodity = "ES", futures = 1 }, { commodity = "NQ", futures = -1 }]
credit = 0.7
"""
PARAMETERS = parameters_on(date(2026, 11, 30), read_margin_file(FILE, "span"))
ES = future("ES", 1, 5000.0, 50)


def margin(*holdings: Holding) -> SpanMargin:
    return span(holdings, PARAMETERS, market(EUR=1.1))


def test_an_outright_future_requires_its_scan_range_and_what_it_stands_for_is_no_matter() -> None:
    """B18: 20,000 for one that stands for 250,000, and a tenth for the small one. 110 % to open."""
    found = margin(ES)
    assert found.maintenance == pytest.approx(20_000)
    assert found.initial == pytest.approx(22_000)
    assert margin(future("MES", -3, 5000.0, 5)).maintenance == pytest.approx(6_000)
    assert "estimate" in found.note


def test_ten_small_ones_offset_a_large_one() -> None:
    assert margin(ES, future("MES", -10, 5000.0, 5)).maintenance == pytest.approx(0, abs=1e-6)


def test_months_against_each_other_cost_their_charge() -> None:
    """Both move by 400 points, so that nothing is scanned: 2 spreads at 600."""
    found = margin(future("ES", 2, 5000.0, 50), future("ES", -3, 5050.0, 50, "202703"))
    assert found.commodities[0].month_spreads == pytest.approx(1200)
    assert found.maintenance == pytest.approx(20_000 + 1200)


def test_two_indices_against_each_other_save_a_share_of_both() -> None:
    found = margin(ES, future("NQ", -1, 18_000.0, 20))
    assert found.maintenance == pytest.approx((20_000 + 30_000) * 0.3)
    assert margin(ES, future("NQ", 1, 18_000.0, 20)).maintenance == pytest.approx(50_000)


def test_other_currencies_come_in_the_base_currency_with_their_charges() -> None:
    dax = [future("DAX", 1, 20_000.0, 25), future("DAX", -1, 20_000.0, 25, "202703")]
    held = [Holding(**{name: getattr(one, name) for name in one.__slots__} | {"currency": "EUR"}) for one in dax]
    assert margin(held[0]).maintenance == pytest.approx(11_000)
    assert margin(*held).maintenance == pytest.approx(1_100)


def test_a_covered_call_requires_less_than_its_future_and_a_short_strangle_than_its_halves() -> None:
    call, put = future_option(ES, -1, "C", 5100.0, 60.0), future_option(ES, -1, "P", 4900.0, 60.0)
    assert margin(ES, call).maintenance < margin(ES).maintenance
    assert margin(call, put).maintenance < margin(call).maintenance + margin(put).maintenance
    assert margin(call).option_value == pytest.approx(-3000)
    assert margin(call).commodities[0].short_option_minimum == 40


def test_a_long_option_requires_no_more_than_it_is_worth() -> None:
    assert 0 < margin(future_option(ES, 1, "C", 5100.0, 60.0)).maintenance <= 3000


def test_a_far_short_option_requires_its_minimum() -> None:
    far = future_option(ES, -3, "C", 6500.0, 0.05, days=2, implied_volatility=0.2)
    assert margin(far).maintenance == pytest.approx(120)


def test_an_option_on_a_month_is_no_spread_against_that_month_s_future() -> None:
    """It ends before its future: the month that counts is the future's."""
    assert margin(ES, future_option(ES, -1, "C", 5100.0, 60.0)).commodities[0].month_spreads == 0


def test_what_has_no_range_or_price_is_listed_with_its_reason() -> None:
    held = [future("XYZ", 1, 100.0, 10), future("ES", 1, None, 50), future("ES", 1, -37.0, 50), ES,
            stock("AAPL", 1, 1.0),
            future_option(future("NQ", 1, None, 20), 1, "C", 5100.0, 60.0)]  # fmt: skip
    found = margin(*held)
    assert [one.holding.symbol for one in found.unpriced] == ["XYZ", "ES", "ES", "NQ"]
    assert [one.reason for one in found.unpriced] == [
        "no scan range for XYZ: write a [[scan_range]] of it", "no price of its future",
        "the price of its future is -37, and a scan is of a price above 0", "no price of its future"]  # fmt: skip
    assert found.maintenance == pytest.approx(20_000)


def test_the_table_has_a_row_for_each_commodity_and_scenarios_from_1() -> None:
    table = margin(ES, future("NQ", -1, 18_000.0, 20)).table()
    assert table.schema == COMMODITY_SCHEMA
    assert table["worst_scenario"].to_pylist() == [13, 11]  # all down with the long one, all up with the short one
    assert margin().table().num_rows == margin().maintenance == 0


FUTURES = st.builds(
    lambda kind, count, month: future(kind[0], count, kind[1], kind[2], month),
    st.sampled_from([("ES", 5000.0, 50.0), ("MES", 5000.0, 5.0), ("NQ", 18_000.0, 20.0)]), st.integers(-5, 5),
    st.sampled_from(["202612", "202703"]))  # fmt: skip
OPTIONS = st.builds(lambda count, right, strike: future_option(ES, count, right, strike, 90.0), st.integers(-5, 5),
                    st.sampled_from("CP"), st.sampled_from([4800.0, 5000.0, 5200.0]))  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.lists(FUTURES | OPTIONS, max_size=5))
def test_never_negative_and_never_more_than_each_alone_and_charges(held: list[Holding]) -> None:
    whole, alone = margin(*held), [margin(one) for one in held]
    charges = sum(one.month_spreads for one in whole.commodities)
    assert 0 <= whole.maintenance <= sum(one.maintenance for one in alone) + charges + 1e-6
    assert all(one.requirement >= one.short_option_minimum for one in whole.commodities)
