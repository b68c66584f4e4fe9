"""What a rebuild links, replaces, keeps and sets aside, and how sealed days are held against the tape, file by file."""

import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capture.lake.content import plain, row_count
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.proof import day_check
from capture.lake.proof.day_check import Day, DayCheck, DayFault, archived
from capture.lake.proof.file_check import repair_of
from capture.lake.proof.rebuild import NotEmptyError, Rebuilder, _link, link_tape, require_empty
from capture.lake.proof.tape_part import Span
from capture.lake.proof.unaccounted_files import Account, archive_strays, foreign_files, newest_file_mark
from capture.lake.proof.verify import ONLY_COPY
from capture.lake.pruned import PrunedDay, PrunedRows, PrunedTables, PrunedTape, read_pruned_tape, write_pruned_tape
from capture.lake.roll import publish_file
from capture.lake.sealed import sealed_through
from capture.schemas import TABLES, TRADES
from tests.lake.test_checksums import flip, price_page, trades

DAY = "2026-01-05"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "lake")
    for recorder in ("main", "other"):
        (made.tape / recorder).mkdir(parents=True)
    return made


def with_rows(path: Path, count: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(TRADES, trades(count), path)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


# Links


def test_a_file_is_linked_or_copied_where_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.write_text("words")
    _link(source, tmp_path / "linked")
    assert (tmp_path / "linked").stat().st_ino == source.stat().st_ino
    for number in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EEXIST):

        def refuse(*_: Any, number: int = number) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(os, "link", refuse)
        to = tmp_path / f"copy {number}"
        if number == errno.EEXIST:
            with pytest.raises(OSError, match="no"):
                _link(source, to)
            continue
        _link(source, to)
        assert (to.read_text(), to.stat().st_nlink) == ("words", 1)


def test_another_lake_gets_the_tape_and_what_nothing_else_holds_of_its_pruned_part(
    layout: Layout, tmp_path: Path
) -> None:
    for mark in (1, 5, 9):
        touch(layout.tape / "main" / f"{mark:012}.tape")
    days = tuple(PrunedDay(table, DAY, 1, 1, 1, 2, "x") for table in ("trades", "quotes"))
    write_pruned_tape(layout.tape / "main", PrunedTape(5, {}, 3, 4, DAY, days))
    for table in ("trades", "quotes", "bars"):
        for recorder in ("main", "other"):
            touch(layout.archive_file(table, DAY, recorder, 1, 3))
    other = Layout(tmp_path / "made" / "anew")
    link_tape(layout, "main", other)
    assert stat.S_IMODE(other.root.stat().st_mode) == 0o700
    assert sorted(path.name for path in (other.tape / "main").glob("*.tape")) == [
        "000000000005.tape", "000000000009.tape"]
    assert read_pruned_tape(other.tape / "main") == read_pruned_tape(layout.tape / "main")
    linked = {path.parent.parent.name: path.name for path in (other.root / "archive").glob("*/date=*/main*")}
    assert linked == dict.fromkeys(("trades", "quotes"), "main.000000000001-000000000003.parquet")
    assert not list((other.root / "archive").glob("*/date=*/other*"))
    assert sealed_through(other, "trades") == date(2026, 1, 5)


def test_a_new_lake_is_made_only_where_nothing_lies(tmp_path: Path) -> None:
    require_empty(tmp_path / "none")
    require_empty(tmp_path)
    touch(tmp_path / "something")
    for path in (tmp_path, tmp_path / "something"):
        with pytest.raises(NotEmptyError, match="name a new folder"):
            require_empty(path)


# Sealed days that are made anew


def rebuilder(layout: Layout, whole: str, broken: str = "", **more: Any) -> Rebuilder:
    made = Rebuilder(layout, "main", **more)
    made._whole = set(map(int, whole.split()))
    made._covered = made._whole | set(map(int, broken.split()))
    return made


def test_a_sealed_day_is_replaced_by_one_file_where_the_tape_gives_all_of_it(layout: Layout) -> None:
    files = {mark: with_rows(layout.live_file("trades", DAY, "main", mark), mark) for mark in (2, 4)}
    old = [with_rows(layout.archive_file("trades", DAY, "main", *marks), 1) for marks in ((2, 3), (4, 4))]
    made = rebuilder(layout, "2 3 4")
    made._seal_again(TRADES, DAY, files)
    target = layout.archive_file("trades", DAY, "main", 2, 4)
    assert (row_count(target), made.written, made.kept, made.set_aside) == (6, 1, [], [])
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert not any(path.exists() for path in (*old, *files.values()))


