"""The page Now in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.watch.conftest import stream

from .accessible import accessible
from .served import FORGED, Served, ago, streams, tell

pytestmark = pytest.mark.slow


def rows(page: Page) -> list[list[str]]:
    """Return the texts of all rows at one moment."""
    texts = "(row) => [...row.children].map((one) => one.textContent)"
    found: list[list[str]] = page.evaluate(f"[...document.querySelectorAll('.grid .body .row')].map({texts})")
    return found


def test_it_shows_what_recorders_say_trouble_first(page: Page, lake: Path) -> None:
    tell(lake)
    page.goto("/")
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    first, second, _ = rows(page)
    assert first[0] == "EVIL"
    assert first[3] == "refused"
    assert FORGED in first[9]  # as text
    assert second[:5] == ["S0000", "trades", "main", "flowing", "0"]
    expect(page.locator(".banner")).to_contain_text("trouble: main EVIL trades")
    assert page.locator("img").count() == 0


def test_columns_stand_below_each_other_whatever_is_in_them(page: Page, lake: Path) -> None:
    tell(lake)
    page.goto("/")
    lefts = page.evaluate("[...document.querySelectorAll('.grid .row')].map((row) => [...row.children].map("
                          "(one) => Math.round(one.getBoundingClientRect().left)))")  # fmt: skip
    assert len(lefts) == 4
    assert all(row == lefts[0] for row in lefts)


def test_it_changes_without_being_loaded_again(page: Page, lake: Path) -> None:
    tell(lake)
    page.goto("/")
    expect(page.get_by_role("grid").get_by_text("EVIL")).to_be_visible()
    more = streams()
    more[0]["rows"] = 123_456
    more[2] |= {"state": "flowing", "message": "", "code": None}
    tell(lake, streams=more)
    expect(page.get_by_role("grid").get_by_text("123,456")).to_be_visible()
    expect(page.locator("#verdict")).not_to_contain_text("EVIL")
    assert rows(page)[0][0] == "EVIL"  # in order of names now
    tell(lake)


def test_an_address_shows_the_same_again(page: Page, server: Served) -> None:
    page.goto("/")
    page.get_by_label("Filter").fill("s0001")
    page.get_by_role("button", name="Rows", exact=True).click()
    page.get_by_label("Times").select_option("exchange")
    address = page.url
    assert set(address.partition("?")[2].split("&")) == {"filter=s0001", "sort=rows", "zone=exchange"}
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_text("1 of 3")).to_be_visible()
    assert [row[0] for row in rows(page)] == ["S0001"]
    expect(page.locator("#clock")).to_contain_text("America/New_York")


def test_it_is_walked_by_keys(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_label("Filter").focus()
    for _ in range(11):  # the headings of ten columns sort, then the rows
        page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_contain_text("EVIL")
    page.keyboard.press("End")
    expect(page.locator(":focus")).to_contain_text("S0001")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_contain_text("S0000")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page: Page, axe_script: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/")
    accessible(page, axe_script)


def test_a_thousand_streams_paint_within_a_second(page: Page, lake: Path) -> None:
    tell(lake, streams=streams(1000))
    expect(page.locator("body")).to_be_visible()
    page.goto("/")  # until scripts are there
    page.reload()
    expect(page.get_by_text("1,000 of 1,000")).to_be_visible()
    painted_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    rows_ms = page.evaluate("performance.getEntriesByName('shown')[0].startTime")
    print(json.dumps({"first paint, ms": painted_ms, "rows, ms": rows_ms}))
    assert len(rows(page)) < 100  # only those in sight are elements
    assert painted_ms < 1_000
    tell(lake)


def test_eight_tabs_share_one_stream(page: Page, server: Served) -> None:
    """A browser opens six connections to a server: with a stream each the seventh tab would hang."""
    before = server.log.read_text().count("GET /live 200")
    tabs = [page, *(page.context.new_page() for _ in range(7))]
    for tab in tabs:
        tab.goto("/")
        expect(tab.get_by_role("grid").get_by_text("EVIL")).to_be_visible()
        expect(tab.locator("#verdict")).to_contain_text("trouble")
    assert server.log.read_text().count("GET /live 200") - before <= len(tabs)  # one at a time, once for each


def test_who_is_waited_for_is_said(page: Page, lake: Path) -> None:
    """The recorder's own pacing, IB, and nobody but the market are three things."""
    states = ("wanted", "requested", "acknowledged")
    tell(lake, streams=[stream(f"S{place}", state, rows=0, last_row=None, since=ago(9))
                        for place, state in enumerate(states)])  # fmt: skip
    page.goto("/")
    expect(page.get_by_role("grid").get_by_text("S2")).to_be_visible()
    found = {row[0]: row[9] for row in rows(page)}
    tell(lake)
    assert found == {"S0": "waits in our queue: pacing", "S1": "waits for IB", "S2": "IB agreed; no row yet"}


def test_a_line_that_is_lost_is_tried_ever_more_seldom_and_one_that_was_ended_never(page: Page) -> None:
    page.goto("/")
    found = page.evaluate("""async () => {
        const { Hub } = await import("/static/live.js");
        const sources = [], delays = [], said = [];
        const hub = new Hub(() => { sources.push({ readyState: 0, close() {} }); return sources.at(-1); });
        const later = window.setTimeout;
        window.setTimeout = (_, delay) => { delays.push(delay); return 1; };
        hub.join({ postMessage: (message) => said.push(message.line) });
        for (let turn = 0; turn < 12; turn += 1) { sources.at(-1).onerror(); hub.timer = null; hub.connect(); }
        window.setTimeout = later;
        sources.at(-1).readyState = 2;  // as a browser has it after 204
        sources.at(-1).onerror();
        const before = sources.length;
        hub.connect();
        return { delays, again: sources.length - before, last: said.at(-1) };
    }""")
    longest = [1_000 * 2**turn if turn < 5 else 30_000 for turn in range(12)]
    assert all(0.5 * most <= delay <= 1.5 * most for delay, most in zip(found["delays"], longest, strict=True))
    assert len({delay / most for delay, most in zip(found["delays"], longest, strict=True)}) > 6  # not all at once
    assert (found["again"], found["last"]) == (0, "ended")


def test_a_server_that_is_gone_is_said(page: Page, lake: Path) -> None:
    served = Served(lake)
    try:
        page.goto(served.address)
        expect(page.locator("#verdict")).to_contain_text("EVIL")
    finally:
        served.close()
    expect(page.locator(".banner")).to_contain_text("as of")
    expect(page.locator("#verdict")).to_have_text(re.compile("ticktape serve"))
    page.goto("about:blank")
