"""What the writer leaves on disk, whatever happens to it."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture.reason import HELP
from capture.tape import (
    Kind,
    RecorderBusy,
    SegmentReader,
    TapeError,
    TapeFull,
    TapeWriter,
    compress,
    examine,
    last_mark,
    segments,
)
from capture.tape.record import pack, unpack_header
from capture.tape.tape_error import write_error

FIRST = {"mark": 0, "seq": 0}


def bodies(folder: Path) -> list[tuple[Kind, bytes]]:
    readers = [SegmentReader(segment.path) for segment in segments(folder)]
    return [(record.kind, record.body) for reader in readers for record in reader.records()]


def received(folder: Path) -> list[bytes]:
    return [body for kind, body in bodies(folder) if kind == Kind.RECEIVED]


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    # A pipe to read from, which does not end: pytest's own is empty, and who waits for it would go at once.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_every_kind_is_on_the_tape_in_order(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 4, "seq": 10, "open": [1]}) as writer:
        writer.opened({"host": "127.0.0.1"})
        wall_ns = writer.received(b"\x00\x01")
        writer.sent(b"API")
        writer.note({"note": "é"})
        writer.mark({"mark": 5, "seq": 11})
        writer.closed({"reason": "done"})
        assert writer.size_bytes == segments(tmp_path / "demo")[0].path.stat().st_size
    (segment,) = segments(tmp_path / "demo")
    records = list(SegmentReader(segment.path).records())
    assert [int(record.kind) for record in records] == [5, 3, 1, 2, 6, 5, 4]
    assert records[0].json() == {"mark": 4, "seq": 10, "open": [1]}
    assert (records[2].body, records[2].wall_ns, records[4].json()) == (b"\x00\x01", wall_ns, {"note": "é"})
    header = unpack_header(segment.path.read_bytes())
    assert header and (header[0].recorder, header[0].first_mark, header[0].first_seq) == ("demo", 4, 10)


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path / "tape", "demo", FIRST):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tape").rglob("*")}
    assert modes == {"demo": 0o700, "lock": 0o600, "000000000000.tape": 0o600}
    assert stat.S_IMODE((tmp_path / "tape").stat().st_mode) == 0o700


def test_rotation_begins_a_segment_with_the_mark(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        writer.received(b"one")
        writer.rotate({"mark": 3, "seq": 1})
        writer.received(b"two")
    assert [segment.name for segment in segments(tmp_path / "demo")] == ["000000000000", "000000000003"]
    assert received(tmp_path / "demo") == [b"one", b"two"]
    mark = last_mark(tmp_path / "demo")
    assert mark and mark.json() == {"mark": 3, "seq": 1}


@pytest.mark.parametrize("mark", [{"mark": 5, "seq": 0}, {"mark": 4, "seq": 0}, {"mark": 6}])
def test_marks_must_rise_and_be_complete(tmp_path: Path, mark: dict[str, int]) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 5, "seq": 0}) as writer:
        for attempt in (writer.mark, writer.rotate):
            with pytest.raises(ValueError, match="mark"):
                attempt(mark)
    with pytest.raises(ValueError, match="mark"):
        TapeWriter.open(tmp_path, "demo", mark)
    with TapeWriter.open(tmp_path, "demo", {"mark": 6, "seq": 0}):
        assert len(bodies(tmp_path / "demo")) == 2


@pytest.mark.parametrize("name", ["", "../up", "a.b", "-x", "x" * 65, "a\n"])
def test_names_that_are_no_folder_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TapeError, match="cannot name a recorder"):
        TapeWriter.open(tmp_path, name, FIRST)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("in the way")
    with pytest.raises(TapeError, match=r"cannot write .*demo"):
        TapeWriter.open(tmp_path, "demo", FIRST)


def test_a_closed_writer_refuses_appends_and_ignores_the_rest(tmp_path: Path) -> None:
    writer = TapeWriter.open(tmp_path, "demo", FIRST)
    writer.close()
    writer.close()
    writer.sync()
    with pytest.raises(TapeError, match="closed"):
        writer.received(b"late")


def test_wall_time_goes_on_across_restarts_and_the_step_is_noted(tmp_path: Path) -> None:
    second_ns = 10**9
    with TapeWriter.open(tmp_path, "demo", FIRST, wall_ns=lambda: 50 * second_ns) as writer:
        assert writer.received(b"") == 50 * second_ns
    wall_ns = [40 * second_ns]
    with TapeWriter.open(
        tmp_path, "demo", {"mark": 1, "seq": 0}, wall_ns=lambda: wall_ns[0], mono_ns=lambda: 7
    ) as writer:
        assert writer.received(b"") == 50 * second_ns
        wall_ns[0] = 60 * second_ns
        assert writer.received(b"") == 60 * second_ns
    records = list(SegmentReader(segments(tmp_path / "demo")[1].path).records())
    assert [record.kind for record in records] == [Kind.MARK, Kind.NOTE, Kind.RECEIVED, Kind.RECEIVED]
    assert records[1].json() == {"note": "clock stepped back", "step_s": 10.0}


def test_a_second_recorder_is_refused_by_name_until_the_first_is_gone(tmp_path: Path) -> None:
    code = """
