"""Bytes to frames and back: a 4-byte big-endian length, then that many bytes of payload (D31)."""

import struct
from collections.abc import Container
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from capture.kernel.decoding import decoding

from .protocol_error import LocalProtocolError

MAX_FRAME_BYTES = 16 * 1024 * 1024 - 1  # what IB's own clients accept at most

Starts = npt.NDArray[np.int64]

# What makes a place in a stream that lost its step a frame's start: so many frames of known messages, none longer than
# this, one behind the other.
STEP_FRAMES = 3
STEP_FRAME_BYTES = 1 << 16

# Below this many bytes a plain walk over the frames is faster than calling the kernel, or setting up array operations.
_FEW_FOR_KERNEL, _FEW_BYTES = 500, 5_000
_BLOCK_BYTES = 1 << 16


def frame(payload: bytes) -> bytes:
    """Return a payload with its length in front. Raises LocalProtocolError for an empty or too long one."""
    if not 0 < len(payload) <= MAX_FRAME_BYTES:
        raise LocalProtocolError(f"a frame of {len(payload)} bytes cannot be sent")
    return struct.pack(">I", len(payload)) + payload


def boundaries(data: bytes) -> Starts:
    """Return where each whole frame in `data` starts, and last, where the last whole one ends.

    So frame i is data[starts[i]:starts[i + 1]], its payload begins 4 bytes later, and what follows starts[-1] is the
    beginning of a frame still to come, or of something that is none: see `corruption`.
    """
    if len(data) < _FEW_FOR_KERNEL:
        return _walk(data)
    if kernel := decoding():
        return kernel.frame_starts(data, MAX_FRAME_BYTES)
    if len(data) < _FEW_BYTES:
        return _walk(data)
    starts, ends = _short_frames(data)
    breaks = np.flatnonzero(ends[:-1] != starts[1:])
    if len(breaks) > len(starts) // 16:
        return _walk(data)
    return _chain(data, starts, ends, np.append(breaks, len(starts) - 1))


def _short_frames(data: bytes) -> tuple[Starts, Starts]:
    """Find where frames shorter than 256 bytes may start and would end; some may be none.

    The length of such a frame begins with three NULs, after the NUL that closes its predecessor: a run of four NULs
    and then something else. Looked for block by block, so that what is in between stays in the processor's cache.
    """
    a = np.frombuffer(data, np.uint8)
    blocks = [_after_nuls(a[at : at + _BLOCK_BYTES + 4]) + at for at in range(0, len(a) - 4, _BLOCK_BYTES)]
    starts = np.concatenate(blocks)
    return starts, starts + 4 + a[starts + 3]


def _after_nuls(a: npt.NDArray[np.uint8]) -> Starts:
    """Return the place of the second of four NULs that something else follows."""
    nul = a == 0
    two = nul[:-1] & nul[1:]
    starts = np.flatnonzero(two[:-3] & two[2:-1]) + 1
    short: Starts = starts[a[starts + 3] != 0]
    return short


def _chain(data: bytes, starts: Starts, ends: Starts, breaks: Starts) -> Starts:
    """Follow the frames from the beginning: by runs where each short frame ends at the next, one by one elsewhere."""
    pieces: list[Starts] = []
    at = 0
    while at <= len(data) - 4:
        i = int(np.searchsorted(starts, at))
        if i < len(starts) and starts[i] == at:
            last = int(breaks[np.searchsorted(breaks, i)])
            run, end = starts[i : last + 1], int(ends[last])
        else:
            length = _length(data, at)
            if not 0 < length <= MAX_FRAME_BYTES:
                break
            run, end = np.array([at], np.int64), at + 4 + length
        if end > len(data):
            at = int(run[-1])
            pieces.append(run[:-1])
            break
        pieces.append(run)
        at = end
    return np.concatenate((*pieces, np.array([at], np.int64)))


def _length(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def corruption(rest: bytes) -> str | None:
    """Return why the bytes after the last whole frame cannot begin a frame; None where they can."""
    if len(rest) < 4 or 0 < _length(rest, 0) <= MAX_FRAME_BYTES:
        return None
    return f"a frame announces {_length(rest, 0):,} bytes; the line is out of step"


def find_step(data: bytes, heads: Container[bytes]) -> tuple[int, bool]:
    """Return the first place where frames follow one another, in a stream of which a part is missing, and True.

    Such a place begins STEP_FRAMES frames whose first fields are among `heads`. Where there is none yet, returns the
    first place that more bytes may make one, and False; what is before it can be given up.
    """
    at = data.find(b"\0")  # frames that are not long begin with a NUL
    while at >= 0:
        chained = _chained(data, at, heads)
        if chained is not False:
            return at, bool(chained)
        at = data.find(b"\0", at + 1)
    return len(data), False


def _chained(data: bytes, at: int, heads: Container[bytes]) -> bool | None:
    """Return whether STEP_FRAMES frames begin at a place; None where the bytes to tell are still to come."""
    for _ in range(STEP_FRAMES):
        length = _length(data, at)
        if at + 8 > len(data):
            return None
        if not 0 < length <= STEP_FRAME_BYTES or data[at + 4 : at + 8].partition(b"\0")[0] not in heads:
            return False
        at += 4 + length
    return True if at <= len(data) else None


def _walk(data: bytes) -> Starts:
    at = 0
    starts = [at]
    unpack = struct.Struct(">I").unpack_from
    last = len(data) - 4
    while at <= last:
        (length,) = unpack(data, at)
        end = at + 4 + length
        if not 0 < length <= MAX_FRAME_BYTES or end > len(data):
            break
        starts.append(end)
        at = end
    return np.array(starts, np.int64)


class Splitter:
    """Cuts a stream into frames, whatever pieces it arrives in.

    `pending` holds the bytes of an unfinished frame. `corrupt` says why no more frames can be found, None while they
    can: what came before is still good, the connection is not.

    >>> splitter = Splitter()
    >>> splitter.feed(b"\\0\\0\\0\\x02a")
    []
    >>> splitter.feed(b"b\\0\\0")
    [b'ab']
    >>> splitter.pending
    b'\\x00\\x00'
    """

    def __init__(self) -> None:
        self.pending = b""
        self.corrupt: str | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that are whole now."""
        whole = self.pending + data
        starts = boundaries(whole).tolist()
        self.pending = whole[starts[-1] :]
        self.corrupt = corruption(self.pending)
        return [whole[a + 4 : b] for a, b in pairwise(starts)]
