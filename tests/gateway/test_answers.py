"""Every request of the protocol is answered: on its own id, or in the form that says that there is nothing."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.wire.messages.account_requests import ACCOUNT_REQUESTS
from capture.wire.messages.requests import OTHER_REQUESTS, REQUESTS
from capture.wire.text.codec import request_codec
from capture.wire.text.framing import frame

from .conftest import START_US, Peer, Scene

AAPL, SPX, ESZ6 = 265598, 416904, 649180695
CALL = {"symbol": "AAPL", "sec_type": "OPT", "last_trade_date": "20261218", "strike": 230.0, "right": "C"}
BARS = {"duration": "3600 S", "bar_size": "30 mins"}


def ask(peer: Peer, name: str, **values: Any) -> None:
    """Send what a recorder's own connection never sends."""
    version = peer.connection.hello.server_version if peer.connection.hello is not None else 200
    peer.writer.write(frame(request_codec(version).encode(name, values)))


# What is asked, and what comes: the answer's name and values, or IB's code for the request id.
NOTHING: dict[str, tuple[dict[str, Any], tuple[str, Mapping[str, Any]] | int | None]] = {
    "req_news_bulletins": ({"all_messages": True}, None),
    "cancel_news_bulletins": ({}, None),
    "req_news_providers": ({}, ("news_providers", {"providers": []})),
    "req_news_article": ({"provider": "BRFG", "article_id": "BRFG$1"}, 10172),
    "req_historical_news": ({"con_id": AAPL, "providers": "BRFG", "count": 5},
                            ("historical_news_end", {"more": False})),
    "req_financial_advisor": ({"data_type": 1}, ("financial_advisor", {"data_type": 1})),
    "replace_financial_advisor": ({"data_type": 1, "xml": "<x/>"}, 321),
    "req_scanner_parameters": ({}, ("scanner_parameters", {})),
    "req_scanner_subscription": ({"instrument": "STK", "scan": "TOP_PERC_GAIN"}, ("scanner_data", {})),
    "cancel_scanner_subscription": ({}, 162),
    "req_implied_volatility": ({**CALL, "option_price": 12.0, "underlying_price": 232.0},
                               ("tick_option", {"tick_type": 53, "underlying_price": 232.0})),
    "req_option_price": ({**CALL, "volatility": 0.3, "underlying_price": 232.0}, ("tick_option", {"tick_type": 53})),
    "cancel_implied_volatility": ({}, None),
    "cancel_option_price": ({}, None),
    "verify": ({}, ("verified", {"successful": "false"})),
    "verify_message": ({}, ("verified", {"successful": "false"})),
    "verify_and_authorize": ({}, ("verified_and_authorized", {"successful": "false"})),
    "verify_and_authorize_message": ({}, ("verified_and_authorized", {"successful": "false"})),
    "req_display_groups": ({}, ("display_groups", {"groups": "1|2|3|4|5|6|7"})),
    "subscribe_display_group": ({"group": 4}, ("display_group", {"contract_info": "none"})),
    "update_display_group": ({"contract_info": "8314@SMART"}, 321),
    "unsubscribe_display_group": ({}, None),
    "req_soft_dollar_tiers": ({}, ("soft_dollar_tiers", {"tiers": []})),
    "req_family_codes": ({}, ("family_codes", {"codes": [{"account": "DU1234567", "code": ""}]})),
    "req_pnl": ({"account": "DU1234567"}, ("pnl", {"daily": 0.0, "unrealized": 0.0, "realized": 0.0})),
    "cancel_pnl": ({}, None),
    "req_pnl_single": ({"account": "DU1234567", "con_id": AAPL}, ("pnl_single", {"position": 0.0, "value": 0.0})),
    "cancel_pnl_single": ({}, None),
    "req_event_calendar_meta": ({}, 10276),
    "cancel_event_calendar_meta": ({}, None),
    "req_event_calendar": ({"con_id": AAPL}, 10276),
    "cancel_event_calendar": ({}, None),
}


def test_every_request_is_known_here() -> None:
    profits = {message.name for message in ACCOUNT_REQUESTS if "pnl" in message.name}
    assert NOTHING.keys() == {message.name for message in OTHER_REQUESTS} | profits


