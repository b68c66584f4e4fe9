"""Damage in the middle of a session costs the frames it hit and no others; repairing it changes no row."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from capture.decode.restore import nothing_stored
from capture.lake.layout import Layout, Rolled
from capture.lake.ranges import Range, Ranges, lost_frames
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.tape import examine, repair, segments
from capture.wire.text.framing import frame


def price_frames(script: Any, prices: range) -> list[bytes]:
    return [frame(script.answers.encode("tick_by_tick", {
        "request_id": 5, "kind": 2, "time": 1, "price": price, "size": 100, "mask": 0, "exchange": "N",
        "conditions": ""})) for price in prices]  # fmt: skip


@pytest.fixture
def torn_apart(script: Any) -> Layout:
    """Trades in reads that end inside frames; the read with most of the 21st to the 31st is damaged."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    frames = price_frames(script, range(100, 160))
    stream, size = b"".join(frames), len(frames[0])
    cut = [0, 7 * size + 5, 20 * size + 9, 30 * size + 4, 41 * size, len(stream)]
    ends = []
    for begin, end in pairwise(cut):
        script.receive(stream[begin:end])
        ends.append(script.writer.size_bytes)
    script.mark()
    script.receive(b"".join(price_frames(script, range(60, 64)))).mark()
    script.writer.close()
    (segment,) = segments(script.data / "tape" / "main")
    data = bytearray(segment.path.read_bytes())
    data[ends[2] - 1] ^= 1
    segment.path.write_bytes(data)
    layout = Layout(script.data)
    prepare(layout)
    return layout


def decoded(layout: Layout) -> list[Range]:
    return list(Ranges(layout.tape / "main", Rolled(1), nothing_stored))


def test_frames_are_found_again_behind_damage(torn_apart: Layout) -> None:
    first, second = decoded(torn_apart)
    prices = first.tables["trades"]["price"].to_pylist()
    assert prices == [*range(100, 120), *range(131, 160)]
    assert first.lost_frames == 11
    assert [len(one.damage) for one in (first, second)] == [1, 0]
    (row,) = first.tables["undecoded"].to_pylist()
    assert "beside damage" in row["reason"]
    assert row["frame"].startswith(b"\0\0\0")
    (note,) = first.tables["notices"].to_pylist()
    assert "the tape is damaged" in note["message"]
    seqs = second.tables["trades"]["seq"].to_pylist()
    assert seqs == [62, 63, 64, 65], "the mark knows what was lost"
    assert lost_frames(torn_apart.tape / "main", 1) == 11
    assert lost_frames(torn_apart.tape / "main", 3) is None


def test_what_gives_no_frames_up_to_the_mark_is_kept(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    frames = price_frames(script, range(4))
    script.receive(frames[0][:9])
    begin = script.writer.size_bytes
    script.receive(frames[0][9:] + frames[1][:5])
    script.receive(frames[1][5:] + frames[2]).mark()
    script.receive(frames[3]).mark()
    script.writer.close()
    (segment,) = segments(script.data / "tape" / "main")
    data = bytearray(segment.path.read_bytes())
    data[begin + 1] ^= 1
    segment.path.write_bytes(data)
    first, second = decoded(Layout(script.data))
    assert "trades" not in first.tables
    assert b"".join(row["frame"] for row in first.tables["undecoded"].to_pylist()) == (
        frames[0][:9] + frames[1][5:] + frames[2])
    assert second.tables["trades"]["price"].to_pylist() == [3]


def test_a_repaired_tape_gives_the_same_rows(
    torn_apart: Layout, problems: Callable[[Layout], list[tuple[str, str]]]
) -> None:
    list(Roller(torn_apart, "main").roll())
    assert [problem for problem, _ in problems(torn_apart)] == ["tape damaged"]
    before = decoded(torn_apart)
    (report,) = examine(torn_apart.tape / "main").segments
    damaged = report.segment.path.read_bytes()
    assert repair(report).read_bytes() == damaged
    assert examine(torn_apart.tape / "main").losses == []
    after = decoded(torn_apart)
    assert [one.tables for one in after] == [one.tables for one in before]
    assert [one.noted_losses for one in after] == [1, 0]
    assert problems(torn_apart) == []
