"""Any bytes through framing and decoding: every frame becomes one thing, by columns the same as one by one."""

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.kernel.library import library
from capture.wire.line import Line
from capture.wire.messages.shapes import Shape
from capture.wire.read_rows import Batch, _Decoder, decode
from capture.wire.row_owners import request_ids
from capture.wire.text.framing import MAX_FRAME_BYTES, Splitter, boundaries, corruption, frame
from tests.kernel.ways import WAYS, one_way
from tests.wire.test_decode import assert_once_each, context

VERSIONS = (157, 178, 196, 200)
SEPARATOR = b"\xfe\xfd"

# An input is a byte that says how to read, then what is read. In the byte:
VERSION_BITS = 0b11
SEPARATED = 0b100  # payloads with SEPARATOR between them, to be framed; else bytes as they come from the line
STEERED = 0b1000  # as the recorder reads too, which decodes little
BROKEN_LINE = 0b10000  # and as one that has to find its step again


def check(data: bytes) -> int:
    """Decode an input in all ways and return how many frames it held. Raises AssertionError where two ways differ."""
    how, body = data[0] if data else 0, data[1:]
    version = VERSIONS[how & VERSION_BITS]
    stream = b"".join(frame(payload) for payload in body.split(SEPARATOR) if payload) if how & SEPARATED else body
    starts = _framed(stream, how)
    _decoded(stream, starts, version)
    if how & STEERED:
        _steered(stream, version, damaged=bool(how & BROKEN_LINE))
    return len(starts) - 1


def _framed(stream: bytes, seed: int) -> npt.NDArray[np.int64]:
    """Return where the frames start, by three ways of finding out."""
    starts = boundaries(stream)
    plain = _by_the_book(stream)
    assert starts.tolist() == plain
    random, splitter, payloads, at = Random(seed), Splitter(), list[bytes](), 0
    for cut in sorted(random.randrange(len(stream) + 1) for _ in range(seed >> 5)):
        payloads += splitter.feed(stream[at:cut])
        at = cut
    payloads += splitter.feed(stream[at:])
    assert payloads == [stream[a + 4 : b] for a, b in pairwise(plain)]
    assert splitter.pending == stream[plain[-1] :]
    assert splitter.corrupt == corruption(splitter.pending)
    return starts


def _by_the_book(stream: bytes) -> list[int]:
    starts = [0]
    while (at := starts[-1]) + 4 <= len(stream):
        length = int.from_bytes(stream[at : at + 4], "big")
        if not 0 < length <= MAX_FRAME_BYTES or at + 4 + length > len(stream):
            break
        starts.append(at + 4 + length)
    return starts


class _OneByOne(_Decoder):
    """Decodes every frame by itself."""

    def _group(self, shape: Shape, index: npt.NDArray[np.int64]) -> None:
        self.singles.extend(index.tolist())


def _decoded(stream: bytes, starts: npt.NDArray[np.int64], version: int) -> None:
    alone = context(version)
    singles = _OneByOne(stream, starts, alone).run()
    edges = starts.tolist()
    assert_once_each([stream[a + 4 : b] for a, b in pairwise(edges)], _things(singles), version)
    for way in WAYS if library() else ("numpy",):
        together = context(version)
        with one_way(way):
            assert boundaries(stream).tolist() == edges
            batch = decode(stream, starts, together)
        assert_same(batch, singles)
        assert together == alone


def assert_same(batch: Batch, other: Batch) -> None:
    """Check that two batches hold the same, in whatever parts."""
    assert _tables(batch) == _tables(other)
    assert batch.extra == other.extra
    for part in ("messages", "bad"):
        # Written out, as a number that is none is not equal to itself.
        assert repr(getattr(batch, part)) == repr(getattr(other, part)), part
    assert sorted(batch.answered) == sorted(other.answered)


def _things(batch: Batch) -> dict[int, list[tuple[Any, ...]]]:
    """Return what each frame became, without its values: rows in order of their places, a message, a fault."""
    things: dict[int, list[tuple[Any, ...]]] = {}
    for rows in batch.rows:
        assert {len(column) for column in rows.columns.values()} == {len(rows.frames)} == {len(rows.places)}
        order = np.lexsort((rows.places, rows.frames))
        for number, place in zip(rows.frames[order].tolist(), rows.places[order].tolist(), strict=True):
            things.setdefault(number, []).append(("row", rows.table, place))
    for number, _ in batch.messages:
        things.setdefault(number, []).append(("message",))
    for number, _, _ in batch.bad:
        things.setdefault(number, []).append(("bad",))
    return things


def _tables(batch: Batch) -> dict[str, pa.Table]:
    """Return all rows by table, in order; columns without a value are left out."""
    pieces: dict[str, list[pa.Table]] = {}
    for rows in batch.rows:
        columns = {name: _plain(column) for name, column in rows.columns.items() if column.null_count < len(column)}
        columns |= {"frame": pa.array(rows.frames), "place": pa.array(rows.places)}
        if len(rows.frames):
            pieces.setdefault(rows.table, []).append(pa.table(columns))
    ordered = [("frame", "ascending"), ("place", "ascending")]
    joined = {name: pa.concat_tables(parts, promote_options="default") for name, parts in pieces.items()}
    return {name: table.select(sorted(table.column_names)).sort_by(ordered) for name, table in joined.items()}


def _plain(column: pa.Array) -> pa.Array:
    column.validate(full=True)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _steered(stream: bytes, version: int, *, damaged: bool) -> None:
    """Read as the recorder does: it must not end, whatever comes."""
    line = Line(context=context(version))
    if damaged:
        line.damaged()
    half = len(stream) // 2
    for piece in (stream[:half], stream[half:]):
        read = line.received(piece)
        line.steer(read)
        request_ids(read.data, read.starts, version)
    if damaged:
        assert len(line.pending) + len(line.give_up()) <= 2 * len(stream)
    assert Line.from_mark(line.as_mark(1)).context == line.context
