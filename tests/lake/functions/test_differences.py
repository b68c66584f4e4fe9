"""What IB says against what follows from fills: differences are named, and none is corrected."""

from datetime import timedelta
from typing import Any

import pytest

from capture.lake.statements.imported import import_statements
from capture.lake.statements.originals import originals
from tests.statements.flex import action, trade, transfer, written

from .accounts import POSITIONS, UPDATES, AccountLake, at
from .conftest import NOON


def differences(lake: AccountLake, second: float) -> list[tuple[Any, ...]]:
    return lake.lake.sql(
        f"select symbol, kind, ib, ours, why from account_differences({at(second)})").rows()


@pytest.fixture
def bought(accounts: AccountLake) -> AccountLake:
    """An account that bought 100 for 10.01 each, as IB knows too."""
    accounts.asked(0, POSITIONS, account=None)
    accounts.asked(1, POSITIONS, "completed")
    accounts.asked(2, UPDATES, account="A1")
    accounts.order(9, "Submitted")
    accounts.fill(10, 100, 10.0, "a.b.01.01")
    accounts.fee(11, "a.b.01.01", 1.0)
    accounts.status(11, "Filled", 100, 0)
    accounts.position(12, 100, average_cost=10.01)
    return accounts


def test_where_all_agree_there_is_none(bought: AccountLake) -> None:
    assert differences(bought, 12) == []
    assert differences(bought, 600) == []


def test_positions_that_lag_fills_are_a_lag_for_ten_seconds(bought: AccountLake) -> None:
    bought.fill(20, 50, 10.0, "a.b.02.01", permanent_id=78)
    assert differences(bought, 29) == [("AAPL", "position", 100.0, 150.0, "lag")]
    assert differences(bought, 40) == [("AAPL", "position", 100.0, 150.0, "unexplained")]


def test_an_order_that_was_filled_more_than_executions_say_is_a_missed_fill(bought: AccountLake) -> None:
    bought.order(20, "Submitted", 78)
    bought.status(21, "Filled", 30, 0, 78)
    bought.position(22, 130, average_cost=10.01)
    assert differences(bought, 60) == [("AAPL", "position", 130.0, 100.0, "missed fill")]


def test_time_in_which_executions_were_missed_explains_a_missed_fill(bought: AccountLake) -> None:
    bought.gap(20, 30, stream="executions", symbol=None)
    bought.position(31, 130, average_cost=10.01)
    assert differences(bought, 60) == [("AAPL", "position", 130.0, 100.0, "missed fill")]


def test_another_quantity_of_the_same_cost_is_a_corporate_action(bought: AccountLake) -> None:
    bought.position(20, 200, average_cost=5.005)
    assert differences(bought, 60) == [("AAPL", "position", 200.0, 100.0, "corporate action")]


def test_what_nothing_explains_is_a_transfer(bought: AccountLake) -> None:
    bought.position(20, 130, average_cost=12.0)
    bought.position(20, 7, "MSFT")  # and what IB lists for the first time had been there: its cost is not known
    assert differences(bought, 60) == [
        ("AAPL", "position", 130.0, 100.0, "transfer"), ("MSFT", "average_cost", 100.0, None, "before recording began")]


def test_costs_and_what_was_realized_are_compared(bought: AccountLake) -> None:
    bought.position(20, 100, average_cost=11.0)
    assert differences(bought, 60) == [("AAPL", "average_cost", 11.0, pytest.approx(10.01), "unexplained")]


def test_a_commission_that_is_not_reported_explains_a_cost(bought: AccountLake) -> None:
    bought.fill(20, 100, 10.0, "a.b.02.01", permanent_id=78)
    bought.position(21, 200, average_cost=10.02)
    assert differences(bought, 60) == [
        ("AAPL", "average_cost", 10.02, pytest.approx(10.005), "commission not reported")]


def test_realized_profits_are_compared_fill_by_fill(bought: AccountLake) -> None:
    bought.fill(20, -100, 11.0, "a.b.02.01", permanent_id=78)
    bought.fee(21, "a.b.02.01", 1.0, realized=98.0)
    bought.position(21, 0)
    assert differences(bought, 60) == []
    bought.close()
    bought._lake = None
    bought.fee(22, "a.b.02.01", 1.0, realized=50.0)
    assert differences(bought, 60) == [("AAPL", "realized", 50.0, pytest.approx(98.0), "unexplained")]


