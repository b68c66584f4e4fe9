"""Sealing: finished segments are compressed, compared with the original, and only then is that removed."""

from dataclasses import dataclass
from pathlib import Path

import zstandard

from capture.publish import publish, sync_path

from .segment import SegmentFile, sealed_path, segments
from .tape_error import TapeError, write_error

LEVEL = 3
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed segment: `size_bytes` of tape kept in `sealed_bytes` on disk."""

    path: Path
    size_bytes: int
    sealed_bytes: int


def seal(path: Path) -> Sealed:
    """Seal the finished segment `path` (.tape), from wherever an interrupted sealing stopped.

    The original goes only after the sealed file was read back equal to it; `TapeError` when it is not, or
    cannot be written.
    """
    target = sealed_path(path)
    if not target.exists():
        try:
            publish(target, lambda temporary: _compress(path, temporary))
        except OSError as error:
            raise write_error(error, target) from error
    if path.exists():
        if not _same_bytes(path, target):
            raise TapeError(f"{target} does not hold the bytes of {path}: move it aside and seal again")
        path.unlink()
        sync_path(path.parent)
    with SegmentFile(target) as sealed:
        return Sealed(target, sealed.size_bytes, target.stat().st_size)


def seal_closed(folder: Path) -> list[Sealed]:
    """Seal every segment of a tape but the newest, which may still be written; return what was sealed now."""
    return [seal(segment.path) for segment in segments(folder)[:-1] if not segment.sealed]


def _compress(path: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with path.open("rb") as source, target.open("wb") as sink:
        compressor.copy_stream(source, sink, size=path.stat().st_size)


def _same_bytes(path: Path, target: Path) -> bool:
    with path.open("rb") as original, SegmentFile(target) as sealed:
        while chunk := original.read(CHUNK_BYTES):
            if sealed.read(len(chunk)) != chunk:
                return False
        return not sealed.read(1)
