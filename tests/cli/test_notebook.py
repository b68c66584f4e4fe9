"""`ticktape notebook`: what it writes, leaves alone, and opens."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lake.functions.accounts import POSITIONS, AccountLake

notebook = importlib.import_module("capture.cli.asking.notebook")  # type checkers see only the package

Run = Callable[..., Any]


@pytest.fixture
def accounts(tmp_path: Path) -> AccountLake:
    """A lake of accounts to fill."""
    return AccountLake(tmp_path / "accounts")


@pytest.fixture
def jupyter(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """JupyterLab is installed; the commands that open it are collected."""
    opened: list[list[str]] = []
    monkeypatch.setattr(notebook, "find_spec", lambda name: object())
    monkeypatch.setattr(notebook.subprocess, "run", lambda command, check: opened.append(command))
    return opened


def parameters(path: Path) -> dict[str, str]:
    """Return what a notebook's first code cell says, by running it."""
    cell = next(cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code")
    values: dict[str, str] = {}
    exec("".join(cell["source"]), {}, values)
    return values


def test_it_is_filled_in_for_the_lake(run: Run, lake: Path) -> None:
    code, out, err = run("notebook", "--data", lake, "--no-open")
    assert (code, out) == (0, "first_look.ipynb\n")
    assert "jupyter lab first_look.ipynb" in err
    assert parameters(Path("first_look.ipynb")) == {"DATA": str(lake), "DAY": "2026-01-02", "SYMBOL": "AAPL"}


@pytest.mark.parametrize("name", [name for name in notebook.Name if name != "account"])
def test_every_notebook_can_be_had(run: Run, lake: Path, name: str) -> None:
    assert run("notebook", name, "--data", lake, "--no-open").out == f"{name}.ipynb\n"
    values = parameters(Path(f"{name}.ipynb"))
    assert (values["DATA"], values["DAY"], values["SYMBOL"]) == (str(lake), "2026-01-02", "AAPL")
    assert values.get("OTHER", 'é|"x') == 'é|"x'


def test_a_folder_is_named_as_seen_from_the_notebook(run: Run, lake: Path) -> None:
    Path("books").mkdir()
    run("notebook", "--data", os.path.relpath(lake), "-o", "books/mine.ipynb", "--no-open")
    assert parameters(Path("books/mine.ipynb"))["DATA"] == os.path.relpath(lake, "books")


def test_one_that_is_there_is_opened_as_it_is(run: Run, lake: Path, jupyter: list[list[str]]) -> None:
    Path("first_look.ipynb").write_text("mine")
    code, out, err = run("notebook", "--data", lake, "--open")
    assert (code, out) == (0, "first_look.ipynb\n")
    assert err == "ticktape: first_look.ipynb is there already, and left as it is; --force writes it anew\n"
    assert Path("first_look.ipynb").read_text() == "mine"
    assert jupyter == [[sys.executable, "-m", "jupyterlab", "first_look.ipynb"]]
    run("notebook", "--data", lake, "--force", "--no-open")
    assert parameters(Path("first_look.ipynb"))["SYMBOL"] == "AAPL"
    assert len(jupyter) == 1


def test_it_is_opened_on_a_terminal_only(
    run: Run, lake: Path, jupyter: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    err = run("notebook", "--data", lake).err
    assert err == "ticktape: open it with: jupyter lab first_look.ipynb\n"
    assert jupyter == []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    run("notebook", "--data", lake)
    assert len(jupyter) == 1


def test_without_jupyter_it_says_how_to_get_it(run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    code, _, err = run("notebook", "--data", lake)
    assert code == 0
    assert err == "ticktape: to open it: pip install 'ticktape[notebook]', then: jupyter lab first_look.ipynb\n"
    code, _, err = run("notebook", "--data", lake, "--open")
    assert code == 2 and "JupyterLab is not installed: pip install 'ticktape[notebook]'" in err


@pytest.mark.parametrize(("arguments", "code", "text"), [
    (["second_look"], 2, "first_look"),
    (["--data", "none"], 1, "no lake at"),
])  # fmt: skip
def test_what_cannot_be_written_is_told(run: Run, lake: Path, arguments: list[str], code: int, text: str) -> None:
    found = run("notebook", *(["--data", lake] if "--data" not in arguments else []), *arguments)
    assert (found.code, found.out) == (code, "")
    assert text in found.err and "Traceback" not in found.err
    assert list(Path().iterdir()) == []


def test_an_empty_lake_has_nothing_to_look_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "tape").mkdir(parents=True)
    code, _, err = run("notebook", "--data", tmp_path / "data")
    assert code == 1 and "has no trades, quotes or depth yet" in err


def test_that_of_accounts_has_their_newest_day_and_not_their_numbers(run: Run, accounts: AccountLake) -> None:
    accounts.asked(0, POSITIONS)
    accounts.position(1, 100)
    accounts.trade(86_400, 10.0)  # a day later, without anything of accounts
    accounts.lake.close()
    code, out, _ = run("notebook", "account", "--data", accounts.layout.root, "--no-open")
    assert (code, out) == (0, "account.ipynb\n")
    values = parameters(Path("account.ipynb"))
    assert values == {"DATA": str(accounts.layout.root), "DAY": "2026-11-18", "ACCOUNTS": "all"}
    assert '"A1"' not in Path("account.ipynb").read_text()


def test_without_accounts_their_notebook_says_how_to_have_them(run: Run, lake: Path) -> None:
    code, _, err = run("notebook", "account", "--data", lake)
    assert code == 1 and "has nothing of accounts: [accounts] in ticktape.toml has them recorded" in err


def test_comments_and_other_lines_stay_as_they_are() -> None:
    text = json.dumps({"cells": [{"cell_type": "code", "source": [
        'DATA = "data"  # where\n', "SPEED = 60\n", 'OTHER = "x"\n']}]})  # fmt: skip
    source = json.loads(notebook.filled(text, {"DATA": 'a "b" \\c', "SPEED": "1"}))["cells"][0]["source"]
    assert source == ['DATA = "a \\"b\\" \\\\c"  # where\n', "SPEED = 60\n", 'OTHER = "x"\n']


@pytest.mark.slow
def test_the_command_is_there() -> None:
    command = [sys.executable, "-m", "capture.cli", "notebook", "--help"]
    assert "first_look" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
