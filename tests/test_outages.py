"""Outages of 1 s to 10 min, by all causes, over bursts and equal prints: after backfill nothing is missing.

A gateway with IB's limits and a recorder with its true patience live through them in virtual time. OUTAGE_SEEDS says
how many recordings there are, each with other outages of another market.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from capture import open_lake
from capture.decode.restore import KEYS
from capture.gateway import Gateway
from capture.gateway.control.missed import Missed
from capture.gateway.market import Market
from capture.lake.layout import Layout, read_rolled
from capture.lake.roll import Roller
from capture.recorder.recorder import Recorder
from capture.session.subscriptions import Life
from capture.wanted.settings import RecordBlock, Settings

from . import virtual_time
from .test_everything_sent_is_stored import Row, roll

pytestmark = pytest.mark.slow

START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp() * 1e6)  # a Wednesday, all markets open
RATE = 0.5
NEAR = timedelta(seconds=15)
HAND_OUT_S = 0.2  # the gateway's tick: a coarser one than its own saves most of the time
SEEDS = range(1, 1 + int(os.environ.get("OUTAGE_SEEDS", "3")))
DEADLINE_S = 4 * 3600.0
SECOND_US, BAR_S = 1_000_000, 5
AAPL, ESZ6 = 265598, 649180695
RECORD = [RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "midpoints", "bars"]),
          RecordBlock(instruments=["ESZ6"], streams=["trades", "quotes"])]  # fmt: skip
BAR = ("ts_event", "open", "high", "low", "close", "volume", "wap", "trade_count")
TABLES = {"all_last": "trades", "quotes": "quotes", "midpoints": "midpoints"}
STREAMS = [("all_last", AAPL), ("quotes", AAPL), ("midpoints", AAPL), ("all_last", ESZ6), ("quotes", ESZ6)]

OUTAGES_S = (1.0, 2.0, 5.0, 17.0, 60.0, 211.0, 600.0)
# Kind of outage -> the commands that bring it about, for so many seconds.
KINDS: dict[str, Callable[[float], list[tuple[Any, ...]]]] = {
    "no connection": lambda seconds: [("refuse", seconds), ("drop",)],
    "half-open": lambda seconds: [("half-open", seconds)],
    "subscriptions lost": lambda seconds: [("outage", "lost", seconds)],
    "subscriptions kept": lambda seconds: [("outage", "kept", seconds)],
    "restart": lambda seconds: [("restart", seconds)],
}

Key = tuple[str, int]  # stream and instrument id
Rows = Counter[tuple[Any, ...]]


@dataclass
class Recording:
    """What a market produced in whole seconds [`begin_s`, `end_s`), what was withheld of it, and how the lake lies."""

    market: Market
    layout: Layout
    outages: list[tuple[str, float]]
    words: list[str] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    begin_s: int = 0
    end_s: int = 0

    def produced(self, table: str, instrument_id: int) -> Rows:
        rows = getattr(self.market, table)(instrument_id, self.begin_s * SECOND_US, self.end_s * SECOND_US)
        return counted(rows.select(KEYS[table]).to_pylist())

    def stored(self, table: str, instrument_id: int, where: str = "true") -> Rows:
        return counted(self.select(f"select {', '.join(KEYS[table])} from {table} where instrument_id = {instrument_id}"
                                   f" and epoch(ts_event) >= {self.begin_s} and epoch(ts_event) < {self.end_s}"
                                   f" and {where}"))  # fmt: skip

    def produced_bars(self) -> list[Row]:
        begin_s, end_s = (-(-second // BAR_S) * BAR_S for second in (self.begin_s, self.end_s - 2 * BAR_S))
        rows = self.market.bars(AAPL, begin_s * SECOND_US, end_s * SECOND_US, BAR_S, "TRADES", False)
        return [{name: row[name] for name in BAR} for row in rows.to_pylist()]

    def stored_bars(self) -> list[Row]:
        first, *_, last = (bar["ts_event"] for bar in self.produced_bars())
        return self.select(f"select {', '.join(BAR)} from bars where form <> 'update'"
                           f" and ts_event between '{first}' and '{last}' order by ts_event")  # fmt: skip

    def select(self, query: str) -> list[Row]:
        with open_lake(self.layout.root) as lake:
            rows: list[Row] = lake.sql(query).arrow().to_pylist()
        return rows

    def gaps(self) -> list[Row]:
        """Return each gap as it stands at the end, but not those that the end of the recording opened."""
        return self.select("select * from (select * from gaps qualify row_number() over "
                           "(partition by gap_id order by seq desc, row desc) = 1) where state <> 'open'")  # fmt: skip

    def withheld(self, gap: Row) -> int:
        """Return how many rows the gateway produced and did not send while a gap lasted."""
        key = (gap["stream"], gap["instrument_id"])
        return sum(len(rows) for one in self.missed if key_of(one) == key and one.to_us is not None
                   and overlap(one, gap) for _, rows in one.rows())  # fmt: skip


def counted(rows: list[Row]) -> Rows:
    return Counter(tuple(None if value == "" else value for value in row.values()) for row in rows)


def key_of(missed: Missed) -> Key:
    return missed.subscription.stream, missed.subscription.details["con_id"]


def overlap(missed: Missed, gap: Row) -> bool:
    from_us, to_us = (int(gap[name].timestamp() * SECOND_US) for name in ("from_ts", "to_ts"))
    return missed.from_us <= to_us and from_us <= (missed.to_us or 0)


def are_near(gap: Row, other: Row) -> bool:
    """Return whether gaps are the same, or of one stream and so close that history asked for one fills the other too.

    Their rows can then only be counted together.
    """
    alike = all(gap[name] == other[name] for name in ("stream", "instrument_id"))
    return alike and other["from_ts"] - gap["to_ts"] < NEAR and gap["from_ts"] - other["to_ts"] < NEAR


async def until(condition: Callable[[], bool], what: str, every_s: float) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - a test looks at what it cannot wait for
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_S:g} s: {what}") from None


def drawn(random: Random) -> list[tuple[str, float]]:
    """Return each length of an outage once, and each kind at least once."""
    kinds = [*KINDS, *random.choices(list(KINDS), k=len(OUTAGES_S) - len(KINDS))]
    random.shuffle(kinds)
    return list(zip(kinds, random.sample(OUTAGES_S, len(OUTAGES_S)), strict=True))


async def record(data: Path, seed: int) -> Recording:
    """Record through outages, until history has filled all gaps."""
    random = Random(seed)
    recording = Recording(Market(seed, rate=RATE), Layout(data), drawn(random))
    async with Gateway(recording.market) as gateway:
        settings = Settings(data=data, port=gateway.port, record=RECORD)
        recorder = Recorder(settings, say=lambda _, text: recording.words.append(text), roll=False)
        running = asyncio.create_task(recorder.run())
        rolling = asyncio.create_task(roll_now_and_then(recording.layout))
        try:
            await flowing(gateway, recorder)
            begun_us = [one.since_us or 0 for one in gateway.state.clients[0].subscriptions.values()]
            recording.begin_s = max(begun_us) // SECOND_US + 1
            for kind, seconds in recording.outages:
                await asyncio.sleep(random.uniform(0, 40))
                for command in KINDS[kind](seconds):
                    gateway.control(*command)
                await asyncio.sleep(seconds)
                await flowing(gateway, recorder)
            await asyncio.sleep(60)  # what closed the last gap is rolled
            await until(lambda: not waiting(recording.layout), "all gaps are backfilled", 10)
            recording.end_s = gateway.state.clients[0].now_us // SECOND_US
            await asyncio.sleep(1)
        finally:
            rolling.cancel()
            recorder.stop("enough")
        assert await running == 3, "the line was lost meanwhile"
        recording.missed = gateway.missed
    roll(recording.layout)
    return recording


async def flowing(gateway: Gateway, recorder: Recorder) -> None:
    """Wait until every stream is sent and arrives."""
    wanted = recorder.machine.subscriptions.all

    def flow() -> bool:
        return (sum(len(client.subscriptions) for client in gateway.state.clients) == len(wanted)
                and all(one.to_us is not None for one in gateway.missed)
                and all(one.life is Life.FLOWING for one in wanted))  # fmt: skip

    await until(flow, "all streams flow", 0.5)


async def roll_now_and_then(layout: Layout) -> None:
    roller = Roller(layout, "main")
    while True:
        await asyncio.sleep(30)
        list(roller.roll())


def waiting(layout: Layout) -> bool:
    """Return whether a gap waits for history, by the rolled position."""
    rolled = read_rolled(layout, "main")
    return rolled is None or bool((rolled.state or {"waiting": ()})["waiting"])


@pytest.mark.parametrize("seed", SEEDS)
def test_after_backfill_the_lake_holds_what_the_market_produced(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.gateway.client.TICK_S", HAND_OUT_S)
    recording: Recording = virtual_time.run(record(tmp_path / "data", seed), START_US)
    lost = restored = equal = 0
    for stream, instrument_id in STREAMS:
        table = TABLES[stream]
        wanted, found = recording.produced(table, instrument_id), recording.stored(table, instrument_id)
        captured = recording.stored(table, instrument_id, "origin = 'live'")
        assert found == wanted, (stream, instrument_id, found - wanted, wanted - found)
        missing = wanted - captured
        lost, equal = lost + missing.total(), equal + sum(count for count in missing.values() if count > 1)
        print(f"{stream} {instrument_id}: {wanted.total():,} rows produced, {captured.total():,} captured, "
              f"{found.total() - captured.total():,} restored")  # fmt: skip
    gaps = recording.gaps()
    for gap in gaps:
        near = [other for other in gaps if are_near(gap, other)]
        assert gap["state"] == "backfilled", gap
        assert sum(one["rows_restored"] for one in near) == sum(map(recording.withheld, near)), near
        restored += gap["rows_restored"]
    assert recording.stored_bars() == recording.produced_bars()
    assert lost > 1_000 < restored
    assert equal > 0, "no equal rows were missing"
    print(f"{recording.outages}: {len(gaps)} gaps, {restored:,} rows restored, {equal:,} of them equal to others, "
          f"in {(recording.end_s - recording.begin_s) / 60:.0f} min")  # fmt: skip