@pytest.mark.parametrize(("whole", "broken"), [("2 4", "3"), ("2", "4"), ("4", "2 3")])
def test_a_sealed_day_stays_where_its_files_may_hold_more_than_the_tape(
    layout: Layout, whole: str, broken: str
) -> None:
    files = {int(mark): with_rows(layout.live_file("trades", DAY, "main", int(mark)), 2) for mark in whole.split()}
    old = with_rows(layout.archive_file("trades", DAY, "main", 2, 4), 1)
    made = rebuilder(layout, whole, broken)
    made._seal_again(TRADES, DAY, files)
    assert (made.written, made.kept, old.exists()) == (0, [old], True)
    assert not any(path.exists() for path in files.values())


def test_rows_beyond_those_of_the_tape_are_kept_aside_and_as_many_are_not(layout: Layout) -> None:
    for rows, aside in ((5, 0), (6, 1)):
        files = {2: with_rows(layout.live_file("trades", DAY, "main", 2), 5)}
        old = with_rows(layout.archive_file("trades", DAY, "main", 2, 2), rows)
        made = rebuilder(layout, "2")
        made._seal_again(TRADES, DAY, files)
        assert len(made.set_aside) == aside
        assert [row_count(path) for path in made.set_aside] == [6] * aside
        assert (row_count(old), made.written) == (5, 1)


@pytest.mark.parametrize(("first", "through", "stays"), [(1, "2026-01-04", True), (1, DAY, False), (5, "", False)])
def test_a_sealed_day_stays_where_a_part_of_it_came_from_a_tape_that_was_pruned(
    layout: Layout, first: int, through: str, stays: bool
) -> None:
    write_pruned_tape(layout.tape / "main", PrunedTape(5, {}, 3, 4, DAY, ()))
    made = rebuilder(layout, "5 6")
    made._first = 5
    made._pruned = PrunedTables({"trades": PrunedRows(through, {"main": 99})})
    old = archived(layout, "trades", DAY, "main") | {Path("x"): (first, 6)}
    assert made._from_pruned("trades", DAY, old) == stays


@pytest.mark.parametrize(("span", "mark", "goes"), [
    (Span(), 3, "aside"), (Span(), 4, "kept"), (Span(), 9, "aside"), (Span(), 11, "aside"), (Span(2, 9), 3, "aside"),
    (Span(2, 9), 4, ""), (Span(2, 9), 9, ""),
])  # fmt: skip
def test_files_that_the_tape_does_not_give_are_set_aside_unless_they_may_be_the_only_copy(
    layout: Layout, span: Span, mark: int, goes: str
) -> None:
    path = touch(layout.live_file("trades", DAY, "main", mark))
    made = rebuilder(layout, "2 3", "4", span=span)
    made._sealed = {"trades": "2026-01-01"}
    account = Account({2, 3, 4, 9}, 9, {2, 3})
    made._clear(account)
    assert (bool(made.set_aside), bool(made.kept)) == (goes == "aside", goes == "kept")
    assert path.exists() == (goes != "aside")


# Files that the tape does not account for


def test_which_files_nobody_wrote_and_which_are_the_newest(layout: Layout) -> None:
    assert newest_file_mark(layout, "main") is None
    mine = [touch(layout.live_file("trades", DAY, "main", mark)) for mark in (3, 12)]
    touch(layout.live_file("quotes", "2026-01-06", "other", 40))
    touch(layout.archive_file("bars", DAY, "main", 1, 99))
    empty = touch(layout.rowless(layout.live("trades")))
    foreign = [touch(layout.live_file("trades", DAY, "nobody", 3)), touch(mine[0].with_name("x.parquet")),
               touch(empty.with_name("x.parquet")), touch(layout.archive_file("bars", DAY, "nobody", 1, 2)),
               touch(layout.archive("bars") / f"date={DAY}" / "main.000000000001.parquet")]
    assert set(foreign_files(layout)) == set(foreign)
    assert (newest_file_mark(layout, "main"), newest_file_mark(layout, "other")) == (12, 40)


def test_archive_files_of_dates_that_the_tape_did_not_give_are_strays_unless_they_are_to_go(layout: Layout) -> None:
    one = touch(layout.archive_file("bars", DAY, "main", 1, 9))
    two = touch(layout.archive_file("trades", DAY, "main", 2, 3))
    touch(layout.archive_file("trades", "2026-01-06", "main", 2, 3))
    touch(layout.archive_file("quotes", DAY, "other", 1, 9))
    touch(two.with_name("x.parquet"))
    known = {("trades", "2026-01-06")}
    assert list(archive_strays(layout, "main", known, PrunedTables())) == [(one, 1, 9), (two, 2, 3)]
    pruned = PrunedTables({"bars": PrunedRows(DAY, {"main": 9}), "trades": PrunedRows(DAY, {"main": 4})})
    assert list(archive_strays(layout, "main", known, pruned)) == [(one, 1, 9)]


