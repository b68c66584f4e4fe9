import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

Run = Callable[..., Any]

QUERY = "select symbol, price, ts from trades order by seq"


def test_a_table_shows_the_rows(run: Run, lake: Path) -> None:
    code, out, err = run("sql", QUERY, "--data", lake)
    assert (code, err) == (0, "")
    assert "250.25" in out
    assert "2026-01-02 15:00:00.123456+00" in out


def test_a_long_table_says_how_much_it_leaves_out(run: Run, lake: Path) -> None:
    out = run("sql", "select * from range(1000)", "--data", lake).out
    assert "1000 rows" in out
    assert len(out.splitlines()) < 60


def test_csv_holds_every_row_and_type(run: Run, lake: Path) -> None:
    out = run("sql", "select symbol, price, ts, [1, 2] as list, '\\xFF'::blob as bytes, sum(seq) over () as total, "
              "date from trades order by seq", "--data", lake, "--format", "csv").out
    assert out.splitlines()[0] == '"symbol","price","ts","list","bytes","total","date"'
    frame = pl.read_csv(io.StringIO(out))
    assert frame["price"].to_list() == [250.25, 250.3, None]
    assert frame["symbol"].to_list() == ["AAPL", "AAPL", 'é|"x']
    assert frame.row(0)[2:] == ("2026-01-02 15:00:00.123456+00", "[1, 2]", "\\xFF", 3, "2026-01-02")


@pytest.mark.parametrize("option", [["--format", "json"], ["--json"]])
def test_json_is_an_array_of_objects(run: Run, lake: Path, option: list[str]) -> None:
    rows = json.loads(run("sql", QUERY, "--data", lake, *option).out)
    assert rows[0] == {"symbol": "AAPL", "price": 250.25, "ts": "2026-01-02T15:00:00.123456+00:00"}
    assert rows[2]["price"] is None
    assert len(rows) == 3


def test_json_has_intervals_in_seconds(run: Run, lake: Path) -> None:
    query = "select interval '90 minutes' as a, max(ts) - min(ts) as \"b \"\"q\" from trades"
    assert json.loads(run("sql", query, "--data", lake, "--json").out) == [{"a": 5400, 'b "q': 2}]


def test_json_without_rows_is_an_empty_array(run: Run, lake: Path) -> None:
    assert json.loads(run("sql", "select * from gaps", "--data", lake, "--json").out) == []


def test_json_has_no_value_that_is_no_json(run: Run, lake: Path) -> None:
    out = run("sql", "select 'nan'::double as n, 'inf'::double as i, sum(1) as s, 1.5::decimal(9,2) as d, {'a': date "
              "'2026-01-02'} as o, '\\x01'::blob as b", "--data", lake, "--json").out
    assert json.loads(out) == [{"n": None, "i": None, "s": 1, "d": 1.5, "o": {"a": "2026-01-02"}, "b": "01"}]


@pytest.mark.parametrize(("suffix", "read"), [
    ("parquet", lambda path: pl.read_parquet(path)),
    ("arrow", lambda path: pl.from_arrow(pa.ipc.open_file(path.read_bytes()).read_all())),
    ("csv", lambda path: pl.read_csv(path)),
    ("json", lambda path: pl.DataFrame(json.loads(path.read_text()))),
])
def test_a_file_is_written_as_its_name_ends(
    run: Run, lake: Path, tmp_path: Path, suffix: str, read: Callable[[Path], Any]
) -> None:
    file = tmp_path / f"answer.{suffix}"
    assert run("sql", QUERY, "--data", lake, "-o", file) == (0, "", "")
    assert read(file)["price"].to_list() == [250.25, 250.3, None]


