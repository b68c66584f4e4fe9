"""The whole way, for every stream and every server version: what the gateway sent is what the Parquet files hold.

A gateway per server version serves the same invented market, a recorder records it over TCP, and a roller writes
Parquet. All of them run at once in one process: most of their time is waiting.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.gateway import Gateway
from capture.gateway.feed import Feed
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.schemas import TABLES
from capture.wanted.settings import RecordBlock, Settings
from capture.wanted.streams import BAR_DURATIONS, KINDS
from capture.wire.messages.message import NEWEST_VERSION, OLDEST_VERSION

pytestmark = pytest.mark.slow

START_US = 1_795_000_000_000_000  # some weekday in November 2026
SPEED = 12.0  # a 5-second bar every 0.4 s
RECORD_S = 0.3  # from when every stream has brought something
DEADLINE_S = 50.0
VERSIONS = range(OLDEST_VERSION, NEWEST_VERSION + 1)
AT_ONCE = 11  # gateways and recorders that run together
SENT_ALL = "all is sent"

OPTION = "OPT:AAPL:20261218:250:C"
RECORD: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": [
        "trades", "last", "quotes", "midpoints", "ticks:233,236,258,456", "depth:5", "smart_depth:10", "bars",
        "live_bars:5 secs"]},
    {"instruments": [OPTION], "streams": ["ticks:100,101,106"]},
]  # fmt: skip
MORE: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": ["bars:MIDPOINT", "bars:BID", "bars:ASK"]},
    {"instruments": ["ESZ6"], "streams": ["trades", "quotes", "depth", "bars", "live_bars:30 secs"]},
    {"instruments": ["EUR.USD"], "streams": ["quotes", "midpoints", "ticks", "depth"]},
    {"instruments": ["IND:SPX@CBOE"], "streams": ["ticks"]},
]
# A client older than 163 has no market data of instruments with fractional sizes: code 10285.
COIN: dict[str, Any] = {"instruments": ["CRYPTO:BTC.USD@PAXOS"], "streams": ["quotes", "midpoints", "ticks", "depth"]}
WHOLE = (OLDEST_VERSION, 163, 164, 176, 193, 196, NEWEST_VERSION)  # versions with MORE
NOT_OF_THE_GATEWAY = frozenset({"origin", "ts", "seq", "row", "recorder"})  # said by the recorder, not by the gateway

Row = dict[str, Any]


@dataclass
class Recording:
    """What one gateway sent, by table and request id in the order of sending, and where the recorder's lake is."""

    layout: Layout
    sent: dict[tuple[str, int], list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    words: list[tuple[str, str]] = field(default_factory=list)
    requests: dict[int, tuple[str, int]] = field(default_factory=dict)  # id -> stream and instrument id
    exit_code: int | None = None

    def take(self, _client: int, request_id: int, _stream: str, table: str, rows: pa.Table) -> None:
        """Be the gateway's `on_rows`."""
        self.sent[table, request_id].append(rows)

    def sent_rows(self, table: str, request_id: int) -> pa.Table:
        """Return all that was sent for a request, in order."""
        return pa.concat_tables(self.sent[table, request_id], promote_options="default")

    def stored(self, table: str) -> pa.Table:
        """Return what the files hold, in the order of arrival."""
        parts = [pq.read_table(path, partitioning=None)
                 for path in sorted(self.layout.live(table).glob("date=2*/*.parquet"))]
        rows = pa.concat_tables(parts) if parts else TABLES[table].schema.empty_table()
        return rows.sort_by([("seq", "ascending"), ("row", "ascending")])


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - a test looks at what it cannot wait for
            await asyncio.sleep(0.01)


async def recorded(
    data: Path, feed: Feed, version: int, record: list[dict[str, Any]] = RECORD, *, speed: float = SPEED,
    unsubscribed: frozenset[int] = frozenset(), **settings: Any,
) -> Recording:  # fmt: skip
    """Record a gateway of a server version for a while; returns once all that it sent is in Parquet."""
    recording = Recording(Layout(data))
    gateway = Gateway(feed, start_us=START_US, speed=speed, limits=None, newest_version=version,
                      unsubscribed=unsubscribed, on_rows=recording.take)  # fmt: skip
    async with gateway:
        blocks = [RecordBlock(**block) for block in record]
        own = Settings(data=data, port=gateway.port, record=blocks, requests_per_second=1000, **settings)
        recorder = Recorder(own, say=lambda *words: recording.words.append(words), roll=False)
        running = asyncio.create_task(recorder.run())
        streams = recorder.machine.subscriptions.all
        await until(lambda: running.done() or all(s.request_id or s.life == "refused" for s in streams))
        recording.requests = {s.request_id: (s.stream.kind.stream, s.contract.con_id)
                              for s in streams if s.request_id and s.contract}  # fmt: skip
        await until(lambda: recording.requests.keys() <= {request_id for _, request_id in recording.sent})
        await asyncio.sleep(RECORD_S)
        for client in gateway.state.clients:
            await until(lambda client=client: not client.tasks)  # type: ignore[misc]  # bound at once
            for family, request_id in list(client.subscriptions):
                client.unsubscribe(family, request_id)
            client.error(-1, 99_999, SENT_ALL)  # the line keeps its order: once this is heard, all is
        await until(lambda: any(SENT_ALL in text for _, text in recording.words))
        recorder.stop("enough")
        recording.exit_code = await running
    await asyncio.to_thread(roll, recording.layout)
    return recording


def roll(layout: Layout) -> None:
    prepare(layout)
    for _ in Roller(layout, "main").roll():
        pass


async def recorded_all(folder: Path, versions: Iterable[int]) -> dict[int, Recording]:
    feed = Market()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(version: int) -> Recording:
        async with room:
            record = [*RECORD, *(MORE if version in WHOLE else []), *([COIN] if version in WHOLE[1:] else [])]
            return await recorded(folder / str(version), feed, version, record)

    versions = list(versions)
    return dict(zip(versions, await asyncio.gather(*map(one, versions)), strict=True))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Recording]:
    """A recording of each server version."""
    return asyncio.run(recorded_all(tmp_path_factory.mktemp("lakes"), VERSIONS))


