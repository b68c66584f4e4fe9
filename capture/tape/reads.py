"""Runs of received bytes: what many records hold together, as arrays, by the kernel where it is there (D148)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, repeat
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from capture.kernel.walking import END, FRONT_BYTES, KIND, MONO_NS, ROOM, START, WALL_NS, Walking, walking

from .record import BODY_LIMIT_BYTES, KINDS, RECORD_OVERHEAD_BYTES, Kind, Record, find_records

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Reads(Sequence[Record]):
    """RECEIVED records that follow on one another: a sequence of them, each made when it is asked for.

    `bodies` is what all hold, `ends` where each ends in it; times are in nanoseconds, as those of a `Record`.
    """

    bodies: bytes
    ends: Numbers
    wall_ns: Times
    mono_ns: Times

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Reads":
        """Return records that are there as such."""
        assert all(record.kind is Kind.RECEIVED for record in records)
        ends = np.cumsum([len(record.body) for record in records], dtype=np.int64)
        return cls(b"".join([record.body for record in records]), ends,
                   np.array([record.wall_ns for record in records], np.uint64),
                   np.array([record.mono_ns for record in records], np.uint64))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[Record]:
        ends = self.ends.tolist()
        bodies = (self.bodies[begin:end] for begin, end in zip([0, *ends], ends, strict=False))
        # An iterator that can be left and gone on with, as a generator cannot: leaving `yield from` closes one.
        return map(Record, repeat(Kind.RECEIVED), self.wall_ns.tolist(), self.mono_ns.tolist(), bodies)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> "Reads": ...
    def __getitem__(self, place: int | slice) -> "Record | Reads":
        if isinstance(place, slice):
            begin, end, step = place.indices(len(self))
            assert step == 1, "a part of a run is a run"
            at = int(self.ends[begin - 1]) if begin else 0
            ends = self.ends[begin:end] - at
            return Reads(self.bodies[at : at + int(ends[-1]) if len(ends) else at], ends, self.wall_ns[begin:end],
                         self.mono_ns[begin:end])
        number = range(len(self))[place]
        begin = int(self.ends[number - 1]) if number else 0
        return Record(Kind.RECEIVED, int(self.wall_ns[number]), int(self.mono_ns[number]),
                      self.bodies[begin : int(self.ends[number])])


Found = tuple[int, int, Record | Reads | None]
assert FRONT_BYTES == RECORD_OVERHEAD_BYTES, "tape.c reads records as they are packed"


def joined(parts: Sequence[Record | Reads]) -> Reads:
    """Return RECEIVED records and runs of them as one run."""
    runs: list[Reads] = []
    for kind, same in groupby(parts, key=type):
        some: list[Any] = list(same)
        runs += some if kind is Reads else [Reads.of(some)]
    if len(runs) == 1:
        return runs[0]
    begins = np.cumsum([0, *(len(run.bodies) for run in runs[:-1])])
    return Reads(b"".join([run.bodies for run in runs]),
                 np.concatenate([run.ends + begin for run, begin in zip(runs, begins, strict=True)]),
                 np.concatenate([run.wall_ns for run in runs]), np.concatenate([run.mono_ns for run in runs]))


def find_runs(buffer: bytes, start: int, *, more: bool) -> Iterator[Found]:
    """Yield what `find_records` does, RECEIVED records that follow on one another as one."""
    kernel = walking()
    return _by_python(buffer, start, more) if kernel is None else _by_kernel(kernel, buffer, start, more)


def _by_python(buffer: bytes, start: int, more: bool) -> Iterator[Found]:
    run: list[Record] = []
    begin = reached = start
    for at, end, record in find_records(buffer, start, more=more):
        received = record if record and record.kind is Kind.RECEIVED else None
        if run and (received is None or at != reached):
            yield begin, reached, Reads.of(run)
            run = []
        if received is None:
            yield at, end, record
            continue
        begin, reached = begin if run else at, end
        run.append(received)


def _by_kernel(kernel: Walking, buffer: bytes, start: int, more: bool) -> Iterator[Found]:
    count = ROOM
    while count == ROOM:
        records, start = kernel.records(buffer, start, BODY_LIMIT_BYTES, more=more)
        count = len(records)
        received = records[:, KIND] == Kind.RECEIVED
        follows = received[1:] & received[:-1] & (records[1:, START] == records[:-1, END])
        edges = [*np.flatnonzero(np.concatenate(([count > 0], ~follows))).tolist(), count]
        for begin, end in pairwise(edges):
            yield _run(kernel, buffer, records[begin:end])
    yield start, 0, None


def _run(kernel: Walking, buffer: bytes, records: Numbers) -> Found:
    begin, end, kind = int(records[0, START]), int(records[-1, END]), KINDS.get(int(records[0, KIND]))
    if kind is Kind.RECEIVED:
        bodies, ends = kernel.bodies(buffer, records)
        return begin, end, Reads(bodies, ends, _times(records, WALL_NS), _times(records, MONO_NS))
    if kind is None:
        return begin, end, None
    wall_ns, mono_ns = int(_times(records, WALL_NS)[0]), int(_times(records, MONO_NS)[0])
    return begin, end, Record(kind, wall_ns, mono_ns, buffer[begin + RECORD_OVERHEAD_BYTES : end])


def _times(records: Numbers, field: int) -> Times:
    return records[:, field].astype(np.uint64)
