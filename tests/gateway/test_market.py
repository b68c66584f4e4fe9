"""The invented market's events: repeatable, the same in whatever pieces they are asked for, and plausible."""

import datetime
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.market import Market
from capture.schemas import MIDPOINTS, QUOTES, TABLES, TRADES

SECOND, HOUR = 1_000_000, 3_600_000_000
START = 1_764_003_600_000_000  # 2025-11-24, a Monday, 17:00 UTC
AAPL, ES, EUR, BTC, SPX, CFD, CALL = 265598, 649180695, 12087792, 479624278, 416904, 118089500, 700046493
MARKET = Market()
EVENTS = ("trades", "quotes", "midpoints")


def ask(market: Market, name: str, *arguments: Any) -> pa.Table:
    table: pa.Table = getattr(market, name)(*arguments)
    return table


def microseconds(table: pa.Table) -> list[int]:
    values: list[int] = pc.cast(table["ts"], pa.int64()).to_pylist()
    return values


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("con_id", [AAPL, ES, EUR, BTC, CALL])
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(con_id: int, name: str) -> None:
    arguments = (con_id, START, START + 60 * SECOND)
    rows = ask(MARKET, name, *arguments)
    assert rows == ask(Market(), name, *arguments)
    if rows.num_rows:
        assert rows != ask(Market(seed=2), name, *arguments)


@settings(max_examples=25, deadline=None)
@given(
    con_id=st.sampled_from([AAPL, ES, BTC, CALL]),
    name=st.sampled_from(EVENTS),
    cuts=st.lists(st.integers(0, 400 * SECOND), max_size=4),
    rate=st.sampled_from([0.02, 1.0]),
    always_open=st.booleans(),
)
def test_a_range_is_the_sum_of_its_pieces(
    con_id: int, name: str, cuts: list[int], rate: float, always_open: bool
) -> None:
    market = Market(rate=rate, always_open=always_open)
    edges = [START, *(START + cut for cut in sorted(cuts)), START + 400 * SECOND]
    pieces = [ask(market, name, con_id, *edge) for edge in pairwise(edges)]
    assert pa.concat_tables(pieces).equals(ask(market, name, con_id, edges[0], edges[-1]))


def test_long_ranges_made_at_once_agree_with_blocks_made_one_by_one() -> None:
    whole = MARKET.trades(AAPL, START - HOUR - 7, START + HOUR)
    last = MARKET.trades(AAPL, START + HOUR - 20 * SECOND, START + HOUR)
    assert last.num_rows > 10
    assert whole.slice(whole.num_rows - last.num_rows).equals(last)


@pytest.mark.parametrize("con_id", MARKET.instruments)
def test_every_instrument_has_ordered_plausible_quotes(con_id: int) -> None:
    instrument = MARKET.instruments[con_id]
    quotes = MARKET.quotes(con_id, START + 3, START + 30 * SECOND)
    trades = MARKET.trades(con_id, START + 3, START + 30 * SECOND)
    assert (quotes.num_rows > 0) == (instrument.quotes_per_s > 0 and instrument.sec_type != "IND")
    assert pc.all(pc.less(quotes["bid_price"], quotes["ask_price"])).as_py() is not False
    for table, columns in ((quotes, ("bid_price", "bid_size", "ask_size")), (trades, ("price", "size"))):
        times = microseconds(table)
        assert times == sorted(times)
        assert all(START + 3 <= time < START + 30 * SECOND for time in times)
        assert all(pc.min(table[column]).as_py() > 0 for column in columns if table.num_rows)


@pytest.mark.parametrize("con_id", [AAPL, ES, BTC, CALL])
def test_trades_happen_at_the_bid_or_the_ask(con_id: int) -> None:
    quotes = MARKET.quotes(con_id, START - 60 * SECOND, START + 300 * SECOND)
    trades = MARKET.trades(con_id, START, START + 300 * SECOND)
    assert trades.num_rows
    times, bids, asks = microseconds(quotes), quotes["bid_price"].to_pylist(), quotes["ask_price"].to_pylist()
    now = [bisect_right(times, time) - 1 for time in microseconds(trades)]
    prices = trades["price"].to_pylist()
    assert all(price in (bids[quote], asks[quote]) for price, quote in zip(prices, now, strict=True))
    assert {price == bids[quote] for price, quote in zip(prices, now, strict=True)} == {True, False}


