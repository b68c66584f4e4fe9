"""Text from the line reaches a terminal with its control characters written out: it draws and forges nothing."""

import ast
import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.lake.views import prepare
from capture.log_lines import say_line
from capture.printable import one_line, printable
from capture.schemas import NOTICES, TRADES

Run = Callable[..., Any]
EVIL = "A\x1b]0;owned\x07\x1b[2J\x9b31m\u202eB\nticktape: error: forged\r"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose contract's name and whose notice hold escape sequences."""
    layout = Layout(tmp_path_factory.mktemp("evil") / "data")
    layout.tape.mkdir(parents=True)
    prepare(layout)
    first = {"ts": datetime(2026, 1, 2, 15, tzinfo=UTC), "seq": 1, "row": 0, "recorder": "main"}
    trade = dict.fromkeys(TRADES.schema.names) | first | {
        "instrument_id": 5, "symbol": EVIL, "stream": "all_last", "request_id": 1, "origin": "live", "price": 1.0,
        "size": 1.0, "past_limit": False, "unreported": False, "exchange": EVIL}
    notice = dict.fromkeys(NOTICES.schema.names) | first | {"kind": EVIL, "code": 1, "message": EVIL, "source": "main"}
    publish_range(layout, "main", 1, {"trades": pa.Table.from_pylist([trade], TRADES.schema),
                                      "notices": pa.Table.from_pylist([notice], NOTICES.schema)})
    return layout.root


def test_control_characters_are_written_out_and_letters_stay() -> None:
    assert printable("é 漢 \U0001f469\u200d\U0001f680\ta\nb") == "é 漢 \U0001f469\u200d\U0001f680\ta\nb"
    assert printable("\x1b[2J\x07\r\x7f\x9b\u202e\ud800") == "\\x1b[2J\\x07\\r\\x7f\\x9b\\u202e\\ud800"
    assert one_line("a\nb\x1b\r\n") == "a b\\x1b"


@pytest.mark.parametrize("command", [
    ["tail", "trades", "-n", "5", "--for", "0"],
    ["tail", "notices", "-n", "5", "--for", "0"],
    ["tail", "trades", "-n", "5", "--for", "0", "--json"],
    ["replay", "--tables", "trades"],
    ["replay", "--tables", "trades", "--json"],
    ["sql", "select * from trades"],
    ["sql", "select symbol, exchange from trades", "--json"],
    ["sql", "select * from nowhere where symbol = '\x1b[2J'"],
    ["gaps"], ["coverage"], ["status"], ["tables"],
], ids=" ".join)  # fmt: skip
def test_no_command_passes_control_characters_on(run: Run, data: Path, command: list[str]) -> None:
    code, out, err = run(*command, "--data", data)
    assert code in (0, 1), err
    assert not CONTROL.search(out + err)
    assert not [line for line in out.splitlines() if line.startswith("ticktape: error: forged")]
    if "--json" in command:
        rows = json.loads(out)
        assert EVIL in (rows[0] if isinstance(rows, list) else rows).values()  # and the value is whole


@pytest.mark.parametrize("format", ["csv", "table", "json"])
def test_on_a_terminal_every_format_of_an_answer_is_safe(data: Path, format: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "capture.cli", "sql", "select symbol from trades", "--format", format]
    subprocess.run([*command, "--data", str(data)], stdout=theirs, stdin=subprocess.DEVNULL, check=True, timeout=120)
    os.close(theirs)
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    assert "owned" in shown
    assert not CONTROL.search(shown)


def test_what_the_recorder_says_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    say_line("warning", EVIL)
    said = capsys.readouterr().err
    assert said.startswith("ticktape: warning: A\\x1b]0;owned")
    assert not CONTROL.search(said)
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["roller", "sealer", "checker"])
def test_what_the_processes_beside_a_recorder_say_is_a_line_of_its_own(tmp_path: Path, name: str) -> None:
    data = tmp_path / EVIL.replace("/", "")
    data.mkdir()
    (data / "sealed").touch()  # which is to be a folder
    (data / "tape").mkdir()
    words = [str(data), *{"roller": ["main", str(os.getpid())], "checker": [str(os.getpid())]}.get(name, [])]
    command = [sys.executable, "-m", f"capture.lake.processes.{name}", *words]
    ran = subprocess.run(command, capture_output=True, timeout=300)
    said = ran.stderr.decode()
    assert (ran.returncode, "Traceback" in said) == (1, False), said
    assert said.startswith(f"ticktape {name}: ") and "owned" in said
    assert not CONTROL.search(said)
    assert said.count("\n") == 1


def test_what_they_log_is_a_line_of_its_own() -> None:
    code = ("import logging; from capture.child_process import begin; begin('x'); "
            f"logging.getLogger('y').warning('%s', {EVIL!r})")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=300).stderr.decode()
    assert said.startswith("ticktape x: A\\x1b]0;owned") and said.count("\n") == 1
    assert not CONTROL.search(said)


def test_what_is_logged_in_a_command_is_said_as_words_are(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(*_: object) -> Path:
        logging.getLogger("a").warning("%s", EVIL)
        return data

    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those of the tests
    monkeypatch.setattr(import_module("capture.cli.asking.sql"), "lake_folder", folder)
    err = run("sql", "select 1").err
    assert err.startswith("ticktape: warning: A\\x1b]0;owned")
    assert not CONTROL.search(err) and err.count("\n") == 1


def test_the_command_line_prints_in_one_place_only() -> None:
    printing = {path.name for path in (Path(__file__).parents[2] / "cli").rglob("*.py")
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"}
    assert printing == {"output.py"}
