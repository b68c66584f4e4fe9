"""What a tape and a lake hold, read without the product's readers: each row has a number of its own, its price."""

import struct
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from capture.lake.layout import Layout
from capture.lake.sealed import sealed_through
from capture.tape import Kind
from capture.tape.reader import BROKEN
from tests.fuzz.tape import by_the_book

TICK_BY_TICK, HISTORY = b"99", b"98"  # messages; behind which field the price stands
LONGEST_BYTES = 200  # of frames with rows
PRICE = {TICK_BY_TICK: 4, HISTORY: 5}


@dataclass(slots=True)
class TapeRows:
    """The rows whose frames are whole on a tape, in order; `doubtful` are those that may be found behind a hole.

    `broken` says whether there are holes: bytes that are no record, and records after them.
    """

    sure: list[int] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)
    broken: bool = False


def rows_of_tape(folder: Path) -> TapeRows:
    """Read a tape as docs/tape-format.md says."""
    found = TapeRows()
    pending, in_doubt = b"", False
    for raw in _segments(folder):
        read = by_the_book(raw)
        holes = [at for at, _, reason in read.damage if reason == BROKEN]
        found.broken |= bool(holes)
        for start, _, record in read.records:
            if holes and holes[0] < start:
                holes.pop(0)
                pending, in_doubt = b"", True
            if record is None:
                continue
            if record.kind in (Kind.OPENED, Kind.CLOSED):
                pending, in_doubt = b"", False
            if record.kind == Kind.RECEIVED and in_doubt:
                pending += record.body
                found.doubtful |= _anywhere(pending)
            elif record.kind == Kind.RECEIVED:
                numbers, pending = _frames(pending + record.body)
                found.sure += numbers
    return found


def _segments(folder: Path) -> list[bytes]:
    found: dict[str, bytes] = {}
    for path in folder.glob("*.tape.zst"):
        found[path.name.split(".")[0]] = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    for path in folder.glob("*.tape"):
        found[path.name.split(".")[0]] = path.read_bytes()
    return [found[name] for name in sorted(found)]


def _frames(data: bytes) -> tuple[list[int], bytes]:
    """Return the numbers of the rows in whole frames, and the bytes of a frame that is not whole."""
    numbers = []
    while len(data) >= 4 and len(data) >= 4 + (size := struct.unpack_from(">I", data)[0]):
        fields = data[4 : 4 + size].split(b"\0")
        data = data[4 + size :]
        if (at := PRICE.get(fields[0])) and len(fields) > at:
            numbers.append(int(float(fields[at])))
    return numbers, data


def _anywhere(data: bytes) -> set[int]:
    """Return the numbers of all rows whose frames are whole, wherever they begin."""
    starts = (at for at in range(len(data)) if data[at] == 0)
    return {number for at in starts for number in _frames(data[at : at + LONGEST_BYTES])[0]}


@dataclass(slots=True)
class LakeRows:
    """The rows of a lake's files, as its views read them: date by number, and what is there twice."""

    dates: dict[int, date] = field(default_factory=dict)
    twice: list[int] = field(default_factory=list)


def rows_of_lake(layout: Layout) -> LakeRows:
    """Read all files of trades that a query reads."""
    found = LakeRows()
    names: set[tuple[int, int]] = set()
    through = f"date={sealed_through(layout, 'trades')}"
    for folder, sealed in ((layout.archive("trades"), True), (layout.live("trades"), False)):
        for path in sorted(folder.glob("date=2*/*.parquet")):
            if (path.parent.name <= through) is sealed:
                _read(path, found, names)
    return found


def _read(path: Path, found: LakeRows, names: set[tuple[int, int]]) -> None:
    day = date.fromisoformat(path.parent.name.removeprefix("date="))
    with pq.ParquetFile(path) as file:
        rows = file.read(["price", "seq", "row"]).to_pydict()
    for price, seq, row in zip(rows["price"], rows["seq"], rows["row"], strict=True):
        number = int(price)
        if number in found.dates or (seq, row) in names:
            found.twice.append(number)
        found.dates[number] = day
        names.add((seq, row))
