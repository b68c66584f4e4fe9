"""`ticktape export`: exit codes, words, and what it prints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

Run = Callable[..., Any]


def test_it_writes_and_says_so(run: Run, lake: Path, tmp_path: Path) -> None:
    code, out, err = run("export", "trades", "AAPL", "--data", lake, "-o", "aapl.parquet")
    assert (code, out) == (0, "aapl.parquet\n")
    assert "2 rows from 2026-01-02 15:00:00 to 2026-01-02 15:00:01 UTC" in err
    assert "in 1 file; more in aapl.parquet.manifest.json" in err
    assert pq.read_table(tmp_path / "aapl.parquet").num_rows == 2


def test_the_name_follows_from_the_format(run: Run, lake: Path, tmp_path: Path) -> None:
    for format, name in (("csv", "trades.csv"), ("csv.gz", "trades.csv.gz"), ("json-lines", "trades.jsonl")):
        code, out, err = run("export", "trades", "--data", lake, "--format", format)
        assert (code, out) == (0, f"{name}\n"), err
        assert (tmp_path / name).is_file()
    assert "not in it: JSON has no times" in err


def test_json_is_the_manifest(run: Run, lake: Path) -> None:
    code, out, _ = run("export", "trades", "--data", lake, "--format", "parquet", "--json")
    said = json.loads(out)
    assert (code, said["path"], said["rows"], said["format"]) == (0, "trades.parquet", 3, "parquet")


def test_parts(run: Run, lake: Path, tmp_path: Path) -> None:
    code, out, _ = run("export", "trades", "AAPL", "--data", lake, "--format", "csv", "--by", "symbol,date")
    assert (code, out) == (0, "trades\n")
    assert (tmp_path / "trades" / "AAPL" / "date=2026-01-02" / "trades.csv").is_file()


def test_what_is_lost_ends_with_3(run: Run, lake: Path) -> None:
    code, out, err = run("export", "trades", "AAPL", "MSFT", "--data", lake, "--format", "csv")
    assert (code, out) == (3, "trades.csv\n")
    assert "lost: MSFT: nothing was recorded of it" in err


@pytest.mark.parametrize(("arguments", "code", "text"), [
    (["trades"], 2, "there is no name to tell the format by"),
    (["trades", "-o", "there.csv"], 2, "there.csv is there already: choose another name, or replace it with --force"),
    (["trades", "-o", "rows.csv", "--from", "soon"], 2, "--from soon is no time"),
    (["trades", "NOPE", "-o", "rows.csv"], 1, "nothing was recorded of what is asked for; trades has AAPL, é"),
    (["trades", "-o", "-"], 2, "`ticktape sql"),
    (["nope", "-o", "rows.csv"], 2, "there is no table 'nope'"),
    (["trades", "-o", "rows.xls"], 2, "does not end like a format"),
    (["trades", "-o", "there.csv/rows.csv"], 1, "there.csv/rows.csv: "),
    (["trades", "-o", "/proc/rows.csv"], 1, "/proc/rows.csv: "),
])  # fmt: skip
def test_mistakes_are_a_line_and_nothing_is_written(
    run: Run, lake: Path, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    ended, out, err = run("export", *arguments, "--data", lake)
    assert (ended, out) == (code, "")
    assert text in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_force_replaces(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("mine")
    assert run("export", "trades", "--data", lake, "-o", "there.csv", "--force").code == 0
    assert (tmp_path / "there.csv").read_text() != "mine"


def test_long_work_is_told(run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.cli.playing.export.LINE_INTERVAL_S", 0.0)
    assert "3 rows of 3, " in run("export", "trades", "--data", lake, "--format", "csv").err


def test_without_a_lake(run: Run, tmp_path: Path) -> None:
    code, _, err = run("export", "trades", "--data", tmp_path / "none", "--format", "csv")
    assert code == 1
    assert "no lake at" in err