import sys, pathlib
from capture.tape import TapeWriter
writer = TapeWriter.open(pathlib.Path(sys.argv[1]), "demo", {"mark": 0, "seq": 0})
print("recording", flush=True)
sys.stdin.read()
"""
    with python(code, tmp_path) as other:
        assert other.stdout and other.stdout.readline() == "recording\n"
        with pytest.raises(RecorderBusy, match=f"process {other.pid} .*--recorder"):
            TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0})
        other.kill()
        other.wait()
    with TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0}):
        assert len(segments(tmp_path / "demo")) == 2


def test_a_failed_start_lets_go_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keys"):
        TapeWriter.open(tmp_path, "demo", {})
    TapeWriter.open(tmp_path, "demo", FIRST).close()


def test_a_killed_process_loses_nothing_that_append_returned_for(tmp_path: Path) -> None:
    code = """
import sys, pathlib
from capture.tape import TapeWriter
writer = TapeWriter.open(pathlib.Path(sys.argv[1]), "demo", {"mark": 0, "seq": 0})
for number in range(10**9):
    writer.received(b"%d" % number * 50)
    print(number, flush=True)
"""
    with python(code, tmp_path) as process:
        assert process.stdout
        seen = [process.stdout.readline() for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
    returned = int([line for line in seen if line.endswith("\n")][-1])
    kept = received(tmp_path / "demo")
    assert kept == [b"%d" % number * 50 for number in range(len(kept))]
    assert len(kept) > returned


def test_a_full_file_ends_with_a_whole_record_and_says_the_fix(tmp_path: Path) -> None:
    code = """
import pathlib, resource, sys
from capture.tape import TapeFull, TapeWriter
writer = TapeWriter.open(pathlib.Path(sys.argv[1]), "demo", {"mark": 0, "seq": 0})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, -1))
for number in range(100):
    try:
        writer.received(b"x" * 300)
    except TapeFull as error:
        print(error)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
