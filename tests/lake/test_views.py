"""The views file answers right from the first moment on, and splits sealed from live days."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from capture.lake.layout import Layout
from capture.lake.parquet import write_parquet
from capture.lake.roll import Roller
from capture.lake.views import prepare, write_sealed_through
from capture.schemas import TABLES


def ask(layout: Layout, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_table_is_there_before_anything_is_recorded(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    for name, table in TABLES.items():
        assert ask(layout, f"select count(*) from {name}") == [(0,)]
        columns = [row[0] for row in ask(layout, f"describe {name}")]
        assert columns == [*(c.name for c in table.columns), "date"]


def test_columns_and_views_carry_their_meaning(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    found = ask(layout, "select comment from duckdb_columns() where table_name = 'trades' and column_name = 'price'")
    assert found == [(TABLES["trades"].column("price").meaning,)]


def test_the_file_opens_in_older_clients(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{layout.database}' as lake (read_only)")
        tags = connection.execute("select tags from duckdb_databases() where database_name = 'lake'").fetchall()
    assert "v1.2.0" in str(tags)


def test_rolled_rows_appear_and_preparing_again_keeps_them(script: Any) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 7).mark()
    list(Roller(layout, "main").roll())
    prepare(layout)
    assert ask(layout, "select symbol, price from trades") == [("AAPL", 7.0)]


@pytest.mark.parametrize("quote", ["plain", "it's"])
def test_sealed_days_come_from_the_archive(script: Any, tmp_path: Path, quote: str) -> None:
    layout = Layout(tmp_path / quote)
    prepare(layout)
    script.open().ask(9, "req_historical_ticks", what="TRADES")
    ticks = [{"time": day * 86_400, "price": day, "size": 1} for day in (20_000, 20_001)]
    script.answer("historical_trades", request_id=9, ticks=ticks, done=True).mark()
    (layout.tape).symlink_to(script.data / "tape")
    list(Roller(layout, "main").roll())
    (live,) = layout.live("trades").glob("date=2024-10-04/*.parquet")
    archived = layout.archive("trades") / "date=2024-10-04" / "main.1-2.parquet"
    archived.parent.mkdir()
    archived.write_bytes(live.read_bytes())
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]
    write_sealed_through(date(2024, 10, 4), layout.sealed("trades"))
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]
    live.unlink()
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]


def test_an_archived_file_of_fewer_columns_reads_with_nulls(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    trades = TABLES["trades"]
    write_parquet(trades, trades.schema.empty_table(), tmp_path / "x.parquet")
    with duckdb.connect() as connection:
        folder = layout.live("trades") / "date=2026-01-05"
        folder.mkdir()
        file = folder / "main.000000000001.parquet"
        connection.execute(f"copy (select timestamptz '2026-01-05' as ts, 1.5 as price) to '{file}'")
    assert ask(layout, "select price, exchange from trades") == [(1.5, None)]
