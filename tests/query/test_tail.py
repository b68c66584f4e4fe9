"""Rows that are not rolled yet are those that rolling will give, also behind damage of the tape."""

from typing import Any

import pytest

import capture
from capture.decode.restore import nothing_stored
from capture.lake.layout import Layout, Rolled
from capture.lake.ranges import Ranges
from capture.query.tail import Tail
from capture.tape import examine, repair, segments
from capture.wire.text.framing import frame


@pytest.fixture(params=["damaged", "repaired"])
def layout(script: Any, request: pytest.FixtureRequest) -> Layout:
    """A tape of three marks, with a read inside the first range damaged that ends in the middle of a frame."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    trades = [frame(script.answers.encode("tick_by_tick", {
        "request_id": 5, "kind": 2, "time": 1, "price": price, "size": 1, "mask": 0, "exchange": "N",
        "conditions": ""})) for price in range(100, 130)]  # fmt: skip
    stream, size = b"".join(trades), len(trades[0])
    script.receive(stream[: 10 * size + 3]).receive(stream[10 * size + 3 : 20 * size + 7])
    end = script.writer.size_bytes
    script.receive(stream[20 * size + 7 :]).mark().trade(5, 1).mark().trade(5, 2)
    script.writer.close()
    (segment,) = segments(script.data / "tape" / "main")
    data = bytearray(segment.path.read_bytes())
    data[end - 1] ^= 1
    segment.path.write_bytes(data)
    if request.param == "repaired":
        repair(examine(script.data / "tape" / "main").segments[0])
    with capture.open_lake(script.data):
        return Layout(script.data)


def rows_of(tail: Tail, name: str) -> list[dict[str, Any]]:
    rows = [row for piece in tail.pieces(name) for row in piece.to_pylist()]
    assert all(row.pop("date") == row["ts"].date() for row in rows)
    return rows


def test_frames_behind_damage_have_the_numbers_that_rolling_gives(layout: Layout) -> None:
    tail = Tail(layout, "main")
    tail.refresh()
    rolled = [row for found in Ranges(layout.tape / "main", Rolled(1), nothing_stored)
              for row in found.tables["trades"].to_pylist()]
    rows = rows_of(tail, "trades")
    assert [row["price"] for row in rows] == [*range(100, 110), *range(121, 130), 1, 2]
    assert rows[:-1] == rolled
    assert rows[-1]["seq"] == rows[-2]["seq"] + 1
    (lost,) = rows_of(tail, "undecoded")
    assert "beside damage" in lost["reason"]
    assert tail.heard_s > 0
