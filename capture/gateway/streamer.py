"""A client's live streams: rows of all its subscriptions, encoded a stretch ahead and handed out by time (D99)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.replay.clock import AT_ONCE, Clock
from capture.wire.encode import NO_FRAMES, Frames, encode, merge

from .subscription import Rows, Subscription

OnRows = Callable[[int, str, str, pa.Table], None]  # request id, stream, table, rows
Flows = Callable[[Subscription, int], bool]
OfNotice = Callable[[int, int, str, int], bytes]  # request id, code, text, moment -> frame
Numbers = npt.NDArray[np.int64]

NOTICES = "notices"  # the table whose rows go out as IB's messages of errors
LONGEST_US, SHORTEST_US = 1_000_000, 1_000  # how far ahead of real time streams are encoded
LONGEST_AT_ONCE_US = 60_000_000  # where time goes by what clients take
LONGEST_OF_ALL_US = 3_600_000_000  # at any speed: until a stretch is worked out, nobody is answered
BATCH_FRAMES = 20_000  # what a stretch should hold: enough to encode by columns, little enough to answer soon
BATCH_FRAMES_AT_ONCE = 200_000


@dataclass(slots=True)
class Source:
    """The rows of a table that a subscription brings in a stretch of time, with the time at which each is due.

    `reported` is how many of them the listener was told.
    """

    subscription: Subscription
    table: str
    rows: pa.Table
    due_us: Numbers
    reported: int = 0

    def since(self, from_us: int) -> "Source":
        """Return what it brings from a moment on."""
        first = int(np.searchsorted(self.due_us, from_us))
        return Source(self.subscription, self.table, self.rows.slice(first), self.due_us[first:])

    def places(self) -> tuple[Numbers, Numbers]:
        """Return the place of each row among those that are due at the same time."""
        if "seq" not in self.rows.column_names:
            return np.zeros(len(self.rows), np.int64), np.zeros(len(self.rows), np.int64)
        return self.rows["seq"].to_numpy(), self.rows["row"].to_numpy().astype(np.int64)


@dataclass(frozen=True, slots=True)
class Batch:
    """The frames of a stretch of time, in order, with the time of each and the rows they were made from.

    `flowing` holds what flows in it, by the subscription's identity, also what brings no rows.
    """

    to_us: int
    frames: Frames
    due_us: Numbers
    flowing: dict[int, tuple[Subscription, list[Source]]]

    @property
    def sources(self) -> Iterator[Source]:
        """All rows, by subscription and table."""
        return (source for _, sources in self.flowing.values() for source in sources)


class Streamer:
    """Cuts a client's streams into bytes up to a moment. A client that reads slowly only falls behind itself.

    `cursor_us` is the moment up to which everything was handed out, and `stretch_us` how much is worked out at once:
    by the clock's speed never more than LONGEST_US of real time. What starts a stream is handed out at once, also while
    the clock stands. `flows` is asked whether a subscription is handed out from a moment on, at every stretch and
    change; `of_notice` encodes a notice; `on_rows` is told the rows that are handed out. `line` is what all clients are
    told.
    """

    def __init__(
        self, server_version: int, clock: Clock, flows: Flows, of_notice: OfNotice, line: Subscription,
        on_rows: OnRows | None = None,
    ) -> None:  # fmt: skip
        self.subscriptions: dict[tuple[str, int], Subscription] = {}
        self.cursor_us = clock.now_us()
        self._server_version = server_version
        self._clock = clock
        self._flows = flows
        self._of_notice = of_notice
        self._line = line
        self._on_rows = on_rows
        self.stretch_us = min(LONGEST_US, self._longest_us())
        self._batch: Batch | None = None
        self._former: Batch | None = None  # what was worked out for the time being, before something changed
        self._at = 0

    def add(self, subscription: Subscription) -> None:
        """Start a subscription at the cursor, or start it once more."""
        subscription.since_us, subscription.begun = None, False
        self.subscriptions[subscription.family, subscription.request_id] = subscription
        self.refresh()

    def refresh(self) -> None:
        """Ask anew which subscriptions flow: from the cursor on."""
        self._former, self._batch = self._batch or self._former, None

    def remove(self, family: str, request_id: int) -> Subscription | None:
        """End a subscription and return it, None where there was none; what was not handed out is gone."""
        self.refresh()
        return self.subscriptions.pop((family, request_id), None)

    def seek(self, at_us: int) -> None:
        """Go on from another moment: every stream starts once more there."""
        self.cursor_us, self._batch, self._former = at_us, None, None
        for subscription in self.subscriptions.values():
            self.add(subscription)

    def take(self, now_us: int) -> bytes:
        """Return the frames from the cursor up to `now_us`, or up to the end of a stretch: then call again."""
        if self._batch is None or self.cursor_us >= self._batch.to_us:
            self._batch, self._at = self._build(self.cursor_us), 0
        batch, first = self._batch, self._at
        self.cursor_us = min(max(now_us, self.cursor_us), batch.to_us)
        self._at = int(np.searchsorted(batch.due_us, self.cursor_us))
        if self._on_rows is not None and self._at > first:
            self._report(batch, self.cursor_us)
        return batch.frames.data[batch.frames.starts[first] : batch.frames.starts[self._at]]

    def _build(self, from_us: int) -> Batch:
        former, self._former = self._former, None
        if former is not None and former.to_us <= from_us:
            former = None
        known_us = self._clock.known_us
        longest_us = from_us + self.stretch_us
        to_us = former.to_us if former else longest_us if known_us is None else min(longest_us, known_us)
        assert to_us > from_us, "time goes on only once it is known what happened"
        flowing = {id(one): (one, self._sources(one, from_us, to_us, former)) for one in self._flowing(from_us)}
        told = self._loaded(self._line, self._line.fetch(from_us, to_us, False), to_us)
        frames, due_us = self._encoded([*told, *(source for _, sources in flowing.values() for source in sources)])
        if former is None:
            self._adapt(len(frames))
        return Batch(to_us, frames, due_us, flowing)

    def _encoded(self, sources: list[Source]) -> tuple[Frames, Numbers]:
        """Return the frames of all rows by when they are due, and by their place in a recording."""
        tables: dict[str, list[Source]] = {}
        for source in sources:
            tables.setdefault(source.table, []).append(source)
        if not tables:
            return NO_FRAMES, np.zeros(0, np.int64)
        in_order = [source for found in tables.values() for source in found]
        due_us = np.concatenate([source.due_us for source in in_order])
        seqs, places = (np.concatenate(column) for column in zip(*(one.places() for one in in_order), strict=True))
        order = np.lexsort((places, seqs, due_us))
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        parts = [self._frames(table, found) for table, found in tables.items()]
        edges = np.cumsum([0, *map(len, parts)])
        return merge(parts, [ranks[a:b] for a, b in pairwise(edges)]), due_us[order]

    def _frames(self, table: str, sources: list[Source]) -> Frames:
        """Return the frames of a table's rows, one source after the other."""
        if table != NOTICES:
            return encode(table, _addressed(sources), self._server_version)
        frames = [self._of_notice(one.subscription.request_id, row["code"], row["message"], int(due_us))
                  for one in sources for row, due_us in zip(one.rows.to_pylist(), one.due_us, strict=True)]
        return Frames(b"".join(frames), np.cumsum([0, *map(len, frames)]))

    def _sources(self, one: Subscription, from_us: int, to_us: int, former: Batch | None) -> list[Source]:
        """Return the rows of a subscription, those that are known already where it only flows on."""
        if former is not None and one.begun and id(one) in former.flowing:
            return [source.since(from_us) for source in former.flowing[id(one)][1]]
        first, one.begun = not one.begun and one.since_us == from_us, True
        return self._loaded(one, one.fetch(from_us, to_us, first), from_us if first else to_us)

    def _loaded(self, one: Subscription, found: Rows, started_us: int) -> list[Source]:
        """Return rows with the time at which they are due; those at `started_us` start a stream: they are overdue."""
        sources = []
        for table, rows in found:
            if len(rows):
                due_us = rows["ts"].to_numpy().view(np.int64)
                sources.append(Source(one, table, rows, due_us - (due_us == started_us)))
        return sources

    def _flowing(self, from_us: int) -> list[Subscription]:
        flowing = [one for one in self.subscriptions.values() if self._flows(one, from_us)]
        for subscription in flowing:
            if subscription.since_us is None:
                subscription.since_us = from_us
        return flowing

    def _adapt(self, count: int) -> None:
        """Make the next stretch longer or shorter by what this one held."""
        most = BATCH_FRAMES_AT_ONCE if self._clock.speed == AT_ONCE else BATCH_FRAMES
        wanted = self.stretch_us * most // max(count, most // 2)
        self.stretch_us = max(min(wanted, self._longest_us()), SHORTEST_US)

    def _longest_us(self) -> int:
        if self._clock.speed == AT_ONCE:
            return LONGEST_AT_ONCE_US
        return min(max(int(LONGEST_US * self._clock.speed), LONGEST_US // 4), LONGEST_OF_ALL_US)

    def _report(self, batch: Batch, to_us: int) -> None:
        assert self._on_rows is not None
        for source in batch.sources:
            first, last = source.reported, int(np.searchsorted(source.due_us, to_us))
            if last > first:
                one, source.reported = source.subscription, last
                self._on_rows(one.request_id, one.stream, source.table, source.rows.slice(first, last - first))


def _addressed(sources: list[Source]) -> pa.Table:
    """Return the rows of a table, one source after the other, with the request and the stream that each answers."""
    rows = pa.concat_tables([source.rows for source in sources], promote_options="default")
    counts = [len(source.rows) for source in sources]
    ids = np.repeat([source.subscription.request_id for source in sources], counts)
    places = np.repeat(np.arange(len(sources)), counts)
    streams = pa.array([source.subscription.stream for source in sources], pa.string()).take(pa.array(places))
    return rows.append_column("request_id", pa.array(ids, pa.int32())).append_column("stream", streams)