@pytest.mark.parametrize("newest", [157, 200])
def test_what_the_gateway_has_little_of_is_answered_on_the_requests_own_id(scene: Scene, newest: int) -> None:
    has_id = {message.name for message in REQUESTS if any(getattr(one, "name", "") == "request_id"
                                                         for one in message.elements)}  # fmt: skip

    async def play(gateway: Gateway, peer: Peer) -> None:
        for request_id, (name, (values, answer)) in enumerate(NOTHING.items(), 100):
            own = {"request_id": request_id} if name in has_id else {}
            ask(peer, name, **values, **own)
            if isinstance(answer, int):
                assert await peer.code(request_id) == answer, name
            elif answer is not None:
                at = own if name != "req_financial_advisor" else {}
                await peer.until(answer[0], **{**at, **answer[1]})
        assert not peer.all("error", request_id=-1, code=320)

    scene(play, newest=newest)


def test_what_cannot_be_read_is_refused_on_its_own_id(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.writer.write(frame(b"97\x0017\x00no number\x00") + frame(b"1\x0011\x0018\x00") + frame(b"999\x0019\x00"))
        assert [await peer.code(17), await peer.code(18), await peer.code(-1, code=320)] == [320, 320, 320]

    scene(play)


def test_options_are_priced_by_their_greeks_in_both_directions(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        ask(peer, "req_option_price", request_id=1, **CALL, volatility=0.3, underlying_price=232.0)
        there = await peer.until("tick_option", request_id=1)
        assert 0 < there["option_price"] < 232 and 0 < there["delta"] < 1 and there["gamma"] > 0
        ask(peer, "req_implied_volatility", request_id=2, **CALL, option_price=there["option_price"],
            underlying_price=232.0)  # fmt: skip
        back = await peer.until("tick_option", request_id=2)
        assert math.isclose(back["implied_volatility"], 0.3, rel_tol=1e-6)
        assert math.isclose(back["delta"], there["delta"], rel_tol=1e-6)
        ask(peer, "req_implied_volatility", request_id=3, **CALL, option_price=900.0, underlying_price=232.0)
        assert (await peer.until("tick_option", request_id=3))["implied_volatility"] == -1.0  # there is none
        ask(peer, "req_option_price", request_id=4, con_id=AAPL, volatility=0.3, underlying_price=232.0)
        ask(peer, "req_option_price", request_id=5, **CALL, underlying_price=232.0)
        assert [await peer.code(4), await peer.code(5)] == [321, 321]

    scene(play)


def test_a_scan_finds_what_it_looks_for_in_order(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        ask(peer, "req_scanner_subscription", request_id=1, instrument="STK", location="STK.US", scan="HIGH_PRICE",
            rows=4, below_price=400.0)  # fmt: skip
        rows = (await peer.until("scanner_data", request_id=1))["rows"]
        prices = [gateway.state.feed.ticks(row["con_id"], START_US, START_US + 1, frozenset(), True) for row in rows]
        last = [next(p for n, p in zip(t["tick_type"].to_pylist(), t["price"].to_pylist(), strict=True) if n == 4)
                for t in prices]  # fmt: skip
        assert last == sorted(last, reverse=True) and last[0] < 400
        assert [row["rank"] for row in rows] == [0, 1, 2, 3] and {row["sec_type"] for row in rows} == {"STK"}
        ask(peer, "req_scanner_subscription", request_id=2, instrument="STK", scan="NO_SUCH")
        ask(peer, "req_scanner_subscription", request_id=3, instrument="PLANETS", scan="HIGH_PRICE")
        assert await peer.code(2) == 162
        assert (await peer.until("scanner_data", request_id=3))["rows"] == []

    scene(play)


def test_display_groups_tell_each_other_what_they_show(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, client_id=9)
        for one, request_id, group in ((peer, 1, 2), (other, 5, 2), (other, 6, 3)):
            ask(one, "subscribe_display_group", request_id=request_id, group=group)
            await one.until("display_group", request_id=request_id)
        ask(peer, "update_display_group", request_id=1, contract_info="265598@SMART")
        await other.until("display_group", request_id=5, contract_info="265598@SMART")
        ask(other, "unsubscribe_display_group", request_id=5)
        ask(other, "subscribe_display_group", request_id=7, group=2)
        await other.until("display_group", request_id=7, contract_info="265598@SMART")
        assert len(other.all("display_group", request_id=6)) == 1
        await other.close()

    scene(play)


# Bars of volatility and of fees


@pytest.mark.parametrize(("con_id", "what", "low", "high"), [
    (AAPL, "OPTION_IMPLIED_VOLATILITY", 0.1, 1.0), (AAPL, "HISTORICAL_VOLATILITY", 0.1, 1.0),
    (SPX, "option_implied_volatility", 0.05, 0.6), (AAPL, "FEE_RATE", 0.05, 5.0)])
def test_bars_of_volatility_and_fees_are_made(scene: Scene, con_id: int, what: str, low: float, high: float) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for request_id, size, duration in ((1, "1 day", "1 M"), (2, "1 hour", "1 D")):
            peer.send("req_historical_data", request_id=request_id, con_id=con_id, what=what, duration=duration,
                      bar_size=size)  # fmt: skip
            bars = (await peer.until("historical_data", request_id=request_id))["bars"]
            assert len(bars) >= 20
            for bar in bars:
                assert low < bar["low"] <= min(bar["open"], bar["close"])
                assert max(bar["open"], bar["close"]) <= bar["high"] < high
                assert bar["volume"] == bar["trade_count"] == -1
        peer.send("req_head_timestamp", request_id=3, con_id=con_id, what=what, date_format=2)
        await peer.until("head_timestamp", request_id=3)

    scene(play)


def test_the_same_bars_of_volatility_come_in_pieces_and_at_once(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        bars: Any = gateway.state.feed.bars
        hour_us = 3_600_000_000
        first_us = START_US // hour_us * hour_us
        whole, *halves = (
            bars(AAPL, first_us + a * hour_us, first_us + b * hour_us, 900, "HISTORICAL_VOLATILITY", False, START_US)
            for a, b in ((0, 6), (0, 3), (3, 6)))  # fmt: skip
        assert whole.to_pylist() == [row for half in halves for row in half.to_pylist()]

    scene(play)


@pytest.mark.parametrize(("con_id", "what", "code"), [
    (ESZ6, "FEE_RATE", 162), (AAPL, "YIELD_BID", 162), (12087792, "OPTION_IMPLIED_VOLATILITY", 162),
    (AAPL, "NO_SUCH", 321)])
def test_bars_of_what_an_instrument_has_not_are_refused(scene: Scene, con_id: int, what: str, code: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=1, con_id=con_id, what=what, **BARS)
        assert await peer.code(1) == code

    scene(play)


def test_what_to_show_is_taken_in_any_case(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=1, con_id=AAPL, what="Trades", **BARS)
        peer.send("req_historical_ticks", request_id=2, con_id=AAPL, what="bid_ask", number_of_ticks=3,
                  end="20261118-14:00:00")  # fmt: skip
        peer.send("req_head_timestamp", request_id=3, con_id=AAPL, what="trades", date_format=2)
        peer.send("req_real_time_bars", request_id=4, con_id=AAPL, what="midpoint", bar_size_s=5)
        for name, request_id in (("historical_data", 1), ("historical_quotes", 2), ("head_timestamp", 3),
                                 ("real_time_bar", 4)):  # fmt: skip
            await peer.until(name, request_id=request_id)

    scene(play, speed=20.0)


# Contracts


@pytest.mark.parametrize("contract", [
    {"symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD", "multiplier": "0", "strike": 0.0,
     "right": "0", "last_trade_date": "0.0", "trading_class": "0", "sec_id": "0"},
    {"symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "multiplier": " 0.00 "},
    {"con_id": AAPL, "symbol": "MSFT", "sec_type": "FUT", "multiplier": "50", "currency": "CAD", "exchange": "SMART"},
    {"con_id": AAPL, "multiplier": "100", "local_symbol": "AAPL  ", "trading_class": "X"},
])  # fmt: skip
def test_zeros_are_absent_and_a_contract_id_is_contradicted_by_no_more_than_an_exchange(
    scene: Scene, contract: dict[str, Any]
) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_contract_details", request_id=1, **contract)
        found = await peer.until("contract_details", request_id=1)
        assert (found["con_id"], found["symbol"]) == (AAPL, "AAPL")
        peer.send("req_contract_details", request_id=2, con_id=AAPL, exchange="CME")
        assert await peer.code(2) == 200

    scene(play)


@pytest.mark.parametrize(("contract", "found"), [
    ({"symbol": "ES", "sec_type": "CONTFUT", "exchange": "CME"}, [("ESZ6", "CONTFUT")]),
    ({"symbol": "ES", "sec_type": "FUT+CONTFUT"}, [("ESZ6", "FUT"), ("ESH7", "FUT"), ("ESZ6", "CONTFUT")]),
    ({"symbol": "CL", "sec_type": "CONTFUT"}, [("CLF7", "CONTFUT")]),
])  # fmt: skip
def test_a_continuous_future_is_the_one_that_ends_next(
    scene: Scene, contract: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_contract_details", request_id=1, **contract)
        await peer.until("contract_details_end", request_id=1)
        assert [(one["local_symbol"], one["sec_type"]) for one in peer.all("contract_details", request_id=1)] == found
        peer.send("req_historical_data", request_id=2, what="TRADES", **BARS, **contract | {"sec_type": "CONTFUT"})
        await peer.until("historical_data", request_id=2)

    scene(play)


def test_live_requests_need_what_tws_needs(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        half = {"symbol": "AAPL", "sec_type": "OPT", "last_trade_date": "20261218", "exchange": "SMART"}
        peer.send("req_market_data", request_id=1, **half)
        peer.send("req_market_data", request_id=2, symbol="ES", sec_type="CONTFUT", exchange="CME")
        assert [await peer.code(1), await peer.code(2)] == [321, 321]
        peer.send("req_contract_details", request_id=3, **half)  # where all that match are wanted
        await peer.until("contract_details_end", request_id=3)

    scene(play)


def test_option_parameters_need_a_contract_id_and_no_exchange(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        def request(request_id: int, exchange: str, con_id: int, symbol: str = "AAPL") -> None:
            peer.send("req_option_parameters", request_id=request_id, under_symbol=symbol, future_exchange=exchange,
                      under_sec_type="STK", under_con_id=con_id)  # fmt: skip

        request(1, "", AAPL)
        await peer.until("option_parameters_end", request_id=1)
        assert {one["exchange"] for one in peer.all("option_parameters", request_id=1)} >= {"SMART", "CBOE"}
        request(2, "SMART", AAPL)
        await peer.until("option_parameters_end", request_id=2)
        assert not peer.all("option_parameters", request_id=2)
        request(3, "", 0)
        assert await peer.code(3) == 321
        request(4, "", AAPL, "MSFT")
        await peer.until("option_parameters_end", request_id=4)
        assert not peer.all("option_parameters", request_id=4)

    scene(play)


# Orders


@pytest.mark.parametrize("newest", [178, 200])
def test_an_order_is_taken_and_cancelled_and_one_that_cannot_be_is_refused(scene: Scene, newest: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        order = {"con_id": AAPL, "action": "BUY", "total_quantity": 40, "order_type": "LMT", "limit_price": 1}
        ask(peer, "place_order", order_id=17, transmit=True, **order)
        status = await peer.until("order_status", order_id=17, status="Submitted")
        assert (status["filled"], status["remaining"], status["client_id"]) == (0, 40, 1)
        ask(peer, "cancel_order", order_id=17)
        await peer.until("order_status", order_id=17, status="Cancelled")
        assert await peer.code(17) == 202
        ask(peer, "exercise_options", request_id=18, con_id=700000001, exercise_action=1, exercise_quantity=1)
        ask(peer, "cancel_all_orders")
        ask(peer, "cancel_order", order_id=19)
        assert [await peer.code(18), await peer.code(19)] == [322, 10147]
        peer.send("req_ids", count=1)
        await peer.until("next_valid_id", count=2)
        assert not peer.all("error", code=320)

    scene(play, newest=newest)


@pytest.mark.parametrize("newest", [157, 191, 200])
def test_an_order_that_cannot_be_read_is_refused_on_its_own_id(scene: Scene, newest: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        placed = request_codec(newest).encode("place_order", order_id=17, total_quantity=987654)
        peer.writer.write(frame(placed.replace(b"987654", b"many")) + frame(b"3\x0018\x00265598\x00"))
        ask(peer, "cancel_order", order_id=None)
        assert "total_quantity" in (await peer.until("error", request_id=17, code=320))["message"]
        assert "before its field symbol" in (await peer.until("error", request_id=18, code=320))["message"]
        await peer.until("error", request_id=-1, code=320)

    scene(play, newest=newest)
