"""A gateway and a recorder that live through days in virtual time, while one thing after the other breaks."""

import asyncio
import ctypes
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import psutil
import pyarrow as pa

from capture.gateway import Gateway
from capture.gateway.limits import Limits
from capture.gateway.market import Market
from capture.lake.layout import Layout, read_rolled
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.session.phases import State
from capture.wanted.settings import RecordBlock, Settings

from . import schedule
from .books import Books, Name

HOUR_S = 3_600
PATIENCE_S = 6 * HOUR_S  # for history, at the end
LINES = 2_000  # of an account that may have all these streams at once
RATE = 0.01
STEP_S = 20.0

RECORD: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": ["trades", "quotes", "midpoints", "ticks:233", "smart_depth:2", "bars",
                                          "live_bars:1 min"]},
    {"instruments": ["MSFT"], "streams": ["last", "quotes", "ticks"]},
    {"instruments": ["SPY"], "streams": ["trades", "quotes", "bars"]},
    {"instruments": ["NVDA", "TSLA"], "streams": ["trades", "quotes"]},
    {"instruments": ["AMZN", "IBM", "F"], "streams": ["trades"]},
    {"instruments": ["ESZ6"], "streams": ["trades", "quotes", "depth:2", "bars"]},
    {"instruments": ["NQZ6"], "streams": ["trades", "quotes"]},
    {"instruments": ["CLF7", "ESH7"], "streams": ["quotes"]},
    {"instruments": ["EUR.USD"], "streams": ["quotes", "midpoints", "ticks"]},
    {"instruments": ["GBP.USD", "USD.JPY"], "streams": ["midpoints"]},
    {"instruments": ["CRYPTO:BTC.USD@PAXOS"], "streams": ["quotes", "midpoints", "ticks", "depth:2"]},
    {"instruments": ["CRYPTO:ETH.USD@PAXOS"], "streams": ["quotes"]},
    {"instruments": ["OPT:AAPL:20261218:250:C"], "streams": ["ticks:100,101,106"]},
    {"instruments": ["IND:SPX@CBOE", "IND:VIX@CBOE"], "streams": ["ticks"]},
]  # fmt: skip

Faults = Mapping[str, Sequence[tuple[Any, ...]]]

# Coarser steps of time than the product's, so that most of the work is that of the rows, and nothing waits for a disk.
HASTY: dict[str, Any] = {
    "capture.gateway.client.TICK_S": STEP_S, "capture.gateway.streamer.LONGEST_US": 1_800_000_000,
    "capture.recorder.recorder.HOUSEKEEPING_S": STEP_S, "capture.session.watchman.STALLED_S": 5 * STEP_S,
    "capture.session.line_silence.LINE_QUIET_S": 2.5 * STEP_S,
    "capture.session.line_silence.PROBE_AFTER_S": 2.5 * STEP_S,
    "capture.recorder.status.StatusFile.write_status": lambda *_: None,
    "capture.gateway.market.statistics.CACHED_PIECES": 1_000,  # filled within a day, not half a week
    "os.fsync": lambda _: None, "os.sched_yield": lambda: None,
}  # fmt: skip


@contextmanager
def hasty() -> Iterator[None]:
    """Let time pass in coarse steps."""
    with ExitStack() as stack:
        for name, value in HASTY.items():
            stack.enter_context(patch(name, value))
        yield


