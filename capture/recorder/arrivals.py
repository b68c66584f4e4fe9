"""Counts the rows that arrive for each request, and how late: reads are kept as they are and looked at in bulk."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from capture.session.lateness import Timed
from capture.wire.line import Read
from capture.wire.row_owners import NO_REQUEST, NO_TIME, count_rows, event_seconds, last_frames, request_ids

MOST_BYTES = 8 << 20  # of reads that wait; more are looked at without being asked
SAMPLES = 512  # of which IB's time is read at a look, beside each request's last: enough to tell how late rows come

Numbers = npt.NDArray[np.int64]


class Arrivals:
    """Takes the reads of one session at a time."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._timed: dict[int, list[Timed]] = {}
        self._reads: list[tuple[Read, int]] = []
        self._size_bytes = 0
        self._server_version = 0

    def begin(self) -> None:
        """Begin a session: request ids mean something else from now on."""
        self._counts.clear()
        self._timed.clear()
        self._reads, self._size_bytes = [], 0

    def add(self, read: Read, server_version: int, came_us: int) -> None:
        """Take a read, and when it came."""
        if len(read) > read.greeting:
            self._reads.append((read, came_us))
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

    def take_timed(self) -> dict[int, list[Timed]]:
        """Return when, by IB's time, rows of each request were of that `take` returned last: samples, in order."""
        timed, self._timed = self._timed, {}
        return timed

    def _look(self) -> None:
        reads, self._reads, self._size_bytes = self._reads, [], 0
        self._count([one for one in reads if one[0].keys is None])
        self._count([one for one in reads if one[0].keys is not None])

    def _count(self, reads: list[tuple[Read, int]]) -> None:
        if not reads:
            return
        pieces, starts, at = [], [], 0
        for read, _ in reads:
            first, end = int(read.starts[read.greeting]), int(read.starts[-1])
            pieces.append(read.data[first:end])
            starts.append(read.starts[read.greeting : -1] - (first - at))
            at += end - first
        known = [read.keys for read, _ in reads if read.keys is not None]
        keys = np.concatenate(known) if known else None
        edges, data = np.concatenate((*starts, np.array([at]))), b"".join(pieces)
        ids = request_ids(data, edges, self._server_version, keys)
        self._counts.update(count_rows(ids))
        frames = _sampled(ids)
        read_of = np.searchsorted(np.cumsum([len(part) for part in starts]), frames, side="right")
        came_us = np.array([came_us for _, came_us in reads])[read_of]
        seconds = event_seconds(data, edges, frames, self._server_version, keys)
        there = seconds != NO_TIME
        for request_id, event_s, at_us in zip(
            ids[frames[there]].tolist(), seconds[there].tolist(), came_us[there].tolist(), strict=True
        ):
            self._timed.setdefault(request_id, []).append(Timed(event_s, at_us / 1e6))


def _sampled(ids: Numbers) -> Numbers:
    """Return some frames that have a request id, in order: evenly chosen ones, and each request's last."""
    frames = np.unique(np.concatenate((np.arange(0, len(ids), 1 + len(ids) // SAMPLES), last_frames(ids))))
    sampled: Numbers = frames[ids[frames] != NO_REQUEST]
    return sampled
