"""What comes to a recording while it is played: rows of its lake, and up to when all is known (D134)."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.layout import Layout
from capture.query import QueryError
from capture.query.new_rows import NewRows
from capture.query.tail import Place
from capture.replay.clock import Clock
from capture.schemas import MARKET_TABLES
from capture.tape import TapeError
from capture.times import SECOND_US

LOG = logging.getLogger(__name__)

MARKET = tuple(table.name for table in MARKET_TABLES)
OF_LINE = ("notices", "sessions", "gaps")
FOLLOWED = (*MARKET, "instruments", "subscriptions", *OF_LINE)
POLL_INTERVAL_S = 0.1
LONGEST_WAIT_US = 2 * SECOND_US  # for a recorder that is behind the others: it may have nothing to say


class Growth:
    """What comes to a lake from the moment on at which this is made: make it before the lake is asked.

    `recorder` is whose rows are played, None for those of all. `places` say for each recorder up to where on its tape
    rows were polled, and before `known_us` none of them is missing: a recorder writes in order of time.
    """

    def __init__(self, layout: Layout, recorder: str | None) -> None:
        self._recorder = recorder
        self._new = NewRows(layout, FOLLOWED)
        asked_us = time.time_ns() // 1_000
        self._new.begin()
        self.places: Mapping[str, Place] = self._new.places
        self.known_us = self._settled_us(asked_us)

    def poll(self) -> dict[str, pa.Table]:
        """Return the rows that came since, by table. Raises QueryError, TapeError, OSError: then nothing was taken."""
        asked_us, before_us = time.time_ns() // 1_000, self.known_us
        came = self._new.poll()
        self.places, self.known_us = self._new.places, max(self._settled_us(asked_us), before_us)
        for table in came.keys() & set(MARKET):
            if late := self._late(came[table], before_us):
                LOG.warning("ticktape: %s rows of %s came more than %s s after those of other recorders: they are not "
                            "in streams that were there already; name one with --recorder", late, table,
                            LONGEST_WAIT_US // SECOND_US)  # fmt: skip
        return came

    def _settled_us(self, asked_us: int) -> int:
        """Return the moment before which all rows are there; each recorder was asked since `asked_us`."""
        tails = self._new.tails
        names = [self._recorder] if self._recorder in tails else list(tails)
        # What follows may have been written in the same microsecond, unless that was over.
        reached = [tails[name].reached_us + (tails[name].reached_us < asked_us) for name in names]
        if not reached:
            return 0
        last_us = max(reached)
        return max(min(reached), last_us - LONGEST_WAIT_US, min(last_us, asked_us - LONGEST_WAIT_US))

    def _late(self, rows: pa.Table, before_us: int) -> int:
        """Return how many live rows are of a time that was over."""
        if self._recorder is not None:
            rows = rows.filter(pc.equal(rows["recorder"], self._recorder))
        is_live = pc.not_equal(rows["origin"], "backfill")
        over = pc.less(rows["ts"].cast(pa.int64()), before_us)
        count: int = pc.sum(pc.and_(is_live, over)).as_py() or 0
        return count


class Grows(Protocol):
    """A recording that grows."""

    def grow(self) -> int:
        """Take in what came, and return the moment before which all is known now."""


@contextlib.contextmanager
def growing(recording: Grows, clock: Clock) -> Iterator[None]:
    """Let a recording grow, and its clock with it, while an event loop runs.

    What cannot be read is said, and tried again.
    """
    task = asyncio.get_running_loop().create_task(_grow(recording, clock))
    try:
        yield
    finally:
        task.cancel()


async def _grow(recording: Grows, clock: Clock) -> None:
    said = ""
    while True:
        try:
            clock.grow(await asyncio.to_thread(recording.grow))
        except (QueryError, TapeError, OSError) as error:
            if str(error) != said:
                said = str(error)
                LOG.warning("ticktape: %s", said)
        await asyncio.sleep(POLL_INTERVAL_S)
