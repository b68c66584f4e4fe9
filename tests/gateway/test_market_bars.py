"""Bars agree with the events they are made of, and long ranges answer quickly."""

import time
from datetime import UTC, datetime

import pytest

from capture.gateway.market import Market

SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
START = 1_764_003_600_000_000
AAPL, EUR, SPX = 265598, 12087792, 416904
MARKET = Market()


@pytest.mark.parametrize("size_s", [1, 5, 60, 900])
def test_trade_bars_are_made_of_the_trades(size_s: int) -> None:
    bars = MARKET.bars(AAPL, START, START + HOUR, size_s).to_pylist()
    trades = MARKET.trades(AAPL, START, START + HOUR).to_pylist()
    assert sum(bar["volume"] for bar in bars) == sum(trade["size"] for trade in trades)
    assert sum(bar["trade_count"] for bar in bars) == len(trades)
    bar = bars[len(bars) // 2]
    inside = [t for t in trades if 0 <= (t["ts"] - bar["ts_event"]).total_seconds() < size_s]
    prices = [trade["price"] for trade in inside]
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (prices[0], max(prices), min(prices), prices[-1])
    value = sum(trade["price"] * trade["size"] for trade in inside)
    assert bar["wap"] == pytest.approx(value / bar["volume"], abs=1e-7)


@pytest.mark.parametrize("what", ["BID", "ASK", "MIDPOINT", "BID_ASK"])
def test_quote_bars_are_made_of_the_quotes(what: str) -> None:
    bar = MARKET.bars(EUR, START, START + 120 * SECOND, 60, what).to_pylist()[1]
    quotes = MARKET.quotes(EUR, START + 60 * SECOND, START + 120 * SECOND).to_pylist()
    bids, asks = ([quote[side] for quote in quotes] for side in ("bid_price", "ask_price"))
    middles = [(bid + ask) / 2 for bid, ask in zip(bids, asks, strict=True)]
    mean_bid, mean_ask = sum(bids) / len(bids), sum(asks) / len(asks)
    expected = {
        "BID": (bids[0], max(bids), min(bids), bids[-1]),
        "ASK": (asks[0], max(asks), min(asks), asks[-1]),
        "MIDPOINT": (middles[0], max(middles), min(middles), middles[-1]),
        "BID_ASK": (mean_bid, max(asks), min(bids), mean_ask),
    }[what]
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == pytest.approx(expected, abs=1e-7)
    assert (bar["volume"], bar["wap"], bar["trade_count"]) == (None, None, None)


def test_a_bar_begun_before_the_range_is_left_out_and_the_last_may_be_unfinished() -> None:
    starts = MARKET.bars(AAPL, START + 30 * SECOND, START + 190 * SECOND, 60)["ts_event"].to_pylist()
    assert [start.minute for start in starts] == [1, 2, 3]


def test_a_year_of_days_is_not_made_of_its_seconds() -> None:
    before = time.process_time()
    bars = MARKET.bars(AAPL, START - 365 * DAY, START, 86_400).to_pylist()
    assert time.process_time() - before < 10, "all its trades take minutes"
    assert len(bars) == 365
    assert all(bar["low"] <= bar[price] <= bar["high"] for bar in bars for price in ("open", "close"))


@pytest.mark.slow
def test_sampled_bars_stay_near_the_exact_ones() -> None:
    exact = MARKET.bars(AAPL, START - DAY, START, 3_600).to_pylist()
    sampled = MARKET.bars(AAPL, START - 30 * DAY, START, 3_600).to_pylist()[-len(exact):]
    for near, far in zip(exact, sampled, strict=True):
        assert near["ts_event"] == far["ts_event"]
        assert far["close"] == pytest.approx(near["close"], rel=0.01)
        assert far["volume"] == pytest.approx(near["volume"], rel=0.8)


def test_days_weeks_and_months_follow_the_trading_calendar() -> None:
    market = Market(always_open=False)
    days = market.bars(AAPL, START - 14 * DAY, START, 86_400)["ts_event"].to_pylist()
    assert all(day.weekday() < 5 and (day.hour, day.minute) == (0, 0) for day in days)
    weeks = market.bars(AAPL, START - 60 * DAY, START, 7 * 86_400)["ts_event"].to_pylist()
    assert {week.weekday() for week in weeks} == {0}
    months = market.bars(AAPL, START - 200 * DAY, START, 30 * 86_400)["ts_event"].to_pylist()
    assert [month.month for month in months] == [6, 7, 8, 9, 10, 11]


def test_regular_hours_leave_the_rest_out() -> None:
    market = Market(always_open=False)
    midnight = int(datetime(2025, 11, 24, tzinfo=UTC).timestamp()) * SECOND
    regular = market.bars(AAPL, midnight, midnight + DAY, 1_800, regular_hours=True)["ts_event"].to_pylist()
    assert (regular[0].hour, regular[0].minute) == (14, 30)
    assert len(regular) == 13
    assert market.bars(AAPL, midnight, midnight + DAY, 1_800).num_rows == 30, "from 04:00 in New York to midnight UTC"


def test_what_an_instrument_lacks_gives_no_bars_and_an_unknown_what_says_so() -> None:
    assert MARKET.bars(EUR, START, START + HOUR, 60, "TRADES").num_rows == 0
    assert MARKET.bars(SPX, START, START + HOUR, 60, "BID").num_rows == 0
    assert MARKET.bars(SPX, START, START + HOUR, 60, "TRADES").to_pylist()[0]["volume"] is None
    with pytest.raises(ValueError, match="ask for one of TRADES"):
        MARKET.bars(AAPL, START, START + HOUR, 60, "YIELD_BID")
