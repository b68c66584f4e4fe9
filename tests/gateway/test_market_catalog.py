"""Finding instruments as IB does, and what the details say."""

from typing import Any

import pytest

from capture.gateway.market import Market

START = 1_764_003_600_000_000  # 2025-11-24, a Monday, 17:00 UTC
MARKET = Market()


@pytest.mark.parametrize(
    ("contract", "found"),
    [
        ({"con_id": 265598}, ["AAPL"]),
        ({"con_id": 265598, "exchange": "SMART"}, ["AAPL"]),
        ({"con_id": 265598, "currency": "CAD"}, []),
        ({"con_id": 1}, []),
        ({"symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD", "strike": 0.0}, ["AAPL"]),
        ({"symbol": "AAPL", "sec_type": "STK", "exchange": "IEX"}, ["AAPL"]),
        ({"symbol": "AAPL", "sec_type": "STK", "exchange": "TSE"}, []),
        ({"symbol": "AAPL"}, []),
        ({"local_symbol": "ESZ6"}, ["ESZ6"]),
        ({"symbol": "ES", "sec_type": "FUT", "exchange": "CME"}, ["ESZ6", "ESH7"]),
        ({"symbol": "ES", "sec_type": "FUT", "last_trade_date": "202612"}, ["ESZ6"]),
        ({"symbol": "ES", "sec_type": "FUT", "last_trade_date": "20270319", "multiplier": "50"}, ["ESH7"]),
        ({"symbol": "ES", "sec_type": "FUT", "multiplier": "20"}, []),
        ({"symbol": "EUR", "sec_type": "CASH", "currency": "USD", "exchange": "IDEALPRO"}, ["EUR.USD"]),
        ({"symbol": "BTC", "sec_type": "CRYPTO", "exchange": "PAXOS"}, ["BTC.USD"]),
        ({"symbol": "SPX", "sec_type": "IND", "exchange": "CBOE"}, ["SPX"]),
        ({"symbol": "ABC", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}, ["ABC", "ABC"]),
        ({"symbol": "ABC", "sec_type": "STK", "primary_exchange": "AMEX"}, ["ABC"]),
        ({"symbol": "ABC", "sec_type": "STK", "currency": "CAD"}, ["ABC"]),
        ({"sec_id": "US0378331005"}, ["AAPL"]),
        (
            {"symbol": "AAPL", "sec_type": "OPT", "last_trade_date": "20261218", "strike": 230.0, "right": "PUT"},
            ["AAPL  261218P00230000"],
        ),
        ({"symbol": "AAPL", "sec_type": "OPT", "strike": 230.0, "right": "?", "last_trade_date": "202612"},
         ["AAPL  261218C00230000", "AAPL  261218P00230000"]),
    ],
)
def test_find(contract: dict[str, Any], found: list[str]) -> None:
    assert [details["local_symbol"] for details in MARKET.find(**contract)] == found


def test_contract_ids_local_symbols_and_rules_fit_together() -> None:
    everything = [details for con_id in MARKET.instruments for details in MARKET.find(con_id=con_id)]
    assert len(everything) == len(MARKET.instruments) > 60
    for details in everything:
        rules = details["market_rule_ids"].split(",")
        assert len(rules) == len(details["valid_exchanges"].split(","))
        assert {MARKET.market_rules[int(rule)][0][1] for rule in rules} == {details["min_tick"]}
        assert details["under_con_id"] == 0 or details["under_con_id"] in MARKET.instruments
    cfd = MARKET.instruments[118089500]
    assert MARKET.instruments[cfd.reroute_con_id].sec_type == "STK"


def test_the_exchange_of_the_answer_is_the_one_asked_for() -> None:
    assert MARKET.find(con_id=265598)[0]["exchange"] == "SMART"
    assert MARKET.find(con_id=265598, exchange="ARCA")[0]["exchange"] == "ARCA"


@pytest.mark.parametrize(
    ("con_id", "trading", "liquid"),
    [
        (265598, "20251124:0400-20251124:2000", "20251124:0930-20251124:1600"),
        (649180695, "20251123:1700-20251124:1600", "20251124:0830-20251124:1600"),
        (12087792, "20251123:1715-20251124:1700", "20251123:1715-20251124:1700"),
        (479624278, "20251124:0000-20251125:0000", "20251124:0000-20251125:0000"),
    ],
)
def test_hours_are_written_in_the_zone_of_the_instrument(con_id: int, trading: str, liquid: str) -> None:
    details = Market(always_open=False).find(at_us=START, con_id=con_id)[0]
    assert details["trading_hours"].split(";")[0] == trading
    assert details["liquid_hours"].split(";")[0] == liquid
    assert ("20251129:CLOSED" in details["trading_hours"]) == (con_id != 479624278)


def test_an_always_open_market_says_so() -> None:
    hours = MARKET.find(at_us=START, con_id=265598)[0]["trading_hours"].split(";")
    assert hours[0] == "20251124:0000-20251125:0000"
    assert len(hours) == 7
    assert not any("CLOSED" in day for day in hours)


def test_smart_components_name_the_letters_behind_the_quote() -> None:
    assert (0, "NASDAQ", "Q") in MARKET.smart_components(265598)
    assert MARKET.smart_components(649180695) == []
