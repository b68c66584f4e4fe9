"""Reading tapes: one segment, a whole tape from a mark, or a tape that is still being written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from .reads import Reads, find_runs
from .record import VERSION, Kind, Record, find_records, unpack_header
from .segment import COMPRESSED_SUFFIX, OPEN_SUFFIX, SegmentFile, segments
from .tape_error import MarkMissing, TapeError

CHUNK_BYTES = 1 << 20
POLL_LIMIT_BYTES = 64 << 20  # a poll's memory, when there is much to catch up with
BROKEN = "no whole record, but more records follow"
TORN = "torn tail: no whole record follows"

# A NOTE with this key stands where bytes of the tape cannot be read.
DAMAGED = "damaged_bytes"


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no record; offset and size count uncompressed bytes."""

    path: Path
    offset: int
    size_bytes: int
    reason: str

    def as_note(self) -> dict[str, Any]:
        """Return the damage as the body of a NOTE; the same before and after the segment is compressed."""
        return {"note": f"the tape is damaged: {self.reason}", DAMAGED: self.size_bytes,
                "file": self.path.name.removesuffix(COMPRESSED_SUFFIX).removesuffix(OPEN_SUFFIX), "offset": self.offset}


Held = TypeVar("Held", Record, Record | Reads)


class SegmentReader:
    """Reads one segment file from `offset`: 0, or a former reader's `offset`. Memory is bounded.

    `offset` is always where the next record is expected; bytes that are no record are appended to `damage`.
    """

    def __init__(self, path: Path, offset: int = 0, damage: list[Damage] | None = None) -> None:
        self.path = path
        self.offset = offset
        self.damage = [] if damage is None else damage

    def records(self, *, final: bool = True) -> Iterator[Record]:
        """Yield the records up to the present end of the file; called again, those that came since.

        `final` says that nothing will be appended: what is no record at the end is then damage. Raises
        `TapeError` for a format version that this program does not know.
        """
        return self._held(find_records, final)

    def runs(self, *, final: bool = True) -> Iterator[Record | Reads]:
        """Yield the same, what was received in records that follow on one another as one."""
        return self._held(find_runs, final)

    def _held(self, find: Callable[..., Iterator[tuple[int, int, Held | None]]], final: bool) -> Iterator[Held]:
        with SegmentFile(self.path, self.offset) as file:
            chunk = file.read(CHUNK_BYTES)
            base, buffer, position = self.offset, chunk, 0
            if not self.offset:
                self.offset = position = self._header_size(buffer)
            while True:
                for start, end, held in find(buffer, position, more=bool(chunk) or not final):
                    if not end:
                        base, buffer, position = base + start, buffer[start:], 0
                        break
                    if base + start != self.offset:
                        self._passed_over(base + start)
                    self.offset = base + end
                    if held:
                        yield held
                if not chunk:
                    break
                chunk = file.read(CHUNK_BYTES)
                buffer += chunk
            if final:
                self._finish(max(base + len(buffer), file.size_bytes), file.failure)

    def _header_size(self, buffer: bytes) -> int:
        found = unpack_header(buffer)
        if found and found[0].version != VERSION:
            raise TapeError(
                f"{self.path} has format version {found[0].version}, this program reads {VERSION}: "
                "use the newer ticktape that wrote it"
            )
        return found[1] if found else 0

    def _passed_over(self, start: int) -> None:
        assert start > self.offset, "a tape is read forwards"
        self.damage.append(Damage(self.path, self.offset, start - self.offset, BROKEN))

    def _finish(self, end: int, failure: str | None) -> None:
        if end > self.offset or failure:
            self.damage.append(Damage(self.path, self.offset, end - self.offset, failure or TORN))


class Follower:
    """Reads a tape from MARK record number `mark` (inclusive), across segments, also while it is written.

    Iterating yields records up to the present end of the tape; iterating again, those appended since. A half
    record at the end of the newest segment is not there yet, unless the tape has `ended`: nobody appends to it, and
    what follows damage that looks like the beginning of a long record is read at once. `damage` lists what was passed
    over. Raises `MarkMissing` when the tape does not hold the mark.
    """

    def __init__(self, folder: Path, mark: int, *, ended: bool = False) -> None:
        self.damage: list[Damage] = []
        self._ended = ended
        self._folder = folder
        self._held = self._from_mark(mark)
        self._left: Iterator[Record] = iter(())  # of a run

    def __iter__(self) -> Iterator[Record]:
        yield from self._left
        for held in self.runs():
            self._left = iter(held) if isinstance(held, Reads) else iter((held,))
            yield from self._left

    def runs(self) -> Iterator[Record | Reads]:
        """Yield the same, what was received in records that follow on one another as one."""
        for held in self._held:
            if held is None:
                return
            yield held
        raise TapeError(f"reading {self._folder} ended with an earlier error: begin anew from a mark")

    def poll(self, limit_bytes: int = POLL_LIMIT_BYTES) -> list[Record]:
        """Return what was appended since the last poll, at most about `limit_bytes` of it; may be empty."""
        records: list[Record] = []
        size_bytes = 0
        for record in self:
            records.append(record)
            size_bytes += len(record.body)
            if size_bytes >= limit_bytes:
                break
        return records

    def _from_mark(self, mark: int) -> Iterator[Record | Reads | None]:
        earlier = [segment for segment in segments(self._folder) if segment.first_mark <= mark]
        found = self._from_segment(earlier[-1].path, earlier[-1].first_mark) if earlier else iter([None])
        for held in found:
            number = held.json()["mark"] if isinstance(held, Record) and held.kind == Kind.MARK else None
            if held is None or (number is not None and number > mark):
                break
            if number == mark:
                return chain([held], found)
        raise MarkMissing(f"{self._folder} does not hold mark {mark}: begin at another, such as last_mark")

    def _from_segment(self, path: Path, first_mark: int) -> Iterator[Record | Reads | None]:
        """Yield records and runs of them, and None at each present end of the tape."""
        reader = SegmentReader(path, damage=self.damage)
        while True:
            # Listed before reading: once there is a newer segment, this one is finished.
            newer = [segment for segment in segments(self._folder) if segment.first_mark > first_mark]
            yield from reader.runs(final=self._ended or bool(newer))
            if newer:
                first_mark = newer[0].first_mark
                reader = SegmentReader(newer[0].path, damage=self.damage)
            else:
                yield None


def read_from(folder: Path, mark: int) -> Iterator[Record]:
    """Yield the records of a tape from MARK record number `mark` (inclusive) to its present end."""
    return iter(Follower(folder, mark))


def newest_records(folder: Path) -> dict[Kind, Record]:
    """Return the last record of each kind in the newest segments, as far back as the last mark."""
    newest: dict[Kind, Record] = {}
    for segment in reversed(segments(folder)):
        newest = {record.kind: record for record in SegmentReader(segment.path).records()} | newest
        if Kind.MARK in newest:
            break
    return newest


def last_mark(folder: Path) -> Record | None:
    """Return the last MARK record of a tape, None when there is none; reads the newest segment."""
    return newest_records(folder).get(Kind.MARK)
