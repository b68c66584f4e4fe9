"""Whatever holdings have in their fields, each is in the figures or listed with a reason, and no figure is NaN."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.broker.margin.strategy_margin import strategy_margin
from capture.risk.holding import Holding
from capture.risk.margin.margin_parameters import parameters_on
from capture.risk.margin.portfolio_margin import portfolio_margin
from capture.risk.margin.span_margin import span
from capture.risk.tail.daily_returns import DailyReturns
from capture.risk.tail.normal_risk import normal_risk
from capture.risk.tail.value_at_risk import value_at_risk
from capture.times import DAY_US
from tests.risk.markets import market, option, stock

PARAMETERS, MARKET = parameters_on(date(2026, 11, 30)), market(0.04, EUR=1.1)
NAMES = ("AAPL", "SPY", "ES", "XYZ EUR", "AAPL EUR", "ES EUR", "SPY EUR", "EUR.USD")
RETURNS = DailyReturns(tuple(date(2026, 1, 1) + timedelta(day) for day in range(70)), NAMES,
                       np.random.default_rng(1).normal(0, 0.01, (70, len(NAMES))))  # fmt: skip

NUMBERS = st.sampled_from([None, 0.0, -1.0, 1e-9, 1.0, 100.0, 1e9, math.nan, math.inf])
HOLDINGS = st.builds(
    Holding, st.just("DU1"), st.integers(1, 3), st.sampled_from(["AAPL", "SPY", "ES", "XYZ"]),
    st.sampled_from(["STK", "OPT", "FOP", "FUT", "CASH", "BOND", "FUND", "CFD", "CRYPTO", "WAR", "BALANCE", "BAG", ""]),
    st.sampled_from(["USD", "EUR", "JPY", "GBX"]), st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e6]),
    st.sampled_from([1.0, 100.0, 0.0]), price=NUMBERS, underlying_price=NUMBERS, strike=NUMBERS,
    right=st.sampled_from(["", "C", "P"]), expiry_us=st.sampled_from([None, -DAY_US, 0, 30 * DAY_US]),
    implied_volatility=st.sampled_from([None, 0.0, 0.3, math.nan, 100.0]),
    underlying_id=st.sampled_from([None, 1, 2]))  # fmt: skip


@pytest.mark.parametrize(("holding", "reason"), [
    (stock("A", 1, math.nan), "a price of nan is none"),
    (stock("A", 1, -1.0), "a price of -1 is none"),  # how IB writes a side that is not there
    (stock("A", math.inf, 1.0), "a position of inf is none"),
    (stock("A", 1, 1.0, multiplier=0.0), "a multiplier of 0 is none"),
    (option("A", 1, "C", 100, 1.0, 100.0, implied_volatility=0.0), "an implied volatility of 0 cannot be priced"),
    (option("A", 1, "P", 9, 1.0, 9.0, implied_volatility=math.nan), "an implied volatility of nan cannot be priced"),
    (option("A", 1, "C", 100, math.inf, 100.0), "a price of inf is none"),
    (option("A", 1, "C", math.inf, 1.0, 100.0), "a strike of inf cannot be priced"),
    (option("A", 1, "C", 100, 1.0, math.nan), "a price of the underlying of nan cannot be priced"),
])  # fmt: skip
def test_numbers_that_are_none_are_said(holding: Holding, reason: str) -> None:
    """B23: and an implied volatility of 0 is not taken for one that is not known."""
    assert [one.reason for one in portfolio_margin([holding], PARAMETERS, MARKET).unpriced] == [reason]


@settings(deadline=None, max_examples=50)
@given(st.lists(HOLDINGS, max_size=6))
def test_each_holding_is_in_the_figures_or_listed(held: list[Holding]) -> None:
    there = [holding for holding in held if holding.position and holding.security_type not in ("CASH", "BALANCE")]
    margin = portfolio_margin(held, PARAMETERS, MARKET)
    priced = sum(one.holdings for one in margin.classes)
    assert priced + len(margin.unpriced) + len(margin.by_span) == len(there)
    futures = span(held, PARAMETERS, MARKET)
    by_rules = strategy_margin(held, "USD", MARKET.rates, 0)
    at_risk, normal = value_at_risk(held, RETURNS, MARKET), normal_risk(held, RETURNS, MARKET)
    for unpriced in (margin.unpriced, futures.unpriced, by_rules.unpriced, at_risk.unpriced, normal.unpriced):
        assert all(one.reason and one.holding in held for one in unpriced)
    for amount in (margin.regulatory, margin.maintenance, margin.initial, futures.maintenance, futures.initial,
                   by_rules.initial, by_rules.maintenance):  # fmt: skip
        assert math.isfinite(amount)
        assert amount >= 0
    assert all(math.isfinite(row.value_at_risk) for row in normal.rows)
    assert all(math.isfinite(row.expected_shortfall) for row in at_risk.rows if row.days)
