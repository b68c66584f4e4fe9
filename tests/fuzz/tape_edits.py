"""Edits of a file, written as bytes: what a fuzzer makes of them is always a program."""

import struct
from collections.abc import Callable, Iterator
from zlib import crc32

from capture.tape.record import BODY_LIMIT_BYTES, MARKER, RECORD_OVERHEAD_BYTES

MOST_BYTES = 1 << 14
NUMBERS = [0, 1, 26, 27, 255, 256, 65_535, 1 << 20, BODY_LIMIT_BYTES, BODY_LIMIT_BYTES + 1, 1 << 31, (1 << 32) - 1]

# Each edit takes the file, a place in it, a small number and what is left of the program.
Edit = Callable[[bytearray, int, int, Iterator[int]], None]


def apply(program: bytes, whole: bytes) -> bytes:
    """Return a file after the edits of a program; the file grows no further than MOST_BYTES."""
    data, steps = bytearray(whole), iter(program)
    for code in steps:
        high, low, size = next(steps, 0), next(steps, 0), next(steps, 0)
        at = (high << 8 | low) * (len(data) + 1) >> 16
        EDITS[code % len(EDITS)](data, at, size, steps)
    return bytes(data[:MOST_BYTES])


def _flip(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    if at < len(data):
        data[at] ^= size or 1


def _cut_off(data: bytearray, at: int, _size: int, _steps: Iterator[int]) -> None:
    del data[at:]


def _remove(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    del data[at : at + size]


def _insert(data: bytearray, at: int, size: int, steps: Iterator[int]) -> None:
    data[at:at] = bytes(byte for byte, _ in zip(steps, range(size % 16), strict=False))


def _zero(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    data[at : at + size] = bytes(len(data[at : at + size]))


def _repeat(data: bytearray, at: int, size: int, steps: Iterator[int]) -> None:
    place = next(steps, 0) * len(data) >> 8
    data[place:place] = data[at : at + size]


def _number(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    data[at : at + 4] = struct.pack("<I", NUMBERS[size % len(NUMBERS)])


def _length(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    """Change the length of the next record."""
    start = data.find(MARKER, at)
    if 0 <= start <= len(data) - RECORD_OVERHEAD_BYTES:
        data[start + 6 : start + 10] = struct.pack("<I", NUMBERS[size % len(NUMBERS)])


def _markers(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    """Insert what begins like records, with lengths that lead anywhere."""
    data[at:at] = b"".join(MARKER + struct.pack("<II", n, n * size) + bytes(n) for n in range(size % 24))


def _kind(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    """Give the next record a kind that nobody knows, under a checksum that holds."""
    start = data.find(MARKER, at)
    if not 0 <= start <= len(data) - RECORD_OVERHEAD_BYTES:
        return
    end = start + RECORD_OVERHEAD_BYTES + int.from_bytes(data[start + 6 : start + 10], "little")
    if end <= len(data):
        data[start + 10] = 7 + size % 249
        data[start + 2 : start + 6] = struct.pack("<I", crc32(data[start + 6 : end]))


def _swap(data: bytearray, at: int, size: int, _steps: Iterator[int]) -> None:
    data[at : at + 2 * size] = data[at + size : at + 2 * size] + data[at : at + size]


EDITS: tuple[Edit, ...] = (
    _flip, _flip, _cut_off, _remove, _insert, _zero, _repeat, _number, _length, _markers, _kind, _swap,
)  # fmt: skip
