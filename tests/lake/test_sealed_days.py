"""What the names of files say of a date: always of those that are there, without listing what stayed as it was."""

import os
import time
from pathlib import Path

import pytest

from capture.lake.layout import Layout
from capture.lake.proof.recover import _least_mark
from capture.lake.state import SETTLED_NS, SealedDay, SealedDays, archived_through, is_archived, position_fault

DAY = "2026-01-05"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def live(layout: Layout, *marks: int) -> None:
    for mark in marks:
        touch(layout.live_file("trades", DAY, "main", mark))


def archive(layout: Layout, first: int, last: int) -> Path:
    return touch(layout.archive_file("trades", DAY, "main", first, last))


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def changed(layout: Layout, at_ns: int) -> None:
    for folder in (layout.live("trades"), layout.archive("trades")):
        if (folder / f"date={DAY}").is_dir():
            os.utime(folder / f"date={DAY}", ns=(at_ns, at_ns))


@pytest.mark.parametrize(("live_marks", "archive_marks", "archived", "alone"), [
    ([], [], [], []),
    ([1, 3], [], [], [1, 3]),  # not sealed
    ([1, 3], [(1, 3)], [], []),  # sorted, and to be sealed
    ([1, 3, 5], [(1, 3)], [], [5]),  # a latecomer
    ([3], [(1, 3)], [(1, 3)], []),  # being cleared
    ([], [(1, 3), (5, 5)], [(1, 3), (5, 5)], []),  # sealed
    ([5], [(1, 3), (5, 5)], [(1, 3)], []),
    ([4], [(1, 3), (5, 5)], [(1, 3), (5, 5)], [4]),
    ([0], [(1, 3)], [(1, 3)], [0]),
])  # fmt: skip
def test_which_files_say_that_a_date_is_sealed(
    layout: Layout, live_marks: list[int], archive_marks: list[tuple[int, int]], archived: list[tuple[int, int]],
    alone: list[int],
) -> None:
    live(layout, *live_marks)
    paths = {marks: archive(layout, *marks) for marks in archive_marks}
    touch(layout.live_file("trades", DAY, "other", 2).with_name("copy of something.parquet"))
    found = SealedDays(layout).of("trades", DAY)
    assert found == SealedDay(tuple(paths[marks] for marks in archived), tuple(("main", mark) for mark in alone))


def test_marks_of_another_recorder_are_other_marks() -> None:
    assert not is_archived(("other", 2), [("main", 1, 3)])
    assert [is_archived(("main", mark), [("other", 0, 9), ("main", 1, 3)]) for mark in range(5)] == [
        False, True, True, True, False]


def test_what_comes_within_the_same_tick_of_the_file_systems_clock_is_seen(layout: Layout) -> None:
    days, now_ns = SealedDays(layout), time.time_ns()
    live(layout, 1)
    changed(layout, now_ns)
    assert days.of("trades", DAY).live == (("main", 1),)
    live(layout, 2)
    changed(layout, now_ns)
    assert days.of("trades", DAY).live == (("main", 1), ("main", 2))


@pytest.mark.parametrize("kind", ["live", "archive"])
def test_folders_that_stayed_as_they_were_are_listed_once_and_changed_ones_anew(
    layout: Layout, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    days, then_ns = SealedDays(layout), time.time_ns() - 10 * SETTLED_NS
    live(layout, 1)
    archive(layout, 7, 8)
    changed(layout, then_ns)
    first = days.of("trades", DAY)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", None)
        assert days.of("trades", DAY) is first
    live(layout, 2) if kind == "live" else archive(layout, 9, 9)
    assert days.of("trades", DAY) != first


def test_the_last_mark_of_sorted_files_is_rolled_for_sure(layout: Layout) -> None:
    files = [archive(layout, first, last) for first, last in ((1, 3), (4, 7), (2, 5), (9, 9))]
    last = archived_through([*files, Path("mine.parquet"), layout.archive_file("trades", DAY, "other", 1, 2)])
    assert last == {"main": 7, "other": 2}
    assert {mark: position_fault(layout, "main", mark, last) is None for mark in (None, 0, 7, 8)} == {
        None: False, 0: False, 7: False, 8: True}
    assert position_fault(layout, "main", None, {}) is None
    assert position_fault(layout, "main", 0, {}) is None
    assert "is missing, but the archive holds rows of mark 0" in str(position_fault(layout, "main", None, {"main": 0}))


@pytest.mark.parametrize(("live_marks", "archives", "least"), [
    ([], [], 0), ([1, 5], [], 5), ([1, 5], [(2, 4)], 5), ([1, 5], [(2, 5)], 6), ([1], [(2, 9), (3, 4)], 10),
    ([1], [(2, 4), (9, 9)], 9),  # one of a single mark is made anew under the same name
])  # fmt: skip
def test_the_least_mark_that_files_say_is_rolled(
    layout: Layout, live_marks: list[int], archives: list[tuple[int, int]], least: int
) -> None:
    live(layout, *live_marks)
    for marks in archives:
        archive(layout, *marks)
    for path in (layout.live_file("quotes", DAY, "other", 70), layout.archive_file("quotes", DAY, "other", 70, 90)):
        touch(path)
    assert _least_mark(layout, "main") == least
