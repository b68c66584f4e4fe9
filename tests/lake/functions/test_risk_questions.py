"""Risk of what a lake says that accounts hold: prices, definitions, rates; nothing is left out unseen."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from capture.cli import app
from capture.query import QueryError
from capture.query.held import risk_questions
from capture.query.held.daily_closes import betas
from capture.query.held.portfolio import Portfolio
from capture.risk.holding import BALANCE
from capture.risk.pricing.black_scholes import european
from capture.risk.stress.grid import Grid

from .accounts import POSITIONS, AccountLake
from .conftest import IDS, NOON

OPTION = {"instrument_id": 9, "security_type": "OPT", "currency": "USD", "ib_symbol": "AAPL", "multiplier": "100",
          "strike": 200.0, "right": "C", "last_trade_date": "20261218", "trading_class": "AAPL"}  # fmt: skip
AT = NOON + timedelta(seconds=100)


@pytest.fixture
def held(accounts: AccountLake) -> AccountLake:
    """Shares with a quote, an option without one, a pound stock quoted in pence, and cash of two currencies."""
    accounts.asked(0, POSITIONS)
    accounts.position(1, 100)
    accounts.position(1, -2, "AAPL C200", **OPTION)
    accounts.position(1, 1000, "VOD", instrument_id=10, currency="GBP", ib_symbol="VOD")
    accounts.asked(2, POSITIONS, "completed")
    for currency, amount, rate in (("USD", "5000", "1"), ("GBP", "-200", "1.25")):
        accounts.value(3, "CashBalance", amount, currency)
        accounts.value(3, "ExchangeRate", rate, currency)
    accounts.value(3, "NetLiquidation", "100000")
    accounts.value(3, "InitMarginReq", "12345")
    accounts.quote(10, 199.0, 201.0)
    accounts.add("ticks", 11, "VOD", instrument_id=10, stream="ticks", tick_type=4, tick_name="LAST", price=80.0)
    detail: dict[str, Any] = {"currency": "USD", "industry": "Technology"}
    accounts.add("instruments", 0, "AAPL", **detail)
    accounts.add("instruments", 0, "VOD", instrument_id=10, currency="GBP", price_magnifier=100, industry="Telephones")
    accounts.add("instruments", 0, "AAPL C200", instrument_id=9, underlying_id=IDS["AAPL"], underlying_symbol="AAPL",
                 underlying_security_type="STK", multiplier="100",
                 last_trade_ts=datetime.fromisoformat("2026-12-18T21:00Z"), security_type="OPT")  # fmt: skip
    accounts.add("greeks", 12, "AAPL C200", instrument_id=9, stream="ticks", tick_type=13, tick_name="MODEL_OPTION",
                 implied_volatility=0.3, delta=0.55, gamma=0.02, vega=0.2, theta=-0.1, underlying_price=200.0,
                 option_price=7.0)  # fmt: skip
    return accounts


def ticktape(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def portfolio(lake: AccountLake, **asked: Any) -> Portfolio:
    return lake.lake.holdings(AT, **asked)


def test_a_holding_has_its_price_its_definition_and_what_moves_it(held: AccountLake) -> None:
    found = {one.symbol: one for one in portfolio(held).holdings}
    assert found.keys() == {"AAPL", "AAPL C200", "VOD", "USD", "GBP"}
    share, option, pence = found["AAPL"], found["AAPL C200"], found["VOD"]
    assert (share.price, share.price_source, share.sector, share.average_cost) == (200.0, "mid", "Technology", 100.0)
    assert (option.underlying_price, option.implied_volatility, option.multiplier) == (200.0, 0.3, 100.0)
    assert option.price is None and option.moved_by == "AAPL" and option.sector == "Technology"
    assert (pence.price, pence.price_magnifier, pence.price_source) == (80.0, 100, "last")
    assert found["GBP"].security_type == BALANCE and found["GBP"].position == -200.0


def test_an_option_that_was_adjusted_is_valued_by_what_held_then(held: AccountLake) -> None:
    """A split leaves it its contract id, and gives it another underlying: what held then counts."""
    held.add("instruments", 50, "AAPL1 C200", instrument_id=9, underlying_id=4, underlying_symbol="AAPL1",
             underlying_security_type="STK", multiplier="10", security_type="OPT")  # fmt: skip
    before, after = (next(one for one in held.lake.holdings(NOON + timedelta(seconds=second)).holdings if one.right)
                     for second in (49, 51))  # fmt: skip
    assert (before.multiplier, before.moved_by) == (100.0, "AAPL")
    assert (after.multiplier, after.moved_by) == (10.0, "AAPL1")


def test_the_market_is_that_of_the_account(held: AccountLake) -> None:
    market = portfolio(held, interest={"USD": 0.05}).market
    assert (market.base_currency, market.rates["GBP"]) == ("USD", 1.25)
    assert market.interest_rate("USD", 1) == 0.05 and market.interest_rate("GBP", 1) == 0.04


def test_a_price_older_than_ibs_own_mark_gives_way_to_it(held: AccountLake) -> None:
    row: dict[str, Any] = {"position": 100.0, "market_price": 210.0, "market_value": 21_000.0, "average_cost": 100.0}
    held.add("portfolio", 50, account="A1", stream="values", request_id=-6, security_type="STK", currency="USD", **row)
    [share] = [one for one in portfolio(held).holdings if one.symbol == "AAPL"]
    assert (share.price, share.price_source) == (210.0, "IB")


def test_what_is_to_come_does_not_count(held: AccountLake) -> None:
    held.quote(101, 900.0, 901.0)
    assert portfolio(held).holdings[0].price == 200.0


def test_exposure_takes_ibs_delta_and_counts_what_has_no_price(held: AccountLake) -> None:
    rows = {row["group"]: row for row in held.lake.exposure("underlying", AT).arrow().to_pylist()}
    assert rows["VOD"]["net"] == pytest.approx(1000 * 0.80 * 1.25)
    assert rows["AAPL"]["unpriced"] == 1 and rows["AAPL"]["reasons"] == ["AAPL C200: no price"]


def test_an_option_without_ibs_greeks_counts_by_its_price(held: AccountLake) -> None:
    held.rows["greeks"].clear()
    years = (datetime.fromisoformat("2026-12-18T21:00Z") - AT).total_seconds() / (365 * 86_400)
    worth = float(european(*(np.array([x]) for x in (200.0, 200.0, years, 0.3, 0.04, 0.0, 1.0)))[0])
    held.quote(20, worth, worth, symbol="AAPL C200", instrument_id=9)
    rows = {row["group"]: row for row in held.lake.exposure("underlying", AT).arrow().to_pylist()}
    assert rows["AAPL"]["unpriced"] == 0
    delta = (20_000 - rows["AAPL"]["net"]) / (2 * 100 * 200)
    assert delta == pytest.approx(0.54, abs=0.02)


def test_stress_reprices_what_is_held(held: AccountLake) -> None:
    found = held.lake.stress(AT, moves=Grid((-0.1, 0.0), (0.0,), (0.0,)))
    gains = {row["symbol"]: row["gain"] for row in found.table.to_pylist() if row["price_move"] == -0.1}
    assert gains["AAPL"] == pytest.approx(-2000) and gains["VOD"] == pytest.approx(-100)
    assert gains["AAPL C200"] > 0  # sold


def test_margin_stands_beside_what_ib_says(held: AccountLake) -> None:
    found = held.lake.margin(AT)
    assert found.told["InitMarginReq"] == 12345 and found.told["MaintMarginReq"] is None
    assert found.initial >= found.maintenance > 0 and found.told_age_s == pytest.approx(97)


def test_sql_has_them_too_as_of_now(held: AccountLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risk_questions, "_now", lambda: AT)
    lake = held.lake
    assert lake.sql("select * from exposure('class')").arrow() == lake.exposure("class").arrow()
    assert lake.sql("select count(*) from exposure() e join stress() s on true").rows() == [(2 * 175,)]
    assert lake.sql("select told_InitMarginReq, initial >= maintenance from margin()").rows() == [(12345.0, True)]


def test_without_daily_bars_there_is_no_value_at_risk_and_that_is_said(held: AccountLake) -> None:
    found = held.lake.value_at_risk(AT)
    assert {one.holding.symbol for one in found.unpriced} >= {"AAPL", "VOD"}


def test_value_at_risk_and_betas_come_from_recorded_bars(held: AccountLake) -> None:
    returns = [0.01 * ((day * 7) % 5 - 2) for day in range(300)]
    price = index = 100.0
    for day, change in enumerate(returns):
        start = NOON - timedelta(days=320 - day)
        price, index = price * (1 + 2 * change), index * (1 + change)
        for symbol, close, instrument_id in (("AAPL", price, IDS["AAPL"]), ("SPY", index, 77)):
            held.add("bars", NOON, symbol, instrument_id=instrument_id, stream="history", ts_event=start,
                     bar_size="1 day", what="TRADES", regular_hours=True, form="history", open=close, high=close,
                     low=close, close=close)  # fmt: skip
    found = held.lake.exposure("underlying", AT, index="SPY").arrow().to_pylist()
    [aapl] = [row for row in found if row["group"] == "AAPL"]
    assert aapl["beta_weighted"] == pytest.approx(2 * aapl["net"])
    tail = held.lake.value_at_risk(AT)
    assert len(tail.days) == 299
    with pytest.raises(QueryError, match="no bars of QQQ were recorded"):
        held.lake.exposure("underlying", AT, index="QQQ")


def test_betas_need_60_days() -> None:
    days = [NOON.date() + timedelta(days=day) for day in range(62)]
    series = {day: 100.0 + (number % 3) for number, day in enumerate(days)}
    assert betas({1: series, 2: series}, 2) == {1: pytest.approx(1.0), 2: pytest.approx(1.0)}
    few = dict(list(series.items())[:60])
    assert betas({1: few, 2: series}, 2).keys() == {2}


def test_a_lake_without_accounts_says_how_to_have_them(accounts: AccountLake) -> None:
    with pytest.raises(QueryError, match=r"\[accounts\] in ticktape.toml"):
        portfolio(accounts)


def test_an_account_that_has_not_answered_is_named(accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.value(1, "NetLiquidation", "5")
    assert portfolio(accounts).unknown == ("A1",)


def test_a_derivative_whose_multiplier_nobody_knows_is_not_guessed(held: AccountLake) -> None:
    held.position(5, 1, "ESZ6", security_type="FUT", ib_symbol="ES", multiplier=None)
    [future] = [one for one in portfolio(held).holdings if one.symbol == "ESZ6"]
    assert "no definition" in future.reason_unpriced and future.root == "ES"
    assert replace(future, reason_unpriced="").multiplier == 1.0


def test_the_commands_say_what_they_show_and_whose_is_left_out(held: AccountLake, tmp_path: Path) -> None:
    held.lake.close()
    data = ["--data", str(held.layout.root), "--at", AT.isoformat()]
    for words in (["exposure", "--by", "sector"], ["exposure", "--by", "account"], ["stress"], ["margin"]):
        ran = ticktape(*words, *data)
        assert ran.exit_code == 0, ran.stderr
        assert "A1" not in ran.stdout and "0.04 a year" in ran.stderr
    assert "Technology" in ticktape("exposure", "--by", "sector", *data).stdout
    assert "account 1" in ticktape("exposure", "--by", "account", *data).stdout
    assert '"A1"' not in ticktape("stress", "--json", *data).stdout
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[scenario]]\nname = "x"\nprise = -0.1\n')
    ran = ticktape("stress", "--scenarios", str(wrong), *data)
    assert ran.exception is not None and "line 3, key prise" in str(ran.exception)
    for words in (["stress", "--rate", "USD"], ["margin", "--figures", str(tmp_path / "none.toml")]):
        assert type(ticktape(*words, *data).exception).__name__ == "UsageError"
    shown = ticktape("margin", "--over", "60s", "--every", "30s", *data).stdout
    assert shown.count("2026-11-18") == 3 and shown.count("12,345") == 3


def test_an_expired_option_that_is_not_yet_removed_is_priced_at_settlement(held: AccountLake) -> None:
    """On Monday the option of Friday is worth what the stock's price at its close left it, whatever the stock does."""
    week = 4 * 7 * 86_400.0  # from Wednesday, 18 November, to 16 December
    expiry = week + 2 * 86_400 + 9 * 3_600
    held.position(week, -2, "AAPL C200", **OPTION)
    held.add("greeks", expiry - 60, "AAPL C200", instrument_id=9, stream="ticks", tick_type=13, delta=0.9, gamma=0.1,
             tick_name="MODEL_OPTION", implied_volatility=0.4, vega=0.0, theta=0.0)  # fmt: skip
    held.quote(expiry - 5, 203.0, 205.0)
    held.quote(expiry + 2 * 86_400, 239.0, 241.0)
    monday = NOON + timedelta(seconds=expiry + 2.5 * 86_400)
    found = held.lake.holdings(monday)
    [place] = [place for place, one in enumerate(found.holdings) if one.right]
    option = found.holdings[place]
    assert (option.price, option.price_source, option.settlement_price) == (4.0, "settlement", 204.0)
    assert found.greeks[place] is None
    rows = held.lake.stress(held=found, moves=Grid([0.1], [0.0], [0.0])).table.to_pylist()
    assert [(row["value"], row["gain"]) for row in rows if row["symbol"] == "AAPL C200"] == [(-800.0, 0.0)]


