"""IB's bars against ours: each way in which they can differ is told apart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.query import QueryError
from capture.query.check_bars import bar_differences, check_bars

BEGIN_S = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp())


class Market:
    """Trades and bars of AAPL at seconds after a full minute."""

    def __init__(self, script: Any, tick_kind: str = "AllLast") -> None:
        self.script = script.open()
        self.kind = {"AllLast": 2, "Last": 1}[tick_kind]
        script.ask(5, "req_tick_by_tick", tick_kind=tick_kind)
        script.ask(6, "req_real_time_bars", bar_size_s=5, what="TRADES", regular_hours=False)

    def trade(self, second: int, price: float, size: float = 100, mask: int = 0) -> "Market":
        self.script.answer("tick_by_tick", request_id=5, kind=self.kind, time=BEGIN_S + second, price=price, size=size,
                           mask=mask, exchange="NASDAQ", conditions="")
        return self

    def bar(self, second: int, prices: tuple[float, float, float, float], volume: float, count: int) -> "Market":
        names = dict(zip(("open", "high", "low", "close"), prices, strict=True))
        self.script.answer("real_time_bar", request_id=6, time=BEGIN_S + second, volume=volume, wap=prices[0],
                           trade_count=count, **names)
        return self


@pytest.fixture
def script(script: Any, tmp_path: Path) -> Iterator[Any]:
    """A tape of the time of these trades."""
    ticks = count(BEGIN_S * 1_000_000_000, 1_000_000)
    tape = type(script)(tmp_path / "then", now=lambda: next(ticks))
    yield tape
    tape.writer.close()


def flat(price: float) -> tuple[float, float, float, float]:
    return price, price, price, price


@pytest.fixture
def market(script: Any) -> Market:
    made = Market(script)
    made.trade(0, 10).trade(1, 12).trade(2, 9).trade(4, 11).bar(0, (10, 12, 9, 11), 400, 4)
    made.trade(5, 10).trade(6, 99, 1, mask=2).bar(5, flat(10), 100, 1)
    made.trade(10, 10).bar(10, (10, 13, 10, 10), 100, 1)
    made.trade(15, 10).bar(15, flat(10), 150, 1)
    made.bar(20, flat(10), 0, 0)
    made.bar(25, flat(10), 100, 1)
    made.trade(30, 10)
    made.trade(35, 10).bar(35, flat(10), 100, 1)
    return made.trade(40, 10).bar(40, flat(10), 100, 1).bar(-60, flat(9), 100, 1)


def test_each_way_to_differ_is_told_apart(market: Market) -> None:
    with open_lake(market.script.data) as lake:
        (series,) = check_bars(lake).arrow().to_pylist()
        differences = bar_differences(lake).arrow().to_pylist()
    assert {name: series[name] for name in ("symbol", "bar_size", "what", "form", "source", "stream")} == {
        "symbol": "AAPL", "bar_size": "5 secs", "what": "TRADES", "form": "closed", "source": "trades",
        "stream": "all_last"}  # fmt: skip
    counts = {name: series[name] for name in ("compared", "equal", "prices_differ", "volume_differs", "missing_ours",
                                              "missing_theirs", "in_gaps", "outside")}
    assert counts == {"compared": 6, "equal": 4, "prices_differ": 1, "volume_differs": 1, "missing_ours": 1,
                      "missing_theirs": 1, "in_gaps": 0, "outside": 2}  # fmt: skip
    assert series["most_price_difference"] == 3
    assert series["volume_ratio"] == 1
    found = [(row["verdict"], int(row["ts"].timestamp()) - BEGIN_S) for row in differences]
    assert found == [("prices", 10), ("volume", 15), ("missing_ours", 25), ("missing_theirs", 30)]
    assert (differences[0]["high"], differences[0]["our_high"]) == (13, 10)
    assert (differences[1]["volume"], differences[1]["our_volume"]) == (150, 100)


def test_bars_are_chosen(market: Market) -> None:
    def compared(*arguments: Any) -> int:
        with open_lake(market.script.data) as lake:
            return sum(row["compared"] for row in check_bars(lake, *arguments).arrow().to_pylist())

    assert compared(["AAPL"]) == compared([265598]) == compared((), None, None, "5 secs") == 6
    assert compared(["MSFT"]) == compared((), None, None, "1 min") == 0
    assert compared((), "2026-01-05T14:30:10Z", "2026-01-05T14:30:20Z") == 2
    with pytest.raises(QueryError, match="does not say its zone"):
        compared((), "2026-01-05T14:30:10")


def test_history_and_updates_are_compared_without_what_may_be_unfinished(market: Market) -> None:
    script = market.script
    script.ask(8, "req_historical_data", bar_size="10 secs", what="TRADES", regular_hours=True)
    bars = [{"bar_date": str(BEGIN_S + second), "open": 10, "high": high, "low": low, "close": close, "volume": volume,
             "wap": 10, "trade_count": 1} for second, high, low, close, volume in
            ((0, 12, 9, 10, 500), (10, 13, 10, 10, 200), (20, 10, 10, 10, 1))]  # fmt: skip
    script.answer("historical_data", request_id=8, bars=bars)
    for volume in (1, 200):
        script.answer("historical_data_update", request_id=8, trade_count=2, bar_date=str(BEGIN_S + 30), open=10,
                      close=10, high=10, low=10, wap=10, volume=volume)
    with open_lake(script.data) as lake:
        found = {row["form"]: row for row in check_bars(lake, width="10 secs").arrow().to_pylist()}
    assert found["history"]["equal"] == 1
    assert found["history"]["prices_differ"] == 1
    assert found["history"]["missing_theirs"] == 0, "whether it is out of regular hours is not known"
    assert "update" not in found, "the only one may still grow"


def test_bars_in_a_gap_are_told(script: Any) -> None:
    market = Market(script, "Last")
    market.trade(0, 10).bar(0, flat(10), 200, 2)
    script.close("lost").open()
    script.ask(5, "req_tick_by_tick", tick_kind="Last")
    market.trade(9, 10)
    with open_lake(script.data) as lake:
        (series,) = check_bars(lake).arrow().to_pylist()
    assert (series["stream"], series["volume_differs"], series["in_gaps"]) == ("last", 1, 1)


def test_midpoints_and_quotes(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="BidAsk")
    for request_id, what in ((6, "MIDPOINT"), (7, "BID"), (8, "ASK")):
        script.ask(request_id, "req_real_time_bars", bar_size_s=5, what=what, regular_hours=False)
    for second, bid in ((0, 10), (2, 11), (7, 12)):
        script.answer("tick_by_tick", request_id=5, kind=3, time=BEGIN_S + second, bid_price=bid, ask_price=bid + 1,
                      bid_size=1, ask_size=1, mask=0)
    for request_id, more in ((6, 0.5), (7, 0), (8, 1)):
        script.answer("real_time_bar", request_id=request_id, time=BEGIN_S, open=10 + more, high=11 + more,
                      low=10 + more, close=11 + more, volume=-1, wap=-1, trade_count=-1)
    with open_lake(script.data) as lake:
        found = check_bars(lake).arrow().to_pylist()
    assert [(row["what"], row["source"], row["equal"], row["missing_ours"]) for row in found] == [
        ("ASK", "quotes", 1, 0), ("BID", "quotes", 1, 0), ("MIDPOINT", "quotes", 1, 0)]  # fmt: skip
