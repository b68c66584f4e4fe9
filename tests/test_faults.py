"""Every fault of the gateway, through a real recorder: nothing is lost unsaid, and all streams flow again.

For each fault a gateway and a recorder run over TCP, in virtual time and with the limits and patience they have in real
life. Afterwards rows stored + rows that the gateway withheld = rows of the market, `gaps` tells of what was withheld
and of nothing else, and `verify` is clean.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from capture.gateway import Gateway
from capture.gateway.control.missed import Missed
from capture.gateway.limits import Limits
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.proof.verify import Finding, Verifier
from capture.recorder.recorder import Recorder
from capture.session.subscriptions import Life
from capture.wanted.settings import RecordBlock, Settings

from . import virtual_time
from .test_everything_sent_is_stored import Row, comparable, first_difference, roll

pytestmark = pytest.mark.slow

START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp() * 1e6)  # a Wednesday, all markets open
RATE = 2.0
MARKET = Market(rate=RATE)
LINES = 200  # of market data: as many as these streams need by IB's rules
DEADLINE_S = 600.0
PACED_S = 15.0  # after the start; by IB's rules no request may be made again sooner
SENT_ALL = "all is sent"
MARGIN_US = 2_000_000
# Bars come every 5 s: it takes so long to see that they come again, however short the outage was.
CADENCE_US = {"bars": 5_000_000, "live_bars": 5_000_000}
TICK_BY_TICK = ("trades", "quotes", "midpoints")
TABLES = (*TICK_BY_TICK, "ticks", "depth", "bars", "gaps", "undecoded")

RECORD: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": ["trades", "quotes", "midpoints", "ticks", "smart_depth:5", "bars"]},
    {"instruments": ["ESZ6"], "streams": ["trades", "quotes", "depth:5", "live_bars:5 secs"]},
    {"instruments": ["EUR.USD"], "streams": ["quotes", "ticks"]},
]  # fmt: skip
Key = tuple[str, int]  # stream and instrument id


@dataclass(frozen=True)
class Fault:
    """What is done to the gateway, one command after the other, and what is to come of it.

    `misses`: streams, or "all" of them, that miss rows; `undecoded` rows that could not be understood.
    """

    commands: tuple[tuple[Any, ...], ...]
    misses: tuple[str, ...] = ()
    undecoded: int = 0


ALL = ("all",)
DROP = ("drop",)
FAULTS = {
    "drop": Fault((DROP,), ALL),
    "drop mid-frame": Fault((("drop", "mid-frame"),), ALL, undecoded=1),
    "half-open": Fault((("half-open",),), ALL),
    "stall": Fault((("stall", "quotes", "AAPL"),), ("quotes",)),
    "stall for a while": Fault((("stall", "ticks", "AAPL", 7.0),), ("ticks",)),
    "outage lost": Fault((("outage", "lost", 1.5),), ALL),
    "outage kept": Fault((("outage", "kept", 1.5),), ALL),
    "restart": Fault((("restart", 1.5),), ALL),
    "refuse": Fault((("refuse", 1.5), DROP), ALL),
    "chop": Fault((("chop", 1.0),)),
    "farm": Fault((("farm", "usfarm", 1.5),), ("all_last", "quotes", "midpoints", "ticks", "smart_depth")),
    "farm with a dead stream": Fault((("farm", "usfuture", 1.0, "quotes"),), ("all_last", "quotes", "depth")),
    "reset": Fault((("reset",),)),
    "halt": Fault((("halt",),)),
    "bust": Fault((("bust",),)),
    "lost-updates": Fault((("lost-updates",),)),
    "competing": Fault((("competing", 1.5),), ("all_last", "quotes", "midpoints", "ticks", "smart_depth", "depth")),
    "duplicate-id": Fault((("duplicate-id", 2), DROP), ALL),
    "slow-handshake": Fault((("slow-handshake", 1.0, 0.5), DROP), ALL),
    "not-ready": Fault((("not-ready", 1.5), DROP), ALL),
    "message-rate": Fault((("message-rate", 1), DROP), ALL),
    "unknown-frame": Fault((("unknown-frame",),), undecoded=1),
    "malformed-frame": Fault((("malformed-frame",),), undecoded=1),
    "missing-fields": Fault((("missing-fields",),), undecoded=1),
    "extra-fields": Fault((("extra-fields", 1.0),)),
    "corrupt: zero": Fault((("corrupt", "zero"),), ALL, undecoded=1),
    "corrupt: huge": Fault((("corrupt", "huge"),), ALL, undecoded=1),
    "skew": Fault((("skew", -3600.0, 1.5), DROP), ALL),
}  # fmt: skip


@dataclass
class Recording:
    """A gateway that was broken at `broken_us` while it was recorded: what it sent and withheld, and what is stored.

    `since_us` is when each stream began.
    """

    layout: Layout
    sent: dict[Key, list[tuple[str, pa.Table]]] = field(default_factory=lambda: defaultdict(list))
    words: list[str] = field(default_factory=list)
    since_us: dict[Key, int] = field(default_factory=dict)
    missed: list[Missed] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stored: dict[str, pa.Table] = field(default_factory=dict)
    broken_us: int = 0

    def finish(self) -> None:
        """Roll and verify, and read what the files hold, in the order of arrival."""
        roll(self.layout)
        verifier = Verifier(self.layout, "main")
        for _ in verifier.ranges():
            pass
        self.findings = verifier.findings
        for table in TABLES:
            paths = sorted(self.layout.live(table).glob("date=2*/*.parquet"))
            parts = [pq.read_table(path, partitioning=None) for path in paths]
            rows = pa.concat_tables(parts) if parts else pa.table({"seq": [], "row": []})
            self.stored[table] = rows.sort_by([("seq", "ascending"), ("row", "ascending")])

    def stored_of(self, key: Key, table: str) -> pa.Table:
        """Return the rows of one stream, but not the history before live bars, nor that a book was emptied (317)."""
        rows = self.stored[table]
        rows = rows.filter(pc.and_(pc.equal(rows["stream"], key[0]), pc.equal(rows["instrument_id"], key[1])))
        column, left_out = {"bars": ("form", "history"), "depth": ("operation", "reset")}.get(table, ("", ""))
        return rows.filter(pc.not_equal(rows[column], left_out)) if column else rows

    def sent_rows(self, key: Key) -> tuple[str, pa.Table]:
        """Return the table of a stream, and all its rows that were sent."""
        table = self.sent[key][0][0]
        assert {name for name, _ in self.sent[key]} == {table}
        return table, pa.concat_tables([rows for _, rows in self.sent[key]], promote_options="default")

    def outages(self, key: Key) -> list[Missed]:
        """Return when a stream was withheld until it flowed again, if that cost it rows."""
        return [one for one in self.missed if key_of(one) == key and one.to_us is not None and times(one)]

    def gaps(self, key: Key) -> list[Row]:
        """Return the gaps of a stream as they stand at the end, without the one that the end of recording opened."""
        last = {row["gap_id"]: row for row in self.stored["gaps"].to_pylist()
                if (row["stream"], row["instrument_id"]) == key}  # fmt: skip
        return [row for row in last.values() if row["state"] != "open"]


def key_of(missed: Missed) -> Key:
    return missed.subscription.stream, missed.subscription.details["con_id"]


def times(missed: Missed) -> list[int]:
    """Return when the rows that were withheld should have come."""
    return sorted(ts for _, rows in missed.rows() for ts in micros(rows))


def micros(rows: pa.Table) -> list[int]:
    found: list[int] = rows["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return found


async def until(condition: Any, what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - a test looks at what it cannot wait for
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_S:g} s: {what}") from None


class Scene:
    """A gateway, its recorder, and the one fault between them."""

    def __init__(self, data: Path, fault: Fault) -> None:
        self.fault = fault
        self.recording = Recording(Layout(data))
        self.counts: dict[Key, int] = defaultdict(int)
        self.gateway = Gateway(MARKET, limits=Limits.of_lines(LINES), on_rows=self.take)

    def take(self, client_id: int, request_id: int, stream: str, table: str, rows: pa.Table) -> None:
        """Be the gateway's `on_rows`."""
        found = self.streams()
        if (key := found.get(request_id)) and key[0] == stream:
            self.recording.sent[key].append((table, rows))
            self.counts[key] += len(rows)

    def streams(self) -> dict[int, Key]:
        """Return what each request id stands for by now."""
        return {one.request_id: (one.stream, one.details["con_id"])
                for client in self.gateway.state.clients for one in client.subscriptions.values()}  # fmt: skip

    async def play(self) -> Recording:
        """Record, break, wait until all flows again, and stop."""
        async with self.gateway:
            blocks = [RecordBlock(**block) for block in RECORD]
            own = Settings(data=self.recording.layout.root, port=self.gateway.port, record=blocks,
                           market_data_lines=LINES)  # fmt: skip
            self.recorder = Recorder(own, say=lambda _, text: self.recording.words.append(text), roll=False)
            running = asyncio.create_task(self.recorder.run())
            try:
                await self.settled()
                await self.broken()
                await self.flowing("all streams flow again")
                await self.finished()
                self.recorder.stop("enough")
            except BaseException:
                running.cancel()
                raise
            assert await running in (0, 3)
            self.recording.missed = self.gateway.missed
        return self.recording

    async def settled(self) -> None:
        await self.flowing("all streams flow")
        for client in self.gateway.state.clients:
            for one in client.subscriptions.values():
                assert one.since_us is not None
                self.recording.since_us[one.stream, one.details["con_id"]] = one.since_us
        flows = [one.flow for one in self.recorder.machine.subscriptions.all if one.stream.kind.cadence_s is None
                 and one.stream.kind.stream != "live_bars"]  # fmt: skip
        await until(lambda: all(flow._arrivals >= 8 for flow in flows), "the rate of every stream is known")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(PACED_S + 1 - loop.time())

    async def broken(self) -> None:
        self.recording.broken_us = self.gateway.clock.now_us()
        for command in self.fault.commands:
            self.gateway.control(*command)
        wanted = set(self.recording.since_us) if self.fault.misses == ALL else set(self.fault.misses)
        names = (lambda one: key_of(one)) if self.fault.misses == ALL else (lambda one: key_of(one)[0])
        await until(lambda: wanted <= {names(one) for one in self.gateway.missed}, "the fault silenced its streams")
        faults = self.gateway.state.faults
        shorter = [fault for fault in faults.lasting if fault.timer is not None]
        await until(lambda: not any(fault in faults.lasting for fault in shorter), "the fault is over")
        await until(lambda: not +faults.due, "the fault was met")

    async def flowing(self, what: str) -> None:
        """Wait until every wanted stream brings rows, and has none missing, from this moment on."""
        before: dict[Key, int] = {}
        session = -1

        def flow() -> bool:
            nonlocal before, session
            wanted = self.recorder.machine.subscriptions.all
            whole = len(self.streams()) == len(wanted) and all(one.to_us is not None for one in self.gateway.missed)
            if not whole or session != self.recorder.machine.sessions:
                before, session = dict(self.counts) if whole else {}, self.recorder.machine.sessions if whole else -1
                return False
            return all(self.counts[key] > before.get(key, 0) for key in self.streams().values()) and all(
                one.life is Life.FLOWING for one in wanted)

        try:
            await until(flow, what)
        except AssertionError as error:
            lives = {one.name: (str(one.life), one.message) for one in self.recorder.machine.subscriptions.all}
            raise AssertionError(f"{error}: {lives}, {self.recording.words}") from None

    async def finished(self) -> None:
        for client in self.gateway.state.clients:
            for family, request_id in list(client.subscriptions):
                client.unsubscribe(family, request_id)
            client.error(-1, 99_999, SENT_ALL)  # the line keeps its order: once this is heard, all is
        await until(lambda: any(SENT_ALL in text for text in self.recording.words), SENT_ALL)


