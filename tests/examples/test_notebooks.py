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
from tests.lake.functions.accounts import POSITIONS, AccountLake

from . import account_recording, recording
from .runner import execute, pictures

# Type checkers see only the package.
notebook = importlib.import_module("capture.cli.asking.notebook")

PNG = b"\x89PNG\r\n\x1a\n"
PICTURES = {"first_look": 5, "microstructure": 6, "bars_and_joins": 4, "replay_strategy": 1, "account": 6}


def texts(cells: list[dict[str, Any]]) -> str:
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "\n".join(output["data"]["text/plain"] if "data" in output else output["text"] for output in outputs)


@pytest.fixture
def written(tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """The notebook of a name, as `ticktape notebook` writes it for the recorded lake."""
    return write(name, recorded, tmp_path, monkeypatch)


def write(name: str, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `ticktape notebook` write one into a folder, where it is then run."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    subprocess.run([sys.executable, "-m", "capture.cli", "notebook", name, "--data", str(data), "--no-open"],
                   check=True, capture_output=True)  # fmt: skip
    return folder / f"{name}.ipynb"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["first_look", "microstructure", "bars_and_joins"])
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
def test_a_day_of_an_account_is_shown_without_its_number(
    tmp_path: Path, traded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("account", traded, tmp_path, monkeypatch)
    cells = execute(path)
    found, shown = pictures(cells), texts(cells)
    assert len(found) == PICTURES["account"]
    assert all(one.startswith(PNG) and len(one) > 8_000 for one in found)
    assert "every stream of accounts has rows" in shown and "every position could be priced" in shown
    with open_lake(traded) as lake:
        fills = lake.fills().arrow().to_pylist()
        numbers = {row["account"] for row in fills}
    assert len(fills) >= len(account_recording.ORDERS) - 1, "but one order may wait for its limit"
    assert {fill["symbol"] for fill in fills} == {"AAPL", "ESZ6", "MSFT", "AAPL  261218C00275000"}
    assert len(numbers) == 1 and not any(number in f"{json.dumps(cells)}{path.read_text()}" for number in numbers)


@pytest.mark.slow
def test_what_an_account_lacks_is_said_where_it_would_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stock of two was never priced, one fill met no quote, P&L was broken, and no margin came."""
    made = AccountLake(tmp_path / "data")
    made.asked(0, POSITIONS)
    made.position(1, 100)
    made.position(1, 5, "MSFT")
    made.asked(2, POSITIONS, "completed")
    made.quote(2, 99.0, 101.0)
    made.fill(100, 100, 100.0, "1.01")
    for second in (5, 10, 400, 405):
        made.add("pnl", second, None, account="A1", stream="pnl", instrument_id=None, daily=second - 50.0)
    made.gap(12, 395, stream="pnl", symbol=None, instrument_id=None)
    made.lake.close()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    path = tmp_path / "account.ipynb"
    values = {"DATA": str(made.layout.root), "DAY": "2026-11-18"}
    text = notebook.filled(notebook.notebook_text("account"), values)
    path.write_text(text.replace("MOMENTS = 6", "MOMENTS = 2"), encoding="utf-8")  # each takes its time
    cells = execute(path)
    shown = texts(cells)
    assert len(pictures(cells)) == PICTURES["account"] - 1, "of execution there is none"
    for text in ("values: nothing was recorded", "orders: nothing was recorded", "no options are held",
                 "1 orders were filled, and of none it is known what quote it met", "in no figure: MSFT"):  # fmt: skip
        assert text in shown, text
    assert "A1" not in shown


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
