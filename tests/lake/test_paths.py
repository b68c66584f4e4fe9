"""Paths are data: whatever a lake's folder is called, and whatever lies beside its files, answers are the same."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from capture import open_lake
from capture.lake.layout import LakeStateError, Layout, day_folders, day_of
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.sql_text import pattern
from capture.lake.stored_rows import Files
from capture.lake.versions import file_versions
from capture.lake.views import prepare
from capture.query.sizes import sizes
from capture.schemas import TABLES
from tests.lake.test_sealing import FIRST, SECOND, THIRD, Days

NAMES = ("date=2020-01-01/table=quotes", "[ab]?", "[!a]*", "it's {a,b} %20;#$HOME/_under")
QUERY = "select symbol, date, count(*) as rows from trades group by all order by all"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "data"


@pytest.fixture
def source(template: Path, script: Any) -> Path:
    """A lake of three days, of which two are sealed."""
    if not template.exists():
        days = Days(template.parent, type(script))
        for day in (FIRST, SECOND):
            days.at(day, 12).trades().at(day, 13).trades()
        days.at(THIRD, 2).trades().roll()
        list(days.sealer().seal())
        days.sealer(grace_s=-1e12).clear()
        days.script.writer.close()
    return template


def expected() -> list[tuple[str, date, int]]:
    return [(symbol, day, 3 if day == THIRD else 6) for symbol in ("AAPL", "MSFT") for day in (FIRST, SECOND, THIRD)]


@pytest.mark.parametrize("name", NAMES)
def test_a_lake_answers_the_same_in_a_folder_of_any_name(source: Path, tmp_path: Path, name: str) -> None:
    layout = Layout(tmp_path / name / "data")
    shutil.copytree(source, layout.root)
    (tmp_path / "a" / "data").mkdir(parents=True)  # which a pattern would find
    with open_lake(layout.root) as lake:
        assert lake.sql(QUERY).rows() == expected()
        assert len(lake.trades("AAPL", str(FIRST), str(SECOND)).rows()) == 6
        assert {row["last_date"] for row in lake.tables() if row["table"] == "trades"} == {THIRD}
        assert len(list(lake.replay("AAPL", str(FIRST), str(SECOND)))) > 0
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        assert connection.execute(QUERY).fetchall() == expected()
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    assert verifier.findings + foreign(layout) == []


def test_folders_and_files_of_other_names_are_not_read(source: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "lake")
    shutil.copytree(source, layout.root)
    clean = [sizes(layout)["total_bytes"], *(file_versions(layout, table).total() for table in TABLES.values())]
    for folder in (layout.live("trades"), layout.archive("trades")):
        day = next(iter(day_folders(folder).values()))
        for copy in (f"{day.name} (copy)", f"{day.name}.bak", "date=2026-13-45", "date=yesterday"):
            shutil.copytree(day, folder / copy)
    shutil.copytree(layout.tape / "main", layout.tape / "main (copy)")
    prepare(layout)
    assert layout.recorders() == ["main"]
    list(Roller(layout, "main").roll())
    assert [sizes(layout)["total_bytes"], *(file_versions(layout, table).total() for table in TABLES.values())] == clean
    with open_lake(layout.root) as lake, duckdb.connect(str(layout.database), read_only=True) as connection:
        assert lake.sql(QUERY).rows() == connection.execute(QUERY).fetchall() == expected()


def test_an_outer_folder_of_a_date_does_not_hide_what_history_gave_before(source: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "date=2020-01-01" / "a[b]?" / "data")
    shutil.copytree(source, layout.root)
    second = Files(layout, "main")("trades", 5, *_times(layout))
    assert sum(len(rows) for rows in second) == 15


def _times(layout: Layout) -> tuple[Any, Any]:
    with open_lake(layout.root) as lake:
        return lake.sql("select min(ts_event), max(ts_event) from trades").rows()[0]


def test_only_whole_dates_are_read_from_the_names_of_folders() -> None:
    names = ["date=2026-11-29", "date=2026-11-29 (copy)", "date=2026-11-31", "xdate=2026-11-29", "date=20261129"]
    assert [day_of(name) for name in names] == ["2026-11-29", *[None] * 4]


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_finds_its_own_path_and_no_other(tmp_path: Path, name: str) -> None:
    files = [tmp_path / of / "file" for of in (name, "a", "b", "whats")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    with duckdb.connect() as connection:
        found = connection.execute("select file from glob($1)", [f"{pattern(files[0].parent)}/*"]).fetchall()
    assert found == [(str(files[0]),)]


def test_a_folder_in_which_no_files_are_found_is_refused(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "back\\slash")
    with pytest.raises(LakeStateError, match="backslash in its name; rename it"):
        open_lake(tmp_path / "back\\slash")
