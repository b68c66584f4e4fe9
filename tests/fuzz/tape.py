"""A tape damaged in any way, read as a segment, as a tape, as one that grows, and repaired."""

import atexit
import functools
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest.mock import patch
from zlib import crc32

import zstandard

from capture.kernel.walking import Walking, walking
from capture.tape import Follower, Kind, MarkMissing, Reads, Record, SegmentReader, examine, last_mark, repair
from capture.tape import reader as tape_reader
from capture.tape import reads as tape_reads
from capture.tape.reader import BROKEN, TORN
from capture.tape.record import MARKER, RECORD_OVERHEAD_BYTES, Header, pack, pack_header

from .tape_edits import apply

NAME = "main"
COMPRESSOR = zstandard.ZstdCompressor(level=3, write_checksum=True)
KINDS = {int(kind) for kind in Kind}

# An input: a byte that says how to read, a byte for where a growing file ends meanwhile, then edits (tape_edits).
# In the first byte:
SEGMENT_BITS = 0b11  # which segment is damaged; 3 is the last one again
COMPRESSED = 0b100  # it is compressed after the damage
COMPRESSED_DAMAGED = 0b1000  # it is compressed, and the compressed file is damaged instead
SMALL_CHUNKS = 0b10000  # read by 64 bytes: every record spans chunks
FOLLOWED = 0b100000  # read across segments, and the last one while it grows
REPAIRED = 0b1000000


def _marked(mark: int, bodies: list[tuple[int, bytes]]) -> bytes:
    records = [(int(Kind.MARK), json.dumps({"mark": mark, "seq": mark * 7}).encode()), *bodies]
    header = pack_header(Header(NAME, mark, mark * 7))
    return header + b"".join(pack(kind, mark * 1_000 + i, i, body) for i, (kind, body) in enumerate(records))


def _segments() -> dict[int, bytes]:
    """Return an undamaged tape: first mark of each segment -> its bytes."""
    frames, noise = b"\0\0\0\x09" + b"1\x006\x001\x002\0", Random(1).randbytes(300)
    second = json.dumps({"mark": 6, "seq": 50}).encode()
    return {
        1: _marked(1, [(3, b'{"host":"127.0.0.1"}'), (2, b"API\0"), (1, frames * 3), (1, b""), (6, b'{"note":"x"}')]),
        5: _marked(5, [(1, frames), (9, b"of a kind to come"), (1, noise), (5, second), (1, MARKER * 20), (1, frames)]),
        9: _marked(9, [(1, frames * 9), (4, b'{"reason":"end"}'), (1, noise[:40]), (2, frames), (1, frames)]),
    }


WHOLE = _segments()
MARKS = (1, 5, 6, 9)


@dataclass(slots=True)
class Read:
    """What a segment holds: (offset, end, record) of its records, and (offset, size, reason) of its damage."""

    records: list[tuple[int, int, Record | None]] = field(default_factory=list)
    damage: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def known(self) -> list[Record]:
        """The records of kinds that have a name."""
        return [record for _, _, record in self.records if record]


def by_the_book(raw: bytes) -> Read:
    """Read a segment as docs/tape-format.md says, from record to record."""
    read, at = Read(), _header_size(raw)
    while at < len(raw):
        start = raw.find(MARKER, at)
        while start >= 0 and not _is_whole(raw, start):
            start = raw.find(MARKER, start + 1)
        if start < 0:
            read.damage.append((at, len(raw) - at, TORN))
            break
        if start > at:
            read.damage.append((at, start - at, BROKEN))
        length, number, wall_ns, mono_ns = struct.unpack_from("<IBQQ", raw, start + 6)
        at = start + RECORD_OVERHEAD_BYTES + length
        body = raw[start + RECORD_OVERHEAD_BYTES : at]
        read.records.append((start, at, Record(Kind(number), wall_ns, mono_ns, body) if number in KINDS else None))
    return read


def _header_size(raw: bytes) -> int:
    end = 28 + int.from_bytes(raw[10:12], "little")
    fine = raw[:8] == b"\xf5TICKTAP" and raw[end : end + 4] == struct.pack("<I", crc32(raw[:end]))
    return end + 4 if fine else 0


def _is_whole(raw: bytes, start: int) -> bool:
    if raw[start : start + 2] != MARKER or start + RECORD_OVERHEAD_BYTES > len(raw):
        return False
    checksum, length = struct.unpack_from("<II", raw, start + 2)
    end = start + RECORD_OVERHEAD_BYTES + length
    return end <= len(raw) and crc32(raw[start + 6 : end]) == int(checksum)


