"""`ticktape du`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_sizes_are_shown(run: Run, lake: Path) -> None:
    code, out, err = run("du", "--data", lake)
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert lines["trades"][1] == "3"
    assert lines["2026-01-02"][3:] == ["0", "B"]
    assert "free" in out
    assert lines["growth:"]
    found = json.loads(run("du", "--data", lake, "--json").out)
    assert found["tables"][0]["live_bytes"] == found["total_bytes"] > 0


def test_without_a_lake(run: Run, tmp_path: Path) -> None:
    code, _, err = run("du", "--data", tmp_path / "none")
    assert code == 1
    assert "no lake at" in err
