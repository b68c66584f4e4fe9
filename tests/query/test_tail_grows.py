"""What a question costs beside a recorder does not grow with the questions before it: each byte is decoded once."""

from collections import Counter
from collections.abc import Iterator
from math import log2
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture.decode import merge_rows, tws
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.query import tail_rows
from capture.query.tail import Tail
from capture.query.tail_rows import TailRows
from capture.schemas import TRADES
from capture.tape.reader import read_from
from capture.tape.segment import SegmentFile

QUESTIONS = 1_000


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What is done: records decoded, files of tapes opened, rows copied from piece to piece."""
    done: Counter[str] = Counter()
    feed, merged, opened = tws.TwsDecoder._record, merge_rows.merged, SegmentFile.__init__

    def record(self: Any, one: Any) -> None:
        done["records"] += 1
        feed(self, one)

    def joining(parts: list[pa.Table]) -> pa.Table:
        done["copied"] += sum(map(len, parts))
        return merged(parts)

    def opening(self: Any, *arguments: Any) -> None:
        done["opened"] += 1
        opened(self, *arguments)

    monkeypatch.setattr(tws.TwsDecoder, "_record", record)
    monkeypatch.setattr(tail_rows, "merged", joining)
    monkeypatch.setattr(SegmentFile, "__init__", opening)
    yield done


def prices(tail: Tail) -> list[float]:
    return [price for piece in tail.pieces("trades") for price in piece["price"].to_pylist()]


@pytest.mark.slow
def test_the_thousandth_question_does_the_work_of_the_first(script: Any, work: Counter[str]) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").mark()
    list(Roller(layout, "main").roll())
    tail = Tail(layout, "main")
    tail.refresh()
    work.clear()
    for question in range(QUESTIONS):
        script.trade(5, question)
        tail.refresh()
    assert work["records"] == work["opened"] == QUESTIONS
    assert work["copied"] <= QUESTIONS * (log2(QUESTIONS) + 1)
    assert prices(tail) == list(range(QUESTIONS))
    assert len(tail.pieces("trades")) <= log2(QUESTIONS) + 1


def test_questions_of_any_number_of_lakes_and_threads_decode_a_byte_once(script: Any, work: Counter[str]) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    with capture.open_lake(script.data) as lake, lake.again() as other:
        for asked in (lake, other, lake.within(None, None)):
            assert asked.sql("select count(*) from trades").rows() == [(1,)]
        before = work["records"]
        script.trade(5, 2)
        for asked in (lake, other):
            assert asked.sql("select count(*) from trades").rows() == [(2,)]
        assert work["records"] == before + 1


def test_what_is_rolled_is_let_go_of_and_nothing_is_decoded_again(script: Any, work: Counter[str]) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    tail, roller, written = Tail(layout, "main"), Roller(layout, "main"), 0
    decoded = 0
    for question in range(12):
        script.trade(5, question).trade(5, question + 0.5)
        if question % 2:
            script.mark()
        before = work["records"]
        tail.refresh()
        decoded += work["records"] - before
        if question % 3 == 2:
            list(roller.roll())
            tail.refresh()
            written = question + 1 if question % 2 else question
        assert prices(tail) == [number / 2 for number in range(2 * written, 2 * question + 2)]
    records = sum(1 for _ in read_from(layout.tape / "main", 1))
    marks = 7  # each ends what was before, and begins what follows
    assert decoded == records + marks - 1


def test_what_was_rolled_since_the_last_question_is_passed_over(script: Any, work: Counter[str]) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    tail = Tail(layout, "main")
    tail.refresh()
    script.trade(5, 2).mark().trade(5, 3).mark().trade(5, 4)
    list(Roller(layout, "main").roll())
    script.trade(5, 5)
    work.clear()
    tail.refresh()
    assert prices(tail) == [4, 5]
    assert work["records"] == 3  # the mark, and both trades
    assert work["opened"] == 1


def test_a_tail_begins_anew_where_the_position_moved_back(script: Any) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark().trade(5, 2)
    list(Roller(layout, "main").roll())
    tail = Tail(layout, "main")
    tail.refresh()
    assert prices(tail) == [2]
    layout.rolled("main").unlink()  # all is rolled once more, under the same names
    tail.refresh()
    assert prices(tail) == [1, 2]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 200)), max_size=40))
def test_pieces_hold_what_was_added_and_not_let_go_of(steps: list[tuple[int, int]]) -> None:
    held, expected, number = TailRows("trades"), list[int](), 0
    for added, kept in steps:
        rows = TRADES.schema.empty_table().to_pylist()
        rows = [{"seq": number + place, "ts": (number + place) * 40_000_000_000, "row": 0, "symbol": "AAPL"}
                for place in range(added)]
        before = held.pieces
        held.add(pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in TRADES.columns])))
        number += added
        expected = [*expected, *range(number - added, number)]
        assert [seq for piece in held.pieces for seq in piece["seq"].to_pylist()] == expected
        assert held.count == number
        assert all(piece.num_rows for piece in before)  # what a question holds never changes
        if kept < len(expected):
            held.let_go(kept)
            expected = expected[len(expected) - kept :]
        assert [seq for piece in held.pieces for seq in piece["seq"].to_pylist()] == expected
    assert all(date == ts.date() for piece in held.pieces for date, ts in
               zip(piece["date"].to_pylist(), piece["ts"].to_pylist(), strict=True))
