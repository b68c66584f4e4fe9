"""Rebuilding gives the files that rolling gives, replaces what is wrong, and destroys nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout, read_rolled
from capture.lake.lock import RollerBusyError, roller_lock
from capture.lake.rebuild import NotEmptyError, Rebuilder, link_tape, require_empty
from capture.lake.span import Span
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
