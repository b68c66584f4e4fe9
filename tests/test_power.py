"""Power cuts: what was synced is there, every row once or known to be missing, and verify agrees (see `make power`)."""

import errno
import re
from pathlib import Path
from random import Random

import pytest

from capture.publish import make_folder
from tests.disk import Disk, write_tree
from tests.power.life import RECORDER, ROLLER, Clock, Life
from tests.power.schedules import Report, run_lake, workshop
from tests.power.truth import rows_of_tape
from tests.power.watch import Watch

ROOT = Path(__file__).parents[1]
FIXED = "fixed.1"
SCHEDULES = 40
# Folders that nobody keeps: of an export that is not there yet, of a socket, and of wheels that are made.
OF_NO_ACCOUNT = {"capture/export/export.py", "capture/export/lean/zips.py", "capture/export/nautilus/decimals.py",
                 "capture/export/nautilus/files.py",
                 "capture/export/nautilus/instruments.py", "capture/export/stage.py",
                 "capture/gateway/control/command_socket.py", "capture/kernel/making/wheels.py"}


@pytest.fixture
def life(tmp_path: Path) -> Life:
    (tmp_path / "lake").mkdir()
    made = Life(tmp_path / "lake", Clock(), Random(1))
    made.watch.process = RECORDER
    return made


def unsafe(life: Life) -> set[str]:
    """Return the files that a power cut could take or change, without locks."""
    there, safe = life.watch.disk.tree(), life.watch.disk.safe()
    return {path for path in there if not path.endswith("lock") and there[path] != safe.get(path, b"gone")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [FIXED, "fresh"])
def test_a_power_cut_at_any_moment_costs_what_was_not_synced_and_no_more(seed: str) -> None:
    seed = seed if seed == FIXED else str(Random().randrange(10**9))
    report = Report()
    with workshop() as folder:
        run_lake(seed, folder, report, SCHEDULES)
    assert not report.failures, "\n".join(map(str, report.failures[:3]))
    assert report.schedules > report.disks > 10


def test_a_new_folder_is_on_the_disk_and_those_above_it_are(tmp_path: Path) -> None:
    with Watch(tmp_path, Disk()).watching() as watch:
        make_folder(tmp_path / "a" / "b" / "c")
        assert watch.disk.safe() == watch.disk.tree() == {"a": None, "a/b": None, "a/b/c": None}


def test_a_folder_that_somebody_made_who_was_killed_is_brought_to_the_disk(tmp_path: Path) -> None:
    with Watch(tmp_path, Disk()).watching() as watch:
        (tmp_path / "a" / "b").mkdir(parents=True)
        assert watch.disk.safe() == {}
        make_folder(tmp_path / "a" / "b")
        assert watch.disk.safe() == watch.disk.tree()
        count = len(watch.operations)
        make_folder(tmp_path / "a" / "b")
        assert len(watch.operations) == count, "once is enough"
        (tmp_path / "a" / "b").rmdir()
        (tmp_path / "a" / "b").mkdir()
        make_folder(tmp_path / "a" / "b")
        assert watch.disk.safe() == watch.disk.tree(), "it is another one"


@pytest.mark.parametrize("process", [RECORDER, ROLLER])
def test_what_a_failed_sync_loses_is_written_again(life: Life, tmp_path: Path, process: str) -> None:
    """The next sync would succeed and bring nothing, and a power cut then take what counts as safe."""
    failed: list[str] = []

    def fail_once(call: str, path: str) -> None:
        if call == "fsync" and path.endswith(".tape") and not failed:
            failed.append(path)
            raise OSError(errno.EIO, "the disk failed")

    with life.watch.watching(), life.clock.ruling():
        life.record()
        life.mark()
        life.watch.fault = fail_once
        life.watch.process = process
        (life.sync if process == RECORDER else life.roll)()
        assert failed
        life.watch.process = RECORDER
        life.record()
        life.sync()
        safe = life.watch.disk.safe()
    (tmp_path / "safe").mkdir()
    write_tree(safe, tmp_path / "safe")
    assert rows_of_tape(tmp_path / "safe" / "data" / "tape" / "main").sure == life.rows


def test_all_folders_that_are_kept_are_made_by_one_function() -> None:
    made = {str(path.relative_to(ROOT)) for folder in ("capture", "cli") for path in (ROOT / folder).rglob("*.py")
            if re.search(r"\bmk(dir|dirs)\(|makedirs\(", path.read_text())}
    assert made - OF_NO_ACCOUNT == {"capture/publish.py"}


def test_all_that_a_roll_made_is_on_the_disk(life: Life) -> None:
    with life.watch.watching(), life.clock.ruling():
        life.record()
        life.mark()
        assert unsafe(life) == {"data/tape/main/000000000001.tape"}
        life.roll()
        assert unsafe(life) == set()
        assert any(path.startswith("data/live/trades/date=2026-01-05/") for path in life.watch.disk.safe())


def test_what_a_killed_recorder_wrote_is_on_the_disk_before_the_next_one_goes_on(life: Life, tmp_path: Path) -> None:
    with life.watch.watching(), life.clock.ruling():
        life.record()
        written = list(life.rows)
        life.end(RECORDER)
        life.record()
        safe = life.watch.disk.safe()
    (tmp_path / "safe").mkdir()
    write_tree(safe, tmp_path / "safe")
    assert rows_of_tape(tmp_path / "safe" / "data" / "tape" / "main").sure == written
