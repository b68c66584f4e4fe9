"""A client's live streams: rows of all its subscriptions, encoded a stretch of time ahead and handed out by time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.wire.encode import NO_FRAMES, Frames, encode, merge

from .subscription import Subscription

OnRows = Callable[[int, str, str, pa.Table], None]  # request id, stream, table, rows

Flows = Callable[[Subscription, int], bool]

LONGEST_US, SHORTEST_US = 1_000_000, 1_000  # how far ahead of real time streams are encoded
BATCH_FRAMES = 20_000  # what a stretch should hold: enough to encode by columns, little enough to answer soon


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a table that a subscription brings in a stretch of time, with the time of each."""

    subscription: Subscription
    table: str
    rows: pa.Table
    ts_us: npt.NDArray[np.int64]

    def since(self, from_us: int) -> "Source":
        """Return what it brings from a moment on."""
        first = int(np.searchsorted(self.ts_us, from_us))
        return Source(self.subscription, self.table, self.rows.slice(first), self.ts_us[first:])


@dataclass(frozen=True, slots=True)
class Batch:
    """The frames of a stretch of time, in order, with the time of each and the rows they were made from.

    `flowing` holds what flows in it, by the subscription's identity, also what brings no rows.
    """

    to_us: int
    frames: Frames
    ts_us: npt.NDArray[np.int64]
    flowing: dict[int, tuple[Subscription, list[Source]]]

    @property
    def sources(self) -> Iterator[Source]:
        """All rows, by subscription and table."""
        return (source for _, sources in self.flowing.values() for source in sources)


class Streamer:
    """Cuts a client's streams into bytes up to a moment. A client that reads slowly only falls behind itself.

    `cursor_us` is the moment up to which everything was handed out. `speed` says how much time passes in a second, so
    that a stretch is never longer than LONGEST_US of real time. `flows` is asked whether a subscription is handed out
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
        self._longest_us = max(int(LONGEST_US * speed), LONGEST_US // 4)
        self._stretch_us = self._longest_us
        self._batch: Batch | None = None
        self._former: Batch | None = None  # what was worked out for the time being, before something changed
        self._at = 0

    def add(self, subscription: Subscription) -> None:
        """Start a subscription at the cursor, or start it once more."""
        subscription.since_us = None
        self.subscriptions[subscription.family, subscription.request_id] = subscription
        self.refresh()

    def refresh(self) -> None:
        """Ask anew which subscriptions flow: from the cursor on."""
        self._former, self._batch = self._batch or self._former, None

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
            self._batch, self._at = self._build(self.cursor_us), 0
        batch, first, from_us = self._batch, self._at, self.cursor_us
        self.cursor_us = min(max(now_us, from_us), batch.to_us)
        self._at = int(np.searchsorted(batch.ts_us, self.cursor_us))
        if self._on_rows is not None and self._at > first:
            self._report(batch, from_us, self.cursor_us)
        return batch.frames.data[batch.frames.starts[first] : batch.frames.starts[self._at]]

    def _build(self, from_us: int) -> Batch:
        former, self._former = self._former, None
        if former is not None and former.to_us <= from_us:
            former = None
        to_us = former.to_us if former else from_us + self._stretch_us
        flowing = {id(one): (one, self._sources(one, from_us, to_us, former)) for one in self._flowing(from_us)}
        tables: dict[str, list[Source]] = {}
        for _, sources in flowing.values():
            for source in sources:
                tables.setdefault(source.table, []).append(source)
        parts, keys = [], []
        for table, found in tables.items():
            rows = pa.concat_tables([_addressed(one.subscription, one.rows) for one in found],
                                    promote_options="default")  # fmt: skip
            parts.append(encode(table, rows, self._server_version))
            keys.append(np.concatenate([one.ts_us for one in found]))
        frames = merge(parts, keys) if parts else NO_FRAMES
        if former is None:
            self._adapt(len(frames))
        return Batch(to_us, frames, np.sort(np.concatenate([np.zeros(0, np.int64), *keys])), flowing)

    def _sources(self, one: Subscription, from_us: int, to_us: int, former: Batch | None) -> list[Source]:
        """Return the rows of a subscription, those that are known already where it only flows on."""
        begins = one.since_us == from_us
        if former is not None and not begins and id(one) in former.flowing:
            return [source.since(from_us) for source in former.flowing[id(one)][1]]
        found = one.fetch(from_us, to_us, begins)
        return [Source(one, table, rows, rows["ts"].cast(pa.int64()).to_numpy()) for table, rows in found if len(rows)]

    def _flowing(self, from_us: int) -> list[Subscription]:
        flowing = [one for one in self.subscriptions.values() if self._flows(one, from_us)]
        for subscription in flowing:
            if subscription.since_us is None:
                subscription.since_us = from_us
        return flowing

    def _adapt(self, count: int) -> None:
        """Make the next stretch longer or shorter by what this one held."""
        wanted = self._stretch_us * BATCH_FRAMES // max(count, BATCH_FRAMES // 2)
        self._stretch_us = max(min(wanted, self._longest_us), SHORTEST_US)

    def _report(self, batch: Batch, from_us: int, to_us: int) -> None:
        assert self._on_rows is not None
        for source in batch.sources:
            first, last = np.searchsorted(source.ts_us, (from_us, to_us))
            if last > first:
                one, rows = source.subscription, source.rows.slice(first, last - first)
                self._on_rows(one.request_id, one.stream, source.table, rows)


def _addressed(subscription: Subscription, rows: pa.Table) -> pa.Table:
    """Return the rows with the request and the stream that they answer."""
    count = len(rows)
    request_ids = pa.array(np.full(count, subscription.request_id, np.int32))
    streams = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([subscription.stream]))
    return rows.append_column("request_id", request_ids).append_column("stream", streams.cast(pa.string()))
