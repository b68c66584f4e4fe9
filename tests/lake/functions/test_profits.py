"""What was won between two moments, by hand: what was traded is no profit, whatever the position was."""

from typing import Any

import pytest

from .accounts import POSITIONS, AccountLake, at


def won(lake: AccountLake, start: float, end: float) -> list[tuple[Any, ...]]:
    return lake.lake.sql("select symbol, position_start, position_end, traded, fees, profit, realized "
                         f"from pnl_between({at(start)}, {at(end)})").rows()  # fmt: skip


def quotes(lake: AccountLake, *prices: tuple[float, float], symbol: str = "AAPL") -> None:
    for second, price in prices:
        lake.quote(second, price - 0.5, price + 0.5, symbol=symbol)


def test_flat_at_both_ends_it_is_what_the_fills_won(accounts: AccountLake) -> None:
    accounts.fill(10, 100, 10.0, "a.b.01.01")
    accounts.fill(20, -100, 10.5, "a.b.02.01")
    accounts.fee(21, "a.b.01.01", 1.0)
    accounts.fee(21, "a.b.02.01", 1.0)
    assert won(accounts, 0, 30) == [("AAPL", 0.0, 0.0, -50.0, 2.0, 48.0, 48.0)]  # no price is needed


def test_what_was_held_counts_by_its_change_and_flips_go_through_zero(accounts: AccountLake) -> None:
    accounts.asked(-60, POSITIONS)
    accounts.position(-50, 10, average_cost=3.0)
    accounts.asked(-40, POSITIONS, "completed")
    quotes(accounts, (-5, 20.0), (25, 23.0))
    accounts.quote(26, 22.5, -1.0)  # no side: it is no price
    accounts.fill(10, -30, 22.0, "a.b.01.01")
    # -20 × 23 - 10 × 20 + 30 × 22
    assert won(accounts, 0, 30) == [("AAPL", 10.0, -20.0, -660.0, 0.0, 0.0, None)]


def test_a_restart_and_a_correction_change_nothing(accounts: AccountLake) -> None:
    quotes(accounts, (40, 12.0))
    accounts.fill(10, 100, 10.0, "a.b.01.01")
    accounts.add("sessions", 15, event="closed")
    accounts.add("sessions", 16, event="opened")
    accounts.fill(20, 100, 10.0, "a.b.01.01", request_id=9)
    accounts.fill(21, 100, 11.0, "a.b.01.02")
    assert won(accounts, 0, 60) == [("AAPL", 0.0, 100.0, 1100.0, 0.0, 100.0, None)]


def test_without_a_price_of_what_is_held_it_is_not_known(accounts: AccountLake) -> None:
    accounts.fill(10, 100, 10.0, "a.b.01.01")
    assert won(accounts, 0, 60) == [("AAPL", 0.0, 100.0, 1000.0, 0.0, None, None)]


def test_futures_hold_the_multiplier_and_ib_s_day_stands_beside(accounts: AccountLake) -> None:
    accounts.fill(10, 2, 5000.0, "a.b.01.01", symbol="ESZ6", security_type="FUT", multiplier="50")
    quotes(accounts, (20, 5010.0), symbol="ESZ6")
    for symbol, daily in ((None, 990.0), ("ESZ6", 1000.0)):
        accounts.add("pnl", 25, symbol, account="A1", stream="pnl", daily=daily, realized=0.0, unrealized=daily)
    found = accounts.lake.pnl("2026-11-18T12:00Z", "2026-11-18T12:01Z").arrow().to_pylist()
    assert [(row["symbol"], row["profit"], row["daily_reported"], row["end_mark_source"]) for row in found] == [
        (None, None, 990.0, None), ("ESZ6", pytest.approx(1000.0), 1000.0, "mid")]
