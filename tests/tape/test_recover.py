"""What a damaged tape lost is told; repairing it keeps every byte and reads on as before."""

from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.tape import (
    DAMAGED,
    Kind,
    RecorderBusy,
    SegmentReader,
    TapeWriter,
    bad_path,
    compress_closed,
    examine,
    read_from,
    recording_lock,
    repair,
    segments,
)
from capture.tape.record import count_records, pack
from capture.tape.repair import _copy
from capture.tape.segment import SegmentFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three segments of a mark and 9 reads each; the ninth read of each holds 5,000 bytes."""
    with TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0}) as writer:
        for number in range(2, 5):
            for read in range(9):
                writer.received(b"tick %d %d " % (number, read) * (500 if read == 8 else 1))
            if number < 4:
                writer.rotate({"mark": number, "seq": number})
    return tmp_path / "demo"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def bodies(folder: Path) -> list[tuple[Kind, bytes]]:
    return [(record.kind, record.body) for segment in segments(folder)
            for record in SegmentReader(segment.path).records()]


def test_a_loss_is_told_with_bytes_records_time_and_mark(folder: Path) -> None:
    path = segments(folder)[1].path
    reader = SegmentReader(path)
    records = reader.records()
    ends = [reader.offset for _ in records]
    flip(path, ends[3] - 1)
    flip(path, ends[4] - 1)
    (loss,) = examine(folder).losses
    assert (loss.damage.offset, loss.damage.size_bytes) == (ends[2], ends[4] - ends[2])
    assert (loss.records, loss.mark, loss.torn) == (2, 2, False)
    assert loss.before and loss.before.body == b"tick 3 1 "
    assert loss.after and loss.after.body == b"tick 3 4 "


@pytest.mark.parametrize("compressed", [False, True])
def test_a_repaired_segment_has_a_note_where_the_damage_was(folder: Path, compressed: bool) -> None:
    path = segments(folder)[1].path
    whole = bodies(folder)
    flip(path, 200)
    if compressed:
        compress_closed(folder)
    (loss,) = examine(folder).losses
    report = examine(folder).segments[1]
    damaged = report.segment.path.read_bytes()
    bad = repair(report)
    assert bad.read_bytes() == damaged
    assert bad.name == report.segment.path.name + ".bad"
    assert [segment.compressed for segment in segments(folder)] == [compressed, False, False]
    assert examine(folder).losses == []
    after = bodies(folder)
    (note,) = set(after) - set(whole)
    assert note[0] == Kind.NOTE
    assert [entry for entry in after if entry != note] == [entry for entry in whole if entry in after]
    assert len(after) == len(whole)
    noted = next(record for record in read_from(folder, 1) if record.kind == Kind.NOTE)
    assert noted.json()[DAMAGED] == loss.damage.size_bytes
    assert loss.before is not None
    assert noted.wall_ns == loss.before.wall_ns


def test_a_compressed_segment_that_cannot_be_unpacked_keeps_what_it_gave(folder: Path) -> None:
    compress_closed(folder)
    path = segments(folder)[0].path
    path.write_bytes(path.read_bytes()[:40])
    report = examine(folder).segments[0]
    (loss,) = report.losses
    assert loss.damage.size_bytes > 4_500
    assert loss.records is None
    repair(report)
    assert examine(folder).losses == []
    assert path.with_name(path.name + ".bad").stat().st_size == 40
    assert not path.exists()


same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@same_folder
@given(flips=st.lists(st.integers(0, 5_800), min_size=1, max_size=4))
def test_whatever_is_flipped_all_whole_records_survive_the_repair(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, flips: list[int]
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "demo"
    copy.mkdir()
    for segment in segments(folder):
        (copy / segment.path.name).write_bytes(segment.path.read_bytes())
    path = segments(copy)[1].path
    for at in flips:
        flip(path, min(at, path.stat().st_size - 1))
    before = bodies(copy)
    report = examine(copy).segments[1]
    if any(not loss.torn for loss in report.losses):
        repair(report)
    after = bodies(copy)
    assert not [loss for loss in examine(copy).losses if not loss.torn]
    assert Counter(before) <= Counter(after)
    assert [entry for entry in after if entry[0] != Kind.NOTE] == before


@pytest.mark.parametrize("compressed", [False, True])
def test_what_repairing_did_is_on_disk_when_it_is_done(
    folder: Path, compressed: bool, synced: list[tuple[int, Any]]
) -> None:
    flip(segments(folder)[1].path, 200)
    if compressed:
        compress_closed(folder)
    repair(examine(folder).segments[1])
    assert synced[-1] == (folder.stat().st_ino, sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize("size_bytes", [0, 1, 3, 4, 5, 8, 9, 20, None])
def test_as_many_bytes_are_copied_as_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int | None
) -> None:
    monkeypatch.setitem(_copy.__globals__, "CHUNK_BYTES", 4)
    (tmp_path / "source").write_bytes(b"0123456789abc")
    sink = BytesIO()
    with SegmentFile(tmp_path / "source") as source:
        _copy(source, sink, size_bytes)
    assert sink.getvalue() == b"0123456789abc"[:size_bytes]


def test_a_torn_tail_stays_as_it_is(folder: Path) -> None:
    path = segments(folder)[0].path
    with path.open("ab") as file:
        file.write(b"\xf5\xfa torn")
    flip(path, 200)
    repair(examine(folder).segments[0])
    assert path.read_bytes().endswith(b"\xf5\xfa torn")
    (loss,) = examine(folder).losses
    assert loss.torn


def test_names_of_files_set_aside_are_never_taken_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    for name in ("a.tape.bad", "a.tape.bad1", "a.tape.bad2"):
        assert bad_path(path).name == name
        bad_path(path).touch()


def test_records_are_counted_by_their_lengths() -> None:
    data = pack(1, 1, 1, b"abc") + pack(2, 1, 1, b"")
    assert count_records(data) == 2
    assert count_records(b"") == 0
    for broken in (data[:-1], data + b"x", b"x" + data):
        assert count_records(broken) is None


def test_the_lock_keeps_recorders_away(folder: Path) -> None:
    def record() -> Any:
        return TapeWriter.open(folder.parent, "demo", {"mark": 9, "seq": 9})

    with recording_lock(folder), pytest.raises(RecorderBusy):
        record()
    record().close()
