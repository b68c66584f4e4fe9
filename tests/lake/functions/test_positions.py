"""Positions and values as of a moment: not known, known to be nothing, and rows are three states."""

import math
from typing import Any

from .accounts import POSITIONS, UPDATES, AccountLake, at

SHOWN = "select account, symbol, position, state, complete from positions_at({})"


def positions(accounts: AccountLake, seconds: float) -> list[tuple[Any, ...]]:
    return accounts.lake.sql(SHOWN.format(at(seconds))).rows()


def test_nothing_asked_for_is_unknown_not_flat(accounts: AccountLake) -> None:
    assert positions(accounts, 0) == [(None, None, None, "unknown", False)]


def test_a_request_without_an_answer_never_says_flat(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.value(0, "NetLiquidation", "5")
    assert positions(accounts, 600) == [("A1", None, None, "unknown", False)]


def test_only_the_end_says_that_there_is_nothing(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.value(0, "NetLiquidation", "5")
    accounts.asked(1, POSITIONS, "completed")
    assert positions(accounts, 0.5) == [("A1", None, None, "unknown", False)]
    assert positions(accounts, 1) == [("A1", None, None, "empty", True)]


def test_an_answer_about_one_account_says_nothing_of_another(accounts: AccountLake) -> None:
    for name in ("A1", "A2"):
        accounts.value(0, "NetLiquidation", "5", account=name)
    for event in ("requested", "completed"):
        accounts.asked(1, POSITIONS, event, account="A1", request_id=101)
    assert positions(accounts, 1) == [("A1", None, None, "empty", True), ("A2", None, None, "unknown", False)]


def test_what_the_end_of_a_later_answer_did_not_list_is_0(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, -5)
    accounts.position(1, 7, "MSFT", account="A2")
    accounts.position(1, 9, "MSFT", account="A2", model_code="M", request_id=12)
    accounts.asked(2, POSITIONS, "completed")
    accounts.add("sessions", 10, event="closed")
    accounts.add("sessions", 11, event="opened")
    accounts.asked(12, POSITIONS)
    accounts.position(13, 7, "MSFT", account="A2")
    assert positions(accounts, 5)[0] == ("A1", "AAPL", -5.0, "known", True)
    assert positions(accounts, 10)[0] == ("A1", "AAPL", -5.0, "stale", False)
    assert positions(accounts, 13)[:2] == [("A1", "AAPL", -5.0, "stale", False), ("A2", "MSFT", 7.0, "known", False)]
    accounts.close()
    accounts.asked(14, POSITIONS, "completed")
    accounts._lake = None
    found = positions(accounts, 14)
    assert found[0] == ("A1", "AAPL", 0.0, "known", True)
    assert math.copysign(1, found[0][2]) == 1
    assert found[1:] == [("A2", "MSFT", 7.0, "known", True), ("A2", "MSFT", 9.0, "stale", True)]


def test_a_closed_position_is_never_minus_0(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, -0.0)
    [row] = positions(accounts, 1)
    assert (row[2], math.copysign(1, row[2])) == (0.0, 1)


def test_the_portfolio_tells_positions_too_with_their_worth(accounts: AccountLake) -> None:
    accounts.asked(0, UPDATES, account="A1")
    accounts.add("portfolio", 1, account="A1", stream="values", request_id=UPDATES, position=3.0, average_cost=9.0,
                 market_price=10.0, market_value=30.0, unrealized=3.0, realized=1.0)  # fmt: skip
    accounts.asked(2, UPDATES, "completed", account="A1")
    accounts.asked(3, POSITIONS)
    accounts.position(4, 4.0)
    [row] = accounts.lake.positions("2026-11-18T12:00:10Z").arrow().to_pylist()
    assert (row["position"], row["source"], row["market_value"], row["age_s"], row["mark_age_s"]) == (
        4.0, "positions", 30.0, 6.0, 9.0)


def test_what_a_gap_hides_is_stale(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, 5)
    accounts.asked(2, POSITIONS, "completed")
    accounts.gap(10, 20, stream="positions", symbol=None)
    assert [positions(accounts, second)[0][3] for second in (9, 15, 25)] == ["known", "stale", "known"]


def test_a_gap_that_was_open_and_has_closed_hides_nothing_any_more(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.gap(10, None, stream="positions", symbol=None, gap_id="one", state="open")
    accounts.gap(10, 20, stream="positions", symbol=None, gap_id="one", state="closed")
    accounts.position(21, 5)
    accounts.asked(22, POSITIONS, "completed")
    assert [(row[3], row[4]) for row in positions(accounts, 25)] == [("known", True)]


def test_values_are_by_account_model_tag_segment_and_currency(accounts: AccountLake) -> None:
    accounts.asked(0, UPDATES, account="A1")
    for currency in ("EUR", "USD", "HKD", "BASE"):
        accounts.value(1, "CashBalance", "5", currency)
    accounts.value(1, "NetLiquidation-S", "7")
    accounts.value(1, "NetLiquidation", "9")
    accounts.value(2, "NetLiquidation", "8", model_code="M")
    accounts.value(2, "AccountType", "INDIVIDUAL", None)
    accounts.value(3, "NetLiquidation", "10")
    found = accounts.lake.sql(
        f"select model_code, tag, segment, currency, value, number, age_s from account_at({at(4)})").rows()
    assert found == [
        (None, "AccountType", None, None, "INDIVIDUAL", None, 2.0),
        *((None, "CashBalance", None, currency, "5", 5.0, 3.0) for currency in ("BASE", "EUR", "HKD", "USD")),
        (None, "NetLiquidation", None, "USD", "10", 10.0, 1.0), (None, "NetLiquidation", "S", "USD", "7", 7.0, 3.0),
        ("M", "NetLiquidation", None, "USD", "8", 8.0, 2.0)]


def test_values_of_an_account_that_ib_resets_do_not_count(accounts: AccountLake) -> None:
    accounts.asked(0, UPDATES, account="A1")
    for second, ready, worth in ((1, "true", "10"), (2, "false", "0"), (3, "true", "11")):
        accounts.value(second, "AccountReady", ready, None)
        accounts.value(second, "NetLiquidation", worth)
    query = "select value, state from account_at({}) where tag = 'NetLiquidation'"
    assert [accounts.lake.sql(query.format(at(second))).rows() for second in (2.5, 3.5)] == [
        [("10", "known")], [("11", "known")]]


def test_what_a_request_that_lives_says_is_known_whatever_became_of_another(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, 5)
    accounts.asked(1, POSITIONS, "completed")
    accounts.asked(2, UPDATES, account="A1")  # the portfolio of one account at a time
    accounts.add("portfolio", 3, account="A1", stream="values", request_id=UPDATES, position=5.0)
    accounts.asked(60, UPDATES, account="A2")
    [row] = accounts.lake.positions("2026-11-18T12:02Z", accounts="A1").arrow().to_pylist()
    assert (row["position"], row["source"], row["state"]) == (5.0, "portfolio", "known")
