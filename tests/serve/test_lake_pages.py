"""Coverage, Instrument, Notices and Disk in a real browser: what they show against SQL."""

import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Route, expect

from capture import open_lake
from capture.alerts.desk import Desk
from capture.alerts.mutes import Mute, write_mutes
from tests.alerts.conftest import block, trouble

from .accessible import accessible
from .served import FORGED, Served

pytestmark = pytest.mark.slow
WAIT = 60_000  # ms: the first question starts a process
PATHS = ["/coverage?from=2026-11-17&until=2026-11-20&symbol=AAPL&day=2026-11-18", "/instrument?symbol=AAPL",
         "/notices?start=2026-11-18&end=2026-11-19", "/disk"]  # fmt: skip


def shown(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("body[data-ready]")).to_be_visible(timeout=WAIT)


def answer(server: Served, name: str, **values: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(server.ask(f"/api/{name}?{urlencode(values)}").text)
    return found


@pytest.mark.parametrize("path", PATHS)
def test_it_is_accessible(page: Page, axe_script: str, path: str) -> None:
    shown(page, path)
    accessible(page, axe_script)
    page.emulate_media(color_scheme="dark")
    accessible(page, axe_script)


def test_coverage_is_that_of_the_lake(page: Page, lake: Path) -> None:
    shown(page, "/coverage?from=2026-11-17&until=2026-11-20")
    with open_lake(lake) as opened:
        rows = opened.coverage(None, "2026-11-17", "2026-11-20")
    expected, lost = (sum(row[name] for row in rows) for name in ("expected_s", "down_s"))
    lost += sum(row["unknown_s"] for row in rows)
    share = f"{100 * (1 - lost / expected):.3f} % of their trading time"
    expect(page.locator(".coverage").first).to_contain_text(share)
    assert page.get_by_role("gridcell").count() == len({(row["symbol"], row["stream"]) for row in rows}) * len(
        {row["day"] for row in rows})  # fmt: skip


def test_a_day_says_its_gaps_and_what_helps_and_has_its_address(page: Page, lake: Path) -> None:
    shown(page, "/coverage?from=2026-11-17&until=2026-11-20")
    page.get_by_role("gridcell", name=re.compile("AAPL all_last 2026-11-18")).click()
    expect(page).to_have_url(re.compile("symbol=AAPL&day=2026-11-18"))
    with open_lake(lake) as opened:
        gaps = opened.gaps("AAPL", "2026-11-17", "2026-11-20").rows()
    table = page.get_by_role("region", name="Gaps")
    expect(table.get_by_role("row")).to_have_count(len(gaps) + 1)
    expect(page.get_by_text("ticktape backfill AAPL --from 2026-11-18 --until 2026-11-19")).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_role("heading", name="AAPL on 2026-11-18")).to_be_visible(timeout=WAIT)


def test_the_calendar_is_walked_by_keys(page: Page) -> None:
    shown(page, "/coverage?from=2026-11-17&until=2026-11-20")
    page.locator('[role=gridcell][tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute("aria-label", re.compile("AAPL depth"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("AAPL on"))).to_be_visible(timeout=WAIT)


def test_a_thousand_instruments_and_three_thousand_days_paint_within_a_second(page: Page) -> None:
    first = date(2018, 9, 1)
    last = first + timedelta(days=2_999)
    rows = [{"symbol": f"S{number:04}", "stream": "all_last", "zone": "US/Eastern", "shares": "KKKKJk " * 428 + "KKKK",
             "expected_s": 1e6, "missing_s": 10.0} for number in range(1_000)]  # fmt: skip
    body = json.dumps({"days": [str(first), str(last)], "rows": rows})

    def fulfil(route: Route) -> None:
        route.fulfill(body=body, content_type="application/json")

    page.route("**/api/coverage*", fulfil)
    shown(page, "/coverage")
    page.reload()
    expect(page.locator("body[data-ready]")).to_be_visible()
    times = {name: page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime")
             for name in ("first-contentful-paint", "shown")}  # fmt: skip
    print(json.dumps(times))
    assert times["first-contentful-paint"] < 1_000
    assert page.get_by_role("gridcell").count() < 4_000  # only those in sight are elements
    page.evaluate("document.querySelector('.calendar').scrollTo(0, 1e6)")
    expect(page.get_by_text("S0999")).to_be_visible()
    page.evaluate("document.querySelector('.calendar').scrollTo(20000, 0)")
    expect(page.get_by_text("S0000")).to_be_visible()


def test_prices_are_those_of_the_lake_with_what_is_missing(page: Page, server: Served, lake: Path) -> None:
    shown(page, "/instrument?symbol=AAPL")
    told = answer(server, "prices", symbol="AAPL", start="2026-11-18T15:00:00", end="2026-11-18T15:03:00")
    with open_lake(lake) as opened:
        bars = opened.time_bars("AAPL", "1 seconds", "2026-11-18T15:00Z", "2026-11-18T15:03Z").arrow().to_pylist()
        lost = opened.missing_time("AAPL", "2026-11-18T15:00Z", "2026-11-18T15:03Z").arrow().to_pylist()
    trades = told["trades"]
    assert isinstance(trades, dict)
    assert trades["close"] == [bar["close"] for bar in bars]
    assert trades["ts"] == [bar["ts"].timestamp() for bar in bars]
    assert len(told["missing"]) == len(lost)  # type: ignore[arg-type]
    expect(page.locator("canvas")).to_have_count(2)
    expect(page.locator(".coverage").first).to_contain_text("AAPL from 2026-11-18 15:0")


def test_a_moment_has_its_address_and_its_book(page: Page, lake: Path) -> None:
    shown(page, "/instrument?symbol=AAPL&at=2026-11-18T15:00:40Z&start=2026-11-18T15:00&end=2026-11-18T15:02")
    with open_lake(lake) as opened:
        levels = opened.book("AAPL", "2026-11-18T15:00:40Z").arrow().to_pylist()
    best = next(level for level in levels if level["side"] == "bid" and level["position"] == 0)
    first = page.locator(".book tbody tr").first
    expect(first.locator("td").nth(1)).to_have_text(str(best["price"]), timeout=WAIT)
    page.get_by_label("Book at (UTC)").fill("2026-11-18T15:01:03Z")  # while the line was lost
    page.get_by_role("button", name="Show book").click()
    expect(page.get_by_text("not to be trusted at")).to_be_visible()
    expect(page).to_have_url(re.compile("at=2026-11-18T15%3A01%3A03Z"))


def test_times_are_of_the_exchange_where_that_is_wanted(page: Page) -> None:
    shown(page, "/instrument?symbol=AAPL&start=2026-11-18T15:00&end=2026-11-18T15:02")
    expect(page.locator(".coverage").first).to_contain_text("2026-11-18 15:00:00")
    page.get_by_label("Times").select_option("exchange")
    expect(page.locator(".coverage").first).to_contain_text("2026-11-18 10:00:00 to 2026-11-18 10:02:00 US/Eastern")


def test_notices_are_those_of_the_lake(page: Page, lake: Path) -> None:
    shown(page, "/notices?start=2026-11-18&end=2026-11-19")
    with open_lake(lake) as opened:
        notices = opened.sql("select code, meaning, message from notices order by ts desc, seq desc, row desc").rows()
    grid = page.get_by_role("grid", name="Notices")
    expect(grid).to_have_attribute("aria-rowcount", str(len(notices) + 1))
    expect(page.locator(".coverage").first).to_contain_text(f"{len(notices)} notices")
    grid.get_by_role("row").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("section .code")).to_have_text(notices[0][2])
    page.get_by_label("Words").fill("2104")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("text=2104"))
    count = sum("2104" in f"{code} {meaning} {message}" for code, meaning, message in notices)
    expect(grid).to_have_attribute("aria-rowcount", str(count + 1))


