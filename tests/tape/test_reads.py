"""Runs of received bytes are the records that they stand for, found by the kernel and by Python alike."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.kernel.walking import ROOM, walking
from capture.tape import Follower, Kind, Reads, Record, SegmentReader, TapeWriter
from capture.tape import reads as tape_reads
from capture.tape.reads import find_runs, joined
from capture.tape.record import BODY_LIMIT_BYTES, MARKER, find_records, pack

kernel = pytest.mark.skipif(walking() is None, reason="there is no kernel")
KINDS = st.sampled_from([*map(int, Kind), 1, 1, 1, 9])
TIMES = st.sampled_from([0, 1, 1_770_000_000_000_000_001, 2**63, 2**64 - 1])
BODIES = st.one_of(st.binary(max_size=40), st.just(MARKER * 3), st.just(pack(1, 5, 5, b"a record inside another")))
PACKED = st.builds(pack, KINDS, TIMES, TIMES, BODIES)

Flat = list[tuple[int, int, Record | None]]


@st.composite
def tapes(draw: st.DrawFn) -> bytes:
    """Records, some of them damaged: bytes changed, taken out or put in, the end cut off."""
    data = bytearray(b"".join(draw(st.lists(st.one_of(PACKED, PACKED, st.binary(max_size=5)), max_size=8))))
    for _ in range(draw(st.integers(0, 3)) if data else 0):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 30))] = draw(st.sampled_from([b"", b"\0", b"\xf5", MARKER, b"\xff\xff\xff"]))
    return bytes(data[: len(data) - draw(st.integers(0, 30))] if draw(st.booleans()) else data)


def flat(found: Sequence[tuple[int, int, Record | Reads | None]]) -> Flat:
    """Return runs as their records, with places that follow from what they hold."""
    records: Flat = []
    for start, end, held in found:
        if not isinstance(held, Reads):
            records.append((start, end, held))
            continue
        for record in held:
            records.append((start, start + 27 + len(record.body), record))
            start += 27 + len(record.body)
        assert start == end
    return records


@kernel
@given(data=tapes(), more=st.booleans(), start=st.integers(0, 30))
def test_the_kernel_finds_what_python_finds_in_whatever_bytes(data: bytes, more: bool, start: int) -> None:
    start = min(start, len(data))
    expected = list(find_records(data, start, more=more))
    by_kernel = list(find_runs(data, start, more=more))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape_reads, "walking", lambda: None)
        by_python = list(find_runs(data, start, more=more))
    assert flat(by_kernel) == flat(by_python) == expected
    assert [found[:2] for found in by_kernel] == [found[:2] for found in by_python]
    assert [type(held) for *_, held in by_kernel] == [type(held) for *_, held in by_python]


@kernel
@pytest.mark.parametrize("count", [0, 1, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM])
def test_any_number_of_records_is_found(count: int) -> None:
    data = b"".join(pack(Kind.RECEIVED, number, number, b"x" * (number % 3)) for number in range(count))
    found = list(find_runs(data, 0, more=False))
    assert flat(found) == list(find_records(data, 0, more=False))


@kernel
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 63, 64, 65, 1_000, 1 << 20, BODY_LIMIT_BYTES])
def test_a_checksum_of_any_length_is_that_of_python(length: int) -> None:
    data = bytearray(pack(Kind.NOTE, 1, 2, Random(length).randbytes(length)))
    assert [end for _, end, held in find_runs(bytes(data), 0, more=False) if held] == [len(data)]
    data[-1] ^= 1
    assert [end for _, end, held in find_runs(bytes(data), 0, more=False) if held] == []


@given(bodies=st.lists(st.binary(max_size=4), max_size=9), data=st.data())
def test_a_run_is_a_sequence_of_its_records(bodies: list[bytes], data: st.DataObject) -> None:
    records = [Record(Kind.RECEIVED, 10 + number, number, body) for number, body in enumerate(bodies)]
    run = Reads.of(records)
    assert list(run) == [run[number] for number in range(len(run))] == records
    assert [run[-1 - number] for number in range(len(run))] == records[::-1]
    begin, end = (data.draw(st.integers(0, len(records))) for _ in range(2))
    assert list(run[begin:end]) == records[begin:end]
    with pytest.raises(IndexError):
        run[len(records)]


@given(parts=st.lists(st.lists(st.binary(max_size=3), max_size=4), min_size=1, max_size=5), data=st.data())
def test_runs_and_records_are_joined_in_their_order(parts: list[list[bytes]], data: st.DataObject) -> None:
    given_: list[Record | Reads] = []
    expected: list[Record] = []
    for bodies in parts:
        records = [Record(Kind.RECEIVED, len(expected) + n, 7, body) for n, body in enumerate(bodies)]
        expected += records
        given_ += [Reads.of(records)] if data.draw(st.booleans()) else records
    if given_:
        run = joined(given_)
        assert list(run) == expected
        assert run.ends.dtype == np.int64 and run.wall_ns.dtype == np.uint64


def test_a_follower_goes_on_in_the_middle_of_a_run(both_ways: str, tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "main", {"mark": 1, "seq": 0}) as writer:
        for number in range(9):
            writer.received(b"%d" % number)
        follower = Follower(tmp_path / "main", 1)
        taken = [record.body for record in islice(follower, 4)][1:]
        taken += [record.body for record in follower.poll(2)]
        writer.received(b"9")
        assert [*taken, *(record.body for record in follower)] == [b"%d" % number for number in range(10)]


def test_what_was_received_comes_as_one_run(both_ways: str, tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path, "main", {"mark": 1, "seq": 0}) as writer:
        for body in (b"a", b"", b"bc"):
            writer.received(body)
        writer.sent(b"d")
        writer.received(b"e")
    [path] = (tmp_path / "main").glob("*.tape")
    runs = list(SegmentReader(path).runs())
    assert [run.bodies if isinstance(run, Reads) else run.kind for run in runs] == [
        Kind.MARK, b"abc", Kind.SENT, b"e"]  # fmt: skip
