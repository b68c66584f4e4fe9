"""The files of a tape: a compressed one reads as the original does, from anywhere, and says where it ends too early."""

from pathlib import Path

import pytest
import zstandard

from capture.tape.segment import (
    BLOCK_BYTES,
    FRAME_HEADER_BYTES,
    SegmentFile,
    compressed_path,
    is_recorder,
    recorder_folder,
    segment_path,
    segments,
)
from capture.tape.tape_error import TapeError

PLAIN = b"".join(number.to_bytes(4, "big") for number in range(1 << 19))  # two megabytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same bytes plain, compressed, compressed in two frames, and compressed of unknown size."""
    made = tmp_path_factory.mktemp("segments")
    compressor = zstandard.ZstdCompressor(1, write_checksum=True)
    (made / "000000000001.tape").write_bytes(PLAIN)
    (made / "000000000002.tape.zst").write_bytes(compressor.compress(PLAIN))
    (made / "000000000003.tape.zst").write_bytes(compressor.compress(PLAIN[:999]) + compressor.compress(PLAIN[999:]))
    stream = compressor.compressobj()
    (made / "000000000004.tape.zst").write_bytes(stream.compress(PLAIN) + stream.flush())
    return made


@pytest.mark.parametrize("offset", [0, 1, 999, (1 << 20) - 1, 1 << 20, (1 << 20) + 7, (3 << 19) + 5, len(PLAIN) - 3])
@pytest.mark.parametrize("mark", [1, 2, 3, 4])
def test_a_segment_is_read_from_any_place_in_pieces_of_any_size(folder: Path, mark: int, offset: int) -> None:
    [segment] = [one for one in segments(folder) if one.first_mark == mark]
    with SegmentFile(segment.path, offset) as file:
        assert [file.read(size) for size in (5, 3 * BLOCK_BYTES + 1)] == [
            PLAIN[offset : offset + 5], PLAIN[offset + 5 : offset + 6 + 3 * BLOCK_BYTES]]
        assert b"".join(iter(lambda: file.read(1 << 19), b"")) == PLAIN[offset + 6 + 3 * BLOCK_BYTES :]
        assert file.read(9) == b""
        # Of one in two frames its head tells the size of the first.
        assert file.size_bytes == {1: 0, 2: len(PLAIN), 3: 999, 4: 0}[mark]
        assert file.failure is None
        assert not file._file.closed
    assert file._file.closed


def test_one_that_was_compressed_a_moment_ago_is_found_and_one_that_never_was_is_not(folder: Path) -> None:
    with SegmentFile(folder / "000000000002.tape", 4) as file:
        assert file.read(4) == PLAIN[4:8]
    with pytest.raises(FileNotFoundError, match=r"000000000009\.tape\.zst"):
        SegmentFile(folder / "000000000009.tape")


@pytest.mark.parametrize("mark", [2, 4])
@pytest.mark.parametrize("left", [0, 3, FRAME_HEADER_BYTES, 0.5, 0.99])
def test_one_that_is_cut_off_gives_what_it_has_and_says_so(
    folder: Path, tmp_path: Path, mark: int, left: float
) -> None:
    [segment] = [one for one in segments(folder) if one.first_mark == mark]
    whole, cut = segment.path.read_bytes(), tmp_path / segment.path.name
    cut.write_bytes(whole[: left if isinstance(left, int) else int(left * len(whole))])
    with SegmentFile(cut) as file:
        assert file.failure is None
        data = b"".join(iter(lambda: file.read(1 << 16), b""))
        assert PLAIN.startswith(data)
        assert len(data) < len(PLAIN)
        assert isinstance(left, int) or data
        if mark == 2 or not data:
            assert file.failure == "the compressed file is cut off"


def test_one_that_is_damaged_gives_what_comes_before_whatever_is_asked_for_at_once(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "000000000002.tape.zst"
    spoiled = bytearray((folder / path.name).read_bytes())
    spoiled[-1] ^= 1  # the checksum
    path.write_bytes(spoiled)
    found = set()
    for size in (100, BLOCK_BYTES, 1 << 22):
        with SegmentFile(path) as file:
            data = b"".join(iter(lambda: file.read(size), b""))  # noqa: B023
            found.add(data)
            assert file.failure is not None
            assert "cannot be decompressed" in file.failure
            assert file.read(5) == b""
    [data] = found
    assert PLAIN.startswith(data)
    assert len(PLAIN) - len(data) <= 1 << 17
    path.write_bytes(b"no zstd at all")
    with SegmentFile(path) as file:
        assert (file.size_bytes, file.read(5)) == (0, b"")
        assert "cannot be decompressed" in (file.failure or "")


def test_of_a_segment_that_is_being_compressed_the_original_counts(tmp_path: Path) -> None:
    names = ["000000000007.tape", "000000000007.tape.zst", "000000000003.tape.zst", "1000000000003.tape",
             "000000000008.tape.bad", "000000000009.tape.zst.tmp", "12.tape", "x.tape"]
    for name in names:
        (tmp_path / name).touch()
    found = segments(tmp_path)
    assert [(one.path.name, one.first_mark, one.compressed, one.name) for one in found] == [
        ("000000000003.tape.zst", 3, True, "000000000003"), ("000000000007.tape", 7, False, "000000000007"),
        ("1000000000003.tape", 1_000_000_000_003, False, "1000000000003")]
    assert segments(tmp_path / "none") == []
    assert segment_path(tmp_path, 7) == tmp_path / "000000000007.tape"
    assert compressed_path(segment_path(tmp_path, 7)) == tmp_path / "000000000007.tape.zst"


@pytest.mark.parametrize(("name", "can_be"), [
    ("main", True), ("0-9_Z", True), ("a" * 64, True), ("a" * 65, False), ("", False), ("_a", False), ("a.b", False),
    ("..", False), ("a/b", False), ("é", False)])  # fmt: skip
def test_the_name_of_a_recorder_is_that_of_a_folder(tmp_path: Path, name: str, can_be: bool) -> None:
    assert is_recorder(name) == can_be
    if can_be:
        assert recorder_folder(tmp_path, name) == tmp_path / name
        return
    with pytest.raises(TapeError, match="cannot name a recorder"):
        recorder_folder(tmp_path, name)
