"""The files of a tape: their names, their order, and how to open one, compressed or not."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import zstandard

from .tape_error import TapeError

OPEN_SUFFIX = ".tape"
COMPRESSED_SUFFIX = ".tape.zst"
FRAME_HEADER_BYTES = 18  # the longest that zstd has
BLOCK_BYTES = 1 << 14  # what is lost at most before the place where a compressed file is damaged
_RECORDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SEGMENT = re.compile(r"(\d{12,})\.tape(\.zst)?")


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a tape; `first_mark` is the mark it begins with."""

    path: Path
    first_mark: int
    compressed: bool

    @property
    def name(self) -> str:
        """The file's name without its suffixes."""
        return f"{self.first_mark:012}"


def is_recorder(name: str) -> bool:
    """Return whether a name can be that of a recorder, and of the folder of its tape."""
    return _RECORDER.fullmatch(name) is not None


def recorder_folder(root: Path, recorder: str) -> Path:
    """Return the folder of a recorder's tape below the tape folder `root`."""
    if not is_recorder(recorder):
        raise TapeError(
            f"{recorder!r} cannot name a recorder: use 1 to 64 letters, digits, _ and -, a sign not first"
        )
    return root / recorder


def segment_path(folder: Path, first_mark: int) -> Path:
    """Return the path of the open segment that begins with `first_mark`."""
    return folder / f"{first_mark:012}{OPEN_SUFFIX}"


def compressed_path(path: Path) -> Path:
    """Return the path that the open segment `path` has once it is compressed."""
    return path.with_name(path.name.removesuffix(OPEN_SUFFIX) + COMPRESSED_SUFFIX)


def segments(folder: Path) -> list[Segment]:
    """Return the segments of a tape, oldest first, none without folder; of one being compressed, the original."""
    found: dict[int, Segment] = {}
    for path in sorted(folder.glob(f"*{OPEN_SUFFIX}*"), reverse=True):  # compressed before open: open wins
        if match := _SEGMENT.fullmatch(path.name):
            found[int(match[1])] = Segment(path, int(match[1]), bool(match[2]))
    return [found[mark] for mark in sorted(found)]


class SegmentFile:
    """Reads the uncompressed bytes of a segment, compressed or not, also when it was compressed a moment ago.

    `failure` says why the bytes of a compressed file ended early, None as long as they have not; `size_bytes` is
    how many a compressed file should hold, 0 when not known.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.failure: str | None = None
        self.size_bytes = 0
        self._read_bytes = 0  # of a compressed file
        self._ahead = b""
        try:
            self._file: BinaryIO = path.open("rb", buffering=0)
        except FileNotFoundError:
            path = compressed_path(path)
            self._file = path.open("rb", buffering=0)
        self._stream = self._decompressed() if path.name.endswith(COMPRESSED_SUFFIX) else None
        self._skip(offset)

    def read(self, size_bytes: int) -> bytes:
        """Return up to `size_bytes` bytes, none at the end; a compressed file ends where it is damaged."""
        if self._stream is None:
            return self._file.read(size_bytes)
        data = b"".join(self._blocks(self._stream, size_bytes))
        self._read_bytes += len(data)
        if not data and self._read_bytes < max(self.size_bytes, 1):  # no segment is empty
            self.failure = self.failure or "the compressed file is cut off"
        return data

    def _blocks(self, stream: zstandard.ZstdDecompressionReader, size_bytes: int) -> Iterator[bytes]:
        while size_bytes and (self._ahead or not self.failure):
            if not self._ahead:
                self._ahead = self._block(stream)
            block, self._ahead = self._ahead[:size_bytes], self._ahead[size_bytes:]
            if not block:
                return
            size_bytes -= len(block)
            yield block

    def _block(self, stream: zstandard.ZstdDecompressionReader) -> bytes:
        """Return the next bytes, as many as there are up to a fixed number.

        How much can be had of a damaged file depends on how much is asked for at once; this way all readers get the
        same.
        """
        try:
            return stream.read(BLOCK_BYTES)
        except zstandard.ZstdError as error:
            self.failure = f"the compressed file cannot be decompressed ({error})"
            return b""

    def _decompressed(self) -> zstandard.ZstdDecompressionReader:
        with suppress(zstandard.ZstdError):  # reading will say what is wrong
            self.size_bytes = max(zstandard.frame_content_size(self._file.read(FRAME_HEADER_BYTES)), 0)
        self._file.seek(0)
        return zstandard.ZstdDecompressor().stream_reader(self._file, read_across_frames=True)

    def _skip(self, offset: int) -> None:
        if self._stream is None:
            self._file.seek(offset)
            return
        while self._read_bytes < offset and self.read(min(1 << 20, offset - self._read_bytes)):
            pass

    def __enter__(self) -> "SegmentFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
