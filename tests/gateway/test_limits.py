"""IB's limits, by a clock of the test's own."""

import pytest

from capture.gateway import Clock, Limits
from capture.gateway.limits import HistoryPacing, Rule, Windows


@pytest.mark.parametrize(("lines", "tick_by_tick", "depth", "messages"), [
    (100, 5, 3, 50), (200, 10, 3, 100), (1100, 55, 11, 550), (10_000, 500, 60, 5_000)])
def test_limits_follow_the_market_data_lines(lines: int, tick_by_tick: int, depth: int, messages: int) -> None:
    limits = Limits.of_lines(lines)
    assert (limits.market_data, limits.tick_by_tick) == (lines, tick_by_tick)
    assert (limits.market_depth, limits.messages_per_s) == (depth, messages)
    assert Limits.of_lines(100) == Limits()


def test_windows_forget_what_is_too_old() -> None:
    windows, rule = Windows(), Rule(2, 10.0)
    admitted = [windows.admit("a", rule, now_s) for now_s in (0, 1, 2, 10, 10.5, 11)]
    assert admitted == [True, True, False, True, False, True]
    assert windows.admit("b", rule, 2)


def test_history_may_not_be_repeated_within_15_seconds() -> None:
    pacing = HistoryPacing()
    assert [pacing.admit("same", "AAPL", "TRADES", now_s) for now_s in (0, 14, 15)] == [True, False, True]


def test_a_contract_takes_five_requests_in_two_seconds() -> None:
    pacing = HistoryPacing()
    assert [pacing.admit(number, "AAPL", "TRADES", number * 0.1) for number in range(6)] == [True] * 5 + [False]
    assert pacing.admit("other", "MSFT", "TRADES", 0.6)


@pytest.mark.parametrize(("what", "most"), [("TRADES", 60), ("BID_ASK", 30)])
def test_sixty_requests_in_ten_minutes_and_bid_ask_twice(what: str, most: int) -> None:
    pacing = HistoryPacing()
    assert sum(pacing.admit(number, number, what, number * 5.0) for number in range(100)) == most
    assert pacing.admit("later", "later", what, 1_100.0)


def test_the_clock_starts_where_it_is_told_and_runs_at_its_speed() -> None:
    clock = Clock(start_us=1_000_000, speed=1_000.0)
    first = clock.now_us()
    assert 1_000_000 <= first <= clock.now_us()
    with pytest.raises(ValueError, match="above 0"):
        Clock(speed=0)