def test_an_account_knows_what_it_met_and_what_of_it_was_whole(layout: Layout) -> None:
    account = Account()
    assert account.last_mark < 0
    for mark, whole in ((1, True), (2, False), (3, True), (5, True)):
        found: Any = SimpleNamespace(from_mark=mark, to_mark=mark + 1, is_whole=whole)
        account.add(found, [layout.live_file("trades", DAY, "main", mark)] if mark == 3 else [])
    assert (account.marks, account.last_mark) == ({1, 2, 3, 4, 5, 6}, 6)
    gives = {(first, last) for first in range(1, 7) for last in range(first, 7) if account.gives(first, last)}
    assert gives == {(1, 1), (3, 3), (5, 5)}, "no range that began with mark 4 was met whole"
    for mark in (2, 3, 5, 9):
        touch(layout.live_file("trades", DAY, "main", mark))
    touch(layout.live_file("quotes", DAY, "main", 3))
    sealed = {"trades": "2026-01-04", "quotes": DAY}
    assert {(mark, whole) for _, mark, whole in account.strays(layout, "main", sealed)} == {
        (2, False), (5, True), (9, False)}


# Sealed days against the tape


def checked(layout: Layout, *, wanted: bool = True, pruned: PrunedTables | None = None) -> DayCheck:
    check = DayCheck(layout, "main", pruned or PrunedTables())
    rows = plain(TRADES, trades(5))
    check.add(TRADES, DAY, rows.slice(0, 2), 3, wanted=False)
    check.add(TRADES, DAY, rows.slice(2), 4, wanted=wanted)
    return check


def faults(check: DayCheck, before_mark: int = 9, walked_to: int = 9) -> list[tuple[str, str]]:
    found: list[DayFault] = list(check.faults(before_mark, walked_to))
    assert all((fault.first, fault.last) == (3, 4) for fault in found)
    return [(fault.problem, f"{fault.place.name}: {fault.detail}") for fault in found]


@pytest.mark.parametrize(("spoil", "problem", "detail"), [
    (lambda path: None, "", ""),
    (lambda path: path.unlink(), "file missing", f"date={DAY}: the tape gives 5 rows for it"),
    (lambda path: write_parquet(TRADES, trades(4), path), "file different", "4 rows, where the tape gives 5"),
    (lambda path: write_parquet(TRADES, trades(6).slice(1), path), "file different", "as many rows, of other values"),
    (lambda path: write_parquet(TRADES, trades(5).take([4, 1, 0, 2, 3]), path), "", ""),
    (lambda path: flip(path, price_page(path)), "file unreadable", "it cannot be read"),
])  # fmt: skip
def test_a_sealed_day_holds_the_rows_that_the_tape_gives_in_any_order(
    layout: Layout, spoil: Callable[[Path], Any], problem: str, detail: str
) -> None:
    path = with_rows(layout.archive_file("trades", DAY, "main", 3, 4), 5)
    with_rows(layout.archive_file("trades", DAY, "other", 3, 4), 1)
    check = checked(layout)
    assert faults(check) == []
    spoil(path)
    found = faults(check)
    assert [one for one, _ in found] == [problem] * bool(problem)
    assert all(detail in words for _, words in found)
    assert all(words.startswith(f"{path.name if path.exists() else path.parent.name}: ") for _, words in found)


def test_rows_in_several_files_are_one_day_and_those_that_are_not_rolled_are_no_part_of_it(layout: Layout) -> None:
    check = checked(layout)
    for marks, rows in (((3, 3), trades(5).slice(0, 2)), ((4, 4), trades(5).slice(2)), ((9, 9), trades(7))):
        path = layout.archive_file("trades", DAY, "main", *marks)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(TRADES, rows, path)
    assert faults(check, before_mark=9) == []
    assert faults(check, before_mark=9, walked_to=10) == []
    assert [words for _, words in faults(check, before_mark=10, walked_to=10)] == [
        f"date={DAY}: 12 rows, where the tape gives 5"]
    assert faults(check, before_mark=10, walked_to=9) == [], "it was not met whole"


def test_every_faulty_day_is_told(layout: Layout) -> None:
    rows, days = plain(TRADES, trades(2)), [f"2026-01-0{day}" for day in range(1, 7)]
    check = DayCheck(layout, "main")
    for mark, day in enumerate(days, 1):
        check.add(TRADES, day, rows, mark, wanted=day != days[0])
        path = with_rows(layout.archive_file("trades", day, "main", mark, mark), 2 if mark != 4 else 3)
        if mark in (2, 5):
            flip(path, price_page(path))
        if mark in (3, 6):
            path.unlink()
    found = list(check.faults(9, 9))
    assert [(fault.problem, fault.first, fault.last) for fault in found] == [
        ("file unreadable", 2, 2), ("file missing", 3, 3), ("file different", 4, 4), ("file unreadable", 5, 5),
        ("file missing", 6, 6)]


