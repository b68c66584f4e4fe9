from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture.data_folder import DEMO

Run = Callable[..., Any]

demo = import_module("capture.cli.playing.demo")  # type checkers see only the package


@pytest.mark.slow
def test_it_records_and_answers(run: Run, tmp_path: Path) -> None:
    code, out, err = run("demo", "--for", 4, "--data", "fresh")
    assert code == 0, err
    assert "requesting 33 of 33 wanted streams" in err
    for title, query in demo.QUESTIONS:
        assert title in out
        assert query in out
    assert out.count("ticktape sql --data fresh") == len(demo.QUESTIONS)
    assert "ticktape serve --data fresh" in out
    for _, query in demo.QUESTIONS:
        code, csv, _ = run("sql", query, "--data", "fresh", "--format", "csv")
        assert code == 0
        assert len(csv.splitlines()) > 1


def test_the_folder_of_a_demo_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    demo._clear(folder)
    (folder / "tape" / "main").mkdir(parents=True)
    demo._clear(folder)
    assert [path.name for path in folder.iterdir()] == [DEMO]


def test_a_folder_that_is_no_demo_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    code, out, err = run("demo", "--data", "mine")
    assert (code, out) == (2, "")
    assert "--data" in err
    assert (tmp_path / "mine" / "notes").exists()
