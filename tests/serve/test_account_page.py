"""The page Account in a real browser: what it shows against the lake, by aliases, one account at a time."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from capture import Lake, open_lake
from capture.account_alias import short_name
from capture.alerts.desk import Desk
from tests.alerts.conftest import block, trouble
from tests.lake.functions.accounts import POSITIONS, UPDATES, AccountLake
from tests.lake.functions.conftest import IDS, NOON

from .accessible import accessible
from .served import Served

pytestmark = pytest.mark.slow
WAIT = 60_000  # ms: the first question starts a process
AT = (NOON + timedelta(seconds=100)).isoformat().replace("+00:00", "Z")
# Account 1, with stocks and an option; 2, of paper money and empty; 3, not answered; 4, with many positions.
NAMES = ("U7654321", "DU1234567", "U5550000", "U9990000")
MANY = 500
REQUEST = 101  # for the positions of account 1, and the next one of 2
OPTION = {"instrument_id": 9, "security_type": "OPT", "ib_symbol": "AAPL", "multiplier": "100", "strike": 200.0,
          "right": "C", "last_trade_date": "20261218", "trading_class": "AAPL"}  # fmt: skip


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One account holds things in two currencies, one is known to be empty, of one nothing is known, one is large."""
    made = AccountLake(tmp_path_factory.mktemp("account") / "data")
    for place, name in enumerate(NAMES):
        made.value(-10 + place, "NetLiquidation", str(100_000 * (place + 1)), account=name)
        made.value(-10 + place, "Cushion", "0.25", None, account=name)
        made.value(-10 + place, "AccountCode", name, None, account=name)  # IB repeats it
    made.value(-5, "CashBalance-S", "77", account=NAMES[0])
    made.asked(-20, UPDATES, account=NAMES[0])
    for event, seconds in (("requested", 0), ("completed", 2)):
        for place, name in enumerate((*NAMES[:2], NAMES[3])):
            made.asked(seconds, POSITIONS, event, account=name, request_id=REQUEST + place)
    made.position(1, 100, account=NAMES[0], request_id=REQUEST)
    made.position(1, 1000, "VOD", account=NAMES[0], request_id=REQUEST, instrument_id=10, currency="GBP",
                  ib_symbol="VOD")  # fmt: skip
    made.position(1, -2, "AAPL C200", account=NAMES[0], request_id=REQUEST, **OPTION)
    for number in range(MANY):
        made.position(1, 100 + number, f"S{number:03}", account=NAMES[3], request_id=REQUEST + 2,
                      instrument_id=1_000 + number, ib_symbol=f"S{number:03}")  # fmt: skip
    made.add("gaps", 40, None, stream="values", gap_id="g", state="closed", from_ts=NOON + timedelta(seconds=12),
             to_ts=NOON + timedelta(seconds=40), reason="the line was lost", account=NAMES[0])  # fmt: skip
    for currency, amount, rate in (("USD", "5000", "1"), ("GBP", "-200", "1.25")):
        made.value(3, "CashBalance", amount, currency, account=NAMES[0])
        made.value(3, "ExchangeRate", rate, currency, account=NAMES[0])
    made.add("pnl", 50, None, account=NAMES[0], stream="pnl", daily=12.5, unrealized=30.0, realized=0.0)
    made.quote(10, 199.0, 201.0)
    made.add("ticks", 11, "VOD", instrument_id=10, stream="ticks", tick_type=4, tick_name="LAST", price=8.0)
    made.add("instruments", 0, "AAPL", currency="USD", industry="Technology")
    made.add("instruments", 0, "VOD", instrument_id=10, currency="GBP", industry="<b>Telephones</b>")
    made.add("instruments", 0, "AAPL C200", instrument_id=9, underlying_id=IDS["AAPL"], underlying_symbol="AAPL",
             underlying_security_type="STK", multiplier="100", security_type="OPT",
             last_trade_ts=datetime.fromisoformat("2026-12-18T21:00Z"))  # fmt: skip
    made.add("sessions", 200, event="closed")
    assert made.lake
    made.close()
    return made.layout.root


@pytest.fixture(scope="module")
def opened(accounts: Path) -> Iterator[Lake]:
    with open_lake(accounts) as lake:
        yield lake


@pytest.fixture(scope="module")
def server(accounts: Path) -> Iterator[Served]:
    """The server of these accounts, which `page` takes in place of the shared one."""
    served = Served(accounts, ("--accounts",))
    served.log_in()
    yield served
    served.close()


def address(account: str = "account 1", **more: str) -> str:
    return f"/account?{urlencode({'account': account, 'at': AT, **more})}"


def shown(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("body[data-ready]")).to_be_visible(timeout=WAIT)


def cells(page: Page, label: str, first: str) -> list[str]:
    """Return the texts of a row by its header, in a table by its label."""
    row = page.get_by_role("region", name=label, exact=True).get_by_role("row").filter(
        has=page.get_by_role("rowheader", name=first, exact=True))
    return row.locator("th, td").all_inner_texts()