def test_what_pruning_made_unknown_is_left_out_of_gaps_alone(layout: Layout) -> None:
    check = DayCheck(layout, "main", PrunedTables({"trades": PrunedRows("2026-01-01", {"main": 5})}))
    assert {name: check._left_out(table, DAY) for name, table in TABLES.items() if check._left_out(table, DAY)} == {
        "gaps": {"rows_restored"}}


def test_a_file_that_duckdb_alone_cannot_read_is_told_and_so_are_days_behind_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_check, "fault_of", lambda *_: None)
    rows, days = plain(TRADES, trades(2)), ["2026-01-01", "2026-01-02"]
    check = DayCheck(layout, "main")
    for mark, day in enumerate(days, 1):
        check.add(TRADES, day, rows, mark, wanted=True)
        with_rows(layout.archive_file("trades", day, "main", mark, mark), 2).write_bytes(b"no parquet")
    found = list(check.faults(9, 9))
    assert [(fault.problem, fault.first, fault.last) for fault in found] == [
        ("file unreadable", 1, 1), ("file unreadable", 2, 2)]
    assert all("\n" not in fault.detail and fault.detail for fault in found)


def test_a_day_that_nobody_wants_or_that_went_is_not_looked_at(layout: Layout) -> None:
    assert faults(checked(layout, wanted=False)) == []
    assert [problem for problem, _ in faults(checked(layout))] == ["file missing"]
    gone = PrunedTables({"trades": PrunedRows(DAY, {"main": 5})})
    check = DayCheck(layout, "main", gone)
    day = PrunedDay("trades", DAY, 5, 7, 3, 4, "x")
    check.begin_with([day], wanted=True)
    assert check.days == {}
    kept = DayCheck(layout, "main")
    kept.begin_with([day], wanted=True)
    assert kept.days == {("trades", DAY): Day(3, 4, "x", 5, 7, True)}
    assert kept.as_pruned() == (day,)


def test_hashes_that_came_about_otherwise_are_not_compared(layout: Layout) -> None:
    with_rows(layout.archive_file("trades", DAY, "main", 3, 4), 5)
    given = checked(layout).days["trades", DAY]
    for hashed_by, total, fault in ((given.hashed_by, 1, True), ("another DuckDB", 1, False),
                                    (given.hashed_by, given.total, False)):  # fmt: skip
        check = DayCheck(layout, "main")
        check.begin_with([PrunedDay("trades", DAY, 5, total, 3, 4, hashed_by)], wanted=True)
        assert bool(faults(check)) == fault
    check = DayCheck(layout, "main")
    check.begin_with([PrunedDay("trades", DAY, 5, 1, 3, 3, "another DuckDB")], wanted=True)
    check.add(TRADES, DAY, plain(TRADES, trades(0)), 4, wanted=False)
    assert check.days["trades", DAY] == Day(3, 4, "", 5, 1, True)


def test_rolled_files_are_for_everybody_to_read(layout: Layout) -> None:
    path = layout.live_file("trades", datetime.now(UTC).date().isoformat(), "main", 1)
    publish_file(path, TRADES, trades(2))
    assert (stat.S_IMODE(path.stat().st_mode), row_count(path)) == (0o644, 2)


def test_what_mends_a_damaged_file_follows_from_its_name(layout: Layout) -> None:
    def said(path: Path) -> str:
        return repair_of(layout, path).replace(str(layout.root), "LAKE")

    rebuild = "ticktape rebuild --data LAKE --recorder main --replace"
    live = layout.live_file("trades", DAY, "main", 7)
    assert said(live) == f"{rebuild} --from=7 --until=8"
    one, two = (touch(layout.archive_file("trades", DAY, "main", *marks)) for marks in ((3, 5), (6, 9)))
    assert said(one) == said(two) == f"{rebuild} --from=3 --until=10", "the whole day"
    for name in ("nobody.000000000007.parquet", "notes.parquet"):
        path = live.with_name(name)
        assert repair_of(layout, path) == f"mv {path} {path}.bad"
    for mark, only_copy in ((3, False), (4, True)):
        write_pruned_tape(layout.tape / "main", PrunedTape(mark, {}, 3, 4, DAY, ()))
        assert (said(one) == ONLY_COPY) == only_copy
        assert said(live) == f"{rebuild} --from=7 --until=8"
