"""Compressing: finished segments are compressed, compared with the original, and only then is that removed."""

from dataclasses import dataclass
from pathlib import Path

import zstandard

from capture.publish import publish, sync_path

from .segment import SegmentFile, compressed_path, segments
from .tape_error import TapeError, write_error

LEVEL = 3
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressed segment: `size_bytes` of tape kept in `compressed_bytes` on disk."""

    path: Path
    size_bytes: int
    compressed_bytes: int


def compress(path: Path) -> Compressed:
    """Compress the finished segment `path` (.tape), from wherever an interrupted compressing stopped.

    The original goes only after the compressed file was read back equal to it; `TapeError` when it is not, or
    cannot be written.
    """
    target = compressed_path(path)
    if not target.exists():
        try:
            publish(target, lambda temporary: _compress(path, temporary))
        except OSError as error:
            raise write_error(error, target) from error
    if path.exists():
        if not _same_bytes(path, target):
            raise TapeError(f"{target} does not hold the bytes of {path}: move it aside and compress again")
        path.unlink()
        sync_path(path.parent)
    with SegmentFile(target) as compressed:
        return Compressed(target, compressed.size_bytes, target.stat().st_size)


def compress_closed(folder: Path) -> list[Compressed]:
    """Compress every segment of a tape but the newest, which may still be written; return what was compressed now."""
    return [compress(segment.path) for segment in segments(folder)[:-1] if not segment.compressed]


def _compress(path: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with path.open("rb") as source, target.open("wb") as sink:
        compressor.copy_stream(source, sink, size=path.stat().st_size)


def _same_bytes(path: Path, target: Path) -> bool:
    with path.open("rb") as original, SegmentFile(target) as compressed:
        while chunk := original.read(CHUNK_BYTES):
            if compressed.read(len(chunk)) != chunk:
                return False
        return not compressed.read(1)
