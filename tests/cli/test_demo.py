from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
demo = import_module("capture.cli.demo")  # type checkers see only the package


@pytest.mark.slow
def test_it_records_and_answers(run: Run, tmp_path: Path) -> None:
    code, out, err = run("demo", "--for", 4, "--data", "fresh")
    assert code == 0, err
    assert "recording 26 of 26 wanted streams" in err
    for title, query in demo.QUESTIONS:
        assert title in out
        assert query in out
        code, csv, _ = run("sql", query, "--data", "fresh", "--format", "csv")
        assert code == 0
        assert len(csv.splitlines()) > 1
