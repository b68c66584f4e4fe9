"""Mistakes of a new user, by kind: an exit code of the table, what, where and the fix in words, and no traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.query import QueryError

Run = Callable[..., Any]

# Words of a command, the exit code, and what its message has to hold.
COMMANDS = [
    (["sql", "trades"], 2, 'write "from trades"'),
    (["sql", "query.sql"], 2, "`ticktape sql < query.sql`"),
    (["sql", "from trades where symbol = AAPL"], 1, "A text stands in single quotes: 'AAPL'"),
    (["sql", "select count(*) from fills"], 1, "fills is a function: from fills(start, "),
    (["sql", "from trades where prise > 1"], 1, '"price"'),
    (["sql", "select 1", "-o", "folder", "--format", "csv"], 1, "folder: Is a directory: it is a folder, and a file"),
    (["sql", "select 1", "-o", "/proc/x.csv"], 1, "/proc/x.csv: No such file or directory: there is no such place"),
    (["sql", "select 1", "-o", "file/x.csv"], 1, "file/x.csv: File exists: what is there is no folder"),
    (["sql", "select 1", "-o", "/dev/full", "--format", "csv"], 1, "/dev/full: No space left on device: free space"),
    (["export", "trades", "-o", "/proc/a/x.csv"], 1, "there is no such place, nor can it be made: name another"),
    (["notebook", "--no-open", "-o", "/proc/x.ipynb"], 1, "/proc/x.ipynb: No such file or directory: there is no"),
    (["notebook", "--no-open", "-o", "-"], 2, "a notebook is a file: name one with -o"),
    (["notebook", "--no-open", "-o", "folder"], 2, "a notebook is a file: name one with -o"),
    (["init", "folder", "--force"], 2, "folder is a folder: name a file in it, folder/ticktape.toml"),
    (["init", "/proc/x.toml"], 1, "/proc/x.toml: No such file or directory: there is no such place"),
    (["backfill", "AAPL", "--from", "2026-01-02", "--until", "2026-01-01"], 2, "--from has to be before --until"),
    (["record", "AAPL", "--host", "http://127.0.0.1:4002"], 2, "the port is a setting of its own"),
    (["record", "AAPL", "--host", "127.0.0.1:4002"], 2, "--host: '127.0.0.1:4002' is no name or address"),
    (["record", "AAPL", "--data", "na\udcefve", "--for", "1"], 2, "is no UTF-8: rename the folder"),
    (["record", "AAPL", "--data", "file", "--for", "1"], 1, "file/tape/main (Not a directory): a part of this path is"),
    (["record", "AAPL", "--for", "0"], 2, "--for 0: nothing is recorded in no time; give a length, such as 14s"),
    (["tables", "--data", "na\udcefve"], 1, "no UTF-8; rename it"),
]


@pytest.fixture
def here(run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands for a lake, where there are a folder, a file, and a folder whose name is in Latin-1."""
    monkeypatch.setenv("TICKTAPE_DATA", str(lake))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("something")
    (tmp_path / "na\udcefve" / "tape").mkdir(parents=True)
    return run


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS, ids=lambda one: None)
def test_a_mistake_is_told_with_its_place_and_its_fix(here: Run, command: list[str], code: int, words: str) -> None:
    found = here(*command)
    assert words in found.err
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("ticktape: ")
    assert "Traceback" not in found.err


def test_a_dash_is_stdout_for_what_has_text(here: Run) -> None:
    assert here("sql", "select 1 as one", "-o", "-", "--format", "csv") == (0, '"one"\n1\n', "")
    assert here("init", "-").out.startswith("# Settings of ticktape.")


# What ticktape.toml holds, and what the message about it does.
SETTINGS = [
    (b"data = 7", 'line 1, key data: write the path of a folder, such as "data"; it is 7'),
    (b'data = ""', "key data: write the path of a folder"),
    (b"\nretention = 30", 'line 2, key retention: write { "depth" = 30'),
    (b'restart_windows = "sunday"', "key restart_windows: write a list of texts"),
    (b'record = "AAPL"', "key record: write [[record]], with two brackets"),
    (b'[record]\ninstruments = ["AAPL"]', "key record: write [[record]], with two brackets"),
    (b'[[record]]\ninstruments = "AAPL"\nstreams = []', 'line 2, key record.instruments: write a list of at least one'),
    (b"port = 1\nport = 2", "each once, texts in quotes; `ticktape init FILE` writes an example"),
    (b"port = 1\n# caf\xe9", "ticktape.toml line 2 is not UTF-8: save the file in that encoding"),
]


@pytest.mark.parametrize(("content", "words"), SETTINGS, ids=lambda one: None)
def test_a_setting_of_a_wrong_form_is_told_with_the_right_one(
    run: Run, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "ticktape.toml").write_bytes(content)
    code, out, err = run("record", "--for", "1")
    assert words in err
    assert (code, out) == (2, "")


