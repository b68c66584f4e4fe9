"""Questions in SQL: over HTTP as scripts send them, and from the page."""

import csv
import http.client
import io
import json
import re
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from capture import open_lake
from capture.serve.sandbox import landlock_version

from .accessible import accessible
from .served import Answered, Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock"),
]
JSON = {"Content-Type": "application/json"}
FOREVER = "select sum(a.range * b.range) as n from range(10000000) a, range(10000000) b"


def ask(server: Served, sql: str, rows: int = 1_000) -> Answered:
    return server.ask("/api/sql", "POST", body=json.dumps({"sql": sql, "rows": rows}), headers=JSON)


def download(server: Served, sql: str, form: str) -> Answered:
    said = server.ask("/api/sql/download", "POST", body=json.dumps({"sql": sql, "form": form}), headers=JSON)
    return server.ask(json.loads(said.text)["address"])


def test_an_answer_is_that_of_the_lake(server: Served, lake: Path) -> None:
    query = "select symbol, count(*) as n, round(sum(size), 3) as size from trades group by all order by all"
    answer = json.loads(ask(server, query).text)
    with open_lake(lake) as opened:
        assert [tuple(row) for row in answer["rows"]] == opened.sql(query).rows()
    assert [column["name"] for column in answer["columns"]] == ["symbol", "n", "size"]
    assert answer["more"] is False


def test_a_grid_says_that_there_is_more(server: Served) -> None:
    answer = json.loads(ask(server, "from range(1000)", 10).text)
    assert ([row[0] for row in answer["rows"]], answer["more"]) == (list(range(10)), True)


@pytest.mark.parametrize(("query", "why"), [("select 1; select 2", "one query"), ("selct 1", "syntax error"),
                                            ("from nothing", "does not exist"), ("copy t to 'x'", "one query")])
def test_what_is_no_question_is_told(server: Served, query: str, why: str) -> None:
    answer = json.loads(ask(server, query).text)
    assert why in answer["error"]
    assert "Traceback" not in answer["error"]


