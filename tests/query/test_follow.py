"""Following a table: every row once, in order, across rolls and sealing."""

from typing import Any

import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.query import QueryError
from capture.query.follow import Follow


def follow(script: Any, *arguments: Any, **named: Any) -> Follow:
    open_lake(script.data).close()
    return Follow(Layout(script.data), *arguments, **named)


def prices(rows: Any) -> list[float]:
    found: list[float] = rows["price"].to_pylist()
    return found


def roll(script: Any) -> None:
    list(Roller(Layout(script.data), "main").roll())


@pytest.fixture
def trading(script: Any) -> Any:
    return script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")


def test_each_row_comes_once_whatever_is_rolled_in_between(trading: Any) -> None:
    trading.trade(5, 1)
    following = follow(trading, "trades")
    assert prices(following.last(10)) == [1]
    trading.trade(5, 2)
    assert prices(following.poll()) == [2]
    assert prices(following.poll()) == []
    trading.trade(5, 3).mark().trade(5, 4)
    roll(trading)
    trading.trade(5, 5)
    assert prices(following.poll()) == [3, 4, 5], "one from a file, two from the tail"
    for price in (6, 7, 8):
        trading.trade(5, price).mark()
        roll(trading)
    assert prices(following.poll()) == [6, 7, 8], "the files of three rolls"
    roll(trading)
    assert prices(following.poll()) == []


@pytest.mark.parametrize(("count", "expected"), [(0, []), (2, [4, 5]), (3, [3, 4, 5]), (9, [1, 2, 3, 4, 5])])
def test_the_last_rows_come_from_files_and_tail(trading: Any, count: int, expected: list[float]) -> None:
    for price in (1, 2, 3):
        trading.trade(5, price)
    trading.mark()
    roll(trading)
    trading.trade(5, 4).trade(5, 5)
    following = follow(trading, "trades")
    assert prices(following.last(count)) == expected
    assert prices(following.poll()) == []


def test_rows_are_chosen_by_instrument_and_stream(trading: Any) -> None:
    trading.ask(6, "req_tick_by_tick", tick_kind="Last", con_id=2, symbol="MSFT")
    by = {"AAPL": follow(trading, "trades", ["AAPL"]), 2: follow(trading, "trades", [2]),
          "last": follow(trading, "trades", stream="last"), "both": follow(trading, "trades", ["MSFT", "AAPL"])}
    for one in by.values():
        assert prices(one.last(5)) == []
    trading.trade(5, 1)
    trading.answer("tick_by_tick", request_id=6, kind=1, time=1, price=2.0, size=1, mask=0, exchange="X", conditions="")
    assert {name: prices(one.poll()) for name, one in by.items()} == {"AAPL": [1], 2: [2], "last": [2], "both": [1, 2]}
    assert prices(follow(trading, "trades", ["MSFT"]).last(5)) == [2]


def test_a_recorder_that_begins_later_is_followed_too(trading: Any) -> None:
    following = follow(trading, "trades")
    assert prices(following.last(5)) == []
    other = type(trading)(trading.data, "second")
    other.open().ask(5, "req_tick_by_tick", tick_kind="AllLast", con_id=2, symbol="MSFT").trade(5, 2)
    assert prices(following.poll()) == [2]
    other.writer.close()


def test_a_recorder_that_was_rolled_before_anybody_looked_is_followed_from_its_first_row(trading: Any) -> None:
    following = follow(trading, "trades")
    assert prices(following.last(5)) == []
    other = type(trading)(trading.data, "second")
    other.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 2).mark()
    list(Roller(Layout(trading.data), "second").roll())
    other.trade(5, 3)
    assert prices(following.poll()) == [2, 3]
    other.writer.close()


def test_rows_that_came_late_for_a_sealed_date_are_followed(trading: Any) -> None:
    from datetime import date

    from capture.lake.sealed import seal_through

    following = follow(trading, "trades")
    following.last(5)
    seal_through(Layout(trading.data), "trades", date(2026, 1, 5))
    trading.ask(9, "req_historical_ticks", what="TRADES")
    tick = {"time": 1_767_600_000, "price": 7, "size": 1, "exchange": "X"}
    trading.answer("historical_trades", request_id=9, ticks=[tick], done=True).mark()
    roll(trading)
    assert prices(following.poll()) == [7]


def test_other_tables_are_followed_in_order(trading: Any) -> None:
    following = follow(trading, "subscriptions")
    assert following.last(5)["event"].to_pylist() == ["requested"]
    trading.ask(6, "req_tick_by_tick", tick_kind="Last").mark()
    roll(trading)
    trading.close()
    assert following.poll()["event"].to_pylist() == ["requested"]
    sessions = follow(trading, "sessions")
    assert sessions.last(5)["event"].to_pylist() == ["opened", "closed"]


def test_what_cannot_be_followed_is_told(script: Any) -> None:
    with pytest.raises(QueryError, match="no table 'trade'"):
        follow(script, "trade")
    with pytest.raises(QueryError, match="sessions has no column symbol"):
        follow(script, "sessions", ["AAPL"])
    with pytest.raises(QueryError, match="not by both"):
        follow(script, "trades", ["AAPL", 3])
