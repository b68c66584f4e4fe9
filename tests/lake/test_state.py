"""Every file of a lake's state, damaged in every way, under every command: a right answer or a refusal, no row lost."""

import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from capture import open_lake
from capture.lake.archive import SealError
from capture.lake.digest import keep
from capture.lake.layout import LakeStateError, Layout, day_folders
from capture.lake.process_lock import roller_lock
from capture.lake.proof.prune import PruneError, prune
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.recover import restore
from capture.lake.proof.verify import Verifier, foreign, misremembered
from capture.lake.roll import Roller, publish_file
from capture.lake.sealed import seal_through, sealed_through
from capture.lake.sealing import Sealed, Sealer
from capture.lake.views import prepare
from capture.query import QueryError
from capture.schemas import TABLES, TRADES
from tests.lake.test_prune import DAYS, TODAY, Week

QUERY = 'select date, recorder, seq, "row", price from trades order by all'
Rows = list[tuple[Any, ...]]

# Of these rows depend; the others can be made anew, or say nothing.
SAYING = ("sealed/trades.parquet", "tape/main/rolled.json", "sealed/pruned.json", "tape/main/pruned.json")
OTHERS = ("archive/pruned/tables.json", "archive/pruned/tape.main.json", "sealed/views.json", "ticktape.duckdb",
          "live/trades/date=1970-01-01/empty.parquet", "archive/trades/date=1970-01-01/empty.parquet",
          "sealed/trades.files", "sealed/trades.digest", "sealed/subscriptions.digest", "sealed/trades.groups",
          "sealed/dates.lock", "sealed/sealer.lock", "tape/main/roller.lock")


class Scene:
    """A lake at one place, put back before each case: days sealed, tape and rows pruned, all of it in two steps."""

    def __init__(self, folder: Path, make: Any) -> None:
        self.whole, self.older, self.layout = folder / "whole", folder / "older", Layout(folder / "lake" / "data")
        week = Week(folder / "lake", make)
        with roller_lock(week.layout, "main"):
            pass  # leaves its file, as a roller does
        for day in DAYS:
            week.at(day, 10).trades().rotate().at(day, 20).trades().rotate()
            if day in DAYS[2:]:
                week.at(day, 23.9).roll().at(day, 23.95).seal()
                days_kept = {"quotes": 2, "trades": 3, "tape": 2}
                prune(week.layout, days_kept, date.fromordinal(day.toordinal() + 1))
            if day == DAYS[3]:
                prepare(week.layout)
                settled(week.layout)
                shutil.copytree(week.layout.root, self.older)
        week.at(DAYS[4], 23).trades().roll()
        week.script.writer.close()
        prepare(week.layout)
        settled(week.layout)
        shutil.copytree(week.layout.root, self.whole)
        self.rows, self.covered = self.asked(), self.coverage()
        self.now_s = week.now_ns / 1e9

    def put_back(self) -> None:
        shutil.rmtree(self.layout.root)
        shutil.copytree(self.whole, self.layout.root, copy_function=os.link)  # nothing is written in place

    def asked(self) -> Rows:
        with open_lake(self.layout.root) as lake:
            return lake.sql(QUERY).rows()

    def coverage(self) -> list[dict[str, Any]]:
        with open_lake(self.layout.root) as lake:
            return lake.coverage(end="2026-02-01")


def settled(layout: Layout) -> None:
    """Have what is kept of archive files, as of those that nobody writes any more."""
    for folder in (folder for table in TABLES for folder in day_folders(layout.archive(table)).values()):
        then_s = folder.stat().st_mtime - 3_600
        os.utime(folder, (then_s, then_s))
    keep(layout)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    return []


@pytest.fixture
def scene(made: list[Scene], tmp_path_factory: pytest.TempPathFactory, script: Any) -> Scene:
    if not made:
        made.append(Scene(tmp_path_factory.mktemp("scene"), type(script)))
    made[0].put_back()
    return made[0]


# Ways to damage

