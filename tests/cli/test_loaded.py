"""What a command loads: counted in modules, as time on a busy machine proves nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from capture.lake.layout import Layout

HEAVY = {"asyncio", "duckdb", "numpy", "pandas", "polars", "prometheus_client", "pyarrow", "rich", "starlette",
         "uvicorn"}  # fmt: skip
RUN = """
import io, sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from capture.cli import main
with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
    main()
print(*sys.modules)
"""
OPEN = """
import sys, capture
capture.open_lake(sys.argv[1]).close()
print(*sys.modules)
"""
MOST_OF_HELP = 260  # modules, some 200 of Python's own and of typer's among them
MOST_OF_A_LAKE = 520


def loaded(code: str, *arguments: object) -> set[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return set(ran.stdout.split())


def test_the_list_of_commands_loads_little() -> None:
    modules = loaded(RUN, "--help")
    assert not modules & {*HEAVY, "pydantic", "importlib.metadata"}
    assert "capture.cli.keeping.verify" in modules  # the list has its help
    assert len(modules) <= MOST_OF_HELP


@pytest.mark.parametrize(("arguments", "others"), [
    (["--version"], set()), (["version"], set()), (["init", "-"], {"asyncio"}), (["service", "--help"], set()),
    (["record", "--help"], set()), (["sql", "--help"], set()), (["alerts", "list", "--data"], set()),
    (["status", "--data"], {"numpy", "pyarrow", "duckdb"}), (["plan", "AAPL"], {"numpy", "asyncio", "rich"}),
], ids=lambda given: " ".join(given) if isinstance(given, list) else "")
def test_a_command_loads_what_it_needs(arguments: list[str], others: set[str], tmp_path: Path) -> None:
    Layout(tmp_path).tape.mkdir()
    modules = loaded(RUN, *arguments, *([tmp_path] if arguments[-1] == "--data" else []))
    assert modules & HEAVY <= others
    verbs = {name for name in modules if name.startswith(("capture.cli.asking.", "capture.cli.keeping."))}
    assert len(verbs) <= 1, "a verb loads no others"


def test_an_open_lake_loads_neither_what_replays_nor_what_exports(tmp_path: Path) -> None:
    Layout(tmp_path).tape.mkdir()
    modules = loaded(OPEN, tmp_path)
    assert not modules & (HEAVY - {"duckdb", "numpy", "pyarrow"}) and "pydantic" not in modules
    assert not {name for name in modules if name.startswith(("capture.replay", "capture.export", "capture.plot"))}
    assert len(modules) <= MOST_OF_A_LAKE