def number(text: str) -> float:
    return float(text.replace(",", ""))


def fact(page: Page, name: str) -> Locator:
    return page.locator(".facts div").filter(has=page.get_by_text(name, exact=True))


def told(server: Served, name: str, **values: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.ask(f"/api/{name}?{urlencode({'at': AT, **values})}").text)
    return found


def test_it_is_accessible(page: Page, axe_script: str) -> None:
    shown(page, address())
    accessible(page, axe_script)
    page.emulate_media(color_scheme="dark")
    accessible(page, axe_script)


def test_values_positions_and_profits_are_those_of_the_lake(page: Page, opened: Lake) -> None:
    shown(page, address())
    values = opened.account(AT, accounts=NAMES[0]).arrow().to_pylist()
    [worth] = [row for row in values if row["tag"] == "NetLiquidation"]
    row = cells(page, "Values", "Net Liquidation")
    assert (number(row[4]), row[3], row[5]) == (worth["number"], "USD", worth["state"])
    assert row[6] == f"{worth['age_s']:.0f} s" and row[7] == "account values by main"
    expect(fact(page, "Margin cushion")).to_contain_text("25 %")
    expect(fact(page, "Profit of the day")).to_contain_text("12.5 USD50 s old, IB's P&L")
    held = {row["symbol"]: row for row in opened.positions(AT, accounts=NAMES[0]).arrow().to_pylist()}
    for symbol, one in held.items():
        row = cells(page, "Positions", symbol)
        assert (number(row[3]), row[2], row[8]) == (one["position"], one["currency"], one["state"])
    assert page.get_by_role("region", name="Positions").get_by_role("row").count() == len(held) + 1
    expect(page.get_by_text("IB said that these are all.")).to_be_visible()
    for one in opened.pnl("2026-11-18T05:00Z", AT, accounts=NAMES[0]).arrow().to_pylist():
        if one["symbol"]:
            assert cells(page, "Profits", one["symbol"])[1] == one["currency"]


def test_exposure_is_that_of_the_lake(page: Page, opened: Lake) -> None:
    shown(page, address())
    for by in ("sector", "currency", "class"):
        rows = opened.exposure(by, AT, accounts=NAMES[0]).arrow().to_pylist()
        assert rows
        for row in rows:
            seen = cells(page, f"Exposure by {by}", row["group"])
            if row["unpriced"] < row["holdings"]:
                assert number(seen[2]) == pytest.approx(row["net"], abs=0.5)
            else:
                assert seen[1:5] == [""] * 4  # not known is no 0
    expect(page.get_by_role("rowheader", name="<b>Telephones</b>")).to_be_visible()  # a text stays a text
    expect(page.get_by_text("1 by the middle of a quote, the oldest 90 s old")).to_be_visible()
    expect(page.get_by_text("in no figure: AAPL C200 (OPT), -2")).to_be_visible()


def test_the_stress_grid_is_that_of_the_lake_at_each_rate(page: Page, opened: Lake) -> None:
    shown(page, address(rate="0.01"))
    grid = opened.stress(AT, accounts=NAMES[0])
    gains = {(row["rate_move"], row["volatility_move"], row["price_move"]): row["gain"]
             for row in grid.totals.to_pylist()}  # fmt: skip
    table = page.get_by_role("region", name="Stress", exact=True)
    assert table.get_by_role("row").count() == 6
    assert number(cells(page, "Stress", "-30 %")[1]) == pytest.approx(gains[0.01, -0.3, -0.3], abs=0.5)
    page.get_by_label("Interest rates").select_option("0")
    expect(page).not_to_have_url(re.compile("rate="))
    assert number(cells(page, "Stress", "0 %")[7]) == pytest.approx(gains[0, 0, 0.3], abs=0.5)
    expect(page.get_by_text(f"Worst of the whole grid: {grid.worst['gain']:,.0f}")).to_be_visible()


def test_what_is_empty_and_what_is_not_known_are_told_apart(page: Page) -> None:
    shown(page, address("account 2"))
    expect(page.get_by_text("Known to be empty")).to_be_visible()
    shown(page, address("account 3"))
    expect(page.get_by_text("Not known: IB has not answered")).to_be_visible()
    expect(fact(page, "Profit of the day")).to_contain_text("not known")


def test_what_was_said_before_the_line_was_lost_is_stale_and_grey(page: Page) -> None:
    shown(page, address(at=(NOON + timedelta(seconds=300)).isoformat()))
    row = page.get_by_role("region", name="Values", exact=True).get_by_role("row").nth(1)
    expect(row).to_have_class("stale")
    expect(row).to_contain_text("stale")
    expect(fact(page, "Net liquidation")).to_contain_text("stale, 5 min old")
    expect(page.locator(".coverage").first).to_contain_text("figures are stale, shown grey")


