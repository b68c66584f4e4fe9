"""Compressing keeps every byte, wherever it is interrupted."""

import errno
import os
import stat
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import zstandard

from capture.publish import LEFTOVER_AGE_S, publish
from capture.tape import (
    Kind,
    SegmentReader,
    TapeError,
    TapeFull,
    TapeWriter,
    compress,
    compress_closed,
    examine,
    segments,
)
from capture.tape.segment import compressed_path


class Interrupted(BaseException):
    """What a crash looks like from within."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tape of two closed segments, the first with a torn tail, and an open one."""
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        for number in range(1, 3):
            writer.received(b"quote " * 400)
            writer.rotate({"mark": number, "seq": number})
    with segments(tmp_path / "demo")[0].path.open("ab") as file:
        file.write(b"\xf5\xfa torn")
    return tmp_path / "demo"


def counts(folder: Path) -> list[Counter[Kind]]:
    return [report.records for report in examine(folder).segments]


def test_a_compressed_segment_is_the_same_bytes_for_any_zstd_tool(folder: Path) -> None:
    path = segments(folder)[0].path
    original = path.read_bytes()
    compressed = compress(path)
    assert (compressed.path, path.exists()) == (folder / "000000000000.tape.zst", False)
    assert zstandard.ZstdDecompressor().decompress(compressed.path.read_bytes()) == original
    assert (compressed.size_bytes, compressed.compressed_bytes) == (len(original), compressed.path.stat().st_size)
    assert compressed.compressed_bytes < compressed.size_bytes
    assert stat.S_IMODE(compressed.path.stat().st_mode) == 0o600
    assert compress(path) == compressed


def test_the_original_is_gone_from_the_disk_too(folder: Path, synced: list[tuple[int, Any]]) -> None:
    path = segments(folder)[0].path
    compress(path)
    assert not path.exists()
    assert synced[-1] == (folder.stat().st_ino, sorted(path.name for path in folder.iterdir()))


def test_all_but_the_newest_segment_are_compressed_once(folder: Path) -> None:
    before, torn_bytes = counts(folder), [damage.size_bytes for damage in examine(folder).damage]
    assert [one.path.name[-14:] for one in compress_closed(folder)] == ["00000.tape.zst", "00001.tape.zst"]
    assert compress_closed(folder) == []
    assert [segment.compressed for segment in segments(folder)] == [True, True, False]
    assert counts(folder) == before
    assert [damage.size_bytes for damage in examine(folder).damage] == torn_bytes == [7]


@pytest.mark.parametrize("step", ["chmod", "replace", "unlink"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_an_interrupted_compressing_is_finished_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, done: bool
) -> None:
    before = counts(folder)
    real = getattr(Path, step)

    def interrupt(path: Path, *arguments: object, **options: object) -> None:
        if done:
            real(path, *arguments, **options)
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, interrupt)
        with pytest.raises(Interrupted):
            compress_closed(folder)
    assert counts(folder) == before
    compress_closed(folder)
    assert counts(folder) == before
    assert [segment.compressed for segment in segments(folder)] == [True, True, False]


def test_a_full_disk_leaves_the_original(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = counts(folder)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TapeFull, match=r"tape\.zst"):
            compress_closed(folder)
    assert counts(folder) == before
    assert not list(folder.glob("*.zst")) + list(folder.glob(".*"))


def test_the_original_stays_when_the_compressed_file_is_not_equal(folder: Path) -> None:
    path = segments(folder)[1].path
    original = path.read_bytes()
    for wrong in (original[:-1], original + b"x", b""):
        compressed_path(path).write_bytes(zstandard.ZstdCompressor().compress(wrong))
        with pytest.raises(TapeError, match="move it aside and compress again"):
            compress(path)
    compressed_path(path).write_bytes(b"no zstd at all")
    with pytest.raises(TapeError, match="move it aside"):
        compress(path)
    assert path.read_bytes() == original


def test_a_damaged_compressed_file_yields_what_can_be_read_and_is_reported(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}) as writer:
        for _ in range(8):
            writer.received(os.urandom(100_000))
    compressed = compress(segments(tmp_path / "demo")[0].path)
    whole = compressed.path.read_bytes()
    for damaged, kept, reason in (
        (whole[: len(whole) // 2], 4, "cut off"),
        (whole[:420_000] + bytes(50_000) + whole[470_000:], 7, "cannot be decompressed"),
        (b"x" + whole[1:], 0, "cannot be decompressed"),
    ):
        compressed.path.write_bytes(damaged)
        reader = SegmentReader(compressed.path)
        records = list(reader.records())
        assert len(records) == kept
        assert reason in reader.damage[-1].reason


def test_publishing_fails_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    publish(path, lambda temporary: temporary.write_text("first"), mode=0o640)

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise Interrupted

    with pytest.raises(Interrupted):
        publish(path, fail)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("first", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_old_leftovers_go_when_recording_starts_and_fresh_ones_stay(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    old, fresh = folder / ".a.tape.zst.1.tmp", folder / ".b.tape.zst.2.tmp"
    for leftover in (old, fresh):
        leftover.touch()
    hour_ago_s = time.time() - LEFTOVER_AGE_S - 1
    os.utime(old, (hour_ago_s, hour_ago_s))
    TapeWriter.open(tmp_path, "demo", {"mark": 0, "seq": 0}).close()
    assert (old.exists(), fresh.exists(), len(segments(folder))) == (False, True, 1)
