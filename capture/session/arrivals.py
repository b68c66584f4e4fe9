"""Counts the rows that arrive for each request: reads are kept as they are and looked at in bulk, now and then."""

from collections import Counter

import numpy as np

from capture.tape.line import Read
from capture.wire.arrivals import count_rows

MOST_BYTES = 8 << 20  # of reads that wait; more are looked at without being asked


class Arrivals:
    """Takes the reads of one session at a time."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._reads: list[Read] = []
        self._size_bytes = 0
        self._server_version = 0

    def begin(self) -> None:
        """Begin a session: request ids mean something else from now on."""
        self._counts.clear()
        self._reads, self._size_bytes = [], 0

    def add(self, read: Read, server_version: int) -> None:
        """Take a read."""
        if len(read) > read.greeting:
            self._reads.append(read)
            self._size_bytes += len(read.data)
            self._server_version = server_version
        if self._size_bytes >= MOST_BYTES:
            self._look()

    def take(self) -> dict[int, int]:
        """Return how many frames of rows came for each request id since the last time."""
        self._look()
        counts = dict(self._counts)
        self._counts.clear()
        return counts

    def _look(self) -> None:
        reads, self._reads, self._size_bytes = self._reads, [], 0
        self._count([read for read in reads if read.keys is None])
        self._count([read for read in reads if read.keys is not None])

    def _count(self, reads: list[Read]) -> None:
        if not reads:
            return
        pieces, starts, at = [], [], 0
        for read in reads:
            first, end = int(read.starts[read.greeting]), int(read.starts[-1])
            pieces.append(read.data[first:end])
            starts.append(read.starts[read.greeting : -1] - (first - at))
            at += end - first
        known = [read.keys for read in reads if read.keys is not None]
        keys = np.concatenate(known) if known else None
        edges = np.concatenate((*starts, np.array([at])))
        self._counts.update(count_rows(b"".join(pieces), edges, self._server_version, keys))