def test_settings_that_are_a_folder_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ticktape.toml").mkdir()
    code, _, err = run("record", "AAPL")
    assert (code, "ticktape.toml cannot be read: Is a directory: it is a folder" in err) == (2, True)


def test_settings_may_begin_with_a_mark_of_utf_8_and_end_lines_as_windows_does(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ticktape.toml").write_bytes(b'\xef\xbb\xbfhost = "nowhere"\r\nport = 0\r\n')
    assert "line 2, key port" in run("record", "AAPL").err


@pytest.mark.parametrize("name", ["RECORD", "RETENTION", "RESTART_WINDOWS"])
def test_a_variable_that_is_not_json_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TICKTAPE_{name}", "[[")
    code, _, err = run("record", "AAPL")
    assert (code, f"variable TICKTAPE_{name} is not JSON: write" in err) == (2, True)


def test_an_empty_folder_variable_is_no_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKTAPE_DATA", "")
    code, _, err = run("tables")
    assert (code, "variable TICKTAPE_DATA: write the path of a folder" in err) == (2, True)


# Calls of Python that cannot be meant, and what the error says.
CALLS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda _: open_lake(5), '5 names no folder: give the path of a data folder, such as "data"'),  # type: ignore[arg-type]
    (lambda _: open_lake(b"data"), "b'data' names no folder"),  # type: ignore[arg-type]
    (lambda lake: lake.sql(None), "None is no query: give SQL as a text"),
    (lambda lake: lake.sql("select '\udcff'"), "half a character"),
    (lambda lake: lake.sql("select ?", "abc"), "parameters are a list or a dict, not 'abc'"),
    (lambda lake: lake.sql("select 1").batches(0), "give a whole number from 1 on"),
    (lambda lake: lake.sql("select 1").batches("x"), "give a whole number from 1 on"),
    (lambda lake: lake.trades(b"AAPL"), "give symbols, or contract ids"),
    (lambda lake: lake.trades({"symbol": "AAPL"}), "give symbols, or contract ids"),
    (lambda lake: lake.replay("AAPL", speed="fast"), "speed is 'fast': give a number above 0"),
    (lambda lake: lake.book_snapshots("AAPL", "2026-01-02", "2026-01-03", levels="ten"), "a book of 'ten' levels"),
    (lambda lake: lake.time_bars("AAPL", "1 minuet", "2026-01-02", "2026-01-03"), "width is '1 minuet': give"),
]


@pytest.mark.parametrize(("call", "words"), CALLS, ids=lambda one: None)
def test_a_call_that_cannot_be_meant_is_told(lake: Path, call: Callable[[Any], Any], words: str) -> None:
    with open_lake(lake) as opened, pytest.raises(QueryError) as raised:
        call(opened)
    assert words in str(raised.value)


def test_a_lake_that_was_closed_says_so(lake: Path) -> None:
    with open_lake(lake) as opened:
        pass
    with pytest.raises(QueryError, match="is closed: ask within"):
        opened.trades("AAPL")


def started(*command: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    line = f'{before} exec "$@"'
    return subprocess.run(["sh", "-c", line, "sh", sys.executable, "-m", "capture.cli", *command], capture_output=True,
                          text=True, check=False, timeout=300, env={**os.environ, **environment})  # fmt: skip


@pytest.mark.parametrize("memory_kib", [200_000, 1_500_000, 2_500_000])
def test_too_little_memory_is_told_before_libraries_fail(lake: Path, memory_kib: int) -> None:
    done = started("sql", "from trades", "--data", str(lake), before=f"ulimit -v {memory_kib};")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "`ulimit -v unlimited` lifts it" in done.stderr


def test_a_picture_needs_more_memory_than_all_else(run: Run, lake: Path) -> None:
    done = started("plot", "AAPL", "-o", "never.png", "--data", str(lake), before="ulimit -v 30000000;")
    assert (done.returncode, "65,536 are needed" in done.stderr) == (1, True), done.stderr


@pytest.mark.slow
def test_a_locale_without_utf_8_changes_nothing(lake: Path, tmp_path: Path) -> None:
    moved = tmp_path / "naïve 日"
    moved.symlink_to(lake)
    done = started("sql", "select count(*) as é from trades where symbol like 'é%'", "--json", "--data", str(moved),
                   LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"é": 1}]), done.stderr


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), ("2>&-", 0), (">&-", 1)])
def test_a_stream_that_is_closed_is_met_in_a_sentence(closed: str, code: int) -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m capture.cli version {closed}"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == code
    assert ("stdout is closed" in done.stderr) == (code == 1)
    assert "Traceback" not in done.stderr
