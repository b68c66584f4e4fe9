"""What pruning and sealing choose by the names of files, and what they leave where it is."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from capture.lake import sealing
from capture.lake.archive import SealError
from capture.lake.content import row_count
from capture.lake.layout import LakeStateError, Layout, Rolled, write_rolled
from capture.lake.leftovers import sweep_lake
from capture.lake.parquet_file import write_parquet
from capture.lake.proof import prune as pruning
from capture.lake.proof.prune import (
    OldRows,
    OldTape,
    PruneError,
    _end_of_days,
    _first_kept,
    _first_unsealed_mark,
    _goes,
    _prunable,
    _remove,
    old_rows,
    old_tape,
    prune,
    prune_rows,
    prune_tape,
)
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.tape_part import Span
from capture.lake.proof.verify import Verifier
from capture.lake.pruned import (
    PrunedRows,
    PrunedTables,
    PrunedTape,
    read_pruned_tables,
    read_pruned_tape,
    write_pruned_tables,
    write_pruned_tape,
)
from capture.lake.roll import first_unrolled
from capture.lake.sealed import seal_through, sealed_dates
from capture.lake.sealing import Sealed, Sealer, _holds_no_more
from capture.lake.state import SealedDays
from capture.schemas import TABLES, TRADES
from capture.tape import Kind, segments
from capture.tape.segment import Segment
from tests.lake.test_checksums import trades

DAYS = [f"2026-01-0{day}" for day in range(1, 8)]
TODAY = date(2026, 1, 7)


@pytest.fixture
def layout(template: Path, tmp_path: Path) -> Layout:
    """A lake of two recorders, both rolled up to mark 50; trades are sealed up to the fifth, others up to the sixth."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Layout(tmp_path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Layout(tmp_path_factory.mktemp("old"))
    for recorder in ("main", "other"):
        (made.tape / recorder).mkdir(parents=True)
        write_rolled(made, recorder, Rolled(50))
    for table in TABLES:
        seal_through(made, table, date(2026, 1, 5 if table == "trades" else 6))
    return made.root


def touch(path: Path, size_bytes: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size_bytes)
    return path


def sorted_file(layout: Layout, day: str, first: int, last: int, recorder: str = "main", table: str = "trades") -> Path:
    return touch(layout.archive_file(table, day, recorder, first, last), 10 * last)


def rolled_file(layout: Layout, day: str, mark: int, recorder: str = "main", table: str = "trades") -> Path:
    return touch(layout.live_file(table, day, recorder, mark), mark)


def test_old_files_of_sealed_dates_go_and_all_others_stay(layout: Layout) -> None:
    old = [sorted_file(layout, DAYS[0], 1, 3), sorted_file(layout, DAYS[1], 4, 6), sorted_file(layout, DAYS[1], 7, 9)]
    left = rolled_file(layout, DAYS[1], 4)  # which the archive has replaced
    sorted_file(layout, DAYS[2], 10, 12)  # young
    sorted_file(layout, DAYS[0], 1, 3, "nobody")  # of a recorder without a tape here
    touch(layout.archive("trades") / f"date={DAYS[0]}" / "copy of main.parquet")
    sorted_file(layout, DAYS[0], 50, 50)  # of the rolled position: it may be rolled again
    sorted_file(layout, DAYS[0], 1, 3, table="subscriptions")  # kept for ever
    sorted_file(layout, DAYS[0], 1, 3, table="quotes")
    [found] = old_rows(layout, {"trades": 4}, TODAY)
    assert (found.table, found.through, found.known) == ("trades", DAYS[1], False)
    assert set(found.paths) == {left, *old}
    assert found.size_bytes == 30 + 60 + 90 + 4
    assert {one.table for one in old_rows(layout, {"tables": 4}, TODAY)} == {"trades", "quotes"}
    assert {one.table for one in old_rows(layout, {"tables": 4, "trades": 99}, TODAY)} == {"quotes"}
    assert old_rows(layout, {"trades": 6}, TODAY) == []
    assert [one.through for one in old_rows(layout, {"trades": 5}, TODAY)] == [DAYS[0]]
    assert [one.through for one in old_rows(layout, {"trades": 0}, TODAY)] == [DAYS[4]], "what is sealed"
    assert old_rows(layout, {}, TODAY) == []
    assert prune_rows(layout, [found]) == found.size_bytes
    assert not any(path.exists() for path in found.paths)
    assert not (layout.archive("trades") / f"date={DAYS[1]}").exists()
    assert (layout.archive("trades") / f"date={DAYS[0]}").exists(), "what was set aside by hand stays"
    assert read_pruned_tables(layout) == PrunedTables({"trades": PrunedRows(DAYS[1], {"main": 50, "other": 50})})


