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
         [f"AAPL  2612{day}{right}00230000" for day in ("04", "11", "18", "25") for right in "CP"]),
        ({"symbol": "SPX", "sec_type": "OPT", "strike": 6000.0, "right": "C", "last_trade_date": "202612"},
         [f"{name}  2612{day}C06000000" for name, day in (("SPXW", "04"), ("SPXW", "11"), ("SPX ", "18"),
                                                          ("SPXW", "25"))]),
        ({"local_symbol": "SPXW  261204P05975000"}, ["SPXW  261204P05975000"]),
        ({"local_symbol": "SPX   261204P05975000"}, []),
        ({"symbol": "TLT", "sec_type": "OPT", "strike": 90.0, "right": "C", "last_trade_date": "20200619"},
         ["TLT   200619C00090000"]),
        ({"symbol": "TLT", "sec_type": "OPT", "strike": 90.0, "last_trade_date": "20261217"}, []),
        ({"symbol": "TLT", "sec_type": "OPT", "strike": 90.5}, []),
        ({"symbol": "ABC", "sec_type": "OPT"}, []),
        *(({"symbol": symbol, "sec_type": "STK"}, [symbol]) for symbol in ("INTC", "AMD", "QQQ", "TLT")),
        *(({"local_symbol": pair}, [pair]) for pair in ("AUD.USD", "USD.CHF", "USD.CAD")),
    ],
)
def test_find(contract: dict[str, Any], found: list[str]) -> None:
    assert [details["local_symbol"] for details in MARKET.find(**contract)] == found


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "NVDA", "TSLA", "AMZN", "IBM", "F", "INTC", "AMD", "SPY", "QQQ",
                                    "TLT", "SPX"])  # fmt: skip
def test_chains_hold_every_friday_of_eight_weeks_and_third_ones_of_a_year_around_the_price(symbol: str) -> None:
    at_us = 1_803_859_200_000_000  # 2027-02-28
    chain = MARKET.find(at_us, symbol=symbol, sec_type="OPT")
    dates = sorted({option["last_trade_date"] for option in chain})
    assert dates[:8] == ["20270305", "20270312", "20270319", "20270326", "20270402", "20270409", "20270416", "20270423"]
    assert dates[8:] == ["20270521", "20270618", "20270716", "20270820", "20270917", "20271015", "20271119", "20271217",
                         "20280121", "20280218", "20280317"]  # fmt: skip
    strikes = {option["strike"] for option in chain}
    (under,) = {option["under_con_id"] for option in chain}
    (details,) = MARKET.find(con_id=under)
    price = MARKET.instruments[under].asset.price * MARKET.instruments[under].factor
    assert len(strikes) == 41 and min(strikes) < 0.95 * price < 1.05 * price < max(strikes)
    assert {option["under_sec_type"] for option in chain} == {details["sec_type"]}
    assert len(chain) == len(dates) * len(strikes) * 2
    for option in chain[:: len(chain) // 7]:
        assert MARKET.find(con_id=option["con_id"])[0]["local_symbol"] == option["local_symbol"]


def test_ids_beyond_the_chains_are_no_options() -> None:
    for con_id in (700_000_000, 700_000_000 + 2 * 64, 700_000_001 + 13 * 4_096 * 64 * 2):
        assert MARKET.find(con_id=con_id) == []
        with pytest.raises(KeyError):
            MARKET.trades(con_id, START, START + 1)


def test_contract_ids_local_symbols_and_rules_fit_together() -> None:
    everything = [details for con_id in MARKET.instruments for details in MARKET.find(con_id=con_id)]
    assert len(everything) == len(MARKET.instruments) > 25
    everything += MARKET.find(sec_type="OPT")
    assert len({details["con_id"] for details in everything}) == len(everything) > 15_000
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