BOOK = {mark: by_the_book(raw) for mark, raw in WHOLE.items()}


def check(data: bytes) -> int:
    """Read a tape damaged as the input says in all ways; return 1, the number of tapes read."""
    how, split, program = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    mark = list(WHOLE)[min(how & SEGMENT_BITS, len(WHOLE) - 1)]
    tape = dict(WHOLE)
    with patch.object(tape_reader, "CHUNK_BYTES", 64 if how & SMALL_CHUNKS else tape_reader.CHUNK_BYTES):
        if how & COMPRESSED_DAMAGED:
            _compressed_damaged(tape, mark, apply(program, _compressed(WHOLE[mark])), how)
            return 1
        tape[mark] = apply(program, WHOLE[mark])
        compressed = {mark} if how & COMPRESSED and tape[mark] else set[int]()  # no segment is empty
        data = _compressed(tape[mark]) if compressed else tape[mark]
        _segment(_alone(mark, data, compressed=bool(compressed)), mark, tape[mark])
        if how & FOLLOWED:
            _followed(write(tape, compressed), tape)
            _growing(tape, split)
        if how & REPAIRED:
            _repaired(write(tape, compressed), tape)
    return 1


@functools.cache
def _folder() -> Path:
    """Return a folder for the tape, in memory where the system has such a place; it goes when the process ends."""
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="fuzz-tape-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    (root / NAME).mkdir()
    return root / NAME


def _compressed(raw: bytes) -> bytes:
    return COMPRESSOR.compress(raw)


@functools.cache
def _alone_path(mark: int, compressed: bool) -> Path:
    folder = _folder().with_name("compressed" if compressed else "open")
    folder.mkdir(exist_ok=True)
    return path_of(folder, mark, compressed=compressed)


def _alone(mark: int, data: bytes, *, compressed: bool) -> Path:
    """Write a segment to a folder where none can be taken for it, and return its path."""
    path = _alone_path(mark, compressed)
    path.write_bytes(data)
    return path


def path_of(folder: Path, mark: int, *, compressed: bool = False) -> Path:
    """Return the path of the segment that begins with a mark."""
    return folder / f"{mark:012}.tape{'.zst' if compressed else ''}"


def write(tape: dict[int, bytes], compressed: set[int]) -> Path:
    """Write the segments of a tape to a folder that holds nothing else."""
    folder = _folder()
    files = {path_of(folder, mark, compressed=mark in compressed): mark for mark in tape}
    for name in os.listdir(folder):  # noqa: PTH208 - many times a second
        if folder / name not in files:
            (folder / name).unlink()
    for path, mark in files.items():
        path.write_bytes(_compressed(tape[mark]) if mark in compressed else tape[mark])
    return folder


def _segment(path: Path, mark: int, raw: bytes) -> None:
    """Read one damaged segment: what is whole by the book, nothing else, and what stood before the damage."""
    reader, read = SegmentReader(path), by_the_book(raw)
    found: list[Record] = []
    for record in reader.records():
        start = reader.offset - RECORD_OVERHEAD_BYTES - len(record.body)
        assert _is_whole(raw, start)
        found.append(record)
        assert len(found) <= len(raw)
    assert found == read.known
    assert [(damage.offset, damage.size_bytes, damage.reason) for damage in reader.damage] == read.damage
    for way in (walking, _nothing):
        _runs(path, read, way)
    both = zip(raw, WHOLE[mark], strict=False)
    same = next((at for at, (a, b) in enumerate(both) if a != b), min(len(raw), len(WHOLE[mark])))
    before = [record for _, end, record in BOOK[mark].records if record and end <= same]
    assert found[: len(before)] == before


def _runs(path: Path, read: Read, way: Callable[[], Walking | None]) -> None:
    """Read the same by runs, with the kernel or without."""
    reader = SegmentReader(path)
    with patch.object(tape_reads, "walking", way):
        runs = list(reader.runs())
    assert [record for run in runs for record in (run if isinstance(run, Reads) else [run])] == read.known
    assert [(damage.offset, damage.size_bytes, damage.reason) for damage in reader.damage] == read.damage


def _nothing() -> None:
    """Return no kernel."""


def _read(tape: dict[int, bytes]) -> dict[int, Read]:
    return {mark: BOOK[mark] if raw == WHOLE[mark] else by_the_book(raw) for mark, raw in tape.items()}