def test_what_a_killed_run_wrote_down_and_left_goes_and_no_more(layout: Layout) -> None:
    write_pruned_tables(layout, PrunedTables({"trades": PrunedRows(DAYS[2], {"main": 9})}))
    left = sorted_file(layout, DAYS[2], 4, 8)
    sorted_file(layout, DAYS[2], 9, 12)  # came later
    [found] = old_rows(layout, {"trades": 6}, TODAY)
    assert (found.through, found.paths, found.known) == (DAYS[2], (left,), True)
    prune_rows(layout, [found])
    assert read_pruned_tables(layout).tables == {"trades": PrunedRows(DAYS[2], {"main": 9})}
    [more] = old_rows(layout, {"trades": 3}, TODAY)
    assert (more.through, more.known) == (DAYS[2], False)
    prune_rows(layout, [more])
    assert read_pruned_tables(layout).tables == {"trades": PrunedRows(DAYS[2], {"main": 50, "other": 50})}


def test_marks_of_what_went_never_go_back(layout: Layout) -> None:
    write_pruned_tables(layout, PrunedTables({"trades": PrunedRows(DAYS[0], {"main": 70, "gone": 3})}))
    prune_rows(layout, [OldRows("trades", DAYS[1], (), 0, False), OldRows("quotes", DAYS[0], (), 0, False)])
    assert read_pruned_tables(layout).tables == {
        "trades": PrunedRows(DAYS[1], {"main": 70, "gone": 3, "other": 50}),
        "quotes": PrunedRows(DAYS[0], {"main": 50, "other": 50})}  # fmt: skip


def test_a_recorder_of_which_nothing_is_rolled_loses_nothing(layout: Layout) -> None:
    write_rolled(layout, "other", Rolled(0))
    prune_rows(layout, [OldRows("bars", DAYS[0], (), 0, False)])
    assert read_pruned_tables(layout).tables == {"bars": PrunedRows(DAYS[0], {"main": 50, "other": 0})}


@pytest.mark.parametrize(("archive", "recorder", "marks", "day", "goes"), [
    (True, "main", (3, 4), 4, True), (True, "main", (3, 5), 4, False), (True, "main", (3, 9), 4, False),
    (True, "main", (3, 4), 5, False), (True, "other", (3, 4), 4, False), (False, "main", (4,), 4, True),
    (False, "main", (5,), 4, False), (False, "main", (4,), 5, False), (True, "main", (1, 2), 7, True),
    (False, "main", (2,), 7, True), (True, "main", (1, 3), 7, False),
])  # fmt: skip
def test_a_file_goes_where_all_its_marks_are_rolled(
    tmp_path: Path, archive: bool, recorder: str, marks: tuple[int, ...], day: int, goes: bool
) -> None:
    layout = Layout(tmp_path)
    at = layout.archive_file if archive else layout.live_file
    path = at("trades", DAYS[day - 1], recorder, *marks)
    pruned = PrunedTables({"trades": PrunedRows(DAYS[6], {"main": 3})})  # as a run that was killed wrote down
    assert _goes(path, {"main": 5}, pruned, "trades", DAYS[3]) == goes
    assert not _goes(path.with_name("copy.parquet"), {"main": 5}, pruned, "trades", DAYS[3])


def test_a_segment_of_the_first_moment_of_a_date_is_of_that_date(monkeypatch: pytest.MonkeyPatch) -> None:
    midnight_ns = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp()) * 10**9
    first = SimpleNamespace(kind=Kind.MARK, wall_ns=midnight_ns)
    monkeypatch.setattr(pruning, "SegmentReader", lambda _: SimpleNamespace(records=lambda: iter([first])))
    tape = [Segment(Path("one"), 1, True), Segment(Path("two"), 2, False)]
    assert list(_prunable(tape, date(2026, 1, 3), 9)) == [(tape[1], date(2026, 1, 3))]
    assert list(_prunable(tape, date(2026, 1, 2), 9)) == []