def deleted(scene: Scene, path: Path) -> None:
    path.unlink()


def written(path: Path, content: bytes) -> None:
    path.unlink()  # it is a second name of the scene's own
    path.write_bytes(content)


def empty(scene: Scene, path: Path) -> None:
    written(path, b"")


def cut(scene: Scene, path: Path) -> None:
    written(path, path.read_bytes()[: path.stat().st_size // 2])


def other(scene: Scene, path: Path) -> None:
    """Put a file of the same kind and of another lake there."""
    if path.name == "trades.parquet":
        path.unlink()
        seal_through(scene.layout, "trades", date(2099, 1, 1))
    elif path.suffix == ".json":
        text = path.read_text().replace('"recorder": "main"', '"recorder": "other"').replace('"mark": ', '"mark": 1')
        written(path, text.encode() if "recorder" in text else b"[1]")
    elif path.suffix == ".parquet":
        written(path, next(scene.layout.live("notices").glob("date=*/*.parquet")).read_bytes())
    else:
        written(path, b"other" * 1000)


def older(scene: Scene, path: Path) -> None:
    before = scene.older / path.relative_to(scene.layout.root)
    written(path, before.read_bytes())


# Commands: each returns what it answers, None where it answers nothing

def sql(scene: Scene) -> Rows:
    return scene.asked()


def counted(scene: Scene) -> Rows:
    """Return the rows if `tables` says how many there are, and of which dates."""
    with open_lake(scene.layout.root) as lake:
        found = next(one for one in lake.tables() if one["table"] == "trades")
    dates = [row[0] for row in scene.rows]
    told = found["rows"], found["first_date"], found["last_date"]
    return scene.rows if told == (len(dates), min(dates), max(dates)) else []


def covered(scene: Scene) -> Rows:
    """Return the rows if `coverage` says the same as ever."""
    return scene.rows if scene.coverage() == scene.covered else []


def views(scene: Scene) -> Rows:
    with duckdb.connect(str(scene.layout.database), read_only=True) as connection:
        return connection.execute(QUERY).fetchall()


def roll(scene: Scene) -> None:
    list(Roller(scene.layout, "main").roll())


def seal(scene: Scene) -> None:
    sealer = Sealer(scene.layout, settle_s=0, grace_s=-1e12, now_s=lambda: scene.now_s + 86_400)
    list(sealer.seal())
    sealer.clear()


def pruned(scene: Scene) -> None:
    prune(scene.layout, {"quotes": 2, "trades": 3, "tape": 2}, TODAY)


def verify(scene: Scene) -> None:
    verifier = Verifier(scene.layout, "main")
    list(verifier.ranges())
    if found := verifier.findings + foreign(scene.layout) + misremembered(scene.layout):
        raise LakeStateError(f"{found[0].place} {found[0].repair}")


def rebuild(scene: Scene) -> None:
    list(Rebuilder(scene.layout, "main").ranges())


READING: tuple[Callable[[Scene], Rows | None], ...] = (views, verify, sql, counted)
WRITING: tuple[Callable[[Scene], Rows | None], ...] = (roll, seal, pruned, rebuild)
REFUSED = (LakeStateError, QueryError, PruneError, duckdb.Error)


DAMAGES = (deleted, empty, cut, other, older)
FAST = (("sealed/trades.parquet", deleted), ("tape/main/rolled.json", older))


def answered(scene: Scene, command: Callable[[Scene], Rows | None]) -> None:
    """Run a command, which answers right or refuses and says what helps."""
    try:
        answer = command(scene)
    except REFUSED as error:
        # What DuckDB says of a file that is not what it should be is its own.
        assert command is views or "ticktape" in str(error) or str(scene.layout.root) in str(error), command
    else:
        assert answer is None or answer == scene.rows, (command, "a wrong answer")


def restored(scene: Scene) -> None:
    list(restore(scene.layout, ["main"]))
    assert scene.asked() == scene.rows, "rows are not what they were"


@pytest.mark.parametrize(("name", "damage"), [
    pytest.param(name, damage, id=f"{name}-{damage.__name__}", marks=[] if (name, damage) in FAST else pytest.mark.slow)
    for name in SAYING for damage in DAMAGES])
def test_no_damage_of_what_says_how_a_lake_stands_gives_a_wrong_answer_or_costs_a_row(
    scene: Scene, name: str, damage: Callable[[Scene, Path], None]
) -> None:
    damage(scene, scene.layout.root / name)
    for command in READING:
        answered(scene, command)
    restored(scene)
    for command in WRITING:
        scene.put_back()
        damage(scene, scene.layout.root / name)
        answered(scene, command)
        restored(scene)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", OTHERS)
def test_no_damage_of_what_can_be_made_anew_gives_a_wrong_answer_or_costs_a_row(
    scene: Scene, name: str, damage: Callable[[Scene, Path], None]
) -> None:
    damage(scene, scene.layout.root / name)
    for command in (*READING, *([covered] if name.endswith(".digest") else []), *WRITING):
        answered(scene, command)
    restored(scene)
    verify(scene)


def test_a_missing_date_of_sealing_is_refused_by_name_and_restored_from_the_archive(scene: Scene) -> None:
    path, through = scene.layout.sealed("trades"), sealed_through(scene.layout, "trades")
    path.unlink()
    for ask in (sql, roll, seal, pruned, verify, rebuild):
        with pytest.raises((QueryError, LakeStateError), match=r"trades\.parquet is missing.*`ticktape recover --data"):
            ask(scene)
    with pytest.raises(duckdb.Error, match=re.escape(str(path))):
        views(scene)
    (said,) = restore(scene.layout, ["main"])
    assert f"trades is sealed up to {through}" in said
    assert sealed_through(scene.layout, "trades") == through
    verify(scene)
    assert list(restore(scene.layout, ["main"])) == []


@pytest.mark.parametrize("through", [date(2026, 1, 7), date(2026, 1, 12)])
def test_a_wrong_date_of_sealing_is_refused_by_the_views_file_too(scene: Scene, through: date) -> None:
    scene.layout.sealed("trades").unlink()
    seal_through(scene.layout, "trades", through)
    with pytest.raises(duckdb.Error, match=r"trades\.parquet does not fit the files of date=.*ticktape recover"):
        views(scene)
    restored(scene)
    assert views(scene) == scene.rows


def first_of(days: dict[str, Path]) -> Path:
    return next(path for day in days.values() for path in day.glob("*.parquet"))


def test_an_archive_file_that_is_the_only_copy_of_its_rows_is_no_leftover_of_a_killed_sealer(scene: Scene) -> None:
    only = first_of(day_folders(scene.layout.archive("trades")))
    live = first_of(day_folders(scene.layout.live("trades")))
    leftover = scene.layout.archive("trades") / live.parent.name / only.name
    leftover.parent.mkdir(exist_ok=True)
    shutil.copy(only, leftover)
    with pytest.raises(LakeStateError, match="is of a sealed date"):
        seal(scene)
    sealer = Sealer(scene.layout, settle_s=0, now_s=lambda: scene.now_s + 86_400)
    assert len(sealer._sort(TRADES, date.fromisoformat(live.parent.name[5:]), Sealed(TODAY))) > 0
    assert leftover.exists()


def test_live_files_stay_where_the_archive_holds_fewer_rows(scene: Scene) -> None:
    live = first_of(day_folders(scene.layout.live("trades")))
    empty_one = scene.layout.archive("trades") / live.parent.name / "main.000000000001-999999999999.parquet"
    publish_file(empty_one, TRADES, TRADES.schema.empty_table())
    scene.layout.sealed("trades").unlink()
    seal_through(scene.layout, "trades", TODAY)
    with pytest.raises(SealError, match="these stay"):
        Sealer(scene.layout, grace_s=-1e12, now_s=lambda: 2e9).clear()
    assert live.exists()
