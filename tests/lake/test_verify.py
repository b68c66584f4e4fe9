"""A clean lake verifies; every kind of corruption is found, and rebuilding repairs what the tape still knows."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from capture.lake.content import read_rows
from capture.lake.layout import LakeStateError, Layout, Rolled, live_mark, read_rolled, write_rolled
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.recover import _last_position, _least_mark, restore
from capture.lake.proof.tape_part import Span
from capture.lake.proof.verify import Content, Verifier
from capture.lake.pruned import PrunedRows, PrunedTables, PrunedTape, write_pruned_tables, write_pruned_tape
from capture.lake.roll import Roller, first_unrolled, publish_file
from capture.lake.views import is_prepared, prepare
from capture.schemas import TRADES
from capture.tape import Kind, SegmentReader, compress_closed, segments
from capture.tape.reader import newest_records
from capture.tape.record import pack

Problems = Callable[[Layout], list[tuple[str, str]]]
Corrupt = Callable[[Layout], object]


def trades(layout: Layout, mark: int) -> Path:
    (path,) = layout.live("trades").glob(f"date=2*/main.{mark:012}.parquet")
    return path


def rewritten(change: Callable[[pa.Table], pa.Table]) -> Corrupt:
    def corrupt(layout: Layout) -> None:
        path = trades(layout, 3)
        publish_file(path, TRADES, change(read_rows(TRADES, path)))

    return corrupt


def with_price(rows: pa.Table) -> pa.Table:
    prices = pc.add(rows["price"], pa.array([0.0] * (rows.num_rows - 1) + [0.01]))
    return rows.set_column(rows.column_names.index("price"), "price", prices)


def flip(layout: Layout) -> None:
    path = trades(layout, 3)
    column = pq.read_metadata(path).row_group(0).column(TRADES.schema.names.index("price"))
    data = bytearray(path.read_bytes())
    data[column.dictionary_page_offset + column.total_compressed_size - 3] ^= 4  # in its last page
    path.write_bytes(data)


def foreign(layout: Layout) -> None:
    shutil.copy(trades(layout, 3), trades(layout, 3).with_name("other.000000000003.parquet"))


def unexplained(layout: Layout) -> None:
    folder = layout.live("trades") / "date=2001-01-01"
    folder.mkdir()
    shutil.copy(trades(layout, 3), folder)


FILE = "main.000000000003.parquet"


@pytest.mark.parametrize(("corrupt", "problem", "name"), [
    (flip, "file unreadable", FILE),
    (lambda layout: trades(layout, 3).write_bytes(b""), "file unreadable", FILE),
    (lambda layout: trades(layout, 3).unlink(), "file missing", FILE),
    (lambda layout: shutil.copy(trades(layout, 2), trades(layout, 3)), "file different", FILE),
    (rewritten(lambda rows: rows.slice(1)), "file different", FILE),
    (rewritten(lambda rows: pa.concat_tables([rows, rows])), "file different", FILE),
    (rewritten(with_price), "file different", FILE),
    (rewritten(lambda rows: rows.take([1, 0])), "file different", FILE),
    (unexplained, "file unexplained", FILE),
], ids=["flipped byte", "emptied", "deleted", "exchanged", "dropped row", "doubled rows", "changed value",
        "swapped rows", "another date"])  # fmt: skip
def test_what_is_wrong_with_a_file_is_found_and_rebuilt(
    rolled: Layout, problems: Problems, corrupt: Corrupt, problem: str, name: str
) -> None:
    assert problems(rolled) == []
    corrupt(rolled)
    found = problems(rolled)
    assert found in ([(problem, name)], [("file different", name)])
    rebuilder = Rebuilder(rolled, "main", Span(3, 4))
    list(rebuilder.ranges())
    assert rebuilder.written == 2, "the trades and quotes of one range"
    assert rebuilder.kept == []
    assert problems(rolled) == []


def test_a_finding_says_which_value_differs_and_how_to_repair_it(rolled: Layout) -> None:
    rewritten(with_price)(rolled)
    verifier = Verifier(rolled, "main")
    list(verifier.ranges())
    (found,) = verifier.findings
    assert found.detail == "row 1: price is 102.51, where the tape gives 102.5"
    assert found.repair == f"ticktape rebuild --data {rolled.root} --recorder main --replace --from=3 --until=4"


def test_a_flipped_byte_of_a_file_is_found_or_changes_no_answer_silently(rolled: Layout) -> None:
    path = trades(rolled, 3)
    expected, whole = read_rows(TRADES, path), path.read_bytes()
    asked = f"select count(*), sum(price) from read_parquet('{path}') where seq > 0 and price between 102 and 103"
    for at in range(0, len(whole), 17):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            found = read_rows(TRADES, path)
        except OSError:
            continue
        if found.equals(expected):
            with suppress(duckdb.Error):  # told aloud, at least
                assert duckdb.execute(asked).fetchall() == [(2, 204.5)]


def test_a_file_of_nobody_is_found(rolled: Layout, problems: Problems) -> None:
    foreign(rolled)
    (rolled.live("trades") / "date=1970-01-01" / "notes.parquet").write_text("")
    assert problems(rolled) == [
        ("file unexplained", "notes.parquet"), ("file unexplained", "other.000000000003.parquet")]  # fmt: skip


@pytest.mark.parametrize("number", [12, 5])
def test_a_mark_that_is_not_above_the_one_before_it_is_found(rolled: Layout, number: int) -> None:
    newest = segments(rolled.tape / "main")[-1].path
    last = newest_records(rolled.tape / "main")[Kind.MARK]
    body = json.dumps(last.json() | {"mark": number}).encode()
    with newest.open("ab") as file:
        file.write(pack(Kind.MARK, last.wall_ns, last.mono_ns, body))
    verifier = Verifier(rolled, "main")
    list(verifier.ranges())
    assert ("tape incomplete", f"it follows mark {last.json()['mark']}") in [
        (found.problem, found.detail) for found in verifier.findings if found.place.endswith(f" mark {number}")]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_segment_that_is_gone_is_found(rolled: Layout, problems: Problems, sealed: bool) -> None:
    tape = rolled.tape / "main"
    if sealed:
        compress_closed(tape)
        assert problems(rolled) == []
    segments(tape)[1].path.unlink()
    found = problems(rolled)
    assert ("tape incomplete", "main mark 9") in found
    assert {name for problem, name in found if problem == "file unexplained"} == {
        f"main.{mark:012}.parquet" for mark in (6, 7, 8)}  # fmt: skip
    rebuilder = Rebuilder(rolled, "main")
    list(rebuilder.ranges())
    assert len(rebuilder.kept) >= 6, "trades and quotes that only the files know now"
    assert [path.exists() for path in rebuilder.kept] == [True] * len(rebuilder.kept)


def test_the_first_and_the_last_segment_are_missed_too(rolled: Layout, problems: Problems, tmp_path: Path) -> None:
    first, *_, last = [segment.path for segment in segments(rolled.tape / "main")]
    last.rename(tmp_path / "last")
    assert ("position wrong", "rolled.json") in problems(rolled)
    (tmp_path / "last").rename(last)
    first.rename(tmp_path / "first")
    assert ("tape incomplete", "main mark 6") in problems(rolled)
    shutil.rmtree(rolled.tape / "main", ignore_errors=True)
    (rolled.tape / "main").mkdir()
    write_rolled(rolled, "main", Rolled(4))
    assert ("tape incomplete", "main") in problems(rolled)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_segment_cut_off_anywhere_is_found(rolled: Layout, problems: Problems, sealed: bool) -> None:
    if sealed:
        compress_closed(rolled.tape / "main")
    path = segments(rolled.tape / "main")[1].path
    whole = path.read_bytes()
    for cut in (0, 3, 20, len(whole) // 2, len(whole) - 8, len(whole) - 4):
        path.write_bytes(whole[:cut])
        found = problems(rolled)
        assert {"tape incomplete", "tape damaged"} & {problem for problem, _ in found}
        assert [problem for problem, _ in found].count("tape damaged") <= 1, "each damage is told once"
    path.write_bytes(whole)
    assert problems(rolled) == []


@pytest.mark.parametrize("lacking", range(1, 5))
def test_a_sealed_segment_that_lacks_but_its_checksum_is_found(
    rolled: Layout, problems: Problems, lacking: int
) -> None:
    compress_closed(rolled.tape / "main")
    path = segments(rolled.tape / "main")[1].path
    path.write_bytes(path.read_bytes()[:-lacking])
    assert problems(rolled) == [("tape damaged", path.name)]
    verifier = Verifier(rolled, "main", Span(7, 8))
    list(verifier.ranges())
    assert [found.place for found in verifier.findings] == [str(path)]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_flipped_byte_of_a_segment_is_found(rolled: Layout, problems: Problems, sealed: bool) -> None:
    if sealed:
        compress_closed(rolled.tape / "main")
    path = segments(rolled.tape / "main")[1].path
    whole = path.read_bytes()
    for at in range(8, len(whole), len(whole) // 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "tape damaged" in {problem for problem, _ in problems(rolled)}
    path.write_bytes(whole)


@pytest.mark.parametrize("alter", [
    lambda state: state | {"mark": 7},
    lambda state: state | {"mark": 99},
    lambda state: state | {"gaps": state["gaps"] | {"heard_us": 1}},
    lambda state: {"nonsense": 1},
], ids=["back", "ahead", "state", "unreadable"])  # fmt: skip
def test_an_altered_position_is_found_and_rebuilt(
    rolled: Layout, problems: Problems, alter: Callable[[Any], Any]
) -> None:
    path = rolled.rolled("main")
    before = read_rolled(rolled, "main")
    path.write_text(json.dumps(alter(json.loads(path.read_text()))))
    assert ("position wrong", "rolled.json") in problems(rolled)
    list(Rebuilder(rolled, "main").ranges())
    assert problems(rolled) == []
    assert read_rolled(rolled, "main") == before


def test_what_is_not_rolled_yet_is_not_missed(script: Any, problems: Problems) -> None:
    layout = Layout(script.data)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    assert problems(layout) == []
    script.mark()
    list(Roller(layout, "main").roll())
    before = read_rolled(layout, "main")
    script.trade(5, 1.0).mark().trade(5, 2.0)
    assert problems(layout) == []
    list(Roller(layout, "main").roll())
    assert before is not None
    write_rolled(layout, "main", before)  # as if the roller had died before it moved on
    assert problems(layout) == []


def test_a_part_is_compared_alone(rolled: Layout) -> None:
    trades(rolled, 3).unlink()
    for span, count in ((Span(4), 0), (Span(None, 3), 0), (Span(3, 4), 1), (Span(date(2000, 1, 1)), 1),
                        (Span(None, date(2000, 1, 1)), 0)):  # fmt: skip
        verifier = Verifier(rolled, "main", span)
        list(verifier.ranges())
        assert len(verifier.findings) == count, span


def test_the_hash_of_a_table_is_that_of_another_lake(rolled: Layout, tmp_path: Path) -> None:
    from capture.lake.proof.rebuild import link_tape

    other = Layout(tmp_path / "other")
    link_tape(rolled, "main", other)
    list(Rebuilder(other, "main").ranges())
    contents = []
    for layout in (rolled, other):
        verifier = Verifier(layout, "main")
        list(verifier.ranges())
        contents.append({name: content.as_json() for name, content in verifier.contents.items()})
    assert contents[0] == contents[1]
    assert contents[0]["trades"]["rows"] == 22
    assert segments(other.tape / "main")[0].path.stat().st_nlink == 2


def test_rows_of_a_table_and_their_hash_are_told_as_in_every_version() -> None:
    content = Content()
    assert content.as_json()["rows"] == 0
    for rows, hash_ in ((2, "ab"), (3, "c")):
        content.add(rows, hash_)
    assert content.as_json() == {"rows": 5, "hash": "cf4ab791c62b8d2b2109c90275287816"}


def test_a_clean_lake_is_counted_to_the_last_frame_and_row(rolled: Layout) -> None:
    verifier = Verifier(rolled, "main")
    found = list(verifier.ranges())
    assert (verifier.findings, verifier.torn, verifier.nameless) == ([], [], {})
    assert (verifier.range_count, verifier.noted_losses, verifier.pruned_rows) == (11, 0, 0)
    assert [(one.from_mark, one.to_mark) for one in found] == [(mark, mark + 1) for mark in range(1, 12)]
    assert verifier.frames == 11 * 3 + 2  # the hello of each session
    rows = {path.parent.parent.name: 0 for path in rolled.root.glob("live/*/date=2*/*")}
    for path in rolled.root.glob("live/*/date=2*/*"):
        rows[path.parent.parent.name] += pq.read_metadata(path).num_rows
    assert {name: content.rows for name, content in verifier.contents.items()} == rows
    assert verifier.rows == sum(rows.values())
    for span, count in ((Span(2, 4), 2), (Span(None, 3), 2), (Span(10), 2)):
        part = Verifier(rolled, "main", span)
        assert [one.from_mark for one in part.ranges() if span.covers(one)] == [one.from_mark for one in found
                                                                               if span.covers(one)]
        assert (part.contents["trades"].rows, part.findings) == (2 * count, []), span


def test_what_lies_beyond_a_part_is_not_looked_at(rolled: Layout) -> None:
    path = segments(rolled.tape / "main")[-1].path  # from mark 9 on
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    for span, count in ((Span(None, 4), 0), (Span(), 1)):
        verifier = Verifier(rolled, "main", span)
        ranges = list(verifier.ranges())
        assert [found.problem for found in verifier.findings if found.problem == "tape damaged"] == [
            "tape damaged"] * count, span
        assert (len(ranges) == 3) == (span.end == 4)
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole + b"no record" + pack(Kind.NOTE, 0, 0, b"{}"))  # behind the last mark
    for span, count in ((Span(None, 4), 0), (Span(), 1)):
        verifier = Verifier(rolled, "main", span)
        list(verifier.ranges())
        assert [found.problem for found in verifier.findings] == ["tape damaged"] * count, span


@pytest.mark.parametrize("rows_on_tape", [True, False])
def test_rows_without_an_instrument_are_counted_where_they_are_looked_for(script: Any, rows_on_tape: bool) -> None:
    script.open()
    for request_id in (77, 78, 79):
        script.trade(request_id, 1.0) if rows_on_tape else None
        script.mark()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    expected = {"trades": 3} if rows_on_tape else {}
    for span, count in ((Span(), 3), (Span(2, 3), 1), (Span(9), 0)):
        verifier = Verifier(layout, "main", span)
        list(verifier.ranges())
        assert verifier.nameless == ({"trades": count} if rows_on_tape and count else {})
    position = read_rolled(layout, "main")
    assert position is not None
    assert position.nameless == expected
    list(Rebuilder(layout, "main").ranges())
    assert read_rolled(layout, "main") == position
    if rows_on_tape:
        layout.rolled("main").unlink()
        assert _last_position(layout, "main").nameless == {"trades": 2}, "up to the newest file, which is mark 3's"


def test_a_file_of_the_range_that_is_rolled_next_is_no_stray(rolled: Layout, problems: Problems) -> None:
    position = read_rolled(rolled, "main")
    assert position is not None
    folder = rolled.live("trades") / "date=2001-01-01"
    folder.mkdir()
    stray = folder / f"main.{position.mark:012}.parquet"
    shutil.copy(trades(rolled, 3), stray)
    assert problems(rolled) == []
    stray = stray.rename(folder / f"main.{position.mark + 1:012}.parquet")
    assert problems(rolled) == [("position wrong", "rolled.json")]
    stray.rename(folder / f"main.{position.mark - 1:012}.parquet")
    assert problems(rolled) == [("file unexplained", f"main.{position.mark - 1:012}.parquet")]


def test_a_lost_position_is_not_found_where_the_tape_does_not_reach_that_far(rolled: Layout, tmp_path: Path) -> None:
    before = read_rolled(rolled, "main")
    last = segments(rolled.tape / "main")[-1].path
    rolled.rolled("main").unlink()
    assert before is not None
    assert _last_position(rolled, "main").mark == 11
    last.rename(tmp_path / last.name)
    with pytest.raises(LakeStateError, match=r"rows of marks up to 11, and .* does not reach that far"):
        _last_position(rolled, "main")
    assert first_unrolled(rolled, "main", segments(rolled.tape / "main")) == Rolled(1)
    assert first_unrolled(rolled, "main", []) is None
    write_rolled(rolled, "main", before)
    assert first_unrolled(rolled, "main", []) == before


@pytest.mark.parametrize(("live", "archive", "least"), [
    ((), (), 0), (("main.5",), (), 5), (("main.5", "other.9"), (), 5), (("other.5",), (), 0), (("x",), ("y",), 0),
    ((), ("main.3-7",), 8), ((), ("main.3-3",), 3), ((), ("main.3-7", "main.8-8"), 8),
    ((), ("main.3-7", "main.9-9"), 9),
    (("main.5",), ("main.3-7",), 8), (("main.9",), ("main.3-7", "other.2-20"), 9), (("main.0",), ("other.2-2",), 0),
    ((), ("main.0-1", "other.8-9"), 2),
])  # fmt: skip
def test_a_tape_is_rolled_at_least_up_to_the_newest_mark_of_its_files_and_behind_sorted_ones(
    tmp_path: Path, live: tuple[str, ...], archive: tuple[str, ...], least: int
) -> None:
    for folder, names in (("live", live), ("archive", archive)):
        for name in names:
            path = tmp_path / folder / "trades" / "date=2026-01-05" / re.sub(r"\d+", lambda one: f"{one[0]:>012}", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f"{path.name}.parquet").touch()
    assert _least_mark(Layout(tmp_path), "main") == least


def test_nothing_is_rolled_where_the_archive_holds_more_than_the_position_says(rolled: Layout, tmp_path: Path) -> None:
    live = trades(rolled, 3)
    archived = rolled.archive_file("trades", live.parent.name[5:], "main", 3, 20)
    archived.parent.mkdir()
    shutil.copy(live, archived)
    with pytest.raises(LakeStateError, match=r"rolled up to mark 12, but the archive holds rows of mark 20"):
        list(Roller(rolled, "main").roll())
    for segment in segments(rolled.tape / "main"):
        segment.path.unlink()
    rolled.rolled("main").unlink()
    assert list(Roller(rolled, "main").roll()) == [], "there is no tape yet"


@pytest.mark.parametrize("newest", [1, 2, 6, 9])
def test_a_lost_position_is_that_of_the_newest_files_which_may_be_half_there(rolled: Layout, newest: int) -> None:
    states = {1: None} | {found.to_mark: found.state for found in Verifier(rolled, "main").ranges()}
    rolled.rolled("main").unlink()
    for path in rolled.root.glob("live/*/date=2*/main.*"):
        if (live_mark(path) or ("", 0))[1] > newest:
            path.unlink()
    assert _last_position(rolled, "main") == Rolled(newest, states[newest])


def test_what_is_pruned_while_it_is_looked_for_is_told(rolled: Layout) -> None:
    verifier = Verifier(rolled, "main")
    ranges = verifier.ranges()
    next(ranges)
    write_pruned_tables(rolled, PrunedTables({"trades": PrunedRows("2000-01-01", {"main": 1})}))
    list(ranges)
    (found,) = verifier.findings
    assert (found.problem, found.repair) == (
        "pruned meanwhile", f"ticktape verify --data {rolled.root} --recorder main")


def test_a_tape_that_begins_late_is_whole_where_as_much_was_pruned(rolled: Layout) -> None:
    before = next(found for found in Verifier(rolled, "main").ranges() if found.to_mark == 6)
    frames = before.end.json()["seq"]
    segments(rolled.tape / "main")[0].path.unlink()

    def found() -> list[Any]:
        verifier = Verifier(rolled, "main")
        list(verifier.ranges())
        return verifier.findings

    (late,) = [one for one in found() if one.problem == "tape incomplete"]
    assert late.place.endswith(" mark 6")
    assert late.detail == f"the tape begins with it, but {frames:,} frames came before"
    for mark, pruned, told in ((6, frames, 0), (6, frames - 1, 1), (5, frames, 1)):
        write_pruned_tape(rolled.tape / "main", PrunedTape(mark, before.state, pruned, 1, "2000-01-01"))
        assert sum(one.problem == "tape incomplete" for one in found()) == told
    strays = [one for one in found() if one.problem == "file unexplained"]
    unknown = [one for one in strays if "holds no whole range that begins with mark" in one.detail]
    assert {one.repair.partition(",")[0] for one in unknown} == {"none: keep it"}
    assert len(unknown) >= 10, "trades and quotes of five ranges"


def test_where_a_tape_is_damaged_files_that_hold_more_are_not_to_be_rebuilt(rolled: Layout) -> None:
    path = segments(rolled.tape / "main")[0].path
    reader = SegmentReader(path)
    _, _, second_trade, *_ = [reader.offset - 1 for record in reader.records() if record.kind == Kind.RECEIVED]
    whole = bytearray(path.read_bytes())
    whole[second_trade] ^= 1
    path.write_bytes(whole)
    verifier = Verifier(rolled, "main")
    list(verifier.ranges())
    damaged, *others = verifier.findings
    assert damaged.problem == "tape damaged"
    assert re.search(r"; [1-9]\d* frames are missing before the next mark$", damaged.detail)
    assert damaged.repair == f"ticktape recover --data {rolled.root} --recorder main --repair"
    (different,) = [one for one in others if one.place == str(trades(rolled, 1))]
    assert (different.problem, different.repair.partition(";")[0]) == (
        "file different", "none while the file can be read: the tape is not whole here")


def test_a_torn_tail_is_told_apart_from_damage(rolled: Layout) -> None:
    first, second, _ = (segment.path for segment in segments(rolled.tape / "main"))
    first.write_bytes(first.read_bytes() + b"half a record")
    whole = bytearray(second.read_bytes())
    whole[len(whole) // 2] ^= 1
    second.write_bytes(whole)
    verifier = Verifier(rolled, "main")
    list(verifier.ranges())
    assert [(one.path, one.size_bytes) for one in verifier.torn] == [(first, 13)]
    assert {found.place.partition(" ")[0] for found in verifier.findings if found.problem == "tape damaged"} == {
        str(second)}


def test_a_tape_without_a_mark_that_can_be_read_is_rolled_from_its_first_segment(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.tape / "main").mkdir(parents=True)
    for mark in (7, 9):
        (layout.tape / "main" / f"{mark:012}.tape").write_bytes(b"nothing")
    assert first_unrolled(layout, "main", segments(layout.tape / "main")) == Rolled(7)


def test_restoring_makes_what_is_missing_anew_and_says_nothing_where_all_is_right(rolled: Layout) -> None:
    assert list(restore(rolled, ["main"])) == []
    rolled.database.unlink()
    assert not is_prepared(rolled)
    assert list(restore(rolled, ["main"])) == []
    assert is_prepared(rolled)


def test_restoring_sets_aside_what_cannot_be_read(rolled: Layout) -> None:
    position = read_rolled(rolled, "main")
    assert position is not None
    for path, words in ((rolled.sealed("trades"), "trades is sealed up to 1970-01-01, as its archive files tell"),
                        (rolled.rolled("main"), "the tape of main is rolled up to mark 11, as the files tell")):
        path.write_bytes(b"no state")
        (said,) = restore(rolled, ["main"])
        assert said.startswith(f"{path}: {words}")
        assert path.with_name(f"{path.name}.bad").read_bytes() == b"no state"
    found = read_rolled(rolled, "main")
    assert found is not None
    assert (found.mark, position.mark) == (11, 12)
    assert list(restore(rolled, ["main"])) == []
