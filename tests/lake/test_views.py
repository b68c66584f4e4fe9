"""The views file answers right from the first moment on, and splits sealed from live days."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from capture.data_folder import VIEWS
from capture.lake import views
from capture.lake.layout import LakeStateError, Layout
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.roll import Roller
from capture.lake.sealed import seal_through
from capture.lake.views import belongs, prepare
from capture.schemas import EVERY_TABLE, TABLES


def ask(layout: Layout, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_table_is_there_before_anything_is_recorded(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    for name, table in EVERY_TABLE.items():
        assert ask(layout, f"select count(*) from {name}") == [(0,)]
        columns = [row[0] for row in ask(layout, f"describe {name}")]
        assert columns == [*(c.name for c in table.columns), "date"]


def test_columns_and_views_carry_their_meaning(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    prepare(layout)
    found = ask(layout, "select comment from duckdb_columns() where table_name = 'trades' and column_name = 'price'")
    assert found == [(TABLES["trades"].column("price").meaning,)]
    said = dict(ask(layout, "select view_name, comment from duckdb_views() where not internal"))
    assert {name: said[name] for name in EVERY_TABLE} == {name: one.meaning for name, one in EVERY_TABLE.items()}


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
    archived = layout.archive("trades") / "date=2024-10-04" / "main.000000000001-000000000001.parquet"
    archived.parent.mkdir()
    archived.write_bytes(live.read_bytes())
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]
    seal_through(layout, "trades", date(2024, 10, 4))
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]
    live.unlink()
    assert ask(layout, "select price from trades order by 1") == [(20_000,), (20_001,)]


def test_a_file_of_an_older_version_with_fewer_columns_reads_with_nulls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    monkeypatch.setitem(TABLES, "trades", replace(TABLES["trades"], version=2))
    prepare(layout)
    with duckdb.connect() as connection:
        folder = layout.live("trades") / "date=2026-01-05"
        folder.mkdir()
        file = folder / "main.000000000001.parquet"
        connection.execute(f"copy (select timestamptz '2026-01-05' as ts, 1.5 as price) to '{file}'")
    assert ask(layout, "select price, exchange from trades") == [(1.5, None)]


QUERIES = ["from trades", "select count(*) from trades", "select count(price) from trades where date > '2020-01-01'",
           "select max(price) from trades where price is not null", "select exists(from trades where symbol = 'AAPL')",
           "from range(2) left join trades on price = range", "from quotes left join trades using (ts)",
           "select price from trades union all select 1.0", "from trades limit 1", "summarize trades"]


@pytest.mark.parametrize("spoiled", [b"", b"PAR1 this is none PAR1", None], ids=["empty", "garbage", "torn"])
def test_a_file_that_cannot_be_read_fails_its_own_view_only(
    rolled: Layout, caplog: pytest.LogCaptureFixture, spoiled: bytes | None
) -> None:
    prepare(rolled)
    quotes = ask(rolled, "select count(*) from quotes")
    trades = ask(rolled, "select price from trades order by seq")
    assert belongs(rolled)
    path = next(rolled.live("trades").glob("date=2*/main.000000000003.parquet"))
    path.write_bytes(path.read_bytes()[:-30] if spoiled is None else spoiled)
    prepare(rolled)
    assert str(path) in caplog.text
    assert f"`ticktape verify --data {rolled.root}`" in caplog.text
    assert f"`ticktape rebuild --replace --data {rolled.root}`" in caplog.text
    assert ask(rolled, "select count(*) from quotes") == quotes
    for query in QUERIES:
        with pytest.raises(duckdb.Error, match="rebuild --replace"):
            ask(rolled, query)
    assert not belongs(rolled)
    list(Rebuilder(rolled, "main").ranges())
    assert belongs(rolled)
    assert ask(rolled, "select price from trades order by seq") == trades


def test_a_folder_in_which_duckdb_finds_no_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeStateError, match="rename it, or name another with --data"):
        prepare(Layout(tmp_path / "back\\slash"))
    assert list(tmp_path.iterdir()) == []


def test_preparing_again_leaves_what_is_there(rolled: Layout) -> None:
    kept = [*(rolled.sealed(name) for name in TABLES), *rolled.root.glob("*/*/date=1970-01-01/*.parquet")]
    times_ns = [path.stat().st_mtime_ns for path in kept]
    kept[0].unlink()
    prepare(rolled)
    assert [path.stat().st_mtime_ns for path in kept[1:]] == times_ns[1:]
    assert kept[0].exists()


def test_a_query_opens_no_files_but_those_that_it_reads(rolled: Layout) -> None:
    prepare(rolled)
    query = "select count(*) from gaps where date > '2002-01-01'"
    before = ask(rolled, query)
    assert before > [(0,)]
    other = rolled.live_file("gaps", "2001-01-01", "main", 1)
    other.parent.mkdir()
    other.write_bytes(b"no parquet")
    assert ask(rolled, query) == before
    prepare(rolled)
    with pytest.raises(duckdb.Error, match="rebuild --replace"):  # as preparing looks into all of them
        ask(rolled, query)


@pytest.mark.parametrize("prepared", [True, False])
def test_views_that_fail_are_tried_again_however_coarse_the_clock_of_the_disk_is(
    rolled: Layout, monkeypatch: pytest.MonkeyPatch, prepared: bool
) -> None:
    monkeypatch.setattr(views, "_stamp", lambda _: "the same size, written at the same time")
    (rolled.root / VIEWS).unlink()
    if prepared:
        prepare(rolled)
        assert belongs(rolled)
    next(rolled.live("trades").glob("date=2*/main.000000000003.parquet")).write_bytes(b"")
    prepare(rolled)
    assert not belongs(rolled)


def test_a_rowless_file_that_cannot_be_read_is_made_anew(rolled: Layout, caplog: pytest.LogCaptureFixture) -> None:
    (rolled.live("trades") / "date=1970-01-01" / "empty.parquet").write_bytes(b"")
    prepare(rolled)
    assert caplog.text == ""
    assert ask(rolled, "select count(*) from trades") == [(22,)]


def test_a_folder_with_a_quote_in_its_name_has_its_own_views(tmp_path: Path) -> None:
    prepare(Layout(tmp_path / "it's"))
    assert belongs(Layout(tmp_path / "it's"))


def test_types_of_columns_are_written_as_duckdb_names_them() -> None:
    with duckdb.connect() as connection:
        for table in EVERY_TABLE.values():
            asked = connection.from_arrow(table.schema.empty_table())
            assert views.column_types(table) == tuple(map(str, asked.types))
