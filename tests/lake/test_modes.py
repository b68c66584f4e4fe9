"""Modes of files and folders are ours to say: the umask of whoever starts a command changes none of them."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from capture.data_folder import LOCK
from capture.gateway import Gateway, running
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.process_lock import locked, roller_lock
from capture.lake.roll import Roller
from capture.lake.sealed import moving_dates, publishing, seal_through, sealer_lock
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.publish import PRIVATE, make_folder
from capture.tape import TapeWriter
from capture.tape.recording_lock import FolderLock

NOBODY = 65_534


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="{:o}".format)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_umask_changes_no_mode(umask: int, tmp_path: Path, script: Any) -> None:
    data = tmp_path / "new" / "data"
    TapeWriter.open(data / "tape", "first", script.line.as_mark(1)).close()  # which makes the folders
    tape = type(script)(data)
    tape.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0).mark().writer.close()
    layout = Layout(data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    with sealer_lock(layout):
        pass
    assert mode(data) == 0o700
    for path in data.rglob("*"):
        private = path.is_relative_to(layout.tape)
        wanted = (0o700 if private else 0o755) if path.is_dir() else 0o600 if private else 0o644
        assert (str(path), oct(mode(path))) == (str(path), oct(wanted))


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, 0o077], ids="{:o}".format)
def test_a_whole_recording_and_an_export_have_the_same_modes_under_any_umask(umask: int, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    with running(Gateway(Market(rate=20), limits=None)) as gateway:
        for words in (["record", "AAPL", "--streams", "trades,quotes", "--for", "3", "--port", gateway.port],
                      ["sql", "from trades"], ["seal"], ["verify"], ["status"],
                      ["export", "trades", "--by", "symbol", "--format", "csv", "-o", out]):
            subprocess.run([sys.executable, "-m", "capture.cli", *map(str, words), "--data", str(data)], umask=umask,
                           check=True, capture_output=True, timeout=300)  # fmt: skip
        checker = [sys.executable, "-m", "capture.lake.processes.checker", str(data), str(os.getpid())]
        subprocess.run(checker, umask=umask, check=True, timeout=300)
    assert {"lock", "roller.lock", "status.json", "rolled.json"} <= {path.name for path in data.rglob("*")}
    assert mode(data) == 0o700
    for path in (*data.rglob("*"), out, *out.rglob("*")):
        private = path.is_relative_to(data / "tape")
        wanted = (0o700 if private else 0o755) if path.is_dir() else 0o600 if private else 0o644
        assert (str(path), oct(mode(path))) == (str(path), oct(wanted))


def test_a_lock_of_before_gets_its_mode(tmp_path: Path) -> None:
    path = tmp_path / LOCK
    path.touch()
    path.chmod(0o666)
    FolderLock(tmp_path).release()
    assert mode(path) == 0o600


def test_locks_of_a_tape_are_their_owners_alone_and_those_of_a_lake_can_be_held_by_all(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.tape / "main").mkdir(parents=True)
    for lock in (roller_lock(layout, "main"), sealer_lock(layout), publishing(layout)):
        with lock:
            pass
    assert {path.name: mode(path) for path in tmp_path.rglob("*.lock")} == {
        "roller.lock": 0o600, "sealer.lock": 0o644, "dates.lock": 0o644}


def test_a_data_folder_that_is_there_keeps_its_mode(umask: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o750)
    make_folder(data, PRIVATE)
    assert mode(data) == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can act for two users")
def test_locks_that_the_superuser_makes_belong_to_whom_their_folder_belongs(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    for _ in range(2):
        FolderLock(tmp_path).release()
        with locked(tmp_path / "other", fcntl.LOCK_EX):
            pass
        for path in (tmp_path / LOCK, tmp_path / "other"):
            assert path.stat().st_uid == NOBODY
            path.chmod(0o666)  # as its owner may wish
    assert {mode(tmp_path / LOCK), mode(tmp_path / "other")} == {0o666}
    FolderLock(tmp_path).release()
    assert mode(tmp_path / LOCK) == 0o666


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can act for two users")
def test_who_seals_as_the_superuser_locks_nobody_out() -> None:
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        (data / "tape").mkdir(parents=True)
        for path in (Path(folder), data, data / "tape"):
            os.chown(path, NOBODY, NOBODY)
        before = os.umask(0o077)
        try:
            prepare(Layout(data))
            list(Sealer(Layout(data)).seal())
        finally:
            os.umask(before)
        assert {path.stat().st_uid for path in data.rglob("*")} == {NOBODY}
        assert _as_nobody(lambda: _seal_once(Layout(data))) == 0


def test_a_lock_that_another_user_made_can_be_held(tmp_path: Path) -> None:
    path = tmp_path / "sealer.lock"
    path.touch()
    path.chmod(0o444)
    with locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB), pytest.raises(BlockingIOError):
        locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB).__enter__()


def _seal_once(layout: Layout) -> None:
    with sealer_lock(layout), moving_dates(layout):
        seal_through(layout, "trades", date(2026, 1, 1))


def _as_nobody(act: Callable[[], None]) -> int:
    """Return the exit code of a process of another user, who may do nothing but what everybody may."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        act()
        code = 0
    finally:
        os._exit(code)