def _from_mark(reads: list[Read], mark: int) -> list[Record] | None:
    """Return the records of these segments from a mark on; None where it is missing."""
    records = [record for read in reads for record in read.known]
    marks = [(at, record.json()["mark"]) for at, record in enumerate(records) if record.kind is Kind.MARK]
    first = next(((at, number) for at, number in marks if number >= mark), None)
    return records[first[0] :] if first and first[1] == mark else None


def _poll(follower: Follower) -> list[Record]:
    found: list[Record] = []
    while records := follower.poll():
        found += records
    return found


def _followed(folder: Path, tape: dict[int, bytes]) -> None:
    reads = _read(tape)
    for mark in MARKS:
        earlier = max(first for first in tape if first <= mark)
        expected = _from_mark([read for first, read in reads.items() if first >= earlier], mark)
        try:
            found = _poll(Follower(folder, mark))
        except MarkMissing:
            found = None
        if found != expected:  # a length that is damaged waits for more bytes, as long as the segment is the newest
            assert reads[max(tape)].damage
            assert found is None or (expected and found == expected[: len(found)])
    marks = [record for read in reads.values() for record in read.known if record.kind is Kind.MARK]
    last_found = last_mark(folder)
    assert last_found in marks if marks else last_found is None


def _growing(tape: dict[int, bytes], split: int) -> None:
    """Follow the last segment from piece to piece, until a newer one says that it is finished."""
    tape = dict(tape)
    last = max(tape)
    raw, newest = tape.pop(last), _marked(last + 1, [(1, b"later")])
    at = min(len(raw) * split // 256, len(raw))
    folder = write({**tape, last: raw[:at]}, set())
    try:
        follower = Follower(folder, last)
    except MarkMissing:
        return
    found = _poll(follower)
    with path_of(folder, last).open("ab") as file:
        file.write(raw[at:])
    found += _poll(follower)
    path_of(folder, last + 1).write_bytes(newest)
    found += _poll(follower)
    assert found == _from_mark([by_the_book(raw), by_the_book(newest)], last)


def _repaired(folder: Path, tape: dict[int, bytes]) -> None:
    """Repair each segment: nothing but torn tails is damage then, and no record or byte is gone."""
    report = examine(folder)
    reads = _read(tape)
    assert report.records == sum(len(read.known) for read in reads.values())
    for found in report.segments:
        read = reads[found.segment.first_mark]
        assert [(one.offset, one.size_bytes, one.reason) for one in found.damage] == read.damage
        broken = [loss for loss in found.losses if not loss.torn]
        if not broken:
            continue
        damaged = found.segment.path.read_bytes()
        assert repair(found).read_bytes() == damaged
        after = by_the_book(path_of(folder, found.segment.first_mark).read_bytes())
        assert all(reason == TORN for _, _, reason in after.damage)
        notes = [record for record in after.known if record.kind is Kind.NOTE and b"damaged_bytes" in record.body]
        assert len(notes) == len(broken)
        assert [record for record in after.known if record not in notes] == read.known


def _compressed_damaged(tape: dict[int, bytes], mark: int, damaged: bytes, how: int) -> None:
    """Read a damaged compressed file: only true records, and what is missing is not missing silently."""
    whole, reader = BOOK[mark].known, SegmentReader(_alone(mark, damaged, compressed=True))
    found = list(reader.records())
    assert all(record in whole for record in found)
    assert reader.damage or found == whole
    if not how & (FOLLOWED | REPAIRED):
        return
    folder = write(tape, {mark})
    path_of(folder, mark, compressed=True).write_bytes(damaged)
    if how & FOLLOWED:
        for one in MARKS:
            with suppress(MarkMissing):
                _poll(Follower(folder, one))
    if how & REPAIRED:
        report = examine(folder).segments[list(tape).index(mark)]
        assert report.records.total() == len(found)
        if any(not loss.torn for loss in report.losses):
            assert repair(report).read_bytes() == damaged
            after = list(SegmentReader(path_of(folder, mark)).records())
            assert [record for record in after if b"damaged_bytes" not in record.body] == found


def inputs(seed: int) -> Iterator[bytes]:
    """Yield inputs for ever, the same for the same seed; most read a segment alone, which is quick."""
    random = Random(seed)
    while True:
        how = random.randrange(256)
        if random.random() < 0.95:
            how &= ~(FOLLOWED | REPAIRED)
        yield bytes([how]) + random.randbytes(random.choice((5, 8, 12, 20, 40)))


def seeds() -> list[bytes]:
    """Return small inputs to begin a guided search with."""
    return [bytes([how, 100, 0, 50, 50, 1]) for how in range(128)]
