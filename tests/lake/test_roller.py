"""The roller process: it ends with its recorder, and waits its turn without being deaf."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from capture.lake.layout import Layout, read_rolled
from capture.lake.process_lock import roller_lock
from capture.lake.views import prepare


def start(script: Any, parent: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "capture.lake.processes.roller", str(script.data), "main", str(parent)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def rolled(script: Any) -> int | None:
    position = read_rolled(Layout(script.data), "main")
    return position.mark if position else None


def wait_until(condition: Any, timeout_s: float = 120) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_rolls_until_it_is_told_to_end(script: Any) -> None:
    script.open().mark()
    roller = start(script, os.getpid())
    wait_until(lambda: rolled(script) == 2)
    script.trade(1, 1).mark()
    roller.terminate()
    assert roller.wait(120) == 0
    assert rolled(script) == 3


def test_it_ends_when_its_recorder_was_gone_before_it_began(script: Any) -> None:
    script.open().mark()
    roller = start(script, parent=1 if os.getpid() != 1 else 2)
    assert roller.wait(120) == 0
    assert rolled(script) == 2


@pytest.mark.parametrize("told", [True, False])
def test_it_can_be_told_to_end_while_another_rolls(script: Any, told: bool) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().mark()
    with roller_lock(layout, "main"):
        roller = start(script, os.getpid())
        assert roller.stderr
        assert b"is being rolled" in roller.stderr.readline()
        if told:
            roller.terminate()
            assert roller.wait(120) == 0
            assert rolled(script) is None
            return
    wait_until(lambda: rolled(script) == 2)
    roller.terminate()
    assert roller.wait(120) == 0