def test_a_file_holds_all_rows_of_a_table(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.txt"
    run("sql", "select range as n, repeat('x', 20000) as x from range(99)", "--data", lake, "-o", file,
        "--format", "table")
    rows = [line for line in file.read_text().splitlines() if "xxx" in line]
    assert [int(row.split()[1]) for row in rows] == list(range(99))
    assert all("x" * 20_000 in row for row in rows)


@pytest.mark.parametrize("query", ["select error(symbol) from trades", "selec 1", "drop view trades"])
def test_a_failed_query_leaves_the_file_as_it_was(run: Run, lake: Path, tmp_path: Path, query: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("mine")
    assert run("sql", query, "--data", lake, "-o", file, "--force").code in (1, 2)
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_written_file_can_be_read_by_others(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("old")
    (tmp_path / "answer.csv").symlink_to("other.csv")
    run("sql", QUERY, "--data", lake, "-o", tmp_path / "answer.csv", "--force")
    assert (tmp_path / "answer.csv").is_symlink()
    assert (tmp_path / "other.csv").stat().st_mode & 0o777 == 0o644


def test_what_is_no_file_is_written_to_and_not_replaced(run: Run, lake: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert run("sql", "select 1 as n", "--data", lake, "-o", tmp_path / "pipe", "--format", "csv").code == 0
    assert os.read(reader, 99) == b'"n"\n1\n'
    os.close(reader)


@pytest.mark.parametrize(("options", "hint"), [
    (["-o", "answer"], "table, csv, json, json-lines, parquet, arrow"),
    (["-o", "answer.xlsx"], "table, csv, json, json-lines, parquet, arrow"),
    (["-o", "a.csv", "--format", "parquet"], "contradict"),
    (["-o", "a.csv", "--json"], "contradict"),
    (["--format", "csv", "--json"], "contradict"),
])
def test_a_file_of_no_format_or_another_is_wrong_usage(run: Run, lake: Path, options: list[str], hint: str) -> None:
    code, out, err = run("sql", QUERY, "--data", lake, *options)
    assert (code, out) == (2, "")
    assert hint in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("statement", [
    "create table t as select 1", "drop view trades", "copy (select 1) to 'out.csv'", "attach 'other.db'", "set x = 1",
    "explain analyze copy (select 1) to 'out.csv'", "select 1; select 2", "", "insert into t values (1)",
    "copy (pivot trades on symbol using count(*)) to 'out.csv'", "create table t as pivot trades on symbol"])
def test_what_is_no_query_is_refused(run: Run, lake: Path, statement: str) -> None:
    code, out, err = run("sql", statement, "--data", lake)
    assert (code, out) == (2, "")
    assert "one query" in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("query", [
    "with x as (copy trades to 'out.csv') select 1", "from enable_logging(storage = 'file', storage_path = 'out')",
    "from enable_profiling(format = 'json', save_location = 'out.json')"])
def test_what_would_write_within_a_query_fails(run: Run, lake: Path, query: str) -> None:
    code, out, err = run("sql", query, "--data", lake)
    assert (code, out, list(Path().iterdir())) == (1, "", [])
    assert err.startswith("ticktape: ")


@pytest.mark.parametrize("query", [
    "from trades", "with a as (from trades) from a", "describe trades", "summarize trades", "show tables", "values (1)",
    "explain analyze from trades", "explain (format json) from trades", "pivot trades on symbol using count(*)"])
def test_every_form_of_query_is_answered(run: Run, lake: Path, query: str) -> None:
    code, out, err = run("sql", query, "--data", lake)
    assert (code, err) == (0, "")
    assert out


def test_the_format_wins_over_the_name(run: Run, lake: Path, tmp_path: Path) -> None:
    assert run("sql", QUERY, "--data", lake, "-o", tmp_path / "a.txt", "--format", "parquet").code == 0
    assert pl.read_parquet(tmp_path / "a.txt").height == 3


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_query_comes_from_stdin(run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select count(*) as n from trades"))
    assert json.loads(run("sql", *arguments, "--data", lake, "--json").out) == [{"n": 3}]


def test_the_folder_is_that_of_the_settings(run: Run, lake: Path) -> None:
    Path("ticktape.toml").write_text(f'data = "{lake}"\n')
    assert json.loads(run("sql", "select count(*) as n from trades", "--json").out) == [{"n": 3}]


def test_a_mistake_in_other_settings_does_not_hinder_reading(run: Run, lake: Path) -> None:
    Path("ticktape.toml").write_text(f'data = "{lake}"\nport = "x"\n[[record]]\ninstruments = ["A!"]\n')
    assert run("sql", "select 1").code == 0
    Path("ticktape.toml").write_text("data = 3\n")
    code, _, err = run("sql", "select 1")
    assert code == 2
    assert "key data" in err


def test_wrong_sql_is_one_clear_error(run: Run, lake: Path) -> None:
    code, out, err = run("sql", "select * form trades", "--data", lake)
    assert (code, out) == (1, "")
    assert err.startswith("ticktape: ")
    assert "form" in err
    assert "Traceback" not in err


def test_an_error_while_rows_are_made_is_one_too(run: Run, lake: Path) -> None:
    code, _, err = run("sql", "select cast(symbol as integer) from trades", "--data", lake, "--json")
    assert code == 1
    assert err.startswith("ticktape: ")
    assert "Traceback" not in err


def test_a_missing_lake_says_how_to_make_one(run: Run) -> None:
    code, out, err = run("sql", "select 1")
    assert (code, out) == (1, "")
    assert "no lake at" in err
    assert "ticktape record" in err


def test_a_file_that_cannot_be_written_is_named(run: Run, lake: Path) -> None:
    code, _, err = run("sql", QUERY, "--data", lake, "-o", "/dev/null/answer.csv")
    assert code == 1
    assert err == "ticktape: /dev/null/answer.csv: File exists: what is there is no folder: name another\n"


def test_an_unknown_format_is_wrong_usage(run: Run, lake: Path) -> None:
    code, _, err = run("sql", QUERY, "--data", lake, "--format", "xml")
    assert code == 2
    assert "parquet" in err


@pytest.mark.parametrize("binary", ["parquet", "arrow"])
def test_a_terminal_gets_no_binary(run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch, binary: str) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    code, out, err = run("sql", QUERY, "--data", lake, "--format", binary)
    assert (code, out) == (2, "")
    assert "-o" in err


def test_a_damaged_file_of_the_lake_is_no_traceback(run: Run, tmp_path: Path, lake: Path) -> None:
    copy = shutil.copytree(lake, tmp_path / "copy")
    next(copy.glob("live/trades/date=2026*/*.parquet")).write_bytes(b"PAR1 this is none PAR1")
    code, _, err = run("sql", QUERY, "--data", copy)
    assert code == 1
    assert "Traceback" not in err
