"""The notebooks run from top to bottom on a recorded lake, and show pictures of it."""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake

from . import recording
from .runner import execute, pictures

# Type checkers see only the package.
notebook = importlib.import_module("capture.cli.asking.notebook")

PNG = b"\x89PNG\r\n\x1a\n"
PICTURES = {"first_look": 5, "microstructure": 6, "bars_and_joins": 4, "replay_strategy": 1}


def texts(cells: list[dict[str, Any]]) -> str:
    return "\n".join(output["data"]["text/plain"] for cell in cells for output in cell["outputs"] if "data" in output)


@pytest.fixture
def written(tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """The notebook of a name, as `ticktape notebook` writes it for the recorded lake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    subprocess.run([sys.executable, "-m", "capture.cli", "notebook", name, "--data", str(recorded), "--no-open"],
                   check=True, capture_output=True)  # fmt: skip
    return tmp_path / f"{name}.ipynb"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "replay_strategy"])
def test_a_notebook_runs_from_top_to_bottom(name: str, written: Path) -> None:
    found = pictures(execute(written))
    assert len(found) == PICTURES[name]
    assert all(one.startswith(PNG) and len(one) > 8_000 for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["replay_strategy"])
def test_a_strategy_lives_through_the_day_again_and_leaves_no_gateway(name: str, written: Path, recorded: Path) -> None:
    cells = execute(written)
    assert len(pictures(cells)) == 1
    assert "ESZ6 from 14:31:00 to 14:51:00 UTC" in texts(cells)
    # 20 minutes are 240 bars; of them a minute and the rest of the outage that was not restored are missing.
    bars = next(int(text.split()[0].strip("'")) for text in texts(cells).splitlines() if text.endswith("fills'"))
    assert 200 <= bars <= 230
    port = int(next(text for text in texts(cells).splitlines() if "127.0.0.1:" in text).rpartition(":")[2].strip("'"))
    with pytest.raises(OSError, match=r"\d"):
        asyncio.run(asyncio.open_connection("127.0.0.1", port))


@pytest.mark.slow
def test_the_recording_has_what_the_notebooks_show(recorded: Path) -> None:
    with open_lake(recorded) as lake:
        gaps = lake.gaps().arrow().to_pylist()
        states = {(gap["symbol"], gap["stream"], gap["state"]) for gap in gaps}
        assert {("AAPL", "quotes", "backfilled"), ("AAPL", "quotes", "closed"), ("AAPL", "depth", "closed")} <= states
        rows = dict(lake.sql("select symbol, count(*) from quotes group by all").rows())
        assert rows.keys() == {"AAPL", "ESZ6", "EUR.USD"} and min(rows.values()) > 3_000
        assert {str(row[0]) for row in lake.sql("select distinct date from quotes").rows()} == {recording.DAY}


@pytest.mark.parametrize("name", list(notebook.Name))
def test_notebooks_are_kept_without_outputs(name: str) -> None:
    content = json.loads(notebook.notebook_text(name))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "DATA = " in code[0]["source"][0]
    assert content["cells"][0]["source"][0].startswith("# ")
    assert os.sep + "tmp" not in json.dumps(content)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])


def test_every_notebook_is_run() -> None:
    assert set(PICTURES) == set(notebook.Name)
