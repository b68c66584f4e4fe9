"""Sampled level 1, its statistics, and option computations."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from capture.gateway.market import Market
from capture.wire.messages.ticktypes import TICK_TYPES

SECOND, HOUR = 1_000_000, 3_600_000_000
START = 1_764_003_600_000_000
WINDOW = START // (14_400 * SECOND) * 14_400 * SECOND  # where the day's figures start in a market always open
AAPL, ES, EUR, SPX, CFD, CALL, PUT = 265598, 649180695, 12087792, 416904, 118089500, 700046505, 700046506
ALL = frozenset(tick.generic for tick in TICK_TYPES.values() if tick.generic is not None)
MARKET = Market()


def moment(us: int) -> datetime:
    return datetime.fromtimestamp(us // SECOND, UTC).replace(microsecond=us % SECOND)


def of(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["tick_name"] == name]


@pytest.mark.parametrize("con_id", [AAPL, ES, EUR, SPX, CALL])
def test_pieces_agree_with_the_whole(con_id: int) -> None:
    cuts = [START + 11, START + 400_000, START + 7 * SECOND + 1, START + 20 * SECOND]
    pieces = [MARKET.ticks(con_id, *cut, ALL) for cut in pairwise(cuts)]
    assert pa.concat_tables(pieces).equals(MARKET.ticks(con_id, cuts[0], cuts[-1], ALL))


@pytest.mark.parametrize("con_id", [AAPL, ES, EUR])
def test_bid_and_ask_are_the_last_quote_before_the_sample(con_id: int) -> None:
    quotes = MARKET.quotes(con_id, START - 60 * SECOND, START + 8 * SECOND).to_pylist()
    ticks = MARKET.ticks(con_id, START, START + 8 * SECOND).to_pylist()
    for name, price, size in (("BID", "bid_price", "bid_size"), ("ASK", "ask_price", "ask_size")):
        assert of(ticks, name)
        for tick in of(ticks, name):
            quote = [q for q in quotes if q["ts"] < tick["ts"]][-1]
            assert (tick["price"], tick["size"]) == (quote[price], quote[size])
            again = [row for row in of(ticks, f"{name}_SIZE") if row["ts"] == tick["ts"]]
            assert [row["size"] for row in again] == [tick["size"]], "IB repeats the size of every price tick"


def test_figures_of_the_day_are_those_of_its_trades() -> None:
    at_us = WINDOW + 65 * 60 * SECOND
    trades = MARKET.trades(AAPL, WINDOW, at_us).to_pylist()
    ticks = {row["tick_name"]: row for row in MARKET.ticks(AAPL, at_us, at_us + 1, ALL, first=True).to_pylist()}
    prices = [trade["price"] for trade in trades]
    assert ticks["VOLUME"]["size"] == sum(trade["size"] for trade in trades)
    assert ticks["TRADE_COUNT"]["value"] == len(trades)
    assert (ticks["HIGH"]["price"], ticks["LOW"]["price"]) == (max(prices), min(prices))
    assert (ticks["OPEN"]["price"], ticks["LAST"]["price"]) == (prices[0], prices[-1])
    assert ticks["LAST"]["size"] == ticks["LAST_SIZE"]["size"] == trades[-1]["size"]
    assert ticks["LAST_TIMESTAMP"]["text"] == str(int(trades[-1]["ts"].timestamp()))
    recent = [trade for trade in trades if trade["ts"] >= moment(at_us - 180 * SECOND)]
    assert ticks["SHORT_TERM_VOLUME_3_MIN"]["size"] == sum(trade["size"] for trade in recent)
    price, size, time_ms, volume, wap, single = ticks["RT_VOLUME"]["text"].split(";")
    assert (float(price), float(size), float(volume)) == (prices[-1], trades[-1]["size"], ticks["VOLUME"]["size"])
    assert int(time_ms) == int(trades[-1]["ts"].timestamp() * 1000)
    assert float(wap) == pytest.approx(sum(t["price"] * t["size"] for t in trades) / ticks["VOLUME"]["size"])
    assert single in ("true", "false")
    names = {name: letter for _, name, letter in MARKET.smart_components(AAPL)}
    assert ticks["LAST_EXCH"]["text"] == names[trades[-1]["exchange"]]


def test_figures_start_anew_with_the_day() -> None:
    market = Market(always_open=False)
    opens = datetime(2025, 11, 24, 9, tzinfo=UTC).timestamp()  # 04:00 in New York
    rows = market.ticks(AAPL, int(opens) * SECOND, int(opens) * SECOND + HOUR // 30).to_pylist()
    trades = market.trades(AAPL, int(opens) * SECOND, int(opens) * SECOND + HOUR // 30).to_pylist()
    assert of(rows, "VOLUME")[0]["size"] <= sum(trade["size"] for trade in trades[:5])
    assert of(rows, "VOLUME")[-1]["size"] == sum(t["size"] for t in trades if t["ts"] < of(rows, "VOLUME")[-1]["ts"])
    assert market.ticks(AAPL, int(opens) * SECOND - HOUR, int(opens) * SECOND - HOUR // 2).num_rows == 0


def test_a_subscription_starts_with_all_that_has_a_value() -> None:
    at_us = WINDOW + HOUR + 123
    rows = MARKET.ticks(AAPL, at_us, at_us + 1, ALL, first=True).to_pylist()
    names = [row["tick_name"] for row in rows]
    assert {row["ts"] for row in rows} == {moment(at_us)}
    assert names[:2] == ["BID", "BID_SIZE"]
    assert {"LAST", "CLOSE", "HALTED", "SHORTABLE", "LOW_52_WEEK", "IB_DIVIDENDS", "BID_EXCH"} <= set(names)
    assert len(names) == len(set(names))
    unasked = MARKET.ticks(AAPL, at_us, at_us + 1, first=True)["tick_name"].to_pylist()
    assert not {"SHORTABLE", "RT_VOLUME"} & set(unasked)


def test_every_tick_carries_the_value_its_kind_has() -> None:
    columns = {"price": "price", "size": "size", "generic": "value", "string": "text"}
    for con_id in (AAPL, ES, EUR, SPX, CALL):
        for row in MARKET.ticks(con_id, START, START + 10 * SECOND, ALL, first=True).to_pylist():
            kind = TICK_TYPES[row["tick_type"]].kind
            assert row["tick_name"] == TICK_TYPES[row["tick_type"]].name
            assert row[columns[kind]] is not None
            assert (row["past_limit"] is not None) == (kind == "price")


@pytest.mark.parametrize(("rate", "window_s"), [(8, 300), (2_000, 10)])
def test_figures_of_a_busy_market_start_anew_soon(rate: float, window_s: int) -> None:
    market, window_us = Market(rate=rate), window_s * SECOND
    at = START // window_us * window_us + 7 * SECOND
    count = of(market.ticks(AAPL, at, at + 1, ALL, first=True).to_pylist(), "TRADE_COUNT")[0]["value"]
    assert count == len(market.trades(AAPL, at - 7 * SECOND, at))


def test_an_index_has_a_level_only_and_a_cfd_nothing() -> None:
    names = set(MARKET.ticks(SPX, START, START + 60 * SECOND, first=True)["tick_name"].to_pylist())
    assert names == {"LAST", "HIGH", "LOW", "OPEN", "CLOSE", "LAST_TIMESTAMP", "HALTED"}
    assert MARKET.ticks(CFD, START, START + SECOND, first=True).num_rows == 0


@pytest.mark.parametrize(("con_id", "sign"), [(CALL, 1), (PUT, -1)])
def test_greeks_are_sane(con_id: int, sign: int) -> None:
    rows = MARKET.greeks(con_id, START, START + 30 * SECOND, first=True).to_pylist()
    assert {row["tick_name"] for row in rows} >= {"BID_OPTION_COMPUTATION", "ASK_OPTION_COMPUTATION", "MODEL_OPTION"}
    for row in rows:
        assert 0 <= sign * row["delta"] <= 1
        assert 0.01 <= row["implied_volatility"] <= 5
        assert row["gamma"] > 0 > row["theta"]
        assert row["vega"] > 0
    spot = [q["bid_price"] for q in MARKET.quotes(AAPL, START, START + SECOND).to_pylist()]
    assert abs(rows[0]["underlying_price"] - spot[0]) < 1


def test_greeks_are_of_options_only_and_in_pieces_agree_with_the_whole() -> None:
    assert MARKET.greeks(AAPL, START, START + SECOND).num_rows == 0
    cuts = [START, START + SECOND // 3, START + 5 * SECOND]
    pieces = [MARKET.greeks(CALL, *cut) for cut in pairwise(cuts)]
    assert pa.concat_tables(pieces).equals(MARKET.greeks(CALL, cuts[0], cuts[-1]))
