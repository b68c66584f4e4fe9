"""The order book in SQL: the same as the one rebuilt in Python, also by other clients of DuckDB."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import capture
from capture.functions.books import NOT_ASKED, NOTHING_YET
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.query.books.book_snapshots import book

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MS = timedelta(milliseconds=1)
KINDS = INSERT, UPDATE, DELETE = range(3)

POSITION = st.integers(-1, 6) | st.just(200)
OPERATION = st.tuples(st.just("operation"), st.sampled_from(KINDS), POSITION, st.integers(0, 1))
EVENT = st.tuples(st.sampled_from(["reset", "again", "cancel", "reconnect", "lost", "bad"]))
STORY = st.lists(st.one_of(OPERATION, OPERATION, OPERATION, OPERATION, EVENT), min_size=1, max_size=60)


class Story:
    """A tape with a book on it: each step is a millisecond after the one before."""

    def __init__(self, kind: Any, data: Path, smart: bool = False) -> None:
        self.at, self.request_id, self.smart = NOON, 3, smart
        self.script = kind(data, now=lambda: int(self.at.timestamp() * 1e6) * 1000)
        self.script.open()
        self.subscribe()

    def subscribe(self) -> None:
        self.script.ask(self.request_id, "req_market_depth", con_id=7, symbol="ESZ6", rows=5, smart=self.smart)

    def step(self, what: str, kind: int = 0, position: int = 0, side: int = 0) -> None:
        self.at += MS
        script, request_id = self.script, self.request_id
        match what:
            case "operation":
                row = {"request_id": request_id, "position": position, "operation": kind, "side": side,
                       "price": self.at.microsecond / 1000, "size": 5}  # fmt: skip
                script.answer("market_depth_l2", **row, market_maker=f"MM{position}", smart=True) if self.smart else (
                    script.answer("market_depth", **row))
            case "reset":
                script.answer("error", request_id=request_id, code=317, message="reset")
            case "again":
                self.request_id += 1
                self.subscribe()
            case "cancel":
                script.request("cancel_market_depth", request_id=request_id, smart=self.smart)
            case "lost":
                script.answer("error", request_id=-1, code=1100, message="lost")
            case "bad":
                script.receive(b"\0\0\0\x0612\x001\0x\0")
            case "reconnect":
                script.close("dropped").open()
                self.subscribe()


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORY, smart=st.booleans(), data=st.data())
@pytest.mark.slow
def test_sql_and_python_rebuild_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, script: Any, story: list[Any], smart: bool, data: Any
) -> None:
    told = Story(type(script), tmp_path_factory.mktemp("story") / "data", smart)
    for step in story:
        told.step(*step)
    told.script.writer.close()
    with capture.open_lake(told.script.data) as lake:
        for at in data.draw(st.lists(st.integers(-1, len(story) + 2), min_size=1, max_size=2)):
            moment = NOON + at * MS
            found = lake.sql(f"from book('ESZ6', '{moment.isoformat()}')")
            own = book(lake.sql, "ESZ6", moment)
            assert found.columns == own.columns
            assert found.rows() == own.rows()


@pytest.fixture
def told(tmp_path: Path, script: Any) -> Story:
    """A book of two bids and an ask; then it breaks, goes on, and is reset."""
    story = Story(type(script), tmp_path / "told")
    steps: list[Any] = [
        ("operation", INSERT, 0, 1), ("operation", INSERT, 1, 1), ("operation", INSERT, 0, 0), ("lost",),
        ("operation", INSERT, 0, 1), ("reset",), ("operation", INSERT, 0, 1)]  # fmt: skip
    for step in steps:
        story.step(*step)
    story.script.mark().writer.close()
    list(Roller(Layout(story.script.data), "main").roll())
    return story


def shown(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return validity, reason, side, position and price."""
    return [(row[6], row[7], *row[9:12]) for row in rows]


WHOLE = [(True, None, "bid", 0, 1.0), (True, None, "bid", 1, 2.0), (True, None, "ask", 0, 3.0)]
STATES = [(-1, [(False, NOT_ASKED, None, None, None)]), (0, [(False, NOTHING_YET, None, None, None)]),
          (3, WHOLE), (4, [(False, "lost", None, None, None)]), (5, [(False, "lost", None, None, None)]),
          (6, [(False, NOTHING_YET, None, None, None)]), (7, [(True, None, "bid", 0, 7.0)])]  # fmt: skip


def test_a_book_is_there_until_a_gap_and_again_after_a_reset(told: Story) -> None:
    with capture.open_lake(told.script.data) as lake:
        for at, state in STATES:
            assert shown(lake.sql(f"from book('ESZ6', '{NOON + at * MS}')").rows()) == state, at
            assert shown(book(lake.sql, "ESZ6", NOON + at * MS).rows()) == state, at
        best = lake.sql(f"from book(['ESZ6', 'AAPL'], '{NOON + 3 * MS}', levels := 1, of_stream := 'depth')").rows()
        assert shown(best) == [WHOLE[0], WHOLE[2]]
        assert lake.sql(f"from book('ESZ6', '{NOON}', of_stream := 'smart_depth')").rows() == []
        assert lake.sql(f"from book('ESZ6', '{NOON}', recorded_by := 'other')").rows() == []
        assert lake.sql(f"from book('AAPL', '{NOON}')").rows() == []


def test_a_book_has_at_most_the_rows_that_were_asked_for(script: Any) -> None:
    story = Story(type(script), script.data.parent / "full")  # of five rows
    inserts: list[Any] = [("operation", INSERT, 0, 1)] * 7
    for step in (*inserts, ("reset",), *inserts, ("operation", DELETE, 0, 1)):
        story.step(*step)
    story.script.writer.close()
    with capture.open_lake(story.script.data) as lake:
        for at, prices in ((7, [7, 6, 5, 4, 3]), (15, [15, 14, 13, 12, 11]), (16, [14, 13, 12, 11])):
            moment = NOON + at * MS
            assert [row[4] for row in shown(lake.sql(f"from book('ESZ6', '{moment}')").rows())] == prices
            assert [row[4] for row in shown(book(lake.sql, "ESZ6", moment).rows())] == prices
            snapshot = lake.book_snapshots("ESZ6", moment, moment + MS, levels=8).pl().select("^bid_px_.*$").row(0)
            assert [price for price in snapshot if price is not None] == prices


def test_another_client_of_the_views_gets_the_same(told: Story) -> None:
    capture.open_lake(told.script.data).close()
    with duckdb.connect(str(Layout(told.script.data).database), read_only=True) as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")
        for at, state in STATES:
            moment = (NOON + at * MS).isoformat()
            rows = connection.sql(f"from book('ESZ6', '{moment}')").to_arrow_table().to_pylist()
            assert shown([tuple(row.values()) for row in rows]) == state, at
