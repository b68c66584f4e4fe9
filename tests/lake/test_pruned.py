"""What says which rows and which part of a tape went: kept twice, read from either, and never going back."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from capture.lake.layout import LakeStateError, Layout
from capture.lake.proof.recover import _pruned
from capture.lake.pruned import (
    PrunedDay,
    PrunedRows,
    PrunedTables,
    PrunedTape,
    copies,
    copy_pruned,
    kept_s,
    read_pruned_tables,
    read_pruned_tape,
    removable,
    write_pruned_tables,
    write_pruned_tape,
)
from capture.schemas import TABLES

TABLES_GONE = PrunedTables({"trades": PrunedRows("2026-01-06", {"main": 7, "other": 3})})


def tape(mark: int) -> PrunedTape:
    day = PrunedDay("trades", "2026-01-05", 10, 99, 1, mark - 1, "some way")
    return PrunedTape(mark, {"watches": [], "waiting": []}, 12, 345, "2026-01-06", (day,))


@pytest.mark.parametrize(("table", "day", "recorder", "mark", "gone"), [
    ("trades", "2026-01-06", "main", 6, True), ("trades", "2026-01-06", "main", 7, False),
    ("trades", "2026-01-05", "other", 2, True), ("trades", "2026-01-05", "other", 3, False),
    ("trades", "2026-01-07", "main", 6, False), ("quotes", "2026-01-06", "main", 6, False),
    ("trades", "2026-01-06", "third", 0, False), ("trades", "2026-01-06", "main", 0, True),
])  # fmt: skip
def test_rows_went_of_a_table_up_to_a_date_and_before_a_mark_of_their_recorder(
    table: str, day: str, recorder: str, mark: int, gone: bool
) -> None:
    assert TABLES_GONE.holds(table, day, recorder, mark) == gone
    assert not PrunedTables().holds(table, day, recorder, mark)


def test_of_two_that_say_what_went_neither_date_nor_mark_goes_back() -> None:
    other = PrunedTables({"trades": PrunedRows("2026-01-05", {"main": 9, "third": 1}),
                          "quotes": PrunedRows("2026-01-01", {"main": 2})})  # fmt: skip
    joined = PrunedTables({"trades": PrunedRows("2026-01-06", {"main": 9, "other": 3, "third": 1}),
                           "quotes": PrunedRows("2026-01-01", {"main": 2})})  # fmt: skip
    assert TABLES_GONE.joined(other) == other.joined(TABLES_GONE) == joined
    assert TABLES_GONE.joined(PrunedTables()) == PrunedTables().joined(TABLES_GONE) == TABLES_GONE


@pytest.mark.parametrize("lost", [(), (0,), (1,)])
def test_a_file_and_its_copy_say_the_same_and_one_is_enough(tmp_path: Path, lost: tuple[int, ...]) -> None:
    layout = Layout(tmp_path)
    folder = layout.tape / "main"
    assert (read_pruned_tables(layout), read_pruned_tape(folder), removable(folder)) == (PrunedTables(), None, 0)
    write_pruned_tables(layout, TABLES_GONE)
    write_pruned_tape(folder, tape(7))
    for pair in copies(layout, "main"):
        assert len({path.read_bytes() for path in pair}) == 1
        for number in lost:
            pair[number].unlink()
    assert read_pruned_tables(layout) == TABLES_GONE
    assert read_pruned_tape(folder) == tape(7)
    assert removable(folder) == 7


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("text", [None, "", "{", "{}"])
def test_restoring_makes_both_say_the_same_again_and_tells_it_once(
    tmp_path: Path, number: int, text: str | None
) -> None:
    layout = Layout(tmp_path)
    write_pruned_tables(layout, TABLES_GONE)
    write_pruned_tape(layout.tape / "main", tape(7))
    assert list(_pruned(layout, ["main"])) == []
    pairs = copies(layout, "main")
    for pair in pairs:
        pair[number].unlink() if text is None else pair[number].write_text(text)
    assert list(_pruned(layout, ["main"])) == [
        f"{one} and its copy {other}, which say what was pruned" for one, other in pairs]
    assert list(_pruned(layout, ["main"])) == []
    for pair in pairs:
        assert len({path.read_bytes() for path in pair}) == 1
    assert read_pruned_tables(layout) == TABLES_GONE
    assert read_pruned_tape(layout.tape / "main") == tape(7)


def test_of_a_tape_goes_only_what_both_say_and_the_later_mark_is_its_beginning(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    folder = layout.tape / "main"
    write_pruned_tape(folder, tape(7))
    _, (_, copy) = copies(layout, "main")
    older = copy.read_bytes()
    write_pruned_tape(folder, tape(9))
    copy.write_bytes(older)
    found = read_pruned_tape(folder)
    assert found is not None
    assert (found.mark, removable(folder)) == (9, 7)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"x": 1}', '{"x": {}}'])
def test_what_cannot_be_read_in_either_place_is_refused(tmp_path: Path, text: str) -> None:
    layout = Layout(tmp_path)
    write_pruned_tables(layout, TABLES_GONE)
    write_pruned_tape(layout.tape / "main", tape(7))
    (tables, tables_copy), (of_tape, tape_copy) = copies(layout, "main")
    for path in (tables, of_tape):
        path.write_text(text)
    assert read_pruned_tables(layout) == TABLES_GONE
    assert read_pruned_tape(layout.tape / "main") == tape(7)
    for path in (tables_copy, tape_copy):
        path.write_text(text)
    with pytest.raises(LakeStateError, match=r"pruned\.json cannot be read: .* would count as lost"):
        read_pruned_tables(layout)
    with pytest.raises(LakeStateError, match=r"pruned\.json cannot be read"):
        read_pruned_tape(layout.tape / "main")


def test_what_is_of_another_tape_says_nothing_of_this_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_pruned_tape(layout.tape / "main", tape(7))
    (layout.tape / "other").mkdir()
    said = (layout.tape / "main" / "pruned.json").read_text()
    assert json.loads(said)["recorder"] == "main"
    (layout.tape / "other" / "pruned.json").write_text(said)
    with pytest.raises(LakeStateError, match="it is of the tape of main"):
        read_pruned_tape(layout.tape / "other")


def test_another_lake_is_told_what_went_where_something_did(tmp_path: Path) -> None:
    source, target = Layout(tmp_path / "a"), Layout(tmp_path / "b")
    copy_pruned(source, target, "main")
    assert not target.root.exists()
    write_pruned_tables(source, TABLES_GONE)
    write_pruned_tape(source.tape / "main", tape(7))
    copy_pruned(source, target, "main")
    assert (read_pruned_tables(target), read_pruned_tape(target.tape / "main")) == (TABLES_GONE, tape(7))


def test_a_table_is_whole_from_the_midnight_after_what_went(tmp_path: Path) -> None:
    write_pruned_tables(Layout(tmp_path), TABLES_GONE)
    assert kept_s(Layout(tmp_path)) == {"trades": datetime(2026, 1, 7, tzinfo=UTC).timestamp()}


def test_how_many_rows_a_gap_got_back_is_not_known_once_such_rows_went() -> None:
    days = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (5, 6, 7)]
    rows = pa.table({"from_ts": pa.array(days, pa.timestamp("us", "UTC")), "rows_restored": pa.array([1, 2, 3]),
                     "state": ["a", "b", "c"]})  # fmt: skip
    gaps = TABLES["gaps"]
    assert TABLES_GONE.not_known == {("gaps", "rows_restored")}
    assert TABLES_GONE.blanked(gaps, rows)["rows_restored"].to_pylist() == [None, None, 3]
    assert TABLES_GONE.blanked(gaps, rows).column_names == rows.column_names
    assert TABLES_GONE.blanked(TABLES["trades"], rows).equals(rows)
    without = PrunedTables({"depth": PrunedRows("2026-01-06", {"main": 7})})
    assert without.not_known == frozenset()
    assert without.blanked(gaps, rows).equals(rows)
    both = PrunedTables(TABLES_GONE.tables | {"bars": PrunedRows("2026-01-05", {})})
    assert both.blanked(gaps, rows)["rows_restored"].to_pylist() == [None, None, 3]
