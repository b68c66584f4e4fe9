"""Reading whole, cut off, damaged and growing tapes."""

import os
import threading
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.tape import (
    Follower,
    Kind,
    MarkMissing,
    Record,
    SegmentReader,
    TapeError,
    TapeWriter,
    compress,
    compress_closed,
    examine,
    last_mark,
    read_from,
    segments,
)
from capture.tape.reader import CHUNK_BYTES, TORN, newest_records
from capture.tape.record import Header, pack, pack_header

HEADER = pack_header(Header("demo", 0, 0))
MARK_BODY = b'{"mark":0,"seq":0}'
RECORDS = [
    Record(Kind.MARK, 1, 1, MARK_BODY),
    Record(Kind.RECEIVED, 2, 2, b"\x00\x00\x00\x05hello"),
    Record(Kind.SENT, 3, 3, b""),
    Record(Kind.RECEIVED, 4, 4, b"\xf5\xfa" * 9),
]
PACKED = [pack(record.kind, record.wall_ns, record.mono_ns, record.body) for record in RECORDS]
TAPE = HEADER + b"".join(PACKED)
ENDS = [len(HEADER) + sum(map(len, PACKED[:count])) for count in range(len(PACKED) + 1)]

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    return tmp_path / "demo" / "000000000000.tape"


def received(records: list[Record]) -> list[bytes]:
    return [record.body for record in records if record.kind == Kind.RECEIVED]


def test_cut_off_at_every_byte_it_yields_exactly_the_whole_records_before(path: Path) -> None:
    for cut in range(len(TAPE) + 1):
        path.write_bytes(TAPE[:cut])
        reader = SegmentReader(path)
        whole = sum(end <= cut for end in ENDS[1:])
        assert list(reader.records()) == RECORDS[:whole]
        good = ENDS[whole] if cut >= ENDS[0] else 0
        torn = [(good, cut - good, TORN)] if cut > good else []
        assert [(damage.offset, damage.size_bytes, damage.reason) for damage in reader.damage] == torn


def test_any_flipped_bit_costs_no_more_than_its_record(path: Path) -> None:
    for at in range(len(TAPE)):
        damaged = bytearray(TAPE)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        reader = SegmentReader(path)
        lost = sum(end <= at for end in ENDS) - 1  # -1: in the header, which costs no record
        assert list(reader.records()) == [record for number, record in enumerate(RECORDS) if number != lost]
        (damage,) = reader.damage
        start, end = (ENDS[lost], ENDS[lost + 1]) if lost >= 0 else (0, ENDS[0])
        assert (damage.path, damage.offset, damage.size_bytes) == (path, start, end - start)