def test_live_and_paper_are_said_and_neither_they_nor_currencies_are_summed(page: Page) -> None:
    for alias, money, own in (("account 1", "live", "100,000"), ("account 2", "paper", "200,000")):
        shown(page, address(alias))
        expect(page.locator(".coverage").first).to_contain_text(f"{alias}, {money}, as of")
        text = page.locator("main").text_content() or ""
        assert own in text
        sums = ("300,000", "400,000", "600,000", "4,800", "4,750")  # of accounts; of cash, as numbers and by the rate
        assert not [one for one in sums if one in text]
    choices = page.get_by_label("Account", exact=True).get_by_role("option").all_text_contents()
    assert choices[:2] == ["account 1, live", "account 2, paper"]
    shown(page, address())
    cash = page.get_by_role("region", name="Values", exact=True).get_by_role("row").filter(has_text="Cash Balance")
    assert {row.get_by_role("cell").nth(2).inner_text(): row.get_by_role("cell").nth(3).inner_text()
            for row in cash.all()} == {"USD": "5,000", "GBP": "-200"}  # fmt: skip


def test_gaps_of_the_day_stand_beside_what_is_known(page: Page) -> None:
    shown(page, address())
    expect(page.locator(".coverage").first).to_contain_text("1 gaps since 2026-11-")
    page.get_by_text("Gaps of the day").click()
    row = page.get_by_role("region", name="Gaps").get_by_role("row").nth(1)
    assert [cell.inner_text() for cell in row.get_by_role("cell").all()][0::3] == ["values", "28 s", ""]
    expect(row).to_contain_text("the line was lost")
    shown(page, address("account 2"))
    expect(page.get_by_text("Gaps of the day")).to_be_hidden()


def test_many_positions_paint_within_a_second(page: Page) -> None:
    shown(page, address("account 4"))
    page.reload()
    expect(page.locator("body[data-ready]")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("region", name="Positions").get_by_role("row")).to_have_count(MANY + 1)
    times = {name: page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime")
             for name in ("first-contentful-paint", "shown")}  # fmt: skip
    print(json.dumps(times))
    assert times["first-contentful-paint"] < 1_000


def test_an_account_is_chosen_by_keys_and_has_its_address(page: Page) -> None:
    shown(page, f"/account?{urlencode({'at': AT})}")
    choice = page.get_by_label("Account", exact=True)
    expect(choice).to_have_value("account 1")
    choice.focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"account=account\+2"))
    expect(fact(page, "Net liquidation")).to_contain_text("200,000 USD", timeout=WAIT)
    page.goto(page.url)
    expect(fact(page, "Net liquidation")).to_contain_text("200,000 USD", timeout=WAIT)
    moment = page.get_by_label("as of (UTC)")
    moment.fill("soon")
    page.keyboard.press("Enter")
    assert "2026-11-20T14:31:05Z" in moment.evaluate("field => field.validationMessage")
    expect(page).not_to_have_url(re.compile("soon"))


def test_accounts_go_by_aliases_and_none_is_in_another(page: Page, server: Served) -> None:
    shown(page, address())
    seen = page.content() + server.ask("/account").text
    for name in ("account", "account_risk"):
        for alias in ("account 1", "account 2", "account 3", "account 4"):
            seen += server.ask(f"/api/{name}?{urlencode({'at': AT, 'account': alias})}").text
    assert not [name for name in NAMES if name in seen]
    assert [row["number"] for row in told(server, "account", account="account 3")["values"]] == [300_000.0, 0.25, None]
    assert told(server, "account_risk", account="account 2")["exposure"] == {"sector": [], "currency": [], "class": []}
    for wrong in ("account%209", NAMES[0], "all", "account%201,account%202"):
        answer = server.ask(f"/api/account?account={wrong}")
        assert answer.status == 400
        assert not [name for name in NAMES if name != wrong and name in answer.text]


def test_alerts_of_accounts_name_them_by_aliases(page: Page, server: Served, accounts: Path) -> None:
    desk = Desk([block()], accounts, since_s=0)
    desk.happened(NOON.timestamp(), [(None, trouble(
        "fill", short_name(NAMES[1]), subject="account", text=f"{short_name(NAMES[1])} of {NAMES[1]}: bought 100"))])
    span = urlencode({"start": AT[:10], "end": "2026-12-31"})
    shown(page, f"/notices?{span}")
    expect(page.get_by_role("grid", name="Alerts")).to_contain_text("account 2 of account 2: bought 100")
    seen = server.ask(f"/api/alerts?{span}").text
    assert not [name for one in NAMES for name in (one, short_name(one)) if name in seen]


def test_without_the_role_there_is_no_account(accounts: Path, browser: Browser) -> None:
    served = Served(accounts)
    try:
        served.log_in()
        assert 'href="/account"' not in served.ask("/").text
        for path in ("/account", "/api/account", "/api/account_risk"):
            answer = served.ask(path)
            assert answer.status == 403
            assert "ticktape serve --accounts" in answer.text
    finally:
        served.close()
