"""What a lake and its answers show of themselves: to `help`, to completion by tab, and to notebooks."""

import inspect
import pydoc
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from rlcompleter import Completer
from typing import Any

import pytest

import capture
from capture.functions import FUNCTIONS
from capture.query.html import MOST_LETTERS, MOST_ROWS
from capture.schemas import MARKET_TABLES, Table


@pytest.fixture
def lake(script: Any) -> Iterator[capture.Lake]:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 10.25).trade(5, 10.5)
    with capture.open_lake(script.data) as lake:
        yield lake


@pytest.mark.parametrize("table", MARKET_TABLES, ids=lambda table: table.name)
def test_help_of_a_table_says_parameters_columns_and_units(table: Table) -> None:
    method = getattr(capture.Lake, table.name)
    told = " ".join(pydoc.plain(pydoc.render_doc(method)).split())
    assert list(inspect.signature(method).parameters) == ["self", "instruments", "start", "end", "columns", "stream"]
    assert table.meaning in told
    for word in ("Parameters:", "instruments: symbols", "start, end: ", "columns: ", "stream: ", "Columns;"):
        assert word in told
    for column in table.columns:
        assert f"{column.name}: {' '.join(column.meaning.split())}" in told
        assert column.unit == "UTC" or not column.unit or f"in {column.unit})" in told


@pytest.mark.parametrize("name", [*FUNCTIONS, "gaps", "coverage", "replay", "export", "sql", "rows", "book_snapshots"])
def test_help_of_every_method_says_what_comes_back(name: str) -> None:
    told = inspect.getdoc(getattr(capture.Lake, name)) or ""
    assert len(told) > 100
    if name in FUNCTIONS and name not in ("book", "book_snapshots"):  # which are in Python, and tell it in a text
        assert [column for column, _ in FUNCTIONS[name].returns] == re.findall(
            r"^    (\w+): ", told.partition("Columns:\n")[2], re.MULTILINE)  # fmt: skip


def test_completion_offers_what_is_public_and_nothing_else(lake: capture.Lake) -> None:
    for shown in (lake, lake.trades(), capture):
        assert not [name for name in dir(shown) if name.startswith("_") and name != "__version__"]
    methods = {table.name for table in MARKET_TABLES} | FUNCTIONS.keys() | {"sql", "rows", "gaps", "replay", "export"}
    assert methods <= set(dir(lake))
    assert {"pl", "df", "arrow", "rows", "batches", "duckdb", "columns"} <= set(dir(lake.trades()))
    completer = Completer({"lake": lake, "capture": capture})
    assert (completer.complete("lake.trad", 0) or "").startswith("lake.trad")
    assert (completer.complete("capture.open_l", 0) or "").startswith("capture.open_lake")


class Cells(HTMLParser):
    """The texts of a table's cells, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_notebooks_show_an_answer_as_a_table(lake: capture.Lake) -> None:
    shown = Cells(lake.trades("AAPL", columns=["symbol", "price", "conditions"])._repr_html_())
    assert shown.rows == [["symbolstring", "pricedouble", "conditionsstring"], ["AAPL", "10.25", ""],
                          ["AAPL", "10.5", "2 rows"]]  # fmt: skip
    for answer in (lake.time_bars("AAPL", "1 minute"), lake.gaps(), lake.sql("select 1 where false")):
        assert answer._repr_html_().startswith("<div><table")


def test_a_table_of_a_notebook_is_short_and_holds_no_markup(lake: capture.Lake) -> None:
    evil = "<script>alert(1)</script>\x1b[2J"
    many = lake.sql("select $evil as \"<b>\", repeat('x', 9999) as x, timestamp_ns '2026-01-02 03:04:05.123456789' "
                    "as t, '\\xFF'::blob as b, [1] as l from range(1000000000)", {"evil": evil})  # fmt: skip
    html = many._repr_html_()
    shown = Cells(html)
    assert len(shown.rows) == 1 + MOST_ROWS
    assert shown.rows[1][0] == "<script>alert(1)</script>\\x1b[2J"
    assert shown.rows[1][1] == "x" * MOST_LETTERS + "…"
    assert shown.rows[1][2:] == ["2026-01-02 03:04:05.123456", "b'\\xff'", "[1]"]
    assert shown.tags <= {"div", "table", "tr", "th", "td", "br", "small"}
    assert f"the first {MOST_ROWS} rows" in html


def test_a_question_that_fails_fails_in_a_notebook_too(lake: capture.Lake) -> None:
    with pytest.raises(capture.query.QueryError, match="boom"):
        lake.sql("select error('boom')")._repr_html_()
