"""A lake answers with all that reached the tape, once, whatever the roller is doing."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import capture
from capture.lake.layout import LakeMissingError, Layout
from capture.lake.roll import Roller
from capture.query import QueryError
from capture.schemas import EVERY_TABLE, TRADES


def prices(lake: capture.Lake) -> list[float]:
    return [row[0] for row in lake.sql("select price from trades order by seq").rows()]


def test_rows_are_seen_before_they_are_rolled(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    with capture.open_lake(script.data) as lake:
        assert prices(lake) == [1]
        script.trade(5, 2)
        assert prices(lake) == [1, 2]
        script.mark().trade(5, 3)
        list(Roller(Layout(script.data), "main").roll())
        assert prices(lake) == [1, 2, 3]
        script.mark()
        list(Roller(Layout(script.data), "main").roll())
        assert prices(lake) == [1, 2, 3]


def test_a_half_done_roll_is_not_seen_twice(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    layout = Layout(script.data)
    list(Roller(layout, "main").roll())
    layout.rolled("main").unlink()  # as if the roller had died after publishing, before moving its position
    with capture.open_lake(script.data) as lake:
        assert prices(lake) == [1]


def test_two_recorders_share_a_lake(script: Any) -> None:
    other = type(script)(script.data, "second")
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    other.open().ask(5, "req_tick_by_tick", tick_kind="AllLast", con_id=2, symbol="MSFT").trade(5, 2)
    with capture.open_lake(script.data) as lake:
        found = lake.sql("select recorder, symbol, price from trades order by 1").rows()
    other.writer.close()
    assert found == [("main", "AAPL", 1.0), ("second", "MSFT", 2.0)]


def test_the_forms_of_an_answer_agree(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.5, time=1_767_623_400)
    with capture.open_lake(script.data) as lake:
        answer = lake.sql("select symbol, price, ts_event from trades where price > $least", {"least": 1})
        moment = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
        assert answer.columns == ["symbol", "price", "ts_event"]
        assert answer.rows() == [("AAPL", 1.5, moment)]
        assert answer.arrow().to_pylist() == [{"symbol": "AAPL", "price": 1.5, "ts_event": moment}]
        assert answer.pl().rows() == [("AAPL", 1.5, moment)]
        assert answer.df()["price"].tolist() == [1.5]
        assert sum(batch.num_rows for batch in answer.batches()) == 1
        assert "AAPL" in repr(answer)
        assert answer.duckdb().columns == answer.columns


def test_the_tables_are_described(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    list(Roller(Layout(script.data), "main").roll())
    with capture.open_lake(script.data) as lake:
        described = {row["table"]: row for row in lake.tables()}
    assert described["trades"]["rows"] == 1
    assert described["trades"]["size_bytes"] > 0
    assert described["trades"]["first_date"] == datetime.now(UTC).date()
    assert described["quotes"]["rows"] == described["quotes"]["size_bytes"] == 0


def test_mistakes_are_explained(tmp_path: Path, script: Any) -> None:
    with pytest.raises(LakeMissingError, match="--data"):
        capture.open_lake(tmp_path / "nowhere")
    with capture.open_lake(script.data) as lake:
        with pytest.raises(QueryError, match="nonsense"):
            lake.sql("select nonsense from trades")
        with pytest.raises(QueryError, match="Conversion"):
            lake.sql("select cast(symbol as integer) from (select 'x' as symbol)").rows()


def test_a_query_leaves_nothing_behind(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    list(Roller(Layout(script.data), "main").roll())
    script.trade(5, 2)
    with capture.open_lake(script.data) as lake:
        for query in ("pivot trades on symbol using count(*)", "select setseed(0.5)", "from truncate_duckdb_logs()"):
            lake.sql(query).rows()
        assert prices(lake) == [1, 2]
        assert len(lake.tables()) == len(EVERY_TABLE)
        shown = [name for name, in lake.sql("show tables").rows()]
        assert len(shown) == len(set(shown)) >= len(EVERY_TABLE)
        assert lake.sql("select current_setting('TimeZone'), current_schema()").rows() == [("UTC", "main")]
        assert lake.sql("select count(*) from duckdb_types() where type_name like '%pivot%'").rows() == [(0,)]


def test_an_answer_stays_as_it_was_when_it_was_asked_for(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    with capture.open_lake(script.data) as lake:
        earlier = lake.sql("select price from trades order by seq")
        script.mark().trade(5, 2)
        assert prices(lake) == [1, 2]
        list(Roller(Layout(script.data), "main").roll())
        script.trade(5, 3)
        assert prices(lake) == [1, 2, 3]
        assert earlier.rows() == earlier.rows() == [(1.0,)]


def test_a_closed_lake_says_so_when_it_is_asked(script: Any) -> None:
    lake = capture.open_lake(script.data)
    answer, batches = lake.sql("select 1"), lake.sql("from range(300_000)").batches(1000)
    lake.close()
    assert sum(batch.num_rows for batch in batches) == 300_000
    for ask in (answer.rows, lambda: lake.sql("select 1"), lambda: lake.trades("AAPL", "2026-01-05", "2026-01-06")):
        with pytest.raises(QueryError, match="closed"):
            ask()


def test_an_answer_is_read_on_while_others_are_asked_for(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    with capture.open_lake(script.data) as lake:
        batches = lake.sql("select range, price from range(300_000), trades").batches(1000)
        rows = batches.read_next_batch().num_rows
        script.trade(5, 2)
        assert prices(lake) == [1, 2]
        assert rows + sum(batch.num_rows for batch in batches) == 300_000


NOW_S = int(time.time())


@pytest.fixture
def two_files(script: Any) -> Path:
    """The second of two rolled files of trades; a trade and quotes follow on the tape."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for price in (1, 2):
        for size in range(100):
            script.trade(5, price, size, NOW_S)
        script.mark()
    list(Roller(Layout(script.data), "main").roll())
    script.trade(5, 3)
    script.answer("tick_by_tick", request_id=5, kind=3, time=1, bid_price=1, ask_price=2)
    (path,) = Layout(script.data).live("trades").glob("date=2*/*002.parquet")
    return path


