"""Every command that reads finds its folder in settings, those of --config too, as the recorder does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from capture.cli import app

Run = Callable[..., Any]

READING: tuple[list[object], ...] = (
    ["sql", "select count(*) from trades"], ["tail", "trades", "--for", 0], ["replay"], ["tables"], ["status"],
    ["gaps"], ["coverage"], ["check-bars"], ["du"], ["prune", "--dry-run", "--keep", "depth=3"],
    ["export", "trades", "-o", "x.csv"], ["plot", "AAPL", "-o", "x.svg"], ["notebook", "--no-open"])  # fmt: skip
WRITING: tuple[list[object], ...] = (["verify"], ["recover"], ["rebuild", "--replace"], ["seal"],
                                     ["gateway", "--replay", "2026-01-02"])  # fmt: skip


@pytest.fixture
def config(lake: Path, tmp_path: Path) -> Path:
    """Settings in another folder, of which only the data folder is right."""
    path = tmp_path / "elsewhere" / "mine.toml"
    path.parent.mkdir()
    path.write_text(f'data = {json.dumps(str(lake))}\nport = 4001\n')
    return path


@pytest.mark.slow  # a plot takes some seconds
@pytest.mark.parametrize("command", READING, ids=lambda command: " ".join(map(str, command)))
def test_a_reader_finds_the_folder_in_the_settings_that_are_named(
    run: Run, config: Path, command: list[object]
) -> None:
    code, _, err = run(*command)
    assert (code, "no lake at" in err) == (1, True)  # so it is not found without
    code, _, err = run(*command, "--config", config)
    assert (code, "rror" in err) == (0, False), err


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_who_would_write_looks_for_the_folder_there_too(run: Run, config: Path, command: list[object]) -> None:
    config.write_text(f"data = '{config.parent / 'nowhere'}'\n")
    code, _, err = run(*command, "--config", config)
    assert (code, f"no lake at {config.parent / 'nowhere'}" in err) == (1, True), err


def test_every_verb_that_takes_a_folder_takes_settings() -> None:
    verbs = {name: {option for parameter in verb.params for option in parameter.opts}
             for name, verb in get_group(app).commands.items()}
    assert [name for name, options in verbs.items() if "--data" in options and "--config" not in options] == ["demo"]


def test_settings_that_are_not_there_are_told_though_the_folder_is_named_too(run: Run, lake: Path) -> None:
    for more in ([], ["--data", lake]):
        code, out, err = run("gaps", "--config", "none.toml", *more)
        assert (code, out) == (2, "")
        assert err == "ticktape: none.toml does not exist: `ticktape init` writes one\n"


def test_a_folder_that_is_named_and_the_environment_win_over_settings(
    run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.toml").write_text('data = "nowhere"\n')
    assert run("gaps", "--config", "other.toml", "--data", lake).code == 0
    monkeypatch.setenv("TICKTAPE_DATA", str(lake))
    assert run("gaps", "--config", "other.toml").code == 0
    assert run("sql", "select 1", "--config", "other.toml").code == 0


def test_days_to_keep_are_those_of_the_settings_that_are_named(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + "retention = { depth = 3 }\n")
    code, out, err = run("prune", "--dry-run", "--config", config)
    assert (code, err) == (0, "")
    assert "nothing is old enough" in out