def test_an_expired_option_without_a_settlement_price_says_so(held: AccountLake) -> None:
    held.position(4 * 7 * 86_400, -2, "AAPL C200", **OPTION)
    found = held.lake.stress(NOON + timedelta(days=32))
    reasons = {row["symbol"]: row["reason"] for row in found.unpriced.to_pylist()}
    assert reasons["AAPL C200"] == "expired, not yet removed: no settlement price of its underlying"


def test_what_is_asked_in_vain_is_told_and_what_has_no_price_says_whose_it_is(
    held: AccountLake, tmp_path: Path
) -> None:
    held.position(4, 7, "NONE", instrument_id=77)
    assert held.lake.holdings(AT)
    own = tmp_path / "own.toml"
    own.write_text('[[scenario]]\nname = "mine"\nunderlying = { APPL = -0.1, AAPL = -0.2 }\nsector = { Techno = 0.1 }\n'
                   "currency = { XXX = 0.1, GBP = 0.1 }\n")  # fmt: skip
    words = ("--data", str(held.layout.root), "--at", AT.isoformat(), "--rate", "XXX=0.1")
    said = ticktape("stress", "--scenarios", str(own), *words)
    assert "the scenario 'mine' names APPL, Techno, XXX, of which nothing is held" in said.stderr
    assert said.stderr.count("of which nothing is held") == 1, "those that come along are for all accounts"
    assert "--rate of XXX changes nothing: what is held is in GBP, USD" in said.stderr
    assert [line.split()[:3] for line in said.stdout.splitlines() if "NONE" in line] == [["account", "1", "NONE"]]
    margin = ticktape("margin", *words)
    assert "-0 " not in margin.stdout
    assert "account 1" in next(line for line in margin.stdout.splitlines() if "no price" in line)


def test_gaps_say_whose_they_are_and_account_when_it_begins(held: AccountLake) -> None:
    held.gap(20, 30, stream="positions", symbol=None, account="A1")
    assert held.lake.gaps().rows()
    words = ("--data", str(held.layout.root))
    [line] = [line for line in ticktape("gaps", *words).stdout.splitlines() if "positions" in line]
    assert line.startswith("account 1") and "A1" not in ticktape("gaps", "--json", *words).stdout
    before = ticktape("account", "--at", "2020-01-01", *words)
    assert "nothing of accounts was recorded by 2020-01-01 00:00:00 UTC" in before.stderr
    assert "begins at 2026-11-18 12:00:01" in before.stderr