def spoil_page(path: Path) -> None:
    column = pq.read_metadata(path).row_group(0).column(TRADES.schema.names.index("size"))
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 12] = b"\xff" * 12
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:-20]),
    lambda path: path.write_bytes(bytes(path.stat().st_size)),
    spoil_page,
], ids=["empty", "torn", "zeros", "page"])  # fmt: skip
@pytest.mark.parametrize("is_open", [False, True])
def test_a_damaged_file_fails_what_needs_it_by_name(
    script: Any, two_files: Path, spoil: Callable[[Path], object], is_open: bool
) -> None:
    with capture.open_lake(script.data) as lake:
        if is_open:
            assert lake.sql("select sum(size) from trades").rows() == [(2 * 4950 + 100,)]
    whole = two_files.read_bytes()
    spoil(two_files)
    with capture.open_lake(script.data) as lake:
        assert lake.sql("select count(*) from quotes").rows() == [(1,)]
        for form in ("rows", "arrow", "pl", "df", "__repr__", "batches"):
            with pytest.raises(QueryError) as said:
                list(getattr(lake.sql("select * from trades"), form)())
            assert str(two_files) in str(said.value)
            assert f"`ticktape rebuild --replace --data {script.data}`" in str(said.value)
        two_files.write_bytes(whole)
    with capture.open_lake(script.data) as lake:
        assert lake.sql("select sum(size) from trades").rows() == [(2 * 4950 + 100,)]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_the_command_names_a_damaged_file(script: Any, two_files: Path, form: str, tmp_path: Path) -> None:
    capture.open_lake(script.data).close()
    spoil_page(two_files)
    command = [sys.executable, "-m", "capture.cli", "sql", "select * from trades", "--data", script.data, "-o",
               tmp_path / "answer", "--format", form]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"ticktape: {two_files} cannot be read: ")
    assert "Traceback" not in ran.stderr


def test_a_damaged_file_that_history_is_compared_with_is_named_until_it_is_mended(
    script: Any, two_files: Path
) -> None:
    whole = two_files.read_bytes()
    two_files.write_bytes(whole[:-20])
    script.ask(9, "req_historical_ticks", what="TRADES")
    ticks = [{"time": NOW_S, "price": 2, "size": size, "exchange": "NASDAQ"} for size in (7, 7)]
    script.answer("historical_trades", request_id=9, ticks=ticks, done=True).mark()
    with capture.open_lake(script.data) as lake:
        for _ in range(2):
            with pytest.raises(QueryError, match=r"002\.parquet cannot be read: "):
                lake.sql("select count(*) from quotes")
        with pytest.raises(OSError, match=r"002\.parquet cannot be read: .* rebuild --replace"):
            list(Roller(Layout(script.data), "main").roll())
        two_files.write_bytes(whole)
        assert len(prices(lake)) == 202, "of two equal prints one was captured"
        list(Roller(Layout(script.data), "main").roll())
        assert len(prices(lake)) == 202


def test_the_command_loads_neither_polars_nor_settings(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    command = [sys.executable, "-X", "importtime", "-m", "capture.cli", "sql", "from trades", "--data", script.data]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "pyarrow" in loaded
    assert not loaded & {"polars", "capture.wanted.settings"}


@pytest.mark.slow
def test_no_answer_is_wrong_while_the_roller_works(script: Any) -> None:
    layout = Layout(script.data)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    stop, done = threading.Event(), [0]

    def roll() -> None:
        roller = Roller(layout, "main")
        while not stop.is_set():
            done[0] += sum(1 for _ in roller.roll())

    thread = threading.Thread(target=roll)
    thread.start()
    try:
        with capture.open_lake(script.data) as lake:
            for i in range(1, 61):
                script.trade(5, i)
                if i % 2:
                    script.mark()
                assert prices(lake) == list(range(1, i + 1))
    finally:
        stop.set()
        thread.join()
    assert done[0] > 3


def test_a_lake_that_was_moved_gets_views_of_its_own(script: Any, tmp_path: Path) -> None:
    import duckdb

    layout = Layout(script.data)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    capture.open_lake(script.data).close()
    list(Roller(layout, "main").roll())
    moved = script.data.rename(tmp_path / "moved")
    capture.open_lake(moved).close()
    with duckdb.connect(str(moved / "ticktape.duckdb"), read_only=True) as connection:
        assert connection.execute("select price from trades").fetchall() == [(1.0,)]
