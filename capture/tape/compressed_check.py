"""Whether a compressed segment is there to its last byte, without decompressing it.

What lacks only the checksum at its end decompresses as if nothing were missing, but nothing vouches for it any more.
"""

from pathlib import Path
from typing import BinaryIO

import zstandard

from .segment import FRAME_HEADER_BYTES

# RFC 8878: blocks follow the frame's header; three bytes before each hold whether it is the last one, its type and its
# size. One that repeats a byte holds but that byte. After the last one comes the checksum, where the header says so.
_BLOCK_HEADER_BYTES = 3
_REPEATED = 1
_CHECKSUM_BYTES = 4


def missing_bytes(path: Path) -> int:
    """Return how many bytes a compressed segment lacks at least; 0 for a whole one, or one that is damaged otherwise.

    Raises OSError where it cannot be read.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        try:
            end = _frame_end(file)
        except zstandard.ZstdError:
            return 0  # nothing that a compressed segment begins with: reading it says so
    return max(end - size_bytes, 0)


def _frame_end(file: BinaryIO) -> int:
    """Return where the frame ends, as far as its blocks tell."""
    start = file.read(FRAME_HEADER_BYTES)
    end = zstandard.frame_header_size(start)
    has_checksum = zstandard.get_frame_parameters(start).has_checksum
    last = False
    while not last:
        file.seek(end)
        header = file.read(_BLOCK_HEADER_BYTES)
        end += _BLOCK_HEADER_BYTES
        if len(header) < _BLOCK_HEADER_BYTES:
            break
        fields = int.from_bytes(header, "little")
        last, kind, size_bytes = bool(fields & 1), fields >> 1 & 3, fields >> 3
        end += 1 if kind == _REPEATED else size_bytes
    return end + _CHECKSUM_BYTES * has_checksum
