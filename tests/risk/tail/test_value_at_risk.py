"""Value at risk of holdings: each day's moves happen to what is held, by hand."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from capture.risk.holding import Holding
from capture.risk.tail.daily_returns import DailyReturns
from capture.risk.tail.normal_risk import normal_risk
from capture.risk.tail.value_at_risk import DAY_SCHEMA, TAIL_SCHEMA, ValueAtRisk, value_at_risk
from tests.risk.markets import future, future_option, market, option, stock

MARKET = market(EUR=1.25, GBP=1.5)


def returns(days: int = 300, seed: int = 3, **given: np.ndarray) -> DailyReturns:
    generator = np.random.default_rng(seed)
    names = {"A": generator.normal(0, 0.01, days), "B": generator.normal(0, 0.02, days)} | given
    first = date(2025, 1, 1)
    written = tuple(name.replace("_", ".").replace("IN", " ") for name in names)
    table = np.column_stack(list(names.values()))
    return DailyReturns(tuple(first + timedelta(day) for day in range(days)), written, table)


def at_risk(*holdings: Holding, history: DailyReturns | None = None, least_days: int = 60) -> ValueAtRisk:
    return value_at_risk(holdings, history or returns(), MARKET, least_days=least_days)


def worst(*holdings: Holding, history: DailyReturns) -> float:
    found = at_risk(*holdings, history=history).worst
    assert found
    return found[1]


def test_of_one_stock_it_is_the_third_worst_return_times_what_is_held() -> None:
    """300 days at 99 %: 3 days. 100 at 50 are 5,000."""
    history = returns()
    found = at_risk(stock("A", 100, 50.0), history=history)
    lowest = np.sort(history.of("A"))
    row = next(row for row in found.rows if row.confidence == 0.99)
    assert row.value_at_risk == pytest.approx(-5000 * lowest[2])
    assert row.expected_shortfall == pytest.approx(-5000 * lowest[:3].mean())
    assert found.worst
    assert found.worst[0] == history.days[int(history.of("A").argmin())]
    assert found.worst[1] == pytest.approx(5000 * lowest[0])
    assert found.table().schema == TAIL_SCHEMA
    assert found.table()["confidence"].to_pylist() == [0.95, 0.99, 0.995]


def test_a_hedged_position_has_none_and_two_that_move_apart_have_less_than_their_sum() -> None:
    held = [stock("A", 100, 50.0), stock("A", -100, 50.0)]
    assert at_risk(*held).rows[0].expected_shortfall == pytest.approx(0, abs=1e-9)
    both = at_risk(stock("A", 100, 50.0), stock("B", 100, 50.0)).rows[1].expected_shortfall
    alone = [at_risk(stock(name, 100, 50.0)).rows[1].expected_shortfall for name in "AB"]
    assert max(alone) * 0.5 < both < sum(alone)


def test_an_option_is_priced_anew_and_never_loses_more_than_it_is_worth() -> None:
    crash = np.zeros(300)
    crash[7] = -0.5
    long_call = option("C", 10, "C", 100, 2.0, 100.0)
    assert worst(long_call, history=returns(C=crash)) == pytest.approx(-2000, rel=1e-3)
    assert worst(stock("C", 1000, 100.0), history=returns(C=crash)) == pytest.approx(-50_000)


def test_days_on_which_anything_held_has_no_move_are_left_out_for_all_and_counted() -> None:
    """B40: 50 days without B are no days on which B stood still."""
    holes = returns().of("B").copy()
    holes[:50] = np.nan
    history = returns(B=holes)
    found = at_risk(stock("A", 100, 50.0), stock("B", 1, 50.0), history=history)
    assert {row.days for row in found.rows} == {250}
    assert found.missing_days == {"A": 0, "B": 50}
    assert np.isnan(found.changes[:50]).all()
    assert found.day_table().schema == DAY_SCHEMA
    assert found.day_table()["change"].null_count == 50
    assert {row.label for row in found.rows} == {""}
    holes[:51] = np.nan
    short = at_risk(stock("A", 100, 50.0), stock("B", 1, 50.0), history=returns(B=holes))
    assert short.rows[0].label == "only 249 days, 250 are needed"


def test_a_new_name_does_not_leave_its_few_days_to_all_others_and_is_listed() -> None:
    young = np.full(300, np.nan)
    young[-12:] = 0.01
    held = [stock("A", 100, 50.0), stock("NEW", 10, 5.0), stock("NONE", 10, 5.0)]
    found = at_risk(*held, history=returns(NEW=young))
    assert [(one.holding.symbol, one.reason) for one in found.unpriced] == [
        ("NEW", "NEW has daily returns of 12 days, and 60 are needed"),
        ("NONE", "NONE has daily returns of 0 days, and 60 are needed")]  # fmt: skip
    assert found.rows == at_risk(stock("A", 100, 50.0)).rows
    assert {row.days for row in at_risk(held[1], history=returns(NEW=young), least_days=10).rows} == {12}


def test_what_cannot_be_priced_is_listed() -> None:
    found = at_risk(stock("A", 100, 50.0), stock("B", 10, None))
    assert [(one.holding.symbol, one.reason) for one in found.unpriced] == [("B", "no price")]
    assert found.rows == at_risk(stock("A", 100, 50.0)).rows


def test_nothing_held_has_no_days() -> None:
    for found in (at_risk(), at_risk(stock("NONE", 1, 1.0)), at_risk(stock("A", 1, None))):
        assert {row.label for row in found.rows} == {"no days"}
        assert np.isnan(found.rows[0].value_at_risk)
        assert found.worst is None


def test_rates_of_currencies_move_with_what_they_are_of() -> None:
    """1,000 euros of stock, 1,250 dollars: a fall by 10 % of it and of the euro is 19 % of them."""
    fall = np.zeros(300)
    fall[5] = -0.1
    history = returns(XINEUR=fall, EUR_USD=fall)
    assert worst(stock("X", 100, 10.0, "EUR"), history=history) == pytest.approx(-1250 * 0.19)
    cash = Holding("DU1", 0, "EUR", "BALANCE", "EUR", 1000.0)
    assert worst(cash, history=history) == pytest.approx(-125)
    assert worst(cash, history=returns(USD_EUR=1 / (1 + fall) - 1)) == pytest.approx(-125)
    assert at_risk(cash).unpriced[0].reason == "EUR.USD has daily returns of 0 days, and 60 are needed"
    assert at_risk(Holding("DU1", 0, "USD", "BALANCE", "USD", 1000.0)).rows[0].label == "no days"  # nothing moves it


def test_of_a_future_only_what_it_gains_is_in_its_currency() -> None:
    """B18: 250,000 that a future stands for are no money that a rate moves."""
    fall = np.zeros(300)
    fall[5] = -0.1
    held = future("A", 1, 5000.0, 50)
    euro = Holding(**{name: getattr(held, name) for name in held.__slots__} | {"currency": "EUR"})
    history = returns(AINEUR=np.zeros(300), EUR_USD=fall)
    assert at_risk(euro, history=history).worst == (history.days[0], 0.0)


def test_an_option_on_a_future_is_moved_by_the_symbol_of_its_future_whatever_the_month() -> None:
    held = future("A", 1, 5000.0, 50)
    call = replace(future_option(held, -1, "C", 5000.0, 100.0), underlying_symbol="AZ6")
    found = at_risk(held, call)
    assert list(found.missing_days) == ["A"]
    assert found.rows[0].expected_shortfall < at_risk(held).rows[0].expected_shortfall


def test_pence_are_not_pounds() -> None:
    """B21: 1,000 at 400 pence are 4,000 pounds, 6,000 dollars."""
    fall = np.full(300, 0.0)
    fall[0] = -0.1
    london = stock("VOD", 1000, 400.0, "GBP", price_magnifier=100)
    assert worst(london, history=returns(VODINGBP=fall, GBP_USD=np.zeros(300))) == pytest.approx(-600)


def test_the_normal_one_says_on_what_it_rests_and_is_near_the_historical_one_of_normal_returns() -> None:
    history = returns(3000)
    held = [stock("A", 100, 50.0), stock("B", -50, 50.0)]
    normal, past = normal_risk(held, history, MARKET), value_at_risk(held, history, MARKET)
    assert normal.exposures == pytest.approx({"A": 5000, "B": -2500})
    assert normal.covariance is not None
    assert (normal.covariance.days, normal.covariance.names) == (3000, 2)
    for one, other in zip(normal.rows, past.rows, strict=True):
        assert one.value_at_risk == pytest.approx(other.value_at_risk, rel=0.1)
        assert one.expected_shortfall == pytest.approx(other.expected_shortfall, rel=0.1)
        assert one.label == ""


def test_the_normal_one_labels_more_names_than_days() -> None:
    """B40."""
    generator = np.random.default_rng(5)
    names = {f"N{number}": generator.normal(0, 0.01, 20) for number in range(30)}
    held = [stock(name, 10, 10.0) for name in names]
    found = normal_risk([*held, stock("Z", 1, 1.0)], returns(20, 3, **names), MARKET)
    assert found.rows[0].label == "only 20 days, 250 are needed; 30 names and 20 days"
    assert found.rows[0].value_at_risk > 0
    assert [one.reason for one in found.unpriced] == ["Z has no daily returns"]
    assert normal_risk([], returns(), MARKET).rows == ()
