"""`ticktape prune`: says first, asks, and removes."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.tape import compress_closed, segments

Run = Callable[..., Any]
BEGIN = datetime.now(UTC).replace(hour=12) - timedelta(days=20)


@pytest.fixture
def data(script: Any, tmp_path: Path) -> Path:
    """A sealed lake of three days, twenty days ago, with a segment of tape each."""
    now = BEGIN

    def tick() -> int:
        nonlocal now
        now += timedelta(milliseconds=1)
        return int(now.timestamp() * 1e9)

    tape = type(script)(tmp_path / "old", now=tick)
    layout = Layout(tape.data)
    prepare(layout)
    tape.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for _ in range(3):
        tape.trade(5, 1.0)
        now += timedelta(days=1)
        tape.marks += 1
        tape.writer.rotate(tape.line.as_mark(tape.marks))
    tape.writer.close()
    list(Roller(layout, "main").roll())
    compress_closed(layout.tape / "main")
    list(Sealer(layout, settle_s=0).seal())
    return layout.root


def trades(data: Path) -> int:
    with open_lake(data) as lake:
        return int(lake.sql("select count(*) from trades").rows()[0][0])


def test_a_dry_run_removes_nothing(run: Run, data: Path) -> None:
    code, out, _ = run("prune", "--data", data, "--keep", "trades=19", "--keep", "tape=18", "--dry-run")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["what", "trades", "tape", "together"]
    said = json.loads(run("prune", "--data", data, "--keep", "trades=19", "--dry-run", "--json").out)
    assert not said["removed"]
    assert [(part["table"], part["files"]) for part in said["parts"]] == [("trades", 2)]  # sorted, and what it replaced
    assert said["size_bytes"] == said["parts"][0]["size_bytes"] > 0
    assert trades(data) == 3


def test_settings_say_what_goes_and_options_win(run: Run, data: Path) -> None:
    Path("ticktape.toml").write_text("[retention]\ntrades = 19\ntape = 17\n")
    code, _, err = run("prune", "--data", data, "--keep", "trades=18")
    assert code == 0
    assert "main: verified and pruned up to mark 3" in err
    assert trades(data) == 1
    assert len(segments(data / "tape" / "main")) == 2
    assert run("verify", "--data", data).out == "clean\n"
    assert run("prune", "--data", data).out == "nothing is old enough, sealed and there\n"


@pytest.mark.parametrize(("words", "told"), [
    ([], "nothing says for how many days"),
    (["--keep", "trades"], "write a word and a number of days"),
    (["--keep", "trade=30"], "there is nothing named 'trade' to keep; there are trades, quotes"),
    (["--keep", "gaps=30"], "gaps is kept for ever"),
    (["--keep", "tape=1"], "the least is 2 days"),
])
def test_wrong_usage(run: Run, data: Path, words: list[str], told: str) -> None:
    code, _, err = run("prune", "--data", data, *words)
    assert code == 2
    assert told in err


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 3), (b"y\n", 2)])
def test_on_a_terminal_it_asks(data: Path, answer: bytes, left: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "capture.cli", "prune", "--data", str(data), "--keep", "trades=19"]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.write(ours, answer)
    said = process.communicate(timeout=60)[1]
    os.close(ours)
    os.close(theirs)
    assert b"for ever?" in said
    assert trades(data) == left
