"""A compressed segment is known to be whole, or not, by its blocks."""

import random
from pathlib import Path

import pytest
import zstandard

from capture.tape.compressed_check import missing_bytes

CONTENTS = {
    "nothing": b"",
    "few": b"bytes",
    "repeated": bytes(1_000_000),
    "random": random.Random(1).randbytes(300_000),
    "mixed": b"".join(random.Random(n).randbytes(50_000) + bytes(200_000) + b"text " * 9_000 for n in range(5)),
}


@pytest.mark.parametrize("has_checksum", [True, False])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_every_cut_is_noticed(tmp_path: Path, content: bytes, has_checksum: bool) -> None:
    path = tmp_path / "compressed"
    whole = zstandard.ZstdCompressor(write_checksum=has_checksum).compress(content)
    path.write_bytes(whole)
    assert missing_bytes(path) == 0
    for cut in {len(whole) - 1, len(whole) - 4, *range(20, len(whole), 997)} - {0}:
        path.write_bytes(whole[: max(cut, 9)])
        assert missing_bytes(path) > 0 or cut < 9 or len(whole) <= 9, cut


def test_what_is_no_compressed_segment_is_left_to_its_reader(tmp_path: Path) -> None:
    for content in (b"", b"x", b"no segment at all, not even the beginning of one"):
        (tmp_path / "compressed").write_bytes(content)
        assert missing_bytes(tmp_path / "compressed") == 0
