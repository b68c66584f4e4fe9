"""What a recorder last said, whether it lives, and how far its roller is behind."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from capture.data_folder import STATUS
from capture.lake.layout import Layout
from capture.status_model import write_status
from capture.watch import recorder_state as state
from capture.watch.condition import look

NO_PROCESS = 2**22 + 1  # above what Linux gives to processes


@pytest.mark.parametrize(("said", "age_s", "pid", "running", "condition"), [
    ("recording", 1, os.getpid(), True, "recording"),
    ("backing off", 1, os.getpid(), True, "backing off"),
    ("recording", 60, os.getpid(), False, "does not answer"),
    ("recording", 1, NO_PROCESS, False, "ended without stopping"),
    ("stopped", 60, NO_PROCESS, False, "stopped"),
], ids=["recording", "backing off", "mute", "killed", "stopped"])
def test_how_a_recorder_is(
    tmp_path: Path, said: str, age_s: float, pid: int, running: bool, condition: str
) -> None:
    folder = tmp_path / "tape" / "main"
    folder.mkdir(parents=True)
    written = datetime.now(UTC) - timedelta(seconds=age_s)
    (folder / "status.json").write_text(json.dumps({"state": said, "pid": pid, "written": written.isoformat()}))
    os.utime(folder / "status.json", (written.timestamp(), written.timestamp()))
    found = state.recorder_state(Layout(tmp_path), "main")
    assert (found["running"], state.condition(found)) == (running, condition)
    assert found["said_s"] == pytest.approx(age_s, abs=0.9)


def test_a_recorder_lives_whose_figures_are_old_but_whose_file_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "tape" / "main"
    folder.mkdir(parents=True)
    written, last = (datetime.now(UTC) - timedelta(seconds=age_s) for age_s in (50, 53))
    stream = {"instrument": "AAPL", "word": "quotes", "state": "flowing", "message": "",
              "last_row": last.isoformat(), "rows_per_second": 2.0}
    write_status(folder / STATUS, {
        "state": "recording", "pid": os.getpid(), "written": written.isoformat(), "streams": [stream]})
    found = look(tmp_path).recorders[0]
    assert (found["running"], found["stale"]) == (True, None)
    assert found["said_s"] == pytest.approx(50, abs=5)
    assert found["streams"][0]["last_row_age_s"] == pytest.approx(48, abs=2)  # in a rest of 5 s more may have come


def test_a_status_that_a_power_cut_tore_is_as_none(tmp_path: Path) -> None:
    folder = tmp_path / "tape" / "main"
    folder.mkdir(parents=True)
    for left in ("", '{"state": "recor'):
        (folder / "status.json").write_text(left)
        assert state.condition(state.recorder_state(Layout(tmp_path), "main")) == "has not started"


def test_a_recorder_that_said_nothing_has_not_started(tmp_path: Path) -> None:
    (tmp_path / "tape" / "main").mkdir(parents=True)
    found = state.recorder_state(Layout(tmp_path), "main")
    assert found == {"recorder": "main", "running": False, "said_s": None, "has_tape": False, "roller": None,
                     "behind_marks": 0, "behind_s": 0.0,
                     "rows_without_instrument": {}, "gaps": {"open": 0, "waiting": 0}}
    assert state.condition(found) == "has not started"


def test_the_roller_is_behind_by_the_marks_it_has_not_reached(tmp_path: Path) -> None:
    folder = tmp_path / "tape" / "main"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": "stopped", "mark": 9}))
    (folder / "rolled.json").write_text('{"mark": 4, "gaps": null}')
    os.utime(folder / "rolled.json", (1, 1))
    found = state.recorder_state(Layout(tmp_path), "main")
    assert found["behind_marks"] == 5
    assert found["behind_s"] > 1e9
