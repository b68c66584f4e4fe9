"""What a roller says of itself: counters that rise, in a file that shows by its time that it lives."""

import os
from pathlib import Path
from typing import get_type_hints

import pytest

from capture.data_folder import ROLLER_STATUS
from capture.lake.layout import Layout
from capture.lake.processes.roll_counts import INTERVAL_S, RollCounts
from capture.lake.roll import Roll
from capture.status_model import FailingStatus, RollerStatus, read_status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "tape" / "main").mkdir(parents=True)
    return tmp_path / "tape" / "main" / ROLLER_STATUS


def test_counters_rise_and_are_written_seldom(path: Path, tmp_path: Path) -> None:
    counts = RollCounts(Layout(tmp_path), "main")
    counts.tell(100.0)
    assert read_status(path)["mark"] is None
    counts.rolled(Roll(1, 2, 10, {"trades": 6, "quotes": 4}), 2.0)
    counts.tell(101.0)
    assert read_status(path)["ranges"] == 0
    counts.rolled(Roll(2, 4, 5, {"trades": 5}, {"open": 2}, 86_400_000_000_000), 0.5)
    counts.tell(100.0 + INTERVAL_S)
    said = read_status(path)
    assert (said["mark"], said["ranges"], said["frames"], said["rows"]) == (4, 2, 15, {"trades": 11, "quotes": 4})
    assert (said["gaps"], said["through"]) == ({"open": 2}, "1970-01-02T00:00:00+00:00")
    assert (said["rolling_s"], said["rows_per_second"]) == (2.5, 10.0)
    assert said.keys() - {"heard", "rest_s"} == get_type_hints(RollerStatus).keys()


def test_processes_that_fail_are_told_and_told_no_more(path: Path, tmp_path: Path) -> None:
    counts = RollCounts(Layout(tmp_path), "main")
    failing: FailingStatus = {"times": 3, "exit_code": 1, "since": "2026-11-18T00:00:00+00:00"}
    for at_s, one in ((1.0, failing), (20.0, None)):
        counts.fails(sealer=one, checker=None)
        counts.tell(at_s)
        assert read_status(path)["failing"] == ({"sealer": failing} if one else {})


def test_the_last_is_written_at_once(path: Path, tmp_path: Path) -> None:
    counts = RollCounts(Layout(tmp_path), "main")
    counts.tell(1.0)
    counts.rolled(Roll(1, 2, 1, {}), 1.0)
    counts.tell(1.1, last=True)
    assert read_status(path)["mark"] == 2


def test_a_roller_without_work_shows_that_it_lives(path: Path, tmp_path: Path) -> None:
    counts = RollCounts(Layout(tmp_path), "main")
    counts.tell(1.0)
    written = path.read_bytes()
    os.utime(path, (0, 0))
    for tenths in range(12, 60, 2):  # five times a second
        counts.tell(tenths / 10)
        assert path.stat().st_mtime == 0, "seldom"
    counts.tell(1.0 + INTERVAL_S)
    assert path.stat().st_mtime > 0
    assert path.read_bytes() == written
    path.unlink()
    for _ in range(2):
        counts.tell(2.0 + 2 * INTERVAL_S)
    assert read_status(path)["version"] == 1


def test_what_cannot_be_written_is_said_once(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir()
    counts = RollCounts(Layout(tmp_path), "main")
    for now_s in (1.0, 20.0, 40.0):
        counts.tell(now_s)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [f"cannot write {path}"]