writer.received(b"room again")
writer.close()
"""
    with python(code, tmp_path) as process:
        output, errors = process.communicate()
    assert ("000000000000.tape" in output and not errors), errors
    report = examine(tmp_path / "demo")
    assert report.damage == []
    assert bodies(tmp_path / "demo")[-1] == (Kind.RECEIVED, b"room again")
    assert report.records == 2 + (10_000 - 70) // 327


def failing(error: int | None) -> Callable[[int, bytes], int]:
    """Return a stand-in for os.write that stores half and then reports an error, or a short count."""
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        stored = real(descriptor, data[: len(data) // 2])
        if error:
            raise OSError(error, os.strerror(error))
        return stored

    return write


@pytest.mark.parametrize(
    ("number", "expected", "fix"),
    [(errno.ENOSPC, TapeFull, "free space"), (errno.EIO, TapeError, "disk"), (None, TapeFull, "free space")],
)
def test_half_a_record_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None, expected: type[TapeError], fix: str
) -> None:
    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        writer.received(b"before")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing(number))
            with pytest.raises(TapeError, match=fix) as caught:
                writer.received(b"lost")
        assert type(caught.value) is expected
        writer.received(b"after")
    assert received(tmp_path / "demo") == [b"before", b"after"]
    assert examine(tmp_path / "demo").damage == []


def test_nothing_follows_half_a_record_that_cannot_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EIO, "no")

    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing(errno.EIO))
            patch.setattr(os, "ftruncate", refuse)
            with pytest.raises(TapeError):
                writer.received(b"lost")
        with pytest.raises(TapeError, match="half a record"):
            writer.received(b"refused")
        writer.rotate({"mark": 1, "seq": 0})
        writer.received(b"new segment")
    (damage,) = examine(tmp_path / "demo").damage
    assert damage.size_bytes == len(pack(Kind.RECEIVED, 0, 0, b"lost")) // 2
    assert bodies(tmp_path / "demo")[-1][1] == b"new segment"


def test_a_failed_rotation_stays_in_the_old_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            with pytest.raises(TapeFull):
                writer.rotate({"mark": 1, "seq": 0})
        writer.received(b"still here")
        writer.rotate({"mark": 1, "seq": 0})
    assert [kind for kind, _ in bodies(tmp_path / "demo")] == [Kind.MARK, Kind.RECEIVED, Kind.MARK]
    assert len(list((tmp_path / "demo").iterdir())) == 3


def test_a_failed_sync_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "bad sector")

    with TapeWriter.open(tmp_path, "demo", FIRST) as writer, monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        patch.setattr(os, "fsync", broken)
        with pytest.raises(TapeError, match=r"000000000000\.tape \(bad sector\)"):
            writer.sync()


def test_syncing_in_a_thread_beside_appends_and_rotations(tmp_path: Path) -> None:
    stop = threading.Event()
    errors: list[OSError] = []

    def keep_syncing() -> None:
        while not stop.is_set():
            try:
                writer.sync()
            except OSError as error:
                errors.append(error)

    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        thread = threading.Thread(target=keep_syncing)
        thread.start()
        for number in range(1, 21):
            writer.received(b"x" * 100)
            writer.rotate({"mark": number, "seq": number})
        stop.set()
        thread.join()
    assert (errors, examine(tmp_path / "demo").records) == ([], 41)


def test_each_sync_brings_to_disk_what_came_since_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int, int]] = []
    monkeypatch.setattr("capture.tape.writer._sync_data",
                        lambda _, path, first, end: synced.append((path.name, first, end)))
    with TapeWriter.open(tmp_path, "demo", FIRST) as writer:
        synced.clear()
        ends = [writer.size_bytes]
        for _ in range(2):
            writer.received(b"x")
            ends.append(writer.size_bytes)
            writer.sync()
        assert synced[1] == ("000000000000.tape", ends[1], ends[2])
        assert synced[0][2] == ends[1]
        writer.rotate({"mark": 1, "seq": 1})
        assert synced[2] == ("000000000000.tape", ends[2], ends[2])
        lock = writer._lock._descriptor
        os.fstat(lock)
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(lock)
    writer.close()
    writer.sync()


def test_who_finds_a_recorder_at_work_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", FIRST):
        before = len(list(Path("/dev/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(RecorderBusy, match=f"process {os.getpid()} is recording"):
                TapeWriter.open(tmp_path, "demo", FIRST)
        assert len(list(Path("/dev/fd").iterdir())) == before


def test_all_that_was_appended_is_on_disk_when_a_tape_is_closed(
    tmp_path: Path, synced: list[tuple[int, Any]]
) -> None:
    with TapeWriter.open(tmp_path, "demo", FIRST) as tape:
        tape.received(b"data")
    (segment,) = segments(tmp_path / "demo")
    found = segment.path.stat()
    assert synced[-1] == (found.st_ino, found.st_size)


def test_a_mark_is_above_the_one_that_was_written_last(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", FIRST) as tape:
        tape.mark({"mark": 5, "seq": 0})
        for number in (4, 5):
            with pytest.raises(ValueError, match=f"mark {number} is not above mark 5 "):
                tape.mark({"mark": number, "seq": 0})
        tape.mark({"mark": 6, "seq": 0})


def test_a_clock_that_is_set_back_while_a_tape_is_written_is_noted_once(tmp_path: Path) -> None:
    times_ns = iter([100, 101, 91, 92, 93, 94])

    def wall_ns() -> int:
        return next(times_ns) * 10**9

    with TapeWriter.open(tmp_path, "demo", FIRST, wall_ns=wall_ns, mono_ns=lambda: 0) as tape:
        for data in (b"before", b"behind", b"later"):
            tape.received(data)
    kinds = [kind for kind, _ in bodies(tmp_path / "demo")]
    assert kinds == [Kind.MARK, Kind.RECEIVED, Kind.RECEIVED, Kind.NOTE, Kind.RECEIVED]
    (note,) = (body for kind, body in bodies(tmp_path / "demo") if kind == Kind.NOTE)
    assert note == b'{"note":"clock stepped back","step_s":10.0}'


def test_what_a_killed_recorder_wrote_is_brought_to_disk_before_a_mark_follows_or_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TapeWriter.open(tmp_path, "demo", FIRST).close()
    (first,) = segments(tmp_path / "demo")
    asked: list[Path] = []

    def failing(path: Path) -> None:
        asked.append(path)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("capture.tape.writer.sync_content", failing)
    with pytest.raises(TapeError, match=f"cannot write {first.path}"):
        TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0})
    assert (asked, segments(tmp_path / "demo")) == ([first.path], [first])
    compress(first.path)
    TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0}).close()
    assert asked == [first.path], "what is compressed is on disk"


def test_a_segment_that_is_finished_is_let_go(tmp_path: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with TapeWriter.open(tmp_path, "demo", FIRST) as tape:
        open_ = len(list(Path("/dev/fd").iterdir()))
        for mark in (1, 2, 3):
            tape.rotate({"mark": mark, "seq": 0})
        tape.sync()
        assert len(list(Path("/dev/fd").iterdir())) == open_
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_the_process_that_is_named_is_the_one_that_records_now(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "lock").write_text("123456789012\n")  # of a recorder of before
    with TapeWriter.open(tmp_path, "demo", FIRST), pytest.raises(RecorderBusy, match=f"process {os.getpid()} is"):
        TapeWriter.open(tmp_path, "demo", FIRST)
    with TapeWriter.open(tmp_path, "demo", {"mark": 1, "seq": 0}):
        (tmp_path / "demo" / "lock").write_text(" ")
        with pytest.raises(RecorderBusy, match="process unknown is"):
            TapeWriter.open(tmp_path, "demo", FIRST)


def test_folders_of_a_tape_that_are_made_are_their_owners_alone(tmp_path: Path) -> None:
    TapeWriter.open(tmp_path / "data" / "tape", "demo", FIRST).close()
    for folder in (tmp_path / "data", tmp_path / "data" / "tape", tmp_path / "data" / "tape" / "demo"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_error_of_a_disk_says_what_helps(tmp_path: Path) -> None:
    full = write_error(OSError(errno.ENOSPC, "No space left"), tmp_path)
    assert isinstance(full, TapeFull)
    assert "(No space left)" in str(full)
    plain = write_error(OSError("words"), tmp_path)
    assert not isinstance(plain, TapeFull)
    assert str(plain) == f"cannot write {tmp_path} (words): check the disk and its permissions"
    denied = write_error(OSError(errno.EACCES, "Permission denied"), tmp_path)
    assert str(denied) == f"cannot write {tmp_path} (Permission denied): {HELP[errno.EACCES]}"