def test_what_ib_has_not_answered_is_no_difference(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.fill(10, 100, 10.0, "a.b.01.01")
    assert differences(accounts, 60) == []


def test_worth_is_the_sum_of_parts_segments_and_signed_cash(bought: AccountLake) -> None:
    for key, value, currency in (
            ("NetLiquidation", "1000.00", "USD"), ("NetLiquidation-S", "900.00", "USD"),
            ("NetLiquidation-C", "100.00", "USD"), ("TotalCashBalance", "-500.00", "BASE"),
            ("StockMarketValue", "1500.00", "BASE"), ("MutualFundValue", "7", "BASE"), ("CashBalance", "-500", "BASE"),
            ("CashBalance", "-1000", "EUR"), ("ExchangeRate", "1.1", "EUR"), ("CashBalance", "600", "USD"),
            ("ExchangeRate", "1", "USD")):  # fmt: skip
        bought.value(20, key, value, currency)
    for second, key, value, currency in (
            (30, "NetLiquidation", "1000.01", "USD"),  # within a cent
            (40, "NetLiquidation", "1200.00", "USD"),  # a sweep that only one of them has
            (50, "CashBalance", "-900", "EUR")):  # fmt: skip
        bought.value(second, key, value, currency)
    assert differences(bought, 35) == []
    broken = [(None, "net_liquidation", 1200.0, 1000.0), (None, "segments", 1200.0, 1000.0)]
    assert differences(bought, 40.5) == [(*one, "lag") for one in broken]
    assert differences(bought, 45) == [(*one, "unexplained") for one in broken]
    assert differences(bought, 55)[0] == (None, "cash", -500.0, pytest.approx(-390.0), "unexplained")


@pytest.mark.parametrize(("off_s", "is_told"), [
    (-3 * 3600 + 2, True), (5.5 * 3600, True), (2, False), (-300, False), (8 * 86_400, False)])
def test_fills_whose_times_are_of_another_zone_are_told(bought: AccountLake, off_s: float, is_told: bool) -> None:
    bought.fill(20, 0.0, 10.0, "a.b.03.01", ts_event=NOON + timedelta(seconds=20 - off_s))
    found = [row for row in differences(bought, 60) if row[1] == "clock"]
    assert found == ([(None, "clock", None, None, "time zone")] if is_told else [])


SAID = "select why, detail from account_differences({})"
AFTER = {"dateTime": "20261118;120500"}  # of New York: at 17:05 UTC, after the fills
SHARES = [("corporate action", action("9", "100", **AFTER)), ("transfer", transfer("9", "100", date="20261118")),
          ("missed fill", trade("9", 100, ibExecID="a.b.09.01", **AFTER)),
          ("missed fill", trade("9", 100, transactionType="BookTrade", notes="A", **AFTER))]


def test_what_ib_s_statement_says_names_a_difference(bought: AccountLake) -> None:
    """100 more than fills say, at another cost: without a statement that is a transfer, as nothing explains it."""
    bought.position(20, 200, average_cost=7.5)
    later = NOON + timedelta(hours=12)
    _ = bought.lake
    for why, row in SHARES:
        import_statements(bought.layout, [written(trade("1", 100, ibExecID="a.b.01.02"), row, account="A1")])
        found = bought.lake.sql(SAID.format(f"timestamptz '{later.isoformat()}'")).rows()
        assert found == [(why, "IB's statement says so")], row
        for original in originals(bought.layout):
            original.path.unlink()


def test_a_statement_that_says_something_else_names_nothing(bought: AccountLake) -> None:
    """Another quantity, another account, and a split of before the fills began."""
    bought.gap(20, 30, stream="executions", symbol=None)
    bought.position(31, 130, average_cost=10.01)
    import_statements(bought.layout, [
        written(action("9", "29", dateTime="20261118;071000"), account="A1"), written(action("9", "30"), account="A2"),
        written(action("8", "30", dateTime="20261016;202500"), account="A1")])  # fmt: skip
    assert bought.lake.sql(SAID.format(at(3_600))).rows() == [("missed fill", "executions were missed")]