def test_what_alerts_told_stands_beside_it(page: Page, server: Served, lake: Path) -> None:
    """Newest first, by whom it was taken, and as text whatever is in it; no account where accounts are not shown."""
    desk = Desk([block(webhook="http://127.0.0.1:9/")], lake, since_s=0)
    [action] = desk.actions
    now_s = datetime(2026, 11, 18, 15, 5, tzinfo=UTC).timestamp()
    desk.look(now_s, [(None, trouble(text=f"it broke: {FORGED}"))])
    delivery = desk.next(action, now_s)
    assert delivery
    desk.failed(delivery, "HTTP 500", now_s)
    desk.look(now_s + 60, [])
    desk.happened(now_s + 120, [(None, trouble("fill", "DU…567 AAPL", subject="account"))])
    write_mutes(lake, [Mute("AAPL trades", time.time() + 3_600)])
    shown(page, "/notices?start=2026-11-18T15:00&end=2026-11-18T16:00")
    grid = page.get_by_role("grid", name="Alerts")
    rows = [[cell.inner_text() for cell in row.get_by_role("gridcell").all()] for row in grid.get_by_role("row").all()]
    assert [row[:5] for row in rows[1:]] == [
        ["2026-11-18 15:06:00", "resolved", "alarm", "line-lost", "main"],
        ["2026-11-18 15:05:00", "firing", "alarm", "line-lost", "main"]]  # fmt: skip
    assert FORGED in rows[2][5] and rows[2][6].startswith("FAILED test: 1. webhook")
    expect(page.get_by_text("2 told from 2026-11-18 15:00:00")).to_contain_text("1 were not taken by every action")
    expect(page.get_by_role("listitem").filter(has_text="AAPL trades")).to_contain_text("muted until")
    grid.get_by_role("row").nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="firing: line-lost main")).to_be_visible()
    expect(page.get_by_text("a recorder has no session with its gateway")).to_be_visible()
    page.goto("/notices?start=2026-11-18T15:00&end=2026-11-18T16:00&text=nothing-like-it")
    expect(page.get_by_text("Nothing was told from")).to_be_visible(timeout=WAIT)
    assert "DU…567" not in server.ask("/api/alerts?start=2026-11-18&end=2026-11-19").text
    write_mutes(lake, [])


def test_the_disk_is_that_of_du(page: Page, lake: Path) -> None:
    shown(page, "/disk")
    with open_lake(lake) as opened:
        [(rows,)] = opened.sql("select count(*) from trades").rows()
    row = page.get_by_role("region", name="Tables").get_by_role("row").filter(
        has=page.get_by_role("rowheader", name="trades"))
    expect(row).to_contain_text(f"{rows:,}")
    expect(row).to_contain_text("2026-11-")


@pytest.mark.parametrize("path", ["/api/day?symbol=AAPL&day=soon", "/api/prices?symbol=AAPL&start=x&end=y", "/api/day",
                                  "/api/prices?symbol=AAPL&start=2026-11-19&end=2026-11-18"])  # fmt: skip
def test_what_cannot_be_meant_is_told(server: Served, path: str) -> None:
    answer = server.ask(path)
    assert answer.status == 400
    assert answer.text
    assert "Traceback" not in answer.text
    assert server.ask("/api/nothing").status == 404
