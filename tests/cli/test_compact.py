"""`ticktape compact`."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.lake.layout import Layout, Rolled, write_rolled
from capture.lake.parquet_file import ROW_GROUPS, write_parquet
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.schemas import TABLES
from tests.lake.test_archive import row

Run = Callable[..., Any]
DAYS = ("2026-01-05", "2026-01-06")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A lake with two archive files as they were before."""
    monkeypatch.setattr("capture.lake.row_groups.compactor.SETTLE_S", 0.0)
    made = Layout(tmp_path / "data")
    made.tape.joinpath("main").mkdir(parents=True)
    prepare(made)
    trades = TABLES["trades"]
    for day in DAYS:
        path = made.archive_file("trades", day, "main", 1, 2)
        path.parent.mkdir()
        rows = [row(trades, symbol="B"), row(trades, symbol="A")]
        write_parquet(trades, pa.Table.from_pylist(rows, trades.schema), path)
    write_rolled(made, "main", Rolled(3))
    for table in TABLES:
        seal_through(made, table, date.fromisoformat(DAYS[1]))
    return made


def archived(layout: Layout, day: str) -> Path:
    return layout.archive_file("trades", day, "main", 1, 2)


def test_it_says_what_was_made_anew(run: Run, layout: Layout) -> None:
    code, out, err = run("compact", "--data", layout.root)
    assert code == 0
    assert out.startswith("2 files made anew, ")
    assert [line.split(": ")[0] for line in err.splitlines()] == [
        f"archive/trades/date={day}/main.000000000001-000000000002.parquet" for day in reversed(DAYS)]
    for day in DAYS:
        metadata = pq.read_metadata(archived(layout, day)).metadata
        assert {key.encode(): value.encode() for key, value in ROW_GROUPS.items()}.items() <= metadata.items()
    assert json.loads(run("compact", "--data", layout.root, "--json").out) == {"files": []}


def test_a_file_that_cannot_be_read_is_said_and_stays(run: Run, layout: Layout) -> None:
    archived(layout, DAYS[0]).write_bytes(b"no parquet, but long enough to be one")
    code, out, err = run("compact", "--data", layout.root, "--json")
    assert code == 1
    files = json.loads(out)["files"]
    assert [bool(one["fault"]) for one in files] == [False, True]
    assert "1 files cannot be read; `ticktape verify" in err
    assert archived(layout, DAYS[0]).read_bytes().startswith(b"no parquet")


def test_without_a_lake(run: Run, tmp_path: Path) -> None:
    code, _, err = run("compact", "--data", tmp_path / "none")
    assert code == 1
    assert "no lake at" in err
