import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_what_fits_is_said(run: Run) -> None:
    code, out, err = run("plan", "AAPL", "--streams", "trades,quotes,ticks")
    assert (code, err) == (0, "")
    assert "fits" in out
    assert "too many" not in out


def test_what_does_not_fit_is_named_with_what_happens_instead(run: Run) -> None:
    Path("ticktape.toml").write_text("""
market_data_lines = 200
[[record]]
instruments = ["AAPL", "MSFT", "SPY", "QQQ"]
streams = ["quotes", "trades", "midpoints", "depth"]
""")
    out = run("plan").out
    assert "2 too many" in out
    assert "refused by IB with code 10190" in out
    plan = json.loads(run("plan", "--json").out)
    assert (plan["market_data_lines"], plan["fits"]) == (200, False)
    limits = {limit["limit"]: limit for limit in plan["limits"]}
    assert (limits["tick-by-tick"]["wanted"], limits["tick-by-tick"]["allowed"]) == (12, 10)
    assert limits["tick-by-tick"]["misfits"] == ["QQQ trades", "QQQ midpoints"]
    assert limits["market depth"]["misfits"] == ["QQQ depth"]
    assert json.loads(run("plan", "--lines", 1000, "--json").out)["fits"]


def test_nothing_wanted_is_told(run: Run) -> None:
    code, _, err = run("plan")
    assert code == 2
    assert "nothing to record" in err


def test_by_default_an_instrument_is_asked_for_what_it_can_have(run: Run) -> None:
    plan = json.loads(run("plan", "AAPL", "EUR.USD", "IND:SPX@CBOE", "--json").out)
    wanted = {limit["limit"]: limit["wanted"] for limit in plan["limits"]}
    assert (wanted["tick-by-tick"], wanted["market data lines"]) == (2 + 1 + 1, 3)
    assert (plan["fits"], plan["impossible"]) == (True, {})


def test_what_ib_has_not_is_said(run: Run) -> None:
    plan = json.loads(run("plan", "EUR.USD", "--streams", "trades,bars,quotes", "--json").out)
    assert (plan["fits"], list(plan["impossible"])) == (False, ["EUR.USD trades", "EUR.USD bars"])
    assert "EUR.USD trades: IB has no trades of currency pairs" in run("plan", "EUR.USD", "--streams", "trades").out
    assert "IND:SPX@CBOE quotes: IB has no quotes of indices" in run("plan", "IND:SPX@CBOE", "--streams", "quotes").out


def test_a_date_that_no_calendar_has_does_not_pass(run: Run) -> None:
    for word in ("FUT:ES@CME:202613", "OPT:AAPL:20260230:250:C"):
        code, _, err = run("plan", word)
        assert code == 2
        assert "is no month or date of expiry" in err


def test_what_init_writes_can_be_had(run: Run) -> None:
    run("init")
    assert json.loads(run("plan", "--json").out)["impossible"] == {}


def test_accounts_are_told_with_what_other_clients_orders_need(run: Run) -> None:
    Path("ticktape.toml").write_text("client_id = 21\n[accounts]\norders_interval_s = 30\n")
    code, out, err = run("plan")
    assert (code, err) == (0, "")
    assert "Accounts: values, positions, pnl, orders, executions of all accounts of the" in out.replace("\n", " ")
    assert "set Master API client ID to 21" in out.replace("\n", " ")
    assert "all open orders every 30 s" in out.replace("\n", " ")
    assert len(json.loads(run("plan", "--json").out)["accounts"]) == 4


def test_without_accounts_nothing_is_said_of_them(run: Run) -> None:
    assert "ccount" not in run("plan", "AAPL").out
    assert json.loads(run("plan", "AAPL", "--json").out)["accounts"] == []


def test_profits_without_positions_are_told(run: Run) -> None:
    Path("ticktape.toml").write_text('[accounts]\nstreams = ["pnl"]\n')
    out = run("plan").out.replace("\n", " ")
    assert "without positions nobody knows which are held" in out
    assert "Master" not in out