@pytest.mark.parametrize(("findings", "to_mark", "words"), [
    ([], 21, None), ([], 20, "mark 21 is gone"), ([("file missing", "x")], 21, "file missing: x"),
    ([("file missing", "x"), ("file different", "y")], 20, "file missing: x"),
])  # fmt: skip
def test_a_tape_is_pruned_only_where_it_verifies_up_to_its_mark(
    layout: Layout, tape: Path, monkeypatch: pytest.MonkeyPatch, findings: list[tuple[str, str]], to_mark: int,
    words: str | None,
) -> None:
    ends: list[Any] = [SimpleNamespace(to_mark=mark, state={"at": mark}, end=SimpleNamespace(json=lambda: {"seq": 7}))
                       for mark in (to_mark, 30)]
    told = [SimpleNamespace(problem=problem, place=place) for problem, place in findings]
    before = PrunedTape(11, {}, 1, 100, DAYS[1])
    verifier = SimpleNamespace(pruned_tape=before, findings=told, ranges=lambda: iter(ends),
                               days=SimpleNamespace(as_pruned=lambda: ()))
    monkeypatch.setattr(pruning, "Verifier", lambda *_: verifier)
    old = OldTape("main", 21, DAYS[2], (tape / "000000000001.tape.zst",), 12, known=False)
    if words is None:
        assert list(prune_tape(layout, old)) == ends
        assert read_pruned_tape(tape) == PrunedTape(21, {"at": 21}, 7, 112, DAYS[2], ())
    else:
        with pytest.raises(PruneError, match=f"stays as it is, as it does not verify .{words}.: run"):
            list(prune_tape(layout, old))
        assert read_pruned_tape(tape) is None
    assert old.paths[0].exists() == (words is not None)


def test_files_and_folders_that_are_gone_already_are_no_fault(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "a" / "1"), touch(tmp_path / "b" / "2")
    _remove([one, two, tmp_path / "b" / "gone", tmp_path / "c" / "gone"])
    assert list(tmp_path.iterdir()) == []
    prune_rows(Layout(tmp_path), [])
    assert not (tmp_path / "sealed" / "pruned.json").exists()


def test_a_tape_stays_from_the_first_mark_on_whose_rows_are_not_sealed(layout: Layout) -> None:
    assert _first_unsealed_mark(layout, "main") is None
    for day, mark, recorder, table in ((DAYS[4], 1, "main", "trades"), (DAYS[5], 2, "main", "quotes"),
                                       (DAYS[5], 3, "other", "trades"), (DAYS[6], 9, "main", "quotes"),
                                       (DAYS[5], 7, "main", "trades")):  # fmt: skip
        rolled_file(layout, day, mark, recorder, table)
    touch(layout.live("trades") / f"date={DAYS[6]}" / "x.parquet")
    assert _first_unsealed_mark(layout, "main") == 7
    assert _first_unsealed_mark(layout, "other") == 3


def test_a_sealed_date_is_read_to_its_end_where_it_began_before_the_mark(layout: Layout) -> None:
    old = OldTape("main", 10, DAYS[1], (), 0, known=False)
    assert _end_of_days(layout, old) == 11
    sorted_file(layout, DAYS[2], 10, 30)
    sorted_file(layout, DAYS[1], 3, 9, "other")
    assert _end_of_days(layout, old) == 11
    sorted_file(layout, DAYS[1], 9, 20)
    sorted_file(layout, DAYS[1], 22, 22)
    sorted_file(layout, DAYS[1], 49, 49)
    assert _end_of_days(layout, old) == 50
    sorted_file(layout, DAYS[1], 50, 60)  # beyond what is rolled
    touch(layout.archive("trades") / f"date={DAYS[1]}" / "x.parquet")
    assert _end_of_days(layout, old) == 50


