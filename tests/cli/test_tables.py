import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from capture.schemas import EVERY_TABLE, TABLES

Run = Callable[..., Any]


def test_every_table_is_listed(run: Run, lake: Path) -> None:
    code, out, err = run("tables", "--data", lake)
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(lines) == list(EVERY_TABLE)
    assert lines["trades"].split()[1:4] == ["3", "2026-01-02", "2026-01-02"]
    assert TABLES["trades"].meaning in lines["trades"]


def test_the_list_as_json(run: Run, lake: Path) -> None:
    trades = json.loads(run("tables", "--data", lake, "--json").out)[0]
    assert trades.pop("size_bytes") > 0
    assert trades == {"table": "trades", "meaning": TABLES["trades"].meaning, "version": 1, "rows": 3,
                      "first_date": "2026-01-02", "last_date": "2026-01-02"}


def test_a_table_is_described_without_a_lake(run: Run) -> None:
    code, out, _ = run("tables", "depth")
    assert code == 0
    assert all(column.name in out and column.meaning in out for column in TABLES["depth"].columns)


def test_a_description_as_json(run: Run) -> None:
    described = json.loads(run("tables", "trades", "--json").out)
    assert [column["column"] for column in described["columns"]] == [c.name for c in TABLES["trades"].columns]
    assert described["columns"][0]["type"] == "timestamp[us, tz=UTC]"
    assert described["sort_key"] == ["symbol", "ts", "seq", "row"]


def test_the_versions_of_files_are_counted(run: Run, lake: Path) -> None:
    assert "Version: 1; 1 files of version 1\n" in run("tables", "trades", "--data", lake).out
    assert json.loads(run("tables", "trades", "--data", lake, "--json").out)["files"] == {"1": 1}
    assert json.loads(run("tables", "trades", "--json").out)["files"] == {}


def test_an_unknown_table_is_wrong_usage(run: Run) -> None:
    code, _, err = run("tables", "trade")
    assert code == 2
    assert "did you mean 'trades'?" in err


def test_no_lake(run: Run) -> None:
    code, _, err = run("tables", "--data", "nowhere")
    assert code == 1
    assert "nowhere" in err
