"""One word for one thing, in every command."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from capture.cli import app

Run = Callable[..., Any]
options = import_module("capture.cli.shared.options")  # type checkers see only the package


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its name."""
    top: Any = typer.main.get_command(app)
    for name, command in top.commands.items():
        yield name, command
        yield from ((f"{name} {below}", one) for below, one in getattr(command, "commands", {}).items())


def test_no_command_has_another_word_for_what_others_have() -> None:
    for name, command in commands():
        shown = [one for one in command.params if not getattr(one, "hidden", False)]
        known = {word for one in shown for word in (*one.opts, *one.secondary_opts)}
        assert not known & {"--to", "--since", "--end", "--name", "--symbol", "--symbols"}, name
        for one in command.params:
            assert (one.metavar or "") not in ("SYMBOL", "SECONDS") or "--cut-silence" in one.opts, (name, one.opts)
            if "-o" in one.opts and name != "notebook":
                assert "--force" in known, name
        if "--from" in known:
            assert "--until" in known, name


@pytest.mark.parametrize(("text", "length_s"), [
    ("14", 14), ("14s", 14), ("0.5", 0.5), ("90min", 5_400), ("2h", 7_200), ("1 d", 86_400)])
def test_lengths_of_time_have_units(text: str, length_s: float) -> None:
    assert options.span_s(text) == length_s


@pytest.mark.parametrize("text", ["", "-1", "2 weeks", "1h30", "nan", "soon"])
def test_what_is_no_length_of_time_is_said(run: Run, text: str) -> None:
    code, _, err = run("tail", "trades", f"--for={text}")
    assert code == 2
    assert "is no length of time: write 14, 14s, 90min, 2h or 1d" in " ".join(err.split())


def test_the_version_is_an_option_too(run: Run) -> None:
    assert run("--version") == (0, f"ticktape {version('ticktape')}\n", "")


def test_an_answer_replaces_no_file_unless_it_is_forced_to(run: Run, lake: Path) -> None:
    query = ("sql", "select price from trades order by seq", "--data", lake, "-o", "new/folder/x.csv")
    assert run(*query).code == 0
    code, _, err = run(*query)
    assert code == 2
    assert "new/folder/x.csv is there already: choose another name, or replace it with --force" in err
    assert run(*query, "--force").code == 0


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.zst", "x.jsonl", "x.ndjson.gz", "x.parquet", "x.pq",
                                  "x.arrow", "x.feather"])  # fmt: skip
def test_answers_take_the_files_of_exports(run: Run, lake: Path, tmp_path: Path, name: str) -> None:
    import polars as pl

    query = "select price from trades order by seq"
    code, _, err = run("sql", query, "--data", lake, "-o", name)
    assert code == 0, err
    read: Any = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "ndjson": pl.read_ndjson, "parquet": pl.read_parquet,
            "pq": pl.read_parquet, "arrow": pl.read_ipc, "feather": pl.read_ipc}[name.split(".")[1]]
    assert read(tmp_path / name)["price"].to_list() == [250.25, 250.3, None]


def test_answers_as_json_lines_go_to_a_pipe(run: Run, lake: Path) -> None:
    _, out, _ = run("sql", "select symbol from trades order by seq", "--data", lake, "--format", "json-lines")
    assert [json.loads(line)["symbol"] for line in out.splitlines()] == ["AAPL", "AAPL", 'é|"x']


@pytest.mark.parametrize("command", [["init", "a/b/ticktape.toml"], ["plot", "AAPL", "-o", "a/b/x.svg"],
                                     ["notebook", "-o", "a/b/x.ipynb", "--no-open"]], ids=" ".join)  # fmt: skip
def test_folders_of_what_is_written_are_made(run: Run, lake: Path, tmp_path: Path, command: list[str]) -> None:
    code, _, err = run(*command, *(["--data", lake] if command[0] != "init" else []))
    assert code == 0, err
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_the_end_of_a_span_is_not_in_it(run: Run, lake: Path) -> None:
    code, out, _ = run("gaps", "--until", "2026-01-02", "--data", lake, "--json")
    assert (code, json.loads(out)) == (0, [])
