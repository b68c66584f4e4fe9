from collections.abc import Callable
from pathlib import Path
from typing import Any

from capture.trouble_kinds import KINDS
from capture.wanted.settings import load_settings

Run = Callable[..., Any]


def test_what_it_writes_can_be_read_back(run: Run) -> None:
    code, out, err = run("init")
    assert (code, out) == (0, "")
    assert "ticktape record" in err
    assert load_settings(Path("ticktape.toml")).wanted()


def test_it_replaces_nothing_unless_told_to(run: Run) -> None:
    Path("mine.toml").write_text("port = 7497\n")
    code, _, err = run("init", "mine.toml")
    assert (code, Path("mine.toml").read_text()) == (2, "port = 7497\n")
    assert "--force" in err
    assert run("init", "mine.toml", "--force").code == 0
    assert "[[record]]" in Path("mine.toml").read_text()


def test_a_folder_that_is_none_is_made(run: Run) -> None:
    assert run("init", "missing/ticktape.toml").code == 0
    assert Path("missing/ticktape.toml").is_file()


def test_each_kind_of_trouble_stands_in_it_as_it_is_to_be_written(run: Run) -> None:
    assert run("init").code == 0
    assert set(KINDS) <= set(Path("ticktape.toml").read_text().split())
