"""A lake answers with all that reached the tape, once, whatever the roller is doing."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import LakeMissingError, Layout
from capture.lake.roll import Roller
from capture.query import QueryError


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
        lake.sql("create temp table t as select 1 as x")
        assert lake.sql("select x from t").rows() == [(1,)]


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