def test_prices_are_multiples_of_the_tick_to_the_last_bit() -> None:
    for con_id in (AAPL, ES, EUR, BTC):
        step = MARKET.instruments[con_id].ticks_per_unit
        prices = MARKET.quotes(con_id, START, START + 60 * SECOND)["bid_price"].to_pylist()
        assert prices == [round(price * step) / step for price in prices]


def test_midpoints_are_the_changes_between_quotes() -> None:
    quotes = MARKET.quotes(AAPL, START - 60 * SECOND, START + 60 * SECOND).to_pylist()
    middles = [(q["ts"], round((q["bid_price"] + q["ask_price"]) / 2, 6)) for q in quotes]
    changes = [b for a, b in pairwise(middles) if a[1] != b[1]]
    midpoints = MARKET.midpoints(AAPL, START, START + 60 * SECOND).to_pylist()
    assert midpoints
    assert [(row["ts"], round(row["price"], 6)) for row in midpoints] == changes[-len(midpoints):]


def test_stock_prints_look_like_a_consolidated_tape() -> None:
    trades = MARKET.trades(AAPL, START, START + HOUR).to_pylist()
    assert {"NASDAQ", "ARCA", "IEX", "DRCTEDGE"} <= {row["exchange"] for row in trades}
    assert {"", " I", " T  I", " F"} == {row["conditions"] for row in trades}
    assert all(row["unreported"] == (row["size"] % 100 > 0) for row in trades)
    assert 0.2 < sum(row["size"] == 100 for row in trades) / len(trades) < 0.6
    prints = Counter((row["ts_event"], row["price"], row["size"], row["exchange"]) for row in trades)
    assert max(prints.values()) > 1, "equal prints within a second happen in real feeds and must happen here"


def test_arrivals_are_bursty() -> None:
    counts = Counter(time // (SECOND // 10) for time in microseconds(MARKET.trades(ES, START, START + HOUR)))
    tenths = [counts[START // (SECOND // 10) + tenth] for tenth in range(36_000)]
    mean = sum(tenths) / len(tenths)
    variance = sum((count - mean) ** 2 for count in tenths) / len(tenths)
    assert variance > 1.5 * mean, "evenly random arrivals would have the variance of their mean"


def test_rate_multiplies_what_happens() -> None:
    slow, fast = (Market(rate=rate).quotes(ES, START, START + 30 * SECOND).num_rows for rate in (1, 50))
    assert 30 < fast / slow < 70


def test_closed_markets_are_silent_and_open_ones_livelier_in_regular_hours() -> None:
    market = Market(always_open=False)
    midnight = START + 7 * HOUR
    rows = [market.quotes(AAPL, midnight + hour * HOUR, midnight + (hour + 1) * HOUR).num_rows for hour in range(24)]
    assert rows[0] > 0 == rows[1] == rows[8], "New York closes at 01:00 UTC and opens at 09:00 UTC"
    assert rows[9] > 0
    assert rows[17] > 5 * rows[11]
    assert market.quotes(BTC, midnight - 60 * HOUR, midnight - 59 * HOUR).num_rows, "crypto trades on Saturdays"


def test_columns_are_those_of_the_lake_without_the_recorders() -> None:
    recorder = {"seq", "row", "recorder", "symbol", "stream", "request_id", "origin"}
    for table, name in ((TRADES, "trades"), (QUOTES, "quotes")):
        rows = ask(MARKET, name, AAPL, START, START + SECOND)
        assert rows.column_names == [c.name for c in table.columns if c.name not in recorder]
        assert all(rows.schema.field(c).type == TABLES[name].column(c).type for c in rows.column_names)
    assert set(MARKET.midpoints(AAPL, START, START + SECOND).column_names) <= {c.name for c in MIDPOINTS.columns}


def test_options_follow_their_underlying() -> None:
    spot = MARKET.quotes(AAPL, START, START + 10 * SECOND)["bid_price"][0].as_py()
    strike = MARKET.instruments[CALL].strike
    assert MARKET.quotes(CALL, START, START + 10 * SECOND)["ask_price"][0].as_py() > spot - strike


def test_event_times_are_the_whole_seconds_of_the_rows() -> None:
    rows = MARKET.trades(AAPL, START, START + 5 * SECOND).to_pylist()
    assert all(row["ts_event"] == row["ts"].replace(microsecond=0) for row in rows)
    assert rows[0]["ts"].tzinfo == datetime.UTC or str(rows[0]["ts"].tzinfo) == "UTC"
