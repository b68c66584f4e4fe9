import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest

from capture.cli import main

Run = Callable[..., Any]
exits = import_module("capture.cli.shared.exits")  # type checkers see only the package


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys, capture.cli; print(*{'duckdb', 'polars', 'pyarrow', 'pydantic', 'asyncio'} & {*sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"asyncio"}


def test_python_m_is_the_same_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "capture.cli", "version"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"ticktape {version('ticktape')}\n")


def test_version_as_json(run: Run) -> None:
    assert f'"ticktape": "{version("ticktape")}"' in run("version", "--json").out


def test_the_version_says_whether_the_kernel_is_used(both_ways: str, run: Run) -> None:
    said = "there" if both_ways == "kernel" else "not used: TICKTAPE_KERNEL=off"
    assert run("version").out.endswith(f"kernel {said}\n")


@pytest.mark.parametrize("arguments", [["fly"], ["sql", "--fly"], ["tables", "--data"], ["gateway", "--port", "70000"]])
def test_wrong_usage_is_2_without_a_traceback(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(("error", "told"), [
    (exits.UsageError("not that"), (exits.Exit.USAGE, "not that")),
    (OSError(5, "no such luck", ".x.csv.12.tmp"), (exits.Exit.FAILED, "x.csv: no such luck")),
    (OSError("the disk is gone"), (exits.Exit.FAILED, "the disk is gone")),
    (ValueError("a bug of ours"), None),
])
def test_errors_are_told_by_whose_fault_they_are(error: Exception, told: tuple[int, str] | None) -> None:
    assert exits.explain(error) == told


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("capture.cli.app", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main()


def test_showing_progress_needs_no_database() -> None:
    code = "import sys, capture.cli.shared.progress; print(*{'duckdb', 'polars', 'pyarrow', 'rich'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
