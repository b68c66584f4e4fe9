"""SQL that is asked can read and nothing else: what writes, creates, changes or sets is refused before it is run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.query import NotOneQueryError, QueryError
from capture.query.statement import enclosed
from tests.conftest import ScriptedTape

# Each would write `mine`, or change what other questions see.
STATEMENTS = [
    "copy trades to '{mine}'",
    "copy (select 1) to '{mine}'",
    "copy (pivot trades on symbol using sum(price)) to '{mine}'",
    "copy (from (pivot trades on symbol using sum(price))) to '{mine}' (format parquet)",
    "create table t as pivot trades on symbol using sum(price)",
    "create or replace table trades as pivot trades on symbol using sum(price)",
    "insert into trades (pivot trades on symbol using sum(price))",
    "explain analyze copy trades to '{mine}'",
    "explain analyze copy (pivot trades on symbol using sum(price)) to '{mine}'",
    "explain (analyze) copy trades to '{mine}'",
    "explain (format json, analyze) copy trades to '{mine}'",
    "explain copy trades to '{mine}'",
    "explain analyze create or replace view trades as select 4",
    "/* select */ copy trades to '{mine}'",
    "select 1; copy trades to '{mine}'",
    "copy trades to '{mine}'; select 1",
    "select 1; pivot trades on symbol using count(*)",
    "attach '{mine}' as other",
    "attach '{mine}' as other; create table other.t as select 1",
    "detach memory",
    "export database '{mine}'",
    "import database '{mine}'",
    "copy from database memory to memory",
    "install httpfs", "load httpfs", "force install httpfs", "update extensions",
    "set x = 1", "set TimeZone = 'Asia/Tokyo'", "set global TimeZone = 'Asia/Tokyo'", "reset TimeZone",
    "set variable a = 1", "set schema = 'information_schema'", "use temp", "set profile_output = '{mine}'",
    "pragma enable_profiling", "pragma database_list", "call enable_logging(storage = 'file', storage_path = '{mine}')",
    "call range(3)", "checkpoint", "force checkpoint", "vacuum", "analyze",
    "create table t as select 1", "create temp table trades as select 2", "create or replace view trades as select 3",
    "create macro one() as 1", "create schema s", "create sequence s", "create type e as enum ('a')",
    "create persistent secret (type s3)", "drop view trades", "drop view tail_trades", "alter view trades rename to t",
    "comment on view trades is 'x'", "insert into t values (1)", "insert into t values (1) returning *",
    "delete from trades returning *", "update trades set price = 1 returning *", "truncate trades",
    "merge into trades using trades as t on false when matched then delete", "begin", "commit", "rollback", "abort",
    "prepare p as select 1", "execute p", "deallocate p", "select 1; select 2", "", ";", "-- nothing",
]
# These are no SQL, or DuckDB sees only within the SELECT that they are not allowed there.
QUERIES = [
    "explain /* */ analyze copy trades to '{mine}'",
    "create or replace temp view trades as with p as (pivot trades on symbol using sum(price)) from p",
    "explain explain analyze copy trades to '{mine}'",
    "with x as (copy trades to '{mine}') select 1",
    "with x as materialized (copy trades to '{mine}') from x",
    "with x as (insert into trades values (1) returning *) select 1",
    "with x as (delete from trades returning *) select * from x",
    "select * from (with x as (copy trades to '{mine}') select 1)",
    "explain analyze with x as (copy trades to '{mine}') select 1",
    "describe with x as (copy trades to '{mine}') select 1",
    "from query('copy trades to ''{mine}''')",
    "select * from (copy trades to '{mine}')",
    "select 1) as a; copy trades to '{mine}'; select * from (select 1",
    "select 1) to '{mine}' --",
    "from enable_logging(storage = 'file', storage_config = {{'path': '{mine}'}})",
    "from enable_logging(storage = 'file', storage_path = '{mine}')",
    "from enable_profiling(format = 'json', save_location = '{mine}.json')",
    "from query('from enable_pro' || 'filing(format = ''json'', save_location = ''{mine}.json'')')",
    "explain analyze from enable_logging(storage = 'file', storage_path = '{mine}')",
    "from disable_logging()",
    "from statement", "from connection", "from parameters",  # variables of ours
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[capture.Lake]:
    script = ScriptedTape(tmp_path_factory.mktemp("lake") / "data")
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    list(Roller(Layout(script.data), "main").roll())
    script.trade(5, 2)
    with capture.open_lake(script.data) as opened:
        yield opened
    script.writer.close()


def held(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("text", [*STATEMENTS, *QUERIES])
def test_a_question_cannot_write_change_or_set(lake: capture.Lake, tmp_path: Path, text: str) -> None:
    rolled = next(lake.layout.live("trades").glob("date=2*/*.parquet"))
    before = held(lake.layout.root)
    for mine in (tmp_path / "mine", rolled):  # a new file, and one of the lake
        with pytest.raises(NotOneQueryError if text in STATEMENTS else QueryError):
            lake.sql(text.format(mine=mine)).rows()
    assert (held(lake.layout.root), list(tmp_path.iterdir())) == (before, [])
    assert lake.sql("select price from trades order by seq").rows() == [(1,), (2,)]
    assert lake.sql("select current_setting('TimeZone'), current_schema()").rows() == [("UTC", "main")]


@pytest.mark.parametrize(("query", "rows"), [
    ("pivot trades on symbol using sum(price)", None),
    ("select \"AAPL\" from (pivot trades on symbol using sum(price))", None),
    ("with p as (pivot (select symbol, price from trades) on symbol using sum(price)) select \"AAPL\" + 1 from p",
     [(4.0,)]),
    ("from (select symbol, price from trades) pivot (sum(price) for symbol in ('AAPL')) select \"AAPL\"", [(3.0,)]),
    ("unpivot (select 1 as a, 2 as b) on a, b", [("a", 1), ("b", 2)]),
    ("describe pivot trades on symbol using sum(price)", None),
    ("explain pivot trades on symbol using sum(price)", None),
    ("describe trades", None), ("summarize trades", None), ("show tables", None), ("show all tables", None),
    ("explain from trades", None), ("EXPLAIN ANALYZE from trades", None), ("explain (format json) from trades", None),
    ("explain analyze (select 1)", None), ("explain(select 1)", None),
    ("values (1), (2)", [(1,), (2,)]), ("(select 1) union all (select 2)", [(1,), (2,)]),
    ("table trades", None), ("from trades select price order by price desc limit 1", [(2.0,)]),
    ("-- what\nselect ';' as \"a;b\" /* é */ ; -- and no more", [(";",)]), (";; select 1 ;;", [(1,)]),
    ("select $$ ) $$", [(" ) ",)]), ("select 1 -- )", [(1,)]),
])  # fmt: skip
def test_every_form_of_query_is_answered(lake: capture.Lake, query: str, rows: list[Any] | None) -> None:
    found = lake.sql(query).rows()
    assert found == rows if rows is not None else found


def test_rows_keep_the_order_that_a_query_gives_them(lake: capture.Lake) -> None:
    numbers = lake.sql("select range as n from range(300_000) order by hash(range)").arrow()["n"]
    again = lake.sql("select range as n, hash(range) as h from range(300_000)").arrow().sort_by("h")["n"]
    assert numbers.equals(again)


def test_columns_of_one_name_are_told_apart(lake: capture.Lake) -> None:
    assert lake.sql("select 1 as a, 2 as a").columns == ["a", "a_1"]


def test_other_files_may_be_read_and_no_extension_is_fetched(lake: capture.Lake, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    assert lake.sql(f"from read_csv('{tmp_path}/mine.csv')").rows() == [(1, 2)]
    query = "select value from duckdb_settings() where name = 'autoinstall_known_extensions'"
    assert lake.sql(query).rows() == [("false",)]


def test_what_encloses_a_query_is_all_that_is_run() -> None:
    assert enclosed("explain analyze from trades;") == "explain analyze  select * from (\nfrom trades\n)"
