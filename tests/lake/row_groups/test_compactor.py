"""Archive files of earlier versions are made anew under their names: the same rows at every moment."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from capture import open_lake
from capture.lake.archive import write_sorted
from capture.lake.digest import keep, read_digest
from capture.lake.kept import read_kept
from capture.lake.layout import Layout, archive_marks, read_rolled, write_rolled
from capture.lake.parquet_file import ROW_GROUPS, parquet_file
from capture.lake.process_lock import locked
from capture.lake.processes import sealer as sealer_process
from capture.lake.processes.sealer import SealerKeeper
from capture.lake.row_groups import compactor
from capture.lake.row_groups.compacted import CompactedDays
from capture.lake.row_groups.compactor import Compacted, Compactor, CompactorBusyError
from capture.lake.sealed import SealerBusyError, sealer_lock
from capture.publish import publish
from capture.schemas import TABLES
from tests.disk import Disk, read_tree, write_tree
from tests.lake.killed import Killed, dying
from tests.lake.test_sealing import FIRST, SECOND, THIRD, Days, findings, rows
from tests.power.watch import Watch


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("old")


@pytest.fixture
def layout(place: Path, script: Any) -> Layout:
    """Two days that a version before sealed, whose live files are gone, rows that came late, and a third day.

    At one place, as the views file is of its folder, and takes long to make.
    """
    data, kept = place / "data", place / "kept"
    if not kept.exists():
        days = Days(place, type(script))
        for day in (FIRST, SECOND):
            days.at(day, 12).trades().at(day, 13).trades()
        days.at(THIRD, 2).trades().roll()
        with mock.patch("capture.lake.parquet_file.ROW_GROUPS", {}):
            list(days.sealer().seal())
        days.sealer(grace_s=-1e12).clear()
        days.late(FIRST).trades().roll().script.writer.close()
        for folder in data.rglob("date=*"):
            os.utime(folder, (0, 0))
        data.rename(kept)
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(kept, data)
    return Layout(data)


def compacted(layout: Layout) -> list[Compacted]:
    return list(Compactor(layout, settle_s=0).compact())


def files(layout: Layout) -> dict[str, Path]:
    paths = sorted(layout.root.glob("archive/*/date=2*/*.parquet"))
    return {str(path.relative_to(layout.root)): path for path in paths}


def old(layout: Layout) -> list[str]:
    """Return the files that do not have the row groups of today."""
    said = {key.encode(): value.encode() for key, value in ROW_GROUPS.items()}
    return [name for name, path in files(layout).items() if not said.items() <= pq.read_metadata(path).metadata.items()]


def globbed(layout: Layout) -> dict[str, Counter[tuple[Any, ...]]]:
    """Return the rows of sealed days as polars and DuckDB see them who know nothing of us, which must be the same."""
    found = {}
    for table in ("trades", "subscriptions"):
        pattern = str(layout.archive(table) / "**" / "*.parquet")
        by_polars = pl.scan_parquet(pattern, hive_partitioning=False).select("recorder", "seq", "row").collect().rows()
        with duckdb.connect() as connection:
            by_duckdb = connection.sql(f"select recorder, seq, \"row\" from read_parquet('{pattern}')").fetchall()
        found[table] = Counter(by_polars)
        assert found[table] == Counter(by_duckdb)
    return found


def answered(layout: Layout) -> list[tuple[Any, ...]]:
    with open_lake(layout.root) as lake:
        return lake.sql('select recorder, seq, "row", price from trades order by all').rows()


def test_files_of_before_get_the_row_groups_of_today_with_the_same_rows_under_the_same_names(layout: Layout) -> None:
    before, names, seen = rows(layout), list(files(layout)), globbed(layout)
    assert sorted(old(layout)) == names, "of late rows too"
    done = compacted(layout)
    assert sorted(str(one.path.relative_to(layout.root)) for one in done) == names
    assert [one.fault for one in done] == [None] * len(names)
    assert sum(one.rows for one in done) == sum(pq.read_metadata(path).num_rows for path in files(layout).values())
    assert (list(files(layout)), old(layout)) == (names, [])
    assert (rows(layout), globbed(layout), findings(layout)) == (before, seen, [])
    assert max(seen["trades"].values()) == 1
    late = min((layout.archive("trades") / f"date={FIRST}").glob("*.parquet"), key=lambda path: -_marks(path)[1])
    with parquet_file(late) as file:
        found = file.read()
    assert found.equals(found.sort_by([(name, "ascending") for name in TABLES["trades"].sort_key]))


def _marks(path: Path) -> tuple[str, int, int]:
    marks = archive_marks(path)
    assert marks is not None
    return marks


def test_what_is_done_is_not_looked_at_again_until_something_changes(layout: Layout) -> None:
    compacted(layout)
    assert CompactedDays(layout).due(), "a folder that changed just now may change once more without telling"
    for folder in layout.root.rglob("date=*"):
        os.utime(folder, (1, 1))
    assert compacted(layout) == []
    assert CompactedDays(layout).due() == []
    os.utime(layout.archive("trades") / f"date={SECOND}", (2, 2))
    assert CompactedDays(layout).due() == [(str(SECOND), "trades")]
    (layout.root / "sealed" / "compacted.json").write_text("[]")
    assert len(CompactedDays(layout).due()) > 2, "what cannot be read costs another look"
    assert compacted(layout) == []


def test_what_is_kept_of_rows_holds_of_the_files_that_took_the_place_of_others(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.lake.kept.UNCHANGED_NS", -1)
    keep(layout)
    before = {table: read_digest(layout, table) for table in ("trades", "subscriptions")}
    assert all(digest.files for digest in before.values())
    with monkeypatch.context() as patch:
        patch.setattr("capture.lake.digest.made", lambda *_: pytest.fail("no row has to be read for it"))
        compacted(layout)
    for table, digest in before.items():
        now = read_digest(layout, table)
        assert now.rows.equals(digest.rows)
        assert now.files == {day: kept.files for day, kept in read_kept(layout, table).items()} != digest.files


STEPS = (("write_sorted", 0), ("write_sorted", 3), ("sealer_lock", 0), ("publish", 0), ("publish", 3),
         ("shutil.copyfile", 0), ("carry_over", 0), ("carry_over", 3), ("_remove", 1), ("time.sleep", 0), ("keep", 0))


@pytest.mark.slow
@pytest.mark.parametrize(("step", "survived"), STEPS)
def test_killed_at_any_step_every_engine_sees_each_row_once_and_the_next_run_finishes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, step: str, survived: int
) -> None:
    before, seen = answered(layout), globbed(layout)
    with monkeypatch.context() as patch:
        owner, _, name = step.rpartition(".")
        where = getattr(compactor, owner) if owner else compactor
        patch.setattr(where, name, dying(getattr(where, name), survived))
        with suppress(Killed):
            compacted(layout)
    assert (answered(layout), globbed(layout)) == (before, seen)
    compacted(layout)
    assert old(layout) == []
    assert (answered(layout), globbed(layout), findings(layout)) == (before, seen, [])
    assert list((layout.root / "sealed").glob("compact-*")) == []


@pytest.mark.slow
def test_a_power_cut_after_any_operation_leaves_every_file_whole(layout: Layout, tmp_path: Path) -> None:
    kept = {name for name in files(layout) if name.startswith(("archive/trades", "archive/subscriptions"))}
    for name in files(layout).keys() - kept:
        shutil.rmtree((layout.root / name).parent)
    before, lake = globbed(layout), tmp_path / "lake"
    lake.mkdir()
    shutil.move(layout.root, lake / "data")
    tree = read_tree(lake)
    watch = Watch(lake, Disk(tree))
    with watch.watching():
        compacted(Layout(lake / "data"))
    assert len(watch.operations) > 10 * len(kept)
    disk, random, tried = Disk(tree), Random(1), set()
    for operation in (("nothing",), *watch.operations):
        if operation[0] != "nothing":
            getattr(disk, operation[0])(*operation[1:])
        for _ in range(5):
            left = disk.after_a_cut(random)
            essence = hash(frozenset((path, content) for path, content in left.items() if path.endswith(".parquet")))
            if essence in tried:
                continue
            tried.add(essence)
            shutil.rmtree(tmp_path / "after", ignore_errors=True)
            (tmp_path / "after").mkdir()
            write_tree(left, tmp_path / "after")
            after = Layout(tmp_path / "after" / "data")
            assert globbed(after) == before
            compacted(after)
            assert (globbed(after), old(after)) == (before, [])
    assert len(tried) > len(kept)


def test_a_file_that_somebody_replaces_or_removes_meanwhile_is_left_alone(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced, removed = ((layout.archive("trades") / f"date={day}") for day in (SECOND, FIRST))
    content = {path: path.read_bytes() for path in replaced.glob("*.parquet")}

    def meanwhile(table: Any, sources: list[Path], path: Path, memory_mib: int) -> int:
        written = write_sorted(table, sources, path, memory_mib)
        if sources[0].parent == replaced:
            publish(sources[0], lambda to: to.write_bytes(content[sources[0]]))
        elif sources[0].parent == removed:
            sources[0].unlink()
        return written

    monkeypatch.setattr(compactor, "write_sorted", meanwhile)
    done = {one.path.parent for one in compacted(layout)}
    assert done and replaced not in done and removed not in done
    assert {path: path.read_bytes() for path in replaced.glob("*.parquet")} == content
    assert list(removed.glob("*.parquet")) == []


def test_a_damaged_file_stays_as_it_is_and_is_told_once(layout: Layout) -> None:
    path = min((layout.archive("trades") / f"date={SECOND}").glob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    os.utime(path.parent, (0, 0))
    assert [one.path for one in compacted(layout) if one.fault] == [path]
    assert path.read_bytes() == content
    assert [one for one in compacted(layout) if one.fault] == []


def test_a_file_whose_marks_are_to_be_rolled_once_more_waits(layout: Layout) -> None:
    late = max((layout.archive("trades") / f"date={FIRST}").glob("*.parquet"), key=lambda path: _marks(path)[2])
    rolled = read_rolled(layout, "main")
    assert rolled is not None
    write_rolled(layout, "main", type(rolled)(_marks(late)[2], rolled.state, rolled.nameless))
    assert late not in {one.path for one in compacted(layout)}
    write_rolled(layout, "main", rolled)
    assert late in {one.path for one in compacted(layout)}


def test_files_of_recorders_whose_tape_is_elsewhere_are_made_anew_and_none_while_a_position_is_missing(
    layout: Layout
) -> None:
    (layout.tape / "other").mkdir()
    path = min((layout.archive("trades") / f"date={SECOND}").glob("*.parquet"))
    others, gone = (path.with_name(f"{name}.000000000001-000000000002.parquet") for name in ("other", "gone"))
    shutil.copy(path, others)
    shutil.copy(path, gone)
    done = {one.path for one in compacted(layout)}
    assert (others in done, gone in done, path in done) == (False, True, True)


def test_one_process_compacts_and_none_beside_who_seals(layout: Layout) -> None:
    with locked(layout.root / "sealed" / "compactor.lock", 2), pytest.raises(CompactorBusyError, match="let it finish"):
        compacted(layout)
    with sealer_lock(layout), pytest.raises(SealerBusyError):
        compacted(layout)
    assert compacted(layout)


@pytest.fixture
def as_process(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sys.argv", ["sealer", str(layout.root)])
    monkeypatch.setattr(sealer_process, "begin", lambda *_: None)
    monkeypatch.setattr(compactor, "SETTLE_S", 0.0)
    monkeypatch.setattr("capture.lake.sealing.SETTLE_S", 0.0)
    yield


@pytest.mark.usefixtures("as_process")
def test_a_sealer_compacts_once_nothing_else_is_due(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = SealerKeeper(layout)
    monkeypatch.setattr("capture.lake.sealing.Sealer.due", lambda _: [])
    monkeypatch.setattr("capture.lake.sealing.Sealer.clearable", lambda _: [])
    monkeypatch.setattr("capture.lake.row_groups.compactor.time.sleep", lambda _: None)
    assert keeper.has_work()
    assert not keeper.has_work(), "it is not looked for all the time"
    sealer_process.main()
    assert old(layout) == []
    for folder in layout.root.rglob("date=*"):
        os.utime(folder, (1, 1))
    sealer_process.main()
    assert not SealerKeeper(layout).has_work()


@pytest.mark.usefixtures("as_process")
def test_a_sealer_that_has_a_date_to_seal_compacts_no_further(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.lake.sealing.Sealer.seal", lambda _: iter(()))
    monkeypatch.setattr("capture.lake.sealing.Sealer.due", lambda _: [THIRD])
    before = len(old(layout))
    sealer_process.main()
    assert len(old(layout)) == before - 1
