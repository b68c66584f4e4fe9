"""A copy of the data folder that is made while a recorder writes into it, by the commands of docs/operations.md."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture import open_lake
from capture.gateway import Gateway, running
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.statements.imported import import_statements
from tests import debian
from tests.statements.flex import trade, written

from .conftest import Run

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
TICKTAPE = [sys.executable, "-m", "capture.cli"]
SETTINGS = """
data = "data"
port = {port}
roll_interval_s = 1
[[record]]
instruments = ["AAPL", "ESZ6"]
streams = ["trades", "quotes", "depth"]
"""
LONGEST_S = 120.0
TABLES = ("trades", "quotes", "depth")
FILES = 3  # of a table, before a copy is made


def block(program: str) -> str:
    """Return the commands of the page that copy by a program."""
    blocks: list[str] = re.findall(r"```bash\n(.+?)```", PAGE.read_text(), re.S)
    [found] = [one for one in blocks if "sealed" in one and f"\n{program} -a" in one]  # fmt: skip
    return found


def copy(program: str, data: Path, backup: Path) -> subprocess.CompletedProcess[str]:
    """Run these commands with other folders."""
    commands = block(program).replace("/var/lib/ticktape", str(data)).replace("/backup/ticktape", str(backup))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(["bash", "-e", "-c", commands], env=os.environ | {"PATH": path}, capture_output=True,
                          text=True)  # fmt: skip


def rows(data: Path, table: str) -> list[tuple[object, ...]]:
    with open_lake(data) as lake:
        return lake.sql(f"select * exclude (date) from {table} order by ts, recorder, seq, row").rows()


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The data folder of a recorder that was stopped since, and copies that were made while it wrote."""
    folder = tmp_path_factory.mktemp("backup")
    data, made = folder / "data", {}
    with running(Gateway(Market(rate=20), limits=None)) as gateway:
        (folder / "ticktape.toml").write_text(SETTINGS.format(port=gateway.port))
        recorder = subprocess.Popen([*TICKTAPE, "record"], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            end_s = time.monotonic() + LONGEST_S
            while len([*data.glob("live/quotes/date=*/main.*.parquet")]) < FILES:
                assert recorder.poll() is None
                assert time.monotonic() < end_s
                time.sleep(0.2)
            import_statements(Layout(data), [written(trade("1", 1))], mask_accounts=True)
            for program in ("cp", "rsync"):
                if shutil.which(program):
                    done = copy(program, data, folder / program)
                    assert (done.returncode, done.stdout) == (0, "clean\n"), done.stderr
                    made[program] = folder / program
        finally:
            recorder.send_signal(signal.SIGTERM)
            assert recorder.wait(LONGEST_S) == 0
    yield made | {"data": data}


@pytest.mark.parametrize("program", ["cp", "rsync"])
def test_a_copy_made_while_recording_has_each_row_up_to_a_moment_once(copies: dict[str, Path], program: str) -> None:
    if program not in copies:
        debian.program(program)  # skips, and says how to get it
    counts = []
    for table in TABLES:
        truth, copied = rows(copies["data"], table), rows(copies[program], table)
        assert copied == truth[:len(copied)], table
        counts.append((len(copied), len(truth)))
    assert 0 < sum(copied for copied, _ in counts) < sum(truth for _, truth in counts)  # it was recorded meanwhile


@pytest.mark.parametrize("program", ["cp", "rsync"])
def test_a_copy_has_statements_and_the_key_of_aliases_which_no_tape_has(copies: dict[str, Path], program: str) -> None:
    if program not in copies:
        debian.program(program)  # skips, and says how to get it
    with open_lake(copies[program]) as lake:
        assert lake.sql("select quantity from statement_trades").rows() == [(1.0,)]
    assert (copies[program] / "account.key").read_bytes() == (copies["data"] / "account.key").read_bytes()


@pytest.fixture
def restored(copies: dict[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(copies["cp"], tmp_path / "data")
    return tmp_path / "data"


def test_a_recorder_goes_on_in_what_was_restored(restored: Path, gateway: Gateway, run: Run, tmp_path: Path) -> None:
    before = rows(restored, "quotes")
    (tmp_path / "ticktape.toml").write_text(SETTINGS.format(port=gateway.port))
    assert run("record", "--for", "2").code in (0, 3)
    after = rows(restored, "quotes")
    assert len(after) > len(before)
    assert after[:len(before)] == before
    assert run("verify").out == "clean\n"


def test_a_torn_copy_is_told_and_mended_from_its_tape(restored: Path, run: Run) -> None:
    """Files that are cut or missing: verify says so, and what the page names brings all rows back."""
    expected = {table: rows(restored, table) for table in TABLES}
    cut, gone = sorted(restored.glob("live/quotes/date=*/main.*.parquet"))[-2:]
    os.truncate(cut, cut.stat().st_size // 2)
    gone.unlink()
    os.truncate(restored / "sealed" / "quotes.parquet", 0)
    (restored / "tape" / "main" / "rolled.json").unlink()
    found = run("verify", "--data", restored)
    assert found.code in (1, 3)
    assert "ticktape recover" in found.out + found.err
    assert run("recover", "--data", restored).code == 0
    assert run("rebuild", "--replace", "--data", restored).code == 0
    assert run("verify", "--data", restored).out == "clean\n"
    assert {table: rows(restored, table) for table in TABLES} == expected


def test_a_tape_that_ends_in_the_midst_of_a_write_is_whole_up_to_there(restored: Path, run: Run) -> None:
    expected = rows(restored, "quotes")
    path = sorted(restored.glob("tape/main/*.tape"))[-1]
    os.truncate(path, path.stat().st_size - 7)
    assert run("verify", "--data", restored).out == "clean\n"
    found = rows(restored, "quotes")
    assert found == expected[:len(found)]
    assert len(found) > len(expected) // 2