def comparable(sent: pa.Table, stored: pa.Table) -> tuple[list[Row], list[Row]]:
    """Return both sides with the columns that the gateway set and the recorder did not have to find out itself."""
    names = [name for name in sent.column_names if name in stored.column_names and name not in NOT_OF_THE_GATEWAY]
    if "form" in names:  # of the bars in an answer the gateway does not say what they are
        place = sent.schema.get_field_index("form")
        sent = sent.set_column(place, "form", sent["form"].cast(pa.string()).fill_null("history"))
    said = [{name: value if value != "" else None for name, value in row.items()}  # an empty text is stored as a null
            for row in sent.select(names).to_pylist()]  # fmt: skip
    return said, stored.select(names).to_pylist()


def first_difference(sent: list[Row], stored: list[Row]) -> str:
    """Return where two lists of rows differ first, column by column; nothing where they are equal."""
    for number, (one, other) in enumerate(zip(sent, stored, strict=True)):
        if one != other:
            return f"row {number}: " + ", ".join(
                f"{name}: sent {one[name]!r}, stored {other[name]!r}" for name in one if one[name] != other[name])
    return ""


def check(recording: Recording, table: str) -> int:
    """Compare a table with what was sent, and return how many rows that were."""
    stored = recording.stored(table)
    ids = stored["request_id"].to_numpy()
    requests = {request_id for name, request_id in recording.sent if name == table}
    assert set(ids.tolist()) == {r for r in requests if recording.sent_rows(table, r).num_rows}
    for request_id in requests:
        rows = stored.filter(pa.array(ids == request_id))
        sent = recording.sent_rows(table, request_id)
        stream, instrument_id = recording.requests[request_id]
        assert len(rows) == len(sent), (table, stream, instrument_id)
        one, other = comparable(sent, rows)
        assert not first_difference(one, other), (table, stream, instrument_id, first_difference(one, other))
        assert set(rows["stream"].to_pylist()) == {stream}
        assert set(rows["instrument_id"].to_pylist()) == {instrument_id}
    return len(stored)


def test_the_streams_here_are_all_there_are() -> None:
    words = {word.partition(":")[0] for block in RECORD for word in block["streams"]}
    assert words == {kind.word for kind in KINDS}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_sent_is_stored_with_its_values(recordings: dict[int, Recording], version: int) -> None:
    recording = recordings[version]
    assert recording.exit_code == 0, recording.words
    assert not any(level == "error" for level, _ in recording.words), recording.words
    counts = {name: check(recording, name) for name in
              ("trades", "quotes", "midpoints", "ticks", "depth", "bars", "greeks")}  # fmt: skip
    assert all(count > 0 for count in counts.values()), counts
    assert not len(recording.stored("undecoded"))
    opened = recording.stored("sessions").to_pylist()[0]
    assert opened["server_version"] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_every_wanted_stream_brought_rows(recordings: dict[int, Recording], version: int) -> None:
    recording = recordings[version]
    brought = {request_id for _, request_id in recording.sent}
    silent = {recording.requests[request_id] for request_id in recording.requests.keys() - brought}
    assert not silent


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints", "ticks", "depth", "greeks"])
def test_rows_are_stored_in_the_order_of_sending(recordings: dict[int, Recording], table: str) -> None:
    """Across requests too: the gateway sends by its own time, which a row's place among those of its request tells."""
    recording = recordings[NEWEST_VERSION]
    times = {r: iter(recording.sent_rows(table, r)["ts"].to_pylist()) for name, r in recording.sent if name == table}
    in_order = [next(times[request_id]) for request_id in recording.stored(table)["request_id"].to_pylist()]
    assert in_order == sorted(in_order)


BARS = {(size, ("TRADES", "MIDPOINT", "BID", "ASK")[number % 4]) for number, size in enumerate(BAR_DURATIONS)}


def test_every_bar_size_and_kind_is_stored(tmp_path: Path) -> None:
    words = [f"live_bars:{size}:{what}" for size, what in BARS]
    record = [{"instruments": ["AAPL"], "streams": words}]
    recording = asyncio.run(recorded(tmp_path / "data", Market(), NEWEST_VERSION, record))
    assert recording.exit_code == 0, recording.words
    assert check(recording, "bars") > len(words)
    bars = recording.stored("bars")
    found = set(zip(bars["bar_size"].to_pylist(), bars["what"].to_pylist(), strict=True))
    assert found == BARS


@pytest.mark.parametrize("version", [OLDEST_VERSION, NEWEST_VERSION])
def test_delayed_data_is_stored_as_delayed(tmp_path: Path, version: int) -> None:
    record = [{"instruments": ["AAPL", OPTION], "streams": ["ticks"]}]
    aapl = 265598
    recording = asyncio.run(recorded(tmp_path / "data", Market(rate=3), version, record,
                                     unsubscribed=frozenset({aapl}), data_type="delayed"))  # fmt: skip
    assert check(recording, "ticks") > 0
    ticks = recording.stored("ticks").to_pylist()
    assert {row["origin"] for row in ticks if row["instrument_id"] == aapl} == {"delayed"}