async def play(data: Path, fault: Fault) -> Recording:
    return await Scene(data, fault).play()  # made here: a gateway's clock begins with it


@pytest.fixture(scope="module", params=FAULTS)
def fault(request: pytest.FixtureRequest) -> str:
    """The name of a fault."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def recording(fault: str, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The recording of a fault, which had to end with all streams flowing."""
    recording: Recording = virtual_time.run(play(tmp_path_factory.mktemp("fault"), FAULTS[fault]), START_US)
    recording.finish()
    return recording


def test_what_was_sent_is_stored_and_with_what_was_missed_it_is_all(recording: Recording, fault: str) -> None:
    for key, since_us in recording.since_us.items():
        table, sent = recording.sent_rows(key)
        one, other = comparable(sent, recording.stored_of(key, table))
        assert len(one) == len(other), key
        assert not first_difference(one, other), (key, first_difference(one, other))
        if table in TICK_BY_TICK:  # the others begin with what there is, each time they are requested
            last = next(one for one in recording.missed if key_of(one) == key and one.to_us is None)
            [(_, produced)] = last.subscription.fetch(since_us, last.from_us, False)
            withheld = [ts for one in recording.outages(key) for ts in times(one)]
            assert sorted([*micros(sent), *withheld]) == micros(produced), key
    assert len(recording.stored["undecoded"]) == FAULTS[fault].undecoded
    assert any(map(recording.outages, recording.since_us)) or not FAULTS[fault].misses


