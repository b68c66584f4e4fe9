"""A feed that lags, 1 to 300 s, and breaks: rows and gaps are the market, by IB's time, and history brings the rest.

Gateway, a proxy that lags and a recorder live through it in virtual time. What the proxy and the gateway's own buffers
hold when the line breaks is lost. LAG_SEEDS says how many recordings there are, each with other lags of another market,
and LAG_EPISODES how often the line lags in each.
"""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.proof.verify import Verifier
from capture.recorder.recorder import Recorder
from capture.recorder.status import describe_recorder
from capture.wanted.settings import RecordBlock, Settings

from . import virtual_time
from .lagging_proxy import LaggingProxy
from .test_everything_sent_is_stored import Row, roll
from .test_outages import SECOND_US, TABLES, Recording, flowing, roll_now_and_then, until, waiting

pytestmark = pytest.mark.slow

START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp() * 1e6)
RATE = 0.5
HAND_OUT_S = 0.2
SEEDS = range(1, 1 + int(os.environ.get("LAG_SEEDS", "1")))
EPISODES = int(os.environ.get("LAG_EPISODES", "4"))
SLOPE = 0.75  # of seconds of lag a second: what still comes keeps the line alive
LONGEST_LAG_S = 300.0
AAPL, ESZ6 = 265598, 649180695
RECORD = [RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "bars"]),
          RecordBlock(instruments=["ESZ6"], streams=["trades"])]  # fmt: skip
STREAMS = [("all_last", AAPL), ("quotes", AAPL), ("all_last", ESZ6)]


@dataclass
class Scene:
    """A recorder behind a proxy, at a market; `lags` are how late it was when the line broke."""

    recording: Recording
    gateway: Gateway
    proxy: LaggingProxy
    random: Random
    lags: list[tuple[str, float]] = field(default_factory=list)
    running: "asyncio.Task[int] | None" = None
    shown: list[dict[str, Any]] = field(default_factory=list)

    async def start(self) -> None:
        own = Settings(data=self.recording.layout.root, port=self.proxy.port, record=RECORD)
        self.recorder = Recorder(own, say=lambda _, text: self.recording.words.append(text), roll=False)
        self.running = asyncio.create_task(self.recorder.run())
        await asyncio.sleep(1)
        await flowing(self.gateway, self.recorder)

    async def stop(self) -> None:
        self.recorder.stop("enough")
        assert self.running is not None
        await self.running

    async def episode(self, lag_s: float, end: str) -> None:
        """Let the line lag more and more, and end that: it recovers, breaks, or the recorder is started anew."""
        self.proxy.ramp(lag_s, lag_s / SLOPE)
        await asyncio.sleep(lag_s / SLOPE + self.random.uniform(0, 30))
        if end == "deaf":
            self.proxy.deaf(True)
            await asyncio.sleep(self.random.uniform(5, 25))
        status = describe_recorder(self.recorder.machine, self.recorder._journal, datetime.now(UTC))
        self.shown.append({"lag_s": self.proxy.lag_s, "streams": status["streams"]})
        self.lags.append((end, self.proxy.lag_s))
        if end == "recovers":
            self.proxy.ramp(0, self.random.uniform(1, 60))
            await asyncio.sleep(lag_s + 60)
        elif end == "stop":
            await self.stop()
            await asyncio.sleep(self.random.uniform(0, 20))
            await self.start()
        else:
            await self.proxy.drop()
        await asyncio.sleep(5)
        await flowing(self.gateway, self.recorder)


async def record(data: Path, seed: int) -> Scene:
    random = Random(seed)
    recording = Recording(Market(seed, rate=RATE), Layout(data), [])
    async with Gateway(recording.market) as gateway, LaggingProxy(gateway.port) as proxy:
        scene = Scene(recording, gateway, proxy, random)
        await scene.start()
        rolling = asyncio.create_task(roll_now_and_then(recording.layout))
        begun_us = [one.since_us or 0 for one in gateway.state.clients[0].subscriptions.values()]
        recording.begin_s = max(begun_us) // SECOND_US + 1
        ends = ["drop", "stop", "deaf", "recovers"]
        for number in range(EPISODES):
            lag_s = LONGEST_LAG_S if number == 0 else random.uniform(1, LONGEST_LAG_S / 3)
            await scene.episode(lag_s, ends[number % len(ends)])
            await asyncio.sleep(random.uniform(0, 40))
        await asyncio.sleep(60)
        await until(lambda: not waiting(recording.layout), "all gaps are backfilled", 10)
        recording.end_s = gateway.state.clients[0].now_us // SECOND_US
        await asyncio.sleep(1)
        rolling.cancel()
        await scene.stop()
    roll(recording.layout)
    return scene


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_and_gaps_of_a_lagging_feed_are_the_market_and_history_brings_the_rest(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.gateway.client.TICK_S", HAND_OUT_S)
    scene: Scene = virtual_time.run(record(tmp_path / "data", seed), START_US)
    recording, lost = scene.recording, 0
    gaps = recording.gaps()
    for stream, instrument_id in STREAMS:
        table = TABLES[stream]
        produced, stored = recording.produced(table, instrument_id), recording.stored(table, instrument_id)
        captured = recording.stored(table, instrument_id, "origin = 'live'")
        missing = produced - captured
        spans = [gap for gap in gaps if (gap["stream"], gap["instrument_id"]) == (stream, instrument_id)]
        assert captured <= produced, (stream, instrument_id, captured - produced)
        assert not unseen(missing, spans), (stream, instrument_id, unseen(missing, spans), spans)
        assert stored == produced, (stream, instrument_id, stored - produced, produced - stored)
        lost += missing.total()
    assert recording.stored_bars() == recording.produced_bars()
    assert all(gap["state"] == "backfilled" for gap in gaps), gaps
    assert lost > 300
    assert scene.proxy.lost_bytes > 10_000
    for look in scene.shown:  # what `ticktape status` says
        lags = [stream["lag_max_s"] for stream in look["streams"] if stream["word"] in ("trades", "quotes")]
        assert max(lags) > 0.5 * look["lag_s"], look
    assert any("after its events" in text for text in recording.words), recording.words
    verifier = Verifier(recording.layout, "main")
    list(verifier.ranges())
    assert not verifier.findings, [f"{one.place}: {one.problem}: {one.detail}" for one in verifier.findings]
    print(f"{scene.lags}: {len(gaps)} gaps, {lost:,} rows lost, {scene.proxy.lost_bytes:,} bytes under way, in "
          f"{(recording.end_s - recording.begin_s) / 60:.0f} min")  # fmt: skip


def unseen(missing: "Counter[tuple[Any, ...]]", gaps: list[Row]) -> list[datetime]:
    """Return the times of rows that are missing outside of all gaps."""
    return [row[0] for row in missing if not any(
        gap["from_ts"].replace(microsecond=0) <= row[0] <= gap["to_ts"] for gap in gaps)]  # fmt: skip


