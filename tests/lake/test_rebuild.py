"""Rebuilding gives the files that rolling gives, replaces what is wrong, and destroys nothing."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout, read_rolled
from capture.lake.process_lock import RollerBusyError, roller_lock
from capture.lake.proof.rebuild import NotEmptyError, Rebuilder, _link_day, link_tape, require_empty
from capture.lake.proof.tape_part import Span
from capture.lake.proof.unaccounted_files import Account
from capture.lake.sealed import sealed_through
from capture.tape import TapeError, segments


def files(layout: Layout) -> dict[str, bytes]:
    found = (layout.root / "live").glob("*/date=2*/*")
    return {str(path.relative_to(layout.root)): path.read_bytes() for path in found}


def test_a_new_lake_has_the_same_files_and_position(rolled: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "new")
    link_tape(rolled, "main", other)
    list(Rebuilder(other, "main").ranges())
    assert files(other) == files(rolled)
    assert read_rolled(other, "main") == read_rolled(rolled, "main")
    assert [path.stat().st_nlink for path in (one.path for one in segments(other.tape / "main"))] == [2, 2, 2]


def test_what_another_lake_was_given_is_on_disk(
    rolled: Layout, tmp_path: Path, synced: list[tuple[int, Any]]
) -> None:
    other, day = Layout(tmp_path / "new"), "2026-01-05"
    link_tape(rolled, "main", other)
    path = rolled.archive_file("trades", day, "main", 1, 2)
    path.parent.mkdir(parents=True)
    path.touch()
    _link_day(rolled, "main", other, "trades", day)
    held = dict(synced)
    for folder, count in ((other.tape / "main", 3), (other.archive("trades") / f"date={day}", 1)):
        names = sorted(path.name for path in folder.iterdir())
        assert held[folder.stat().st_ino] == names
        assert len(names) == count
    assert sealed_through(other, "trades") == date.fromisoformat(day)


def test_a_tape_that_cannot_be_linked_is_copied(
    rolled: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", other_disk)
    link_tape(rolled, "main", Layout(tmp_path / "new"))
    tapes = (segments(folder / "main") for folder in (rolled.tape, tmp_path / "new" / "tape"))
    for ours, theirs in zip(*tapes, strict=True):
        assert ours.path.read_bytes() == theirs.path.read_bytes()


def test_what_the_tape_does_not_give_is_set_aside_under_a_name_of_its_own(rolled: Layout) -> None:
    before = files(rolled)
    (path,) = rolled.live("trades").glob("date=2*/main.000000000003.parquet")
    stray = rolled.live("trades") / "date=2001-01-01" / path.name
    stray.parent.mkdir()
    for _ in range(2):
        shutil.copy(path, stray)
        list(Rebuilder(rolled, "main", Span(3, 4)).ranges())
        assert not stray.exists()
    kept = sorted(one.name for one in stray.parent.iterdir())
    assert kept == [f"{path.name}.bad", f"{path.name}.bad1"]
    shutil.rmtree(stray.parent)
    assert files(rolled) == before


def test_where_the_tape_is_cut_off_files_stay_and_missing_ones_come_back_as_far_as_known(rolled: Layout) -> None:
    path = segments(rolled.tape / "main")[1].path
    path.write_bytes(path.read_bytes()[:-80])  # the last mark's range lacks its end
    before = files(rolled)
    (quotes,) = rolled.live("quotes").glob("date=2*/main.000000000007.parquet")
    quotes.unlink()
    rebuilder = Rebuilder(rolled, "main")
    list(rebuilder.ranges())
    after = files(rolled)
    assert rebuilder.kept and not rebuilder.set_aside
    assert {name: after[name] for name in before} == before, "what can be read stays, what the tape holds comes back"
    (new,) = after.keys() - before.keys()
    assert "notices" in new, "it tells of the damage"


def test_nobody_else_may_roll_meanwhile(rolled: Layout) -> None:
    with roller_lock(rolled, "main"), pytest.raises(RollerBusyError, match="stop its recorder first"):
        list(Rebuilder(rolled, "main").ranges())


def test_a_tape_without_a_mark_rebuilds_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.tape / "main").mkdir(parents=True)
    assert list(Rebuilder(layout, "main").ranges()) == []
    (layout.tape / "main" / "000000000001.tape").write_bytes(b"no tape")
    with pytest.raises(TapeError, match="nothing to rebuild from"):
        list(Rebuilder(layout, "main").ranges())


def test_a_new_lake_wants_an_empty_folder(tmp_path: Path) -> None:
    require_empty(tmp_path)
    require_empty(tmp_path / "none")
    (tmp_path / "file").write_text("")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(NotEmptyError, match="is not empty"):
            require_empty(taken)


def test_what_is_rebuilt_is_counted_and_the_position_follows_where_all_is(rolled: Layout) -> None:
    before, position = files(rolled), read_rolled(rolled, "main")
    rolled.rolled("main").unlink()
    for span, marks in ((Span(3, 5), {3, 4}), (Span(11), {11}), (Span(), set(range(1, 12)))):
        rebuilder = Rebuilder(rolled, "main", span)
        list(rebuilder.ranges())
        assert rebuilder.written == sum(int(name.split(".")[-2]) in marks for name in before), span
        assert (rebuilder.kept, rebuilder.set_aside) == ([], []), span
        assert files(rolled) == before
        assert read_rolled(rolled, "main") == (position if span.everything else None), span


@pytest.mark.parametrize(("covered", "whole", "first", "last", "gives"), [
    ({1, 2, 3}, {1, 2, 3}, 1, 3, True),
    ({1, 2, 3}, {1, 2, 3}, 2, 2, True),
    ({1, 2, 3}, {1, 3}, 1, 3, False),  # one between is broken
    ({1, 2, 3}, {1, 3}, 3, 3, True),
    ({1, 3}, {1, 3}, 1, 3, True),  # the tape has no mark between
    ({1, 2, 3}, {2, 3}, 1, 3, False),
    ({1, 2, 3}, {1, 2}, 1, 3, False),
    ({2, 3}, {2, 3}, 1, 3, False),
    ({1, 2, 3, 4}, {1, 2, 3}, 1, 3, True),  # a broken one beside them
])  # fmt: skip
def test_what_a_tape_gives_whole(
    tmp_path: Path, covered: set[int], whole: set[int], first: int, last: int, gives: bool
) -> None:
    assert Rebuilder(Layout(tmp_path), "main", _covered=covered, _whole=whole)._gives(first, last) == gives
    assert Account(marks=covered, _whole=whole).gives(first, last) == gives