@pytest.mark.parametrize(("days", "compressed", "before_mark", "found"), [
    ([1, 2, 3, 4], "yyyy", 99, [2, 3]), ([1, 2, 3, 4], "yyyy", 19, [2]), ([1, 2, 3, 4], "yyyy", 20, [2, 3]),
    ([1, 2, 3, 4], "ynyy", 99, [2]),
    ([1, 2, 3, 4], "nyyy", 99, []), ([1, 2, 4, 5], "yyyy", 99, [2]), ([1, 1, 3, 3], "yyyy", 99, [1, 3, 3]),
    ([1, 2, None, 3], "yyyy", 99, [2]), ([1], "y", 99, []),
])  # fmt: skip
def test_compressed_segments_before_the_first_of_a_later_date_can_go(
    monkeypatch: pytest.MonkeyPatch, days: list[int | None], compressed: str, before_mark: int, found: list[int]
) -> None:
    def records(day: int | None) -> Any:
        kind = Kind.MARK if day else Kind.NOTE
        return iter([SimpleNamespace(kind=kind, wall_ns=int(datetime(2026, 1, day or 1, 23, 59, 59, tzinfo=UTC)
                                                            .timestamp()) * 10**9 + 999_999_999)])

    monkeypatch.setattr(pruning, "SegmentReader", lambda path: SimpleNamespace(records=lambda: records(path)))
    tape: Any = [Segment(day, 10 * n, zipped == "y")  # type: ignore[arg-type]
                 for n, (day, zipped) in enumerate(zip(days, compressed, strict=True))]
    went = list(_prunable(tape, date(2026, 1, 3), before_mark))
    assert [day.day for _, day in went] == found
    assert [segment.first_mark for segment, _ in went] == [10 * n for n in range(1, len(found) + 1)]


TAPE = {1: 1, 11: 2, 21: 3, 31: 5, 41: 6}  # first mark of each segment, and the day on which it begins