@same_folder
@given(data=st.data())
def test_whatever_is_done_to_the_bytes_no_wrong_record_comes_out(path: Path, data: st.DataObject) -> None:
    damaged = bytearray(TAPE)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(TAPE)))
        damaged[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path.write_bytes(damaged)
    reader = SegmentReader(path)
    records = list(reader.records())
    assert all(record in RECORDS for record in records)
    read_bytes = sum(len(PACKED[RECORDS.index(record)]) for record in records)
    header_bytes = len(HEADER) if damaged.startswith(HEADER) else 0
    assert header_bytes + read_bytes + sum(damage.size_bytes for damage in reader.damage) == len(damaged)


@same_folder
@given(sizes=st.lists(st.sampled_from([0, 1, CHUNK_BYTES - 28, CHUNK_BYTES, 2 * CHUNK_BYTES]), max_size=3))
def test_records_of_all_sizes_pass_the_reading_in_chunks(path: Path, sizes: list[int]) -> None:
    packed = [pack(Kind.RECEIVED, 0, 0, bytes(size)) for size in sizes]
    path.write_bytes(HEADER + b"noise".join([b"", *packed, b""]))
    reader = SegmentReader(path)
    assert [len(record.body) for record in reader.records()] == sizes
    assert [damage.size_bytes for damage in reader.damage] == [5] * (len(sizes) + 1)


def test_reading_goes_on_from_an_offset(path: Path) -> None:
    path.write_bytes(TAPE)
    reader = SegmentReader(path)
    assert next(reader.records()) == RECORDS[0]
    assert list(SegmentReader(path, reader.offset).records()) == RECORDS[1:]
    compressed = compress(path).path
    assert list(SegmentReader(compressed, reader.offset).records()) == RECORDS[1:]


def test_a_newer_format_is_refused_with_the_fix(path: Path) -> None:
    path.write_bytes(pack_header(Header("demo", 0, 0, version=2)))
    with pytest.raises(TapeError, match=r"format version 2.*newer ticktape"):
        list(SegmentReader(path).records())


def write_marks(root: Path, *rotations: int, until: int) -> TapeWriter:
    """Write received numbers 0, 1, ...: each after the mark of its number; rotate at the marks given."""
    writer = TapeWriter.open(root, "demo", {"mark": 0, "seq": 0})
    writer.received(b"0")
    for number in range(1, until):
        (writer.rotate if number in rotations else writer.mark)({"mark": number, "seq": number})
        writer.received(b"%d" % number)
    return writer


def test_reading_from_each_mark_across_plain_and_compressed_segments(tmp_path: Path) -> None:
    write_marks(tmp_path, 3, 4, until=7).close()
    folder = tmp_path / "demo"
    compress(segments(folder)[1].path)
    for mark in range(7):
        first, *rest = read_from(folder, mark)
        assert first.json()["mark"] == mark
        assert received(rest) == [b"%d" % number for number in range(mark, 7)]
    mark_record = last_mark(folder)
    assert mark_record and mark_record.json() == {"mark": 6, "seq": 6}


@pytest.mark.parametrize("mark", [-1, 1, 9])
def test_a_mark_that_is_not_there_is_told(tmp_path: Path, mark: int) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        writer.mark({"mark": 2, "seq": 0})
    with pytest.raises(MarkMissing, match=f"does not hold mark {mark}"):
        read_from(tmp_path / "demo", mark)


def test_no_tape_has_no_marks(tmp_path: Path) -> None:
    assert last_mark(tmp_path / "none") is None
    with pytest.raises(MarkMissing):
        Follower(tmp_path / "none", 0)


def test_the_last_mark_is_found_behind_a_segment_without_any(tmp_path: Path) -> None:
    write_marks(tmp_path, 2, until=3).close()
    segments(tmp_path / "demo")[1].path.write_bytes(b"")
    mark = last_mark(tmp_path / "demo")
    assert mark and mark.json()["mark"] == 1


def test_the_newest_records_are_those_since_the_segment_of_the_last_mark_began(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        writer.note({"note": "old"})
        writer.rotate({"mark": 1, "seq": 0})
        for data in (b"first", b"second"):
            writer.received(data)
        found = newest_records(tmp_path / "demo")
        assert set(found) == {Kind.MARK, Kind.RECEIVED}
        assert (found[Kind.MARK].json()["mark"], found[Kind.RECEIVED].body) == (1, b"second")


def test_a_follower_sees_appends_rotations_and_compresses(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with write_marks(tmp_path, until=2) as writer:
        follower = Follower(folder, 1)
        assert [record.kind for record in follower.poll()] == [Kind.MARK, Kind.RECEIVED]
        assert follower.poll() == []
        writer.received(b"a")
        assert received(follower.poll()) == [b"a"]
        writer.received(b"b")
        writer.rotate({"mark": 2, "seq": 3})
        writer.received(b"c")
        compress(segments(folder)[0].path)
        writer.rotate({"mark": 3, "seq": 4})
        writer.received(b"d")
        assert received(follower.poll()) == [b"b", b"c", b"d"]
        compress(segments(folder)[1].path)
        writer.received(b"e")
        assert received(follower.poll()) == [b"e"]
    assert (follower.poll(), follower.damage) == ([], [])


def test_a_follower_keeps_up_with_a_writer_that_rotates_and_compresses(tmp_path: Path) -> None:
    writer = TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0})
    follower = Follower(tmp_path / "demo", 0)

    def write() -> None:
        for number in range(2000):
            writer.received(b"%d" % number)
            if number % 100 == 99:
                writer.rotate({"mark": number, "seq": number + 1})
                compress_closed(tmp_path / "demo")
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    records: list[Record] = []
    while thread.is_alive():
        records += follower.poll()
    records += follower.poll() + follower.poll()
    assert received(records) == [b"%d" % number for number in range(2000)]
    assert follower.damage == []


def test_polls_are_bounded_also_within_a_compressed_segment(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        for number in range(40):
            writer.received(b"%02d" % number * 50)
        writer.rotate({"mark": 1, "seq": 40})
    compress(segments(tmp_path / "demo")[0].path)
    follower = Follower(tmp_path / "demo", 0)
    polls = [follower.poll(limit_bytes=1000) for _ in range(6)]
    assert [len(poll) for poll in polls] == [11, 10, 10, 10, 1, 0]
    assert received(list(chain(*polls))) == [b"%02d" % number * 50 for number in range(40)]


def test_half_a_record_is_not_there_yet_in_the_newest_segment(path: Path) -> None:
    path.write_bytes(TAPE)
    follower = Follower(path.parent, 0)
    assert follower.poll() == RECORDS
    extra = Record(Kind.RECEIVED, 9, 9, b"late")
    packed = pack(extra.kind, extra.wall_ns, extra.mono_ns, extra.body)
    for byte in packed[:-1]:
        with path.open("ab") as file:
            file.write(bytes([byte]))
        assert follower.poll() == []
    with path.open("ab") as file:
        file.write(packed[-1:])
    assert (follower.poll(), follower.damage) == ([extra], [])


def test_half_a_record_that_is_taken_back_leaves_no_trace(path: Path) -> None:
    path.write_bytes(TAPE + PACKED[1][:20])
    follower = Follower(path.parent, 0)
    assert follower.poll() == RECORDS
    os.truncate(path, len(TAPE))
    path.write_bytes(TAPE + PACKED[3])
    assert (follower.poll(), follower.damage) == ([RECORDS[3]], [])


def test_half_a_record_in_an_older_segment_is_torn(path: Path) -> None:
    path.write_bytes(TAPE + b"\xf5\xfa123")
    follower = Follower(path.parent, 0)
    assert (follower.poll(), follower.damage) == (RECORDS, [])
    with TapeWriter.open(path.parent.parent, "demo", {"mark": 5, "seq": 2}):
        assert [record.kind for record in follower.poll()] == [Kind.MARK]
    (damage,) = follower.damage
    assert (damage.offset, damage.size_bytes, damage.reason) == (len(TAPE), 5, TORN)


def test_a_follower_that_failed_does_not_fall_silent(path: Path) -> None:
    path.write_bytes(TAPE)
    follower = Follower(path.parent, 0)
    assert follower.poll() == RECORDS
    path.with_name("000000000001.tape").write_bytes(pack_header(Header("demo", 1, 0, version=2)))
    for reason in ("format version 2", "earlier error"):
        with pytest.raises(TapeError, match=reason):
            follower.poll()


def test_examining_counts_what_is_there_and_what_is_not(path: Path) -> None:
    path.write_bytes(HEADER + PACKED[0] + PACKED[1][:-1] + PACKED[2] + PACKED[3] + b"\xf5\xfatorn")
    TapeWriter.open(path.parent.parent, "demo", {"mark": 4, "seq": 2}, wall_ns=lambda: 77).close()
    report = examine(path.parent)
    assert (report.records, report.marks) == (4, [0, 4])
    assert [dict(each.records) for each in report.segments] == [
        {Kind.MARK: 1, Kind.SENT: 1, Kind.RECEIVED: 1},
        {Kind.MARK: 1},
    ]
    first, second = report.segments
    assert (first.first_wall_ns, first.last_wall_ns, second.last_wall_ns) == (1, 4, 77)
    assert first.body_bytes == len(MARK_BODY) + len(RECORDS[3].body)
    assert [damage.size_bytes for damage in report.damage] == [len(PACKED[1]) - 1, 6]


def test_a_poll_ends_with_the_record_that_reaches_its_limit(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        for number in range(6):
            writer.received(b"%d" % number * 100)
    follower = Follower(tmp_path / "demo", 0)
    [mark] = follower.poll(1)
    assert mark.kind == Kind.MARK
    counts = [len(follower.poll(limit)) for limit in (100, 101, 200, 9_999, 9_999)]
    assert counts == [1, 2, 2, 1, 0]