class Week:
    """Days of recording from `start` on, with faults at random moments: `live` runs through them.

    `faults` are the gateway's commands by the name of a fault, and `count` is how many are drawn. Afterwards: `done`
    are those that were met, `alarms` what was said in windows in which it should not have been, `memory` the size of
    the process hour by hour in bytes, `until_us` when each stream ended, and `exit_code` the recorder's.
    """

    def __init__(
        self, data: Path, start: datetime, days: float, faults: Faults, count: int, seed: int,
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.layout = Layout(data)
        self.start_s, self.end_s = start.timestamp(), start.timestamp() + days * 86_400
        self.faults, self.count = faults, count
        self.market = Market(seed=seed, rate=RATE, always_open=False)
        self.books = Books(data.parent)
        self.done: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.alarms: list[str] = []
        self.memory: list[int] = []
        self.until_us: dict[Name, int] = {}
        self.exit_code: int | None = None
        self._random = Random(seed)
        self._roller = Roller(self.layout, "main")
        self._tell = tell

    async def live(self) -> None:
        """Record until the end, and until nothing waits for history any more."""
        prepare(self.layout)
        self.books.gateway = self.gateway = Gateway(self.market, limits=Limits.of_lines(LINES), on_rows=self.books.take)
        async with self.gateway:
            settings = Settings(
                data=self.layout.root, port=self.gateway.port, record=[RecordBlock(**block) for block in RECORD],
                market_data_lines=LINES, requests_per_second=100, sync_interval_s=60, roll_interval_s=HOUR_S,
                segment_size_bytes=1 << 20)  # fmt: skip
            self.recorder = Recorder(settings, say=self._say, roll=False)
            running = asyncio.create_task(self.recorder.run())
            beginning = asyncio.create_task(self._begin())
            events = asyncio.gather(self._restarts(), self._faults())
            await self._hours()
            await events
            beginning.cancel()
            await self._finish()
            self.exit_code = await running
        self._hour()

    def _say(self, level: str, text: str) -> None:
        self.said[level] += 1
        if level != "info" and schedule.calm(time.time()):
            self.alarms.append(f"{schedule.clock(time.time())} {level}: {text}")

    async def _begin(self) -> None:
        """Watch for streams that flow for the first time; one that needs history cannot begin in a closed market."""
        while True:
            await asyncio.sleep(STEP_S / 2)
            self.books.begin()

    async def _restarts(self) -> None:
        for at_s, lasts_s in schedule.restarts(self.start_s, self.end_s):
            await asyncio.sleep(at_s - time.time())
            self.gateway.control("restart", lasts_s)

    async def _faults(self) -> None:
        for at_s in schedule.moments(self._random, self.count, self.start_s, self.end_s):
            await asyncio.sleep(at_s - time.time())
            while self.recorder.machine.state is not State.RECORDING:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(1)
            for over in ("half-open", "corrupt"):  # of connections that are gone
                self.gateway.control("clear", over)
            name = self._random.choice(sorted(self.faults))
            self.done[name] += 1
            for command in self.faults[name]:
                word, named = schedule.lasting(self._random, command)
                self.gateway.control(word, **named)

    async def _hours(self) -> None:
        last_s = self.end_s + PATIENCE_S
        while time.time() < self.end_s or (self._waits() and time.time() < last_s):
            await asyncio.sleep(HOUR_S)
            self._hour()
            self.memory.append(_memory_bytes())
            self._tell(f"{schedule.clock(time.time())}: {self.memory[-1] / 1e6:.1f} MB, "
                       f"{sum(self.done.values())} faults, {len(self._waiting())} gaps wait for history")

    def _hour(self) -> None:
        for _ in self._roller.roll():
            pass
        self.books.settle()

    def _waiting(self) -> list[Any]:
        rolled = read_rolled(self.layout, "main")
        return rolled.state["waiting"] if rolled and rolled.state else []

    def _waits(self) -> bool:
        return bool(self._waiting()) or not self.recorder.machine.history.idle

    async def _finish(self) -> None:
        """Stop sending, have all that was sent heard, and stop recording."""
        for client in self.gateway.state.clients:
            client.hand_out()
            for subscription in list(client.subscriptions.values()):
                client.end(subscription, "the end")
        self.until_us = {Name(one.subscription.stream, one.subscription.details["con_id"]): one.from_us
                         for one in self.gateway.missed if one.to_us is None}  # fmt: skip
        await asyncio.sleep(1)
        self.recorder.stop("enough")


def _memory_bytes() -> int:
    """Return how much memory this process holds, once it has given back what it can."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # a C library that cannot
        ctypes.CDLL(None).malloc_trim(0)
    found: int = psutil.Process().memory_info().rss
    return found
