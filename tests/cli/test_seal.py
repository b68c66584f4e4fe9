"""`ticktape seal`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare

COMMAND = [sys.executable, "-m", "capture.cli", "seal"]


def test_it_says_what_was_sealed(script: Any) -> None:
    layout = Layout(script.data)
    prepare(layout)
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast").mark()
    list(Roller(layout, "main").roll())
    done = subprocess.run([*COMMAND, "--data", layout.root, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"sealed": [], "removed_files": 0}  # today is not over


def test_a_folder_without_lake_is_named(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "--data", tmp_path / "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no lake at" in done.stderr
