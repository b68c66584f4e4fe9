"""A client's live streams: rows of all its subscriptions, encoded a stretch of time ahead and handed out by time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.wire.encode import NO_FRAMES, Frames, encode, merge

from .subscription import Subscription

OnRows = Callable[[int, str, str, pa.Table], None]  # request id, stream, table, rows

Flows = Callable[[Subscription, int], bool]

SECOND_US = 1_000_000
BATCH_FRAMES = 20_000  # what a stretch should hold: enough to encode by columns, little enough to answer soon


@dataclass(frozen=True, slots=True)
class Batch:
    """The frames of a stretch of time, in order, with the time of each and the rows they were made from."""

    to_us: int
    frames: Frames
    ts_us: npt.NDArray[np.int64]
    sources: list[tuple[Subscription, str, pa.Table]]


class Streamer:
    """Cuts a client's streams into bytes up to a moment. A client that reads slowly only falls behind itself.

    `cursor_us` is the moment up to which everything was handed out. `speed` says how much time passes in a second, so
    that a stretch is never longer than a second of real time. `flows` is asked whether a subscription is handed out
    from a moment on, at every stretch and change; `on_rows` is told the rows that are.
    """

    def __init__(
        self, server_version: int, now_us: int, speed: float, flows: Flows, on_rows: OnRows | None = None
    ) -> None:
        self.subscriptions: dict[tuple[str, int], Subscription] = {}
        self.cursor_us = now_us
        self._server_version = server_version
        self._flows = flows
        self._on_rows = on_rows
        self._longest_us = max(int(SECOND_US * speed), SECOND_US // 4)
        self._stretch_us = self._longest_us
        self._batch: Batch | None = None
        self._at = 0

    def add(self, subscription: Subscription) -> None:
        """Start a subscription at the cursor, or start it once more."""
        subscription.since_us = None
        self.subscriptions[subscription.family, subscription.request_id] = subscription
        self.refresh()

    def refresh(self) -> None:
        """Ask anew which subscriptions flow: from the cursor on."""
        self._batch = None

    def remove(self, family: str, request_id: int) -> Subscription | None:
        """End a subscription and return it, None where there was none; what was not handed out is gone."""
        self.refresh()
        return self.subscriptions.pop((family, request_id), None)

    def moment_us(self, now_us: int) -> int:
        """Return the cursor, which without subscriptions is at `now_us`."""
        if not self.subscriptions:
            self.cursor_us = max(self.cursor_us, now_us)
        return self.cursor_us

    def take(self, now_us: int) -> bytes:
        """Return the frames from the cursor up to `now_us`, or up to the end of a stretch: then call again."""
        if not self.subscriptions:
            self.moment_us(now_us)
            return b""
        if self._batch is None or self.cursor_us >= self._batch.to_us:
            self._batch, self._at = self._build(self.cursor_us, self.cursor_us + self._stretch_us), 0
        batch, first, from_us = self._batch, self._at, self.cursor_us
        self.cursor_us = min(max(now_us, from_us), batch.to_us)
        self._at = int(np.searchsorted(batch.ts_us, self.cursor_us))
        if self._on_rows is not None and self._at > first:
            self._report(batch, from_us, self.cursor_us)
        return batch.frames.data[batch.frames.starts[first] : batch.frames.starts[self._at]]

    def _build(self, from_us: int, to_us: int) -> Batch:
        sources = [
            (subscription, table, rows)
            for subscription in self._flowing(from_us)
            for table, rows in subscription.fetch(from_us, to_us, subscription.since_us == from_us)
            if len(rows)
        ]
        tables: dict[str, list[pa.Table]] = {}
        for subscription, table, rows in sources:
            tables.setdefault(table, []).append(_addressed(subscription, rows))
        parts, keys = [], []
        for table, pieces in tables.items():
            rows = pa.concat_tables(pieces, promote_options="default")
            parts.append(encode(table, rows, self._server_version))
            keys.append(rows["ts"].cast(pa.int64()).to_numpy())
        frames = merge(parts, keys) if parts else NO_FRAMES
        self._adapt(len(frames))
        return Batch(to_us, frames, np.sort(np.concatenate([np.zeros(0, np.int64), *keys])), sources)

    def _flowing(self, from_us: int) -> list[Subscription]:
        flowing = [one for one in self.subscriptions.values() if self._flows(one, from_us)]
        for subscription in flowing:
            if subscription.since_us is None:
                subscription.since_us = from_us
        return flowing

    def _adapt(self, count: int) -> None:
        """Make the next stretch longer or shorter by what this one held."""
        wanted = self._stretch_us * BATCH_FRAMES // max(count, BATCH_FRAMES // 2)
        self._stretch_us = max(min(wanted, self._longest_us), 1_000)

    def _report(self, batch: Batch, from_us: int, to_us: int) -> None:
        assert self._on_rows is not None
        for subscription, table, rows in batch.sources:
            first, last = np.searchsorted(rows["ts"].cast(pa.int64()).to_numpy(), (from_us, to_us))
            if last > first:
                self._on_rows(subscription.request_id, subscription.stream, table, rows.slice(first, last - first))


def _addressed(subscription: Subscription, rows: pa.Table) -> pa.Table:
    """Return the rows with the request and the stream that they answer."""
    count = len(rows)
    request_ids = pa.array(np.full(count, subscription.request_id, np.int32))
    streams = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([subscription.stream]))
    return rows.append_column("request_id", request_ids).append_column("stream", streams.cast(pa.string()))
