"""Books at many moments, over lives that begin and end: the same as looking at all that happened, moment by moment."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.functions.books import NOT_ASKED, NOTHING_YET
from capture.query.books.book_lives import NEVER_US, History, Key, histories
from capture.query.books.book_replay import Changes, Every, Operations, Piece, operations, replay

from .test_book import one_by_one

KEY = Key("ESZ6", 7, "main", "depth")
WHOSE = KEY._asdict()
LEVELS, ROWS = 4, 3  # how many are looked at, and how many were asked for

Row = dict[str, Any]
Book = tuple[str | None, list[list[float]]]  # why it is not valid, and the prices of both sides

OPERATION = st.tuples(st.just("operation"), st.integers(0, 2), st.integers(0, 4), st.booleans(), st.booleans())
EVENT = st.tuples(st.sampled_from(["begin", "reset", "end", "close", "gap"]), st.just(0), st.integers(0, 3),
                  st.booleans(), st.just(False))  # fmt: skip
STORY = st.lists(st.tuples(st.integers(0, 3), st.one_of(OPERATION, OPERATION, OPERATION, EVENT)), max_size=60)


def told(story: list[Any]) -> tuple[list[Row], list[Row]]:
    """Return the events and the operations of a story: each step some time after the one before, in a frame of its own.

    A gap was noticed some time after the last moment that was whole; operations may be of the request before.
    """
    events: list[Row] = []
    rows: list[Row] = []
    ts, request_id = 100, 1
    steps = [(1, ("begin", 0, 0, False, False)), *story]
    for seq, (later, (what, kind, number, flag, late)) in enumerate(steps):
        ts += later
        place = {"seq": seq, "ts": ts, "row": 0, "reason": f"{what} {seq}"}
        if what == "operation":
            rows.append(place | {"request_id": request_id - late, "kind": kind, "position": number, "bid": flag,
                                 "price": float(seq), "size": 1.0, "market_maker": None})  # fmt: skip
            continue
        request_id += what == "begin"
        whose = WHOSE | {"request_id": request_id} if what != "close" else dict.fromkeys(WHOSE) | {
            "recorder": "main", "request_id": None}  # fmt: skip
        if what == "gap":
            last = max([row["ts"] for row in rows], default=100)
            place["ts"] = max(last, ts - number)
        rows_asked = ROWS if what == "begin" else None
        events.append(place | whose | {"event": {"reset": "begin"}.get(what, what), "rows": rows_asked})
    return events, rows


def seen(history: History, rows: list[Row], at: int) -> Book:
    """Return the book at a moment."""
    begun = [life for life in history.lives if life.begin_us <= at]
    if not begun:
        return NOT_ASKED, []
    life = begun[-1]
    following = [one.begin_seq for one in history.lives if one.begin_seq > life.begin_seq]
    until = min([life.end_seq, *following])
    whole = [row for row in rows if row["request_id"] == life.request_id and life.begin_seq < row["seq"] <= until]
    applied = [row for row in whole if row["ts"] <= at]
    broken = min([(one.last_us, one.reason) for one in history.breaks if whole and one.seq >= whole[0]["seq"]],
                 default=(NEVER_US, ""))  # fmt: skip
    if at >= life.end_us:
        return life.end_reason, []
    if at > broken[0]:
        return broken[1], []
    if not applied:
        return NOTHING_YET, []
    return None, [prices([row for row in applied if row["bid"] == bid]) for bid in (True, False)]


def prices(rows: list[Row]) -> list[float]:
    cells = one_by_one([(row["kind"], row["position"]) for row in rows], LEVELS, ROWS)[-1]
    return [rows[cell]["price"] if cell >= 0 else -1 for cell in cells]


def replayed(pieces: Iterator[Piece]) -> dict[int, Book]:
    found: dict[int, Book] = {}
    for piece in pieces:
        for at, moment in enumerate(piece.moments.tolist()):
            assert moment not in found
            why = int(piece.reason[at])
            price = np.append(piece.operations.price, -1)
            sides = [price[cells[at]].tolist() for cells in (piece.bid, piece.ask)] if why < 0 else []
            found[moment] = (None if why < 0 else piece.reasons[why]), sides
    return found


def batches(rows: list[Row], cuts: list[int]) -> Iterator[Operations]:
    """Yield the rows in pieces."""
    schema = pa.schema([(name, kinds.get(name, pa.int64())) for name in names])
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in pairwise(edges):
        picked = [{name: row[name] for name in names} for row in rows[begin:end]]
        yield operations(pa.RecordBatch.from_pylist(picked, schema=schema))


names = [one.name for one in fields(Operations)]
kinds = {"bid": pa.bool_(), "price": pa.float64(), "size": pa.float64(), "market_maker": pa.string()}


@settings(deadline=None, max_examples=100)
@given(STORY, st.lists(st.integers(0, 60), max_size=3))
def test_every_moment_is_right(story: list[Any], cuts: list[int]) -> None:
    events, rows = told(story)
    history = histories(events)[KEY]
    end = 105 + sum(later for later, _ in story)
    found = replayed(replay(history, batches(rows, cuts), Every(98, end, 1), LEVELS))
    assert found == {at: seen(history, rows, at) for at in range(98, end)}


@settings(deadline=None, max_examples=80)
@given(STORY, st.lists(st.integers(0, 60), max_size=3), st.integers(95, 160))
def test_every_change_is_told_and_nothing_twice(story: list[Any], cuts: list[int], start: int) -> None:
    events, rows = told(story)
    history = histories(events)[KEY]
    end = max(start, 105 + sum(later for later, _ in story)) + 1
    found = replayed(replay(history, batches(rows, cuts), Changes(start, end), LEVELS))
    assert list(found) == sorted(found)
    assert next(iter(found)) == start
    at_last: Book | None = None
    for at in range(start, end):
        now = seen(history, rows, at)
        if at in found:
            assert found[at] == now
            at_last = now
        assert at_last == now, "the book was another, and it was not told"


def test_a_gap_noticed_before_the_first_row_ends_with_it() -> None:
    operation = ("operation", 0, 0, True, False)
    events, rows = told([(1, ("gap", 0, 1, False, False)), (1, operation), (5, operation)])
    history = histories(events)[KEY]
    found = replayed(replay(history, batches(rows, []), Every(100, 110, 1), LEVELS))
    assert [why for why, _ in found.values()] == [NOT_ASKED, *[NOTHING_YET] * 2, *[None] * 7]


def test_rows_after_a_gap_do_not_mend_a_book() -> None:
    operation = ("operation", 0, 0, True, False)
    steps = [(1, operation), (3, ("gap", 0, 2, False, False)), (1, operation), (2, ("reset", 0, 0, False, False)),
             (1, operation)]  # fmt: skip
    events, rows = told(steps)
    found = replayed(replay(histories(events)[KEY], batches(rows, []), Every(101, 112, 1), LEVELS))
    assert [why for why, _ in found.values()] == [
        NOTHING_YET, None, None, *["gap 2"] * 4, NOTHING_YET, None, None, None]  # fmt: skip
