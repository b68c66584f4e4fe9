"""Names of files and folders, and what the rolled position may say."""

import json
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import (
    EMPTY_DATE,
    NEVER_SEALED,
    LakeMissingError,
    LakeStateError,
    Layout,
    Rolled,
    archive_marks,
    day_folders,
    day_of,
    live_mark,
    read_rolled,
)


@pytest.mark.parametrize("said", [
    "", "{", "[]", "5", "{}", {"mark": "7", "gaps": None}, {"mark": True, "gaps": None}, {"mark": 7.0, "gaps": None},
    {"mark": None, "gaps": {}}, {"mark": 7, "gaps": 5}, {"mark": 7, "gaps": []}, {"gaps": {}},
    {"mark": 7, "gaps": {}, "recorder": "other"}, {"mark": 7, "gaps": {}, "nameless": 3},
])  # fmt: skip
def test_what_is_no_position_is_refused_by_name(tmp_path: Path, said: Any) -> None:
    path = Layout(tmp_path).rolled("main")
    path.parent.mkdir(parents=True)
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    with pytest.raises(LakeStateError, match=r"main/rolled\.json cannot be read: .*ticktape recover --data"):
        read_rolled(Layout(tmp_path), "main")


@pytest.mark.parametrize(("said", "position"), [
    ({"mark": 7, "gaps": None}, Rolled(7)),
    ({"mark": 0, "gaps": {"heard_us": 1}, "recorder": "main"}, Rolled(0, {"heard_us": 1})),
    ({"mark": 7, "gaps": {}, "nameless": {"trades": 2}}, Rolled(7, {}, {"trades": 2})),
])  # fmt: skip
def test_what_is_a_position_is_read(tmp_path: Path, said: dict[str, Any], position: Rolled) -> None:
    assert read_rolled(Layout(tmp_path), "main") is None
    path = Layout(tmp_path).rolled("main")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(said))
    assert read_rolled(Layout(tmp_path), "main") == position


def test_the_file_without_rows_is_of_the_date_up_to_which_all_is_sealed_from_the_beginning() -> None:
    assert NEVER_SEALED.isoformat() == EMPTY_DATE == "1970-01-01", "as it lies in all lakes"


def test_recorders_are_folders_with_names_of_recorders(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.recorders() == []
    with pytest.raises(LakeMissingError, match="no lake at"):
        layout.require()
    for name in ("main", "second", "not one", ".hidden"):
        (layout.tape / name).mkdir(parents=True)
    (layout.tape / "file").touch()
    assert layout.recorders() == ["main", "second"]
    layout.require()


def test_a_folder_of_rolled_files_alone_is_a_lake_too(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    Layout(tmp_path).require()


@pytest.mark.parametrize(("name", "day"), [
    ("date=2026-01-05", "2026-01-05"), ("date=2026-13-05", None), ("date=2026-01-05 (copy)", None),
    ("2026-01-05", None), ("date=20260105", None)])  # fmt: skip
def test_folders_of_dates(name: str, day: str | None, tmp_path: Path) -> None:
    assert day_of(name) == day
    for folder in (name, "date=1970-01-01", "date=2025-12-31"):
        (tmp_path / folder).mkdir()
    found = {"2025-12-31": tmp_path / "date=2025-12-31"} | ({day: tmp_path / name} if day else {})
    assert list(day_folders(tmp_path).items()) == list(found.items())
    assert day_folders(tmp_path / "none") == {}


def test_names_of_files_come_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    live, archive = (layout.live_file("trades", "2026-01-05", "a-1", 3),
                     layout.archive_file("trades", "2026-01-05", "a-1", 3, 1_234_567_890_123))
    assert (live_mark(live), live_mark(archive)) == (("a-1", 3), None)
    assert (archive_marks(live), archive_marks(archive)) == (None, ("a-1", 3, 1_234_567_890_123))
    for other in ("copy of x.parquet", f"{live.name}.bad", f".{live.name}.5.tmp"):
        assert (live_mark(live.with_name(other)), archive_marks(live.with_name(other))) == (None, None)