def most_kib(server: Served) -> int:
    """Return the most memory that the server ever took."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def test_a_hundred_megabytes_are_bounded_in_a_grid_and_streamed_as_a_download(server: Served) -> None:
    query = "select range as n, repeat('x', 10000) as text from range(10000)"
    before = most_kib(server)
    grid = ask(server, query, 10_000)
    assert grid.status == 200
    assert len(grid.data) < 12 << 20
    assert json.loads(grid.text)["more"] is True
    whole = download(server, query, "csv")
    assert len(whole.data) > 100_000_000
    assert most_kib(server) - before < 50 << 10  # it holds a piece at a time


def test_downloads_hold_every_row(server: Served, lake: Path) -> None:
    query = "select ts, symbol, price from trades order by all"
    with open_lake(lake) as opened:
        wanted = opened.sql(query).arrow()
    table = pq.read_table(io.BytesIO(download(server, query, "parquet").data), page_checksum_verification=True)
    assert table.equals(wanted.cast(table.schema))
    head, *rows = csv.reader(io.StringIO(download(server, query, "csv").text))
    assert head == ["ts", "symbol", "price"]
    assert [row[1] for row in rows] == wanted["symbol"].to_pylist()


def test_a_download_is_fetched_once_by_an_address_without_its_question(server: Served) -> None:
    said = server.ask("/api/sql/download", "POST", body=json.dumps({"sql": "select 42", "form": "csv"}), headers=JSON)
    address = json.loads(said.text)["address"]
    assert "select" not in address
    assert [server.ask(address).status, server.ask(address).status] == [200, 404]


def test_more_questions_than_are_answered_at_once_are_told_so_and_gone_ones_are_ended(server: Served) -> None:
    """Who asks and goes away cancels: the process of the question ends at once."""
    lines = []
    for _ in range(2):
        line = http.client.HTTPConnection(server.host, timeout=60)
        line.request("POST", "/api/sql", json.dumps({"sql": FOREVER}),
                     {**JSON, "Cookie": server.cookie, "Origin": server.origin})  # fmt: skip
        lines.append(line)
    deadline = time.monotonic() + 60
    while (status := ask(server, "select 1").status) != 429:
        assert time.monotonic() < deadline
    assert status == 429
    for line in lines:
        line.close()
    while ask(server, "select 1").status != 200:
        assert time.monotonic() < deadline + 60


@pytest.mark.parametrize(("body", "kind", "status"), [("{}", "text/plain", 415), ("nonsense", "application/json", 400),
                                                      ("[1]", "application/json", 400),
                                                      ('{"sql": "select 1", "rows": "many"}', "application/json", 400),
                                                      (" " * (2 << 20), "application/json", 413)])  # fmt: skip
def test_what_is_not_asked_in_json_is_refused(server: Served, body: str, kind: str, status: int) -> None:
    assert server.ask("/api/sql", "POST", body=body, headers={"Content-Type": kind}).status == status


def test_the_page_asks_and_says_what_the_answer_covers(page: Page, lake: Path) -> None:
    page.goto("/sql")
    page.get_by_label("Question").fill("select ts, symbol, price from trades where symbol = 'AAPL' order by ts, seq")
    page.keyboard.press("Control+Enter")
    grid = page.get_by_role("grid", name="Answer")
    expect(grid).to_be_visible(timeout=60_000)
    with open_lake(lake) as opened:
        count, first, last = opened.sql("select count(*), min(ts), max(ts) from trades where symbol = 'AAPL'").rows()[0]
        gaps = [gap for gap in opened.gaps("AAPL", first, last, stream="all_last").rows() if gap[4] != "restored"]
    expect(page.get_by_text(f"{count:,} rows")).to_be_visible()
    expect(grid).to_have_attribute("aria-rowcount", str(count + 1))
    assert gaps
    expect(page.get_by_text(f"{len(gaps)} gaps, ")).to_be_visible(timeout=60_000)


def test_the_address_has_the_question_and_the_chart(page: Page) -> None:
    page.goto("/sql#q=select+range+as+n,+range*range+as+square+from+range(20)&view=chart")
    expect(page.locator(".u-legend").get_by_text("square")).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Grid").click()
    expect(page.get_by_role("grid", name="Answer").get_by_text("361")).to_be_visible()
    expect(page.get_by_label("Question")).to_have_value("select range as n, range*range as square from range(20)")


def test_history_saved_queries_schema_and_cookbook_are_at_hand(page: Page) -> None:
    page.goto("/sql")
    page.get_by_role("button", name="Gaps as they stand").click()
    expect(page.get_by_label("Question")).to_have_value(re.compile("from gaps"))
    page.get_by_label("Name to save it by").fill("my gaps")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Question").fill("select ")
    page.get_by_text("trades", exact=True).click()
    page.get_by_role("button", name="price", exact=True).click()
    expect(page.get_by_label("Question")).to_have_value("select price")
    page.reload()
    page.get_by_role("button", name="my gaps", exact=True).click()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("grid", name="Answer")).to_be_visible(timeout=60_000)
    page.get_by_text("History, in this browser").click()
    expect(page.get_by_role("button", name="select symbol, stream, state")).to_be_visible()


def test_a_question_is_cancelled_from_the_page(page: Page) -> None:
    page.goto("/sql")
    page.get_by_label("Question").fill(FOREVER)
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled")).to_be_visible()


def test_a_wrong_question_is_told_as_text(page: Page) -> None:
    page.goto("/sql")
    page.get_by_label("Question").fill("select '<img src=x onerror=alert(1)>' as a, nothing")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing", timeout=60_000)
    assert page.locator("img").count() == 0


def test_it_is_accessible(page: Page, axe_script: str) -> None:
    page.goto("/sql#q=select+symbol,+price+from+trades+limit+5")
    expect(page.get_by_role("grid", name="Answer")).to_be_visible(timeout=60_000)
    accessible(page, axe_script)


