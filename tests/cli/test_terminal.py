"""What commands print, and for whom: readers that leave, terminals of 80 columns, and people who want no colours."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from capture.cli import app
from capture.gateway import Gateway

Run = Callable[..., Any]

STYLED = re.compile(r"\x1b\[[\d;]*m")
WHY = "the connection was lost, which is a long story that does not have room in what is left of a line"
PRINTING: list[list[object]] = [
    ["gaps"], ["gaps", "--json"], ["coverage"], ["tables"], ["tables", "trades"], ["status"], ["du"], ["check-bars"],
    ["tail", "trades", "--for", 0], ["replay"], ["replay", "--format", "arrow"], ["verify"], ["verify", "--files"],
    ["recover"], ["sql", "from trades"]]  # fmt: skip
FORMATS = ("csv", "json", "json-lines", "parquet", "arrow")
PRINTING += [["sql", "from range(100000)", "--format", one] for one in FORMATS]
HELPING: list[list[object]] = [[name, "--help"] for name in get_group(app).commands]
WITHOUT_DATA: list[list[object]] = [["--help"], ["--version"], ["version"], ["gateway", "control"], *HELPING]


@pytest.fixture
def data(script: Any) -> Path:
    """A lake with trades of three instruments and a gap of each."""
    script.open()
    for request_id, symbol in enumerate(("AAPL", "EUR.USD", "ESZ6"), 5):
        script.ask(request_id, "req_tick_by_tick", tick_kind="AllLast", con_id=request_id, symbol=symbol)
        script.trade(request_id, 10.0)
    script.close(WHY).mark()
    folder: Path = script.data
    return folder


@pytest.fixture
def left() -> Iterator[io.TextIOWrapper]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        yield file


class Terminal(io.StringIO):
    """A terminal that remembers what it showed."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, no_color: str = "") -> Terminal:
    """Return a terminal of 80 columns that is stdout and stderr from now on."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", shown)
    for name, value in {"COLUMNS": "80", "TERM": "xterm-256color", "NO_COLOR": no_color}.items():
        monkeypatch.setenv(name, value)
    return shown


def test_every_command_ends_with_0_where_who_reads_it_leaves(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [*([*command, "--data", data] for command in PRINTING), *WITHOUT_DATA]
    for command in commands:
        reader, writer = os.pipe()
        os.close(reader)
        with monkeypatch.context() as patch, os.fdopen(writer, "w") as stdout:
            patch.setattr(sys, "stdout", stdout)
            code, _, err = run(*command)
        assert (command, code) == (command, 0)
        assert "roken pipe" not in err and "Traceback" not in err and "rror" not in err


def test_who_leaves_early_is_no_failure_of_a_process_either(data: Path) -> None:
    command = f"{sys.executable} -m capture.cli sql 'from range(200000)' --format csv --data {data} | head -2"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, '"range"\n0\n', "")


def test_that_a_command_lost_something_is_said_though_its_reader_left(
    run: Run, script: Any, left: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0).mark().trade(5, 2.0).mark()
    tape = next((script.data / "tape" / "main").glob("*.tape"))
    damaged = bytearray(tape.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    tape.write_bytes(damaged)
    monkeypatch.setattr(sys, "stdout", left)
    assert run("recover", "--data", script.data).code == 3


def test_a_broken_pipe_of_another_kind_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("capture.gateway.control.command_socket.ask", lost)
    assert run("gateway", "control", "pause").code == 1


def test_gaps_fit_into_80_columns(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    assert run("gaps", "--data", data).code == 0
    shown = STYLED.sub("", terminal.getvalue())
    head, *lines = shown.splitlines()
    assert head.split() == ["symbol", "stream", "from", "(UTC)", "to", "lasted", "state"]
    assert max(map(len, (head, *lines))) <= 80
    gaps = [line for line in lines if not line.startswith("  ")]
    assert len(gaps) == 3
    assert all(re.fullmatch(r"\S+ +all_last +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .* open", gap.rstrip()) for gap in gaps)
    texts = " ".join(line.strip() for line in lines if line.startswith("  "))
    assert texts == " ".join([WHY] * 3)


def test_gaps_off_a_terminal_are_a_line_each(run: Run, data: Path) -> None:
    code, out, _ = run("gaps", "--data", data)
    assert code == 0
    assert [line.endswith(WHY) for line in out.splitlines()] == [False, True, True, True]


def test_no_color_leaves_nothing_but_letters(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    run("gaps", "--data", data)
    assert STYLED.search(terminal.getvalue())  # so the terminal is one
    terminal = on_a_terminal(monkeypatch, no_color="1")
    texts = [command for command in PRINTING if not {"arrow", "parquet"} & set(map(str, command))]
    commands: list[list[object]] = [
        *([*command, "--data", data] for command in texts), *WITHOUT_DATA, ["fly"], ["sql", "--fly"],
        ["export", "trades", "-o", "trades.csv", "--data", data]]  # fmt: skip
    for command in commands:
        run(*command)
        assert (command, STYLED.findall(terminal.getvalue())) == (command, [])


@pytest.mark.slow
def test_a_recording_without_colours_is_drawn_without_any(
    run: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = on_a_terminal(monkeypatch, no_color="1")
    run("record", "AAPL", "NOSUCH", "--streams", "trades", "--for", "1", "--port", gateway.port, "--data", "data")
    assert "NOSUCH: " in terminal.getvalue()  # an error, which is red otherwise
    assert not STYLED.search(terminal.getvalue())


def test_only_one_place_makes_consoles() -> None:
    cli = Path(__file__).parents[2] / "cli"
    assert [path.name for path in sorted(cli.rglob("*.py")) if re.search(r"\bConsole\(", path.read_text())] == [
        "output.py"]  # fmt: skip
