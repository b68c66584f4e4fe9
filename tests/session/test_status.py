"""status.json: what is written of it, how often, and that nothing is synced."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capture.data_folder import STATUS
from capture.recorder import status
from capture.recorder.status import SHOWN_S, StatusFile
from capture.session.machine import Machine
from capture.status_model import BYTES_PER_SECOND, LEAST_INTERVAL_S, read_status, write_status
from capture.wanted.settings import Settings


def _described(count: int, number: int) -> Any:
    streams = [{"instrument": f"SYM{i}", "symbol": f"SYM{i}", "instrument_id": 100_000 + i, "word": "quotes",
                "stream": "quotes", "table": "quotes", "request_id": i, "state": "flowing", "rows_per_second": 1.0,
                "last_row": datetime.fromtimestamp(number, UTC).isoformat(), "lag_p50_s": 0.5, "lag_max_s": 0.9,
                "delayed": False, "code": None, "message": ""} for i in range(count)]  # fmt: skip
    return {"state": "recording", "written": datetime.fromtimestamp(number, UTC).isoformat(), "frames": number,
            "streams": streams}


def tell(file: StatusFile, machine: Machine, described: Any, now_s: float) -> bool:
    """Do what a recorder does each second; return whether a status was due."""
    if due := file.is_due(machine, now_s):
        file.write_status(described, now_s)
    else:
        file.live(now_s)
    return due


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has no session."""
    return Machine(Settings.model_validate({"data": tmp_path}), [])


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is written, in bytes, one after the other; a sync fails."""
    found: list[int] = []
    def note(path: Path, said: dict[str, Any]) -> int:
        found.append(write_status(path, said))
        assert (path.name, found[-1]) == (STATUS, path.stat().st_size)
        return found[-1]

    def sync(descriptor: int) -> None:
        raise AssertionError("a status was synced")

    monkeypatch.setattr(status, "write_status", note)
    monkeypatch.setattr("os.fsync", sync)
    monkeypatch.setattr("os.fdatasync", sync)
    return found


@pytest.mark.parametrize(("count", "rest_s"), [(10, LEAST_INTERVAL_S), (5_000, None)])
def test_a_status_of_many_streams_is_written_the_more_seldom(
    tmp_path: Path, machine: Machine, sizes: list[int], count: int, rest_s: float | None
) -> None:
    file, at_s = StatusFile(tmp_path), []
    for now_s in range(200):
        before = len(sizes)
        tell(file, machine, _described(count, now_s), now_s)
        at_s += [now_s] * (len(sizes) - before)
    assert at_s[1] - at_s[0] >= (rest_s or sizes[0] / BYTES_PER_SECOND)
    assert sum(sizes[:-1]) <= BYTES_PER_SECOND * at_s[-1]
    assert len(sizes) > 2
    assert max(sizes) < 1_000 + 150 * count  # a stream's columns are named once
    assert read_status(tmp_path / STATUS)["streams"] == _described(count, at_s[-1])["streams"]


def test_a_status_that_says_nothing_new_is_not_written_but_shows_that_the_recorder_lives(
    tmp_path: Path, machine: Machine, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, touched = StatusFile(tmp_path), list[Path]()
    monkeypatch.setattr("os.utime", touched.append)
    for now_s in range(60):
        tell(file, machine, _described(3, 7) | {"written": str(now_s)}, now_s)
    assert (len(sizes), len(touched)) == (1, 59 // SHOWN_S)


def test_what_happens_to_the_session_is_said_at_once(tmp_path: Path, machine: Machine, sizes: list[int]) -> None:
    file = StatusFile(tmp_path)
    asked = []
    for now_s, trouble in enumerate(["", "", "no connection", "no connection"]):
        machine.trouble = trouble
        asked.append(tell(file, machine, _described(3, now_s), now_s))
    assert asked == [True, False, True, False]
    assert len(sizes) == 2


def test_a_status_that_somebody_removed_is_written_anew(tmp_path: Path, machine: Machine, sizes: list[int]) -> None:
    file = StatusFile(tmp_path)
    for now_s in range(6):
        tell(file, machine, _described(3, 7), now_s)
        if now_s == 1:
            (tmp_path / STATUS).unlink()
    assert len(sizes) == 2
    assert (tmp_path / STATUS).exists()
