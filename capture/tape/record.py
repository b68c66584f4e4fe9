"""The bytes of a tape: segment header and records, both ways. docs/tape-format.md is the specification (D17)."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from zlib import crc32

MAGIC = b"\xf5TICKTAP"
VERSION = 1
MARKER = b"\xf5\xfa"
BODY_LIMIT_BYTES = 16 << 20  # bounds a reader's memory when a length is damaged

_HEADER = struct.Struct("<8sHHQQ")  # magic, version, name_size, first_mark, first_seq
_CHECKSUM = struct.Struct("<I")
_FIELDS = struct.Struct("<IBQQ")  # length, kind, wall_ns, mono_ns
_FRONT = struct.Struct("<2sIIBQQ")  # marker, checksum, and those fields

RECORD_OVERHEAD_BYTES = _FRONT.size
_COVERED = RECORD_OVERHEAD_BYTES - _FIELDS.size  # from here on a record is under its checksum


class Kind(IntEnum):
    """What a record holds."""

    RECEIVED = 1
    SENT = 2
    OPENED = 3
    CLOSED = 4
    MARK = 5
    NOTE = 6


KINDS = {int(kind): kind for kind in Kind}


@dataclass(slots=True)
class Record:
    """One record: times in nanoseconds (wall: since 1970 UTC; mono: comparable within one run)."""

    kind: Kind
    wall_ns: int
    mono_ns: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body of an OPENED, CLOSED, MARK or NOTE record as the object that it is."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says of itself: whose it is, and the mark and frame number it begins with."""

    recorder: str
    first_mark: int
    first_seq: int
    version: int = VERSION


def pack_header(header: Header) -> bytes:
    """Return the bytes a segment begins with."""
    name = header.recorder.encode()
    fields = _HEADER.pack(MAGIC, header.version, len(name), header.first_mark, header.first_seq) + name
    return fields + _CHECKSUM.pack(crc32(fields))


def unpack_header(buffer: bytes) -> tuple[Header, int] | None:
    """Return the header that `buffer` begins with and its size in bytes; None when damaged or cut off."""
    if len(buffer) < _HEADER.size:
        return None
    magic, version, name_size, first_mark, first_seq = _HEADER.unpack_from(buffer)
    end = _HEADER.size + name_size
    if magic != MAGIC or buffer[end : end + _CHECKSUM.size] != _CHECKSUM.pack(crc32(buffer[:end])):
        return None
    name = buffer[_HEADER.size : end].decode()
    return Header(name, first_mark, first_seq, version), end + _CHECKSUM.size


def pack(kind: int, wall_ns: int, mono_ns: int, body: bytes) -> bytes:
    """Return the bytes of one record; ValueError when the body is larger than the format allows."""
    if len(body) > BODY_LIMIT_BYTES:
        raise ValueError(f"a record of {len(body)} bytes is over the limit of {BODY_LIMIT_BYTES}: split it")
    fields = _FIELDS.pack(len(body), kind, wall_ns, mono_ns)
    return b"".join((MARKER, _CHECKSUM.pack(crc32(body, crc32(fields))), fields, body))


def find_records(buffer: bytes, start: int, *, more: bool) -> Iterator[tuple[int, int, Record | None]]:
    """Yield (start, end, record) of every whole record from `start` on, passing over what is none.

    The record is None when its kind is unknown. Comes last: (offset from which to look again once more bytes
    are there, 0, None). `more` says whether bytes may follow the buffer; if not, a record that reaches beyond
    its end is none.
    """
    size, resume = len(buffer), start
    view = memoryview(buffer)
    while (start := buffer.find(MARKER, start)) >= 0:
        body = start + RECORD_OVERHEAD_BYTES
        if body > size:
            break
        _, checksum, length, number, wall_ns, mono_ns = _FRONT.unpack_from(buffer, start)
        end = body + length
        if end <= size and crc32(view[start + _COVERED : end]) == checksum:
            kind = KINDS.get(number)
            yield start, end, Record(kind, wall_ns, mono_ns, buffer[body:end]) if kind else None
            start = resume = end
        elif end > size and length <= BODY_LIMIT_BYTES and more:
            break
        else:
            start += 1
    yield (start if start >= 0 else max(resume, size - len(MARKER) + 1)), 0, None


def count_records(data: bytes) -> int | None:
    """Return how many records damaged bytes held, going by their lengths; None where these do not lead to the end."""
    at = number = 0
    while at + RECORD_OVERHEAD_BYTES <= len(data) and data.startswith(MARKER, at):
        at += RECORD_OVERHEAD_BYTES + int(_FRONT.unpack_from(data, at)[2])
        number += 1
    return number if at == len(data) else None