@pytest.fixture
def tape(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Segments that are all compressed but for the last one; what they hold is only said."""
    folder = layout.tape / "main"
    for mark in TAPE:
        touch(folder / f"{mark:012}.tape{'.zst' if mark < 41 else ''}", mark)

    def reader(path: Path) -> Any:
        day = datetime(2026, 1, TAPE[int(path.name[:12])], 12, tzinfo=UTC)
        record = SimpleNamespace(kind=Kind.MARK, wall_ns=int(day.timestamp()) * 10**9)
        return SimpleNamespace(records=lambda: iter([record]))

    monkeypatch.setattr(pruning, "SegmentReader", reader)
    return folder


def given_up(mark: int) -> PrunedTape:
    return PrunedTape(mark, {}, 1, 2, DAYS[2], ())


@pytest.mark.parametrize(("days", "mark", "through"), [
    ({"tape": 5}, None, ""), ({"tape": 4}, 11, DAYS[1]), ({"tape": 3}, 21, DAYS[2]), ({"tape": 2}, 21, DAYS[2]),
    ({"tape": 1}, 31, DAYS[4]), ({"tape": 0}, 31, DAYS[4]), ({}, None, ""), ({"trades": 0, "tables": 0}, None, ""),
])  # fmt: skip
def test_whole_segments_of_a_tape_go_up_to_a_date_that_is_sealed(
    layout: Layout, tape: Path, days: dict[str, int], mark: int | None, through: str
) -> None:
    old = old_tape(layout, "main", days, TODAY)
    if mark is None:
        assert old is None
        return
    went = [first for first in TAPE if first < mark]
    assert old == OldTape("main", mark, through, tuple(tape / f"{first:012}.tape.zst" for first in went), sum(went),
                          known=False)  # fmt: skip


@pytest.mark.parametrize(("rolled", "unsealed", "mark"), [
    (50, None, 31), (30, None, 21), (31, None, 31), (50, 30, 21), (50, 31, 31), (21, 40, 21), (None, None, None),
])  # fmt: skip
def test_a_tape_goes_only_as_far_as_it_is_rolled_and_its_rows_are_sealed(
    layout: Layout, tape: Path, rolled: int | None, unsealed: int | None, mark: int | None
) -> None:
    layout.rolled("main").unlink()
    if rolled is not None:
        write_rolled(layout, "main", Rolled(rolled))
    if unsealed is not None:
        rolled_file(layout, DAYS[6], unsealed)
    old = old_tape(layout, "main", {"tape": 0}, TODAY)
    assert (old.mark if old else None) == mark


def test_of_a_tape_that_was_given_up_what_is_left_goes(layout: Layout, tape: Path) -> None:
    write_pruned_tape(tape, given_up(21))
    for days in ({}, {"tape": 3}, {"tape": 4}):
        old = old_tape(layout, "main", days, TODAY)
        assert old is not None
        assert (old.mark, old.through, old.size_bytes, old.known) == (21, DAYS[2], 12, True)
        assert [path.name[:12].lstrip("0") for path in old.paths] == ["1", "11"]
    further = old_tape(layout, "main", {"tape": 1}, TODAY)
    assert further is not None
    assert (further.mark, further.known, len(further.paths)) == (31, False, 3)
    write_rolled(layout, "main", Rolled(11))
    half = old_tape(layout, "main", {}, TODAY)
    assert half is not None
    assert [path.name[:12].lstrip("0") for path in half.paths] == ["1"]
    layout.rolled("main").unlink()
    (tape / "000000000000.tape.zst").touch()
    assert old_tape(layout, "main", {}, TODAY) is None, "nothing of it is rolled"
    (tape / "000000000000.tape.zst").unlink()
    write_rolled(layout, "main", Rolled(50))
    (tape / "000000000011.tape").touch()  # as a copy that somebody brought back
    old = old_tape(layout, "main", {}, TODAY)
    assert old is not None
    assert [path.name for path in old.paths] == ["000000000001.tape.zst"]
    old.paths[0].unlink()
    synced: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "sync_path", synced.append)
        assert list(prune_tape(layout, old)) == []
        (tape / "000000000001.tape.zst").touch()
        assert list(prune_tape(layout, old)) == []
    assert synced == [tape, tape]
    assert not (tape / "000000000001.tape.zst").exists()
    assert old_tape(layout, "main", {}, TODAY) is None


def test_a_position_that_contradicts_the_archive_stops_pruning(layout: Layout, tape: Path) -> None:
    sorted_file(layout, DAYS[0], 1, 60)
    with pytest.raises(LakeStateError, match="the archive holds rows of mark 60"):
        old_tape(layout, "main", {"tape": 3}, TODAY)
    layout.rolled("main").unlink()
    with pytest.raises(LakeStateError, match="is missing, but the archive holds rows of mark 60"):
        first_unrolled(layout, "main", segments(tape))


@pytest.mark.parametrize(("days", "kept"), [
    (0, TODAY), (1, date(2026, 1, 6)), (7, date(2025, 12, 31)), (10**9, date(1, 1, 2)),
    (TODAY.toordinal(), date(1, 1, 2)), (TODAY.toordinal() - 3, date(1, 1, 3)),
])  # fmt: skip
def test_more_days_than_the_calendar_has_mean_for_ever(days: int, kept: date) -> None:
    assert _first_kept(TODAY, days) == kept


def test_what_pruning_made_unknown_is_no_difference_of_a_position(layout: Layout) -> None:
    verifier = Verifier(layout, "main")
    ours, theirs = ({"heard_us": 1, "waiting": [{"gap_id": gap_id, "rows_restored": rows} for gap_id, rows in gaps]}
                    for gaps in ((("b", 1), ("a", 2)), (("a", 7), ("b", 1))))
    assert verifier._known(ours) != verifier._known(theirs)
    assert verifier._known(ours)["waiting"][0] == {"gap_id": "a", "rows_restored": 2}, "in one order"
    assert verifier._known(None) is None
    verifier._pruned = PrunedTables({"quotes": PrunedRows("2026-01-01", {"main": 5})})
    assert verifier._known(ours) == verifier._known(theirs)
    assert verifier._known(ours | {"heard_us": 2}) != verifier._known(theirs)


def test_pruning_counts_days_from_today_and_sums_what_went(
    layout: Layout, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorted_file(layout, DAYS[0], 1, 3)
    write_pruned_tape(tape, given_up(21))
    assert prune(layout, {}, TODAY) == 12
    assert prune(layout, {"trades": 4}, date(2020, 1, 1)) == 0
    assert prune(layout, {"trades": 4}) == 30


# Sealing


def with_rows(path: Path, count: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(TRADES, trades(count), path)
    return path


@pytest.mark.parametrize(("name", "rows", "goes"), [
    ("main.000000000001-000000000003.parquet", 6, True), ("main.000000000001-000000000003.parquet", 7, False),
    ("main.000000000001-000000000002.parquet", 4, True), ("main.000000000001-000000000002.parquet", 5, False),
    ("main.000000000000-000000000003.parquet", 1, False), ("main.000000000001-000000000004.parquet", 1, False),
    ("other.000000000001-000000000003.parquet", 1, False), ("notes.parquet", 1, False),
])  # fmt: skip
def test_an_archive_file_is_a_leftover_only_where_live_files_hold_its_rows(
    tmp_path: Path, name: str, rows: int, goes: bool
) -> None:
    live = [with_rows(tmp_path / f"main.00000000000{mark}.parquet", 2) for mark in (1, 2, 3)]
    assert _holds_no_more(with_rows(tmp_path / name, rows), {"main": live}) == goes


def test_live_files_go_where_the_archive_holds_as_many_rows_the_first_marks_first(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = layout.live("trades") / f"date={DAYS[0]}"
    live = {mark: with_rows(layout.live_file("trades", DAYS[0], "main", mark), 2) for mark in (1, 2, 3, 7)}
    with_rows(layout.archive_file("trades", DAYS[0], "main", 1, 2), 4)
    with_rows(layout.archive_file("trades", DAYS[0], "main", 3, 3), 1)
    gone: list[Any] = []
    monkeypatch.setattr(sealing, "sync_path", gone.append)
    unlink = Path.unlink

    def remember(path: Path) -> None:
        gone.append(path)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", remember)
    sealer = Sealer(layout, grace_s=-1e12)
    with pytest.raises(SealError, match=r"holds 1 rows, and the files that it replaced 2: .*`ticktape verify"):
        sealer.clear()
    assert gone == []
    with_rows(layout.archive_file("trades", DAYS[0], "main", 3, 3), 2)
    assert sealer.clearable() == [folder]
    assert sealer.clear() == 3
    assert set(gone[:2]) == {live[1], live[3]}
    assert gone[2:] == [folder, live[2], folder]
    assert live[7].exists(), "it is in no archive file"
    assert sealer.clearable() == []
    with_rows(layout.archive_file("trades", DAYS[0], "main", 7, 7), 3)
    gone.clear()
    assert sealer.clear() == 1
    assert gone == [live[7], folder, folder, folder.parent]
    assert not folder.exists()


def test_live_files_stay_for_queries_that_still_read_them(layout: Layout) -> None:
    with_rows(layout.live_file("trades", DAYS[0], "main", 1), 1)
    folder, archive = layout.live("trades") / f"date={DAYS[0]}", layout.archive_file("trades", DAYS[0], "main", 1, 1)
    with_rows(archive, 1)
    for newer, older in ((archive, folder), (folder, archive)):
        os.utime(older, (5_000, 5_000))
        os.utime(newer, (9_000, 9_000))
        for now_s, found in ((9_099, []), (9_100, []), (9_101, [folder])):
            assert Sealer(layout, grace_s=100, now_s=lambda now_s=now_s: now_s).clearable() == found  # type: ignore[misc]


def test_only_files_before_the_rolled_position_are_sealed(layout: Layout) -> None:
    folder = layout.live("trades") / f"date={DAYS[6]}"
    for name in ("main.000000000049", "main.000000000007", "main.000000000050", "main.000000000051",
                 "other.000000000001", "nobody.000000000099", "copy"):  # fmt: skip
        touch(folder / f"{name}.parquet")
    (layout.tape / "third").mkdir()  # a tape of which nothing is rolled
    touch(folder / "third.000000000001.parquet")
    found = Sealer(layout)._rolled_files("trades", date.fromisoformat(DAYS[6]))
    assert {recorder: [path.stem.rpartition(".")[2].lstrip("0") for path in paths]
            for recorder, paths in found.items()} == {"main": ["7", "49"], "other": ["1"], "nobody": ["99"]}


def test_a_date_is_sorted_by_recorder_and_who_comes_late_has_a_file_of_his_own(layout: Layout) -> None:
    day, done = date.fromisoformat(DAYS[6]), Sealed(date.fromisoformat(DAYS[6]))
    for mark, recorder in ((3, "main"), (5, "main"), (9, "other")):
        with_rows(layout.live_file("trades", DAYS[6], recorder, mark), mark)
    half, stays = sorted_file(layout, DAYS[6], 3, 3), sorted_file(layout, DAYS[6], 1, 2)
    half.unlink()
    with_rows(half, 3)
    stays.unlink()
    with_rows(stays, 1)
    sealer = Sealer(layout)
    sorted_in = sealer._sort(TRADES, day, done)
    assert {path.name for path in sorted_in} == {f"{name}.{mark:012}.parquet" for name, mark in (
        ("main", 3), ("main", 5), ("other", 9))}
    assert (done.rows, done.files) == ({"trades": 17}, 2)
    archive = layout.archive("trades") / f"date={DAYS[6]}"
    assert {path.name: row_count(path) for path in archive.glob("*.parquet")} == {
        "main.000000000001-000000000002.parquet": 1,  # it may be all that is left of its rows
        "main.000000000003-000000000005.parquet": 8, "other.000000000009-000000000009.parquet": 9}
    sealer._latecomers(TRADES, day, sorted_in, done)
    assert done.files == 2
    for mark in (7, 8):
        with_rows(layout.live_file("trades", DAYS[6], "main", mark), mark)
    sealer._latecomers(TRADES, day, sorted_in, done)
    assert (done.rows, done.files) == ({"trades": 32}, 4)
    assert {row_count(layout.archive_file("trades", DAYS[6], "main", mark, mark)) for mark in (7, 8)} == {7, 8}


def test_a_rebuild_publishes_what_did_not_go_and_remembers_sealed_days(layout: Layout) -> None:
    rows = {DAYS[1]: 2, DAYS[4]: 3, DAYS[5]: 4}
    moments = [datetime.fromisoformat(f"{day}T12:00:00+00:00") for day, count in rows.items() for _ in range(count)]
    table = trades(9).set_column(0, "ts", pa.array(moments, pa.timestamp("us", "UTC")))
    assert TRADES.schema.names[0] == "ts"
    rebuilder = Rebuilder(layout, "main", Span(3, 9))
    rebuilder._sealed = sealed_dates(layout)
    rebuilder._pruned = PrunedTables({"trades": PrunedRows(DAYS[1], {"main": 50})})
    live = {day: layout.live_file("trades", day, "main", 7) for day in rows}
    found: Any = SimpleNamespace(from_mark=7, to_mark=8, is_whole=True, tables={"trades": table})
    assert rebuilder._publish(found) == [live[DAYS[4]], live[DAYS[5]]]
    assert rebuilder._days == {("trades", DAYS[4]): {7: live[DAYS[4]]}}
    assert (rebuilder.written, rebuilder.kept, rebuilder._gives(7, 7), rebuilder._gives(6, 7)) == (1, [], True, False)
    assert [live[day].exists() for day in rows] == [False, True, True]
    assert row_count(live[DAYS[5]]) == 4
    broken: Any = SimpleNamespace(from_mark=7, to_mark=8, is_whole=False, tables={"trades": table.slice(5)})
    rebuilder._publish(broken)
    assert (rebuilder.written, rebuilder.kept) == (1, [live[DAYS[5]]])
    live[DAYS[5]].unlink()
    rebuilder._publish(broken)
    assert (rebuilder.written, row_count(live[DAYS[5]])) == (2, 4)
    beyond: Any = SimpleNamespace(from_mark=9, to_mark=10, is_whole=True, tables={"trades": table})
    assert len(rebuilder._publish(beyond)) == 2
    assert not layout.live_file("trades", DAYS[5], "main", 9).exists()


def test_sealing_says_how_long_it_took(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sealed(TODAY) == Sealed(TODAY, {}, 0, 0.0)
    slept: list[float] = []
    times = iter([100.0, 103.5])
    monkeypatch.setattr(sealing, "time", SimpleNamespace(monotonic=lambda: next(times), sleep=slept.append))
    assert Sealer(layout, settle_s=7.0, now_s=lambda: 0.0)._seal(TODAY) == Sealed(TODAY, {}, 0, 3.5)
    assert slept == [7.0]


def test_a_lake_without_a_tape_waits_for_nobody(layout: Layout, tmp_path: Path) -> None:
    rolled_file(layout, DAYS[5], 1)
    rolled_file(layout, DAYS[6], 2)

    def due(moment: datetime, where: Layout = layout) -> list[str]:
        return list(map(str, Sealer(where, delay_s=3_600, now_s=moment.timestamp).due()))

    assert due(datetime(2026, 1, 8, 1, 0, 1, tzinfo=UTC)) == DAYS[5:]
    assert due(datetime(2026, 1, 8, 0, 59, 59, tzinfo=UTC)) == DAYS[5:6]
    assert due(datetime(2026, 1, 7, 0, 59, tzinfo=UTC)) == []
    empty = Layout(tmp_path / "empty")
    touch(empty.live_file("trades", DAYS[0], "main", 1))
    assert due(datetime(2026, 1, 8, 1, 1, tzinfo=UTC), empty) == DAYS[:1]
    assert due(datetime(2026, 1, 1, 1, 1, tzinfo=UTC), empty) == []


# What killed processes left


def test_what_sealing_left_goes_at_once_and_a_rollers_file_stays(layout: Layout) -> None:
    folder = layout.archive("trades") / f"date={DAYS[0]}"
    gone = [touch(folder / ".sort-abc" / "duckdb.tmp").parent,
            touch(folder / ".main.000000000001-000000000002.parquet.12.tmp")]
    stays = [touch(folder / ".sort-file"), touch(folder / ".main.000000000003-000000000003.parquet.12.tmp"),
             touch(folder / "main.000000000001-000000000002.parquet"), touch(folder / ".notes.12.tmp")]
    sweep_lake(layout)
    assert [path.exists() for path in gone] == [False] * len(gone)
    assert [path.exists() for path in stays] == [True] * len(stays)


@pytest.mark.parametrize("place", [
    lambda layout: layout.root, lambda layout: layout.root / "sealed",
    lambda layout: layout.live("quotes") / f"date={DAYS[0]}",
    lambda layout: layout.archive("quotes") / f"date={DAYS[0]}"])  # fmt: skip
def test_half_written_files_go_when_they_are_old_wherever_they_are(
    layout: Layout, place: Callable[[Layout], Path]
) -> None:
    young, old = (touch(place(layout) / f".{name}.parquet.12.tmp") for name in ("young", "old"))
    os.utime(old, (0, 0))
    sweep_lake(layout)
    assert (young.exists(), old.exists()) == (True, False)


# What contradicts itself is refused by whoever would go on


@pytest.mark.parametrize("harm", [lambda layout: layout.sealed("trades").unlink(),
                                  lambda layout: seal_through(layout, "trades", date(2025, 12, 31))])
@pytest.mark.parametrize("asks", [
    lambda layout: Verifier(layout, "main"), lambda layout: list(Sealer(layout, settle_s=0).seal()),
    lambda layout: old_rows(layout, {"trades": 1}, TODAY), lambda layout: old_tape(layout, "main", {"tape": 1}, TODAY),
])  # fmt: skip
def test_nobody_goes_on_where_it_is_not_known_what_is_sealed(
    layout: Layout, asks: Callable[[Layout], object], harm: Callable[[Layout], object]
) -> None:
    sorted_file(layout, DAYS[0], 1, 3)
    harm(layout)
    with pytest.raises(LakeStateError, match=r"trades\.parquet"):
        asks(layout)


def test_a_date_of_sealing_is_held_against_the_names_of_files(layout: Layout) -> None:
    def fault(through: str) -> str:
        return SealedDays(layout).fault("trades", date.fromisoformat(through)) or ""

    assert fault(DAYS[5]) == ""
    sorted_file(layout, DAYS[1], 1, 3)
    assert fault(DAYS[1]) == ""
    assert f"{DAYS[1]}/main.000000000001-000000000003.parquet is of a sealed date" in fault(DAYS[0])
    rolled_file(layout, DAYS[3], 4)
    assert fault(DAYS[2]) == ""
    assert f"rows of {DAYS[3]} are in no archive file" in fault(DAYS[3])
    sorted_file(layout, DAYS[4], 5, 6)
    assert fault(DAYS[4]) == "", "a later date is sealed for sure: an archive file was lost"
    rolled_file(layout, DAYS[4], 7)
    assert fault(DAYS[4]) == "", "as its other files are archived, it is sealed for sure"
    write_rolled(layout, "main", Rolled(4))
    rolled_file(layout, DAYS[6], 4)
    assert fault(DAYS[6]) == "", "it will be rolled once more"
    write_rolled(layout, "main", Rolled(5))
    assert f"rows of {DAYS[6]} are in no archive file" in fault(DAYS[6])
    write_pruned_tables(layout, PrunedTables({"trades": PrunedRows(DAYS[0], {"main": 5})}))
    assert fault(DAYS[6]) != ""
    write_pruned_tables(layout, PrunedTables({"trades": PrunedRows(DAYS[6], {"main": 5})}))
    assert fault(DAYS[6]) == ""


def test_a_position_that_cannot_be_read_is_found_at_once(layout: Layout) -> None:
    assert Verifier(layout, "main").findings == []
    layout.rolled("main").write_text("{")
    verifier = Verifier(layout, "main")
    [found] = verifier.findings
    assert (found.problem, found.place, verifier.rolled) == ("position wrong", str(layout.rolled("main")), None)
    assert "cannot be read" in found.detail
    assert "rebuild" in found.repair
