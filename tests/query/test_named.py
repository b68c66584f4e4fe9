"""A query is given views of the tables that it may look into."""

from pathlib import Path

import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.views import prepare
from capture.query.tables_named import named_tables, needed_tables
from capture.schemas import EVERY_TABLE, GAPS, QUOTES, TRADES

ALL = list(EVERY_TABLE.values())


@pytest.mark.parametrize(("query", "tables"), [
    ("select count(*) from trades", [TRADES]),
    ('SELECT * FROM "Quotes" q ASOF JOIN trades t ON q.ts >= t.ts', [TRADES, QUOTES]),
    ("from gaps", [GAPS]),
    ("describe trades", [TRADES]),
    ("select 1", ALL),
    ("from my_trades", ALL),
    ("show all tables", ALL),
    ("select view_name from duckdb_views() where view_name <> 'trades'", ALL),
    ("select * from information_schema.columns where table_name = 'trades'", ALL),
    ("select * from trades, query_table('quo' || 'tes')", ALL),
])
def test_the_tables_that_a_query_may_look_into(query: str, tables: object) -> None:
    assert needed_tables(query) == tables


def test_a_function_brings_the_tables_it_reads() -> None:
    assert TRADES in named_tables("from time_bars('AAPL', '1 minute')")


def test_later_queries_find_tables_that_earlier_ones_did_not_need(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.tape.mkdir()
    prepare(layout)
    with open_lake(tmp_path) as lake:
        assert lake.sql("select count(*) from trades").rows() == [(0,)]
        assert lake.sql("select count(*) from quotes join trades using (symbol)").rows() == [(0,)]
        views = lake.sql("select view_name from duckdb_views() where not internal").rows()
        assert {name for name, in views} == set(EVERY_TABLE)