def test_gaps_hold_the_true_outage_and_little_more(recording: Recording) -> None:
    for key in recording.since_us:
        margin_us = MARGIN_US + CADENCE_US.get(key[0], 0)
        spans = [(row["from_ts"], row["to_ts"]) for row in recording.gaps(key)]
        gaps = [(int(a.timestamp() * 1e6), int(b.timestamp() * 1e6)) for a, b in spans]
        outages = recording.outages(key)
        for outage in outages:
            first_us, last_us = times(outage)[0], times(outage)[-1]
            whole_us = max(first_us, recording.broken_us)  # what the gateway had not handed out by then is not silence
            around = [(a, b) for a, b in gaps if a <= whole_us and last_us <= b]
            assert around, (key, outage.reason, first_us, last_us, gaps)
            assert any(first_us - a < margin_us and b - last_us < margin_us for a, b in around), (
                key, outage.reason, [(first_us - a, b - last_us) for a, b in around])  # fmt: skip
            silent_us = (outage.to_us or 0) - outage.from_us
            assert any(b - a - silent_us < margin_us for a, b in around), (key, outage.reason, silent_us, around)
        for a, b in gaps:
            near = any(a <= (one.to_us or 0) and one.from_us <= b for one in outages)
            assert near or b - a < margin_us, (key, a, b)


def test_verify_is_clean(recording: Recording) -> None:
    assert recording.findings == []
