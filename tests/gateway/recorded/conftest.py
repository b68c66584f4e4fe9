"""Two recordings of the invented market, made in virtual time: a quiet one, and one on which the line broke."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from capture import Lake, open_lake
from capture.gateway import Clock, Gateway
from capture.gateway.market import Market
from capture.gateway.recorded import Recording
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings
from tests import virtual_time
from tests.gateway.conftest import Peer

SECOND_US = 1_000_000
START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp()) * SECOND_US  # a Wednesday, all markets open
RATE = 0.2
# Coarser steps of time than the gateway's own save most of it.
HASTY: dict[str, Any] = {"capture.gateway.client.TICK_S": 0.2, "capture.gateway.streamer.LONGEST_US": 30 * SECOND_US}
QUIET_S, BROKEN_S, ROLL_S = 130.0, 130.0, 20.0
AAPL, MSFT, ESZ6, EURUSD, OPTION = 265598, 272093, 649180695, 12087792, 700046513

BLOCKS: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": [
        "trades", "last", "quotes", "midpoints", "ticks:233,236", "depth:5", "smart_depth:10", "bars",
        "live_bars:1 min"]},
    {"instruments": ["MSFT"], "streams": ["trades", "quotes"]},
    {"instruments": ["ESZ6"], "streams": ["trades", "quotes", "depth:5", "bars:MIDPOINT"]},
    {"instruments": ["EUR.USD"], "streams": ["midpoints", "ticks"]},
    {"instruments": ["OPT:AAPL:20261218:250:C"], "streams": ["ticks:100,101,106"]},
]  # fmt: skip
FAULTS: list[tuple[float, tuple[Any, ...]]] = [
    (30.0, ("refuse", 8.0)), (30.0, ("drop",)), (60.0, ("reset",)), (70.0, ("farm", "usfarm", 4.0)),
    (85.0, ("outage", "kept", 5.0))]  # fmt: skip

Row = dict[str, Any]


def settings(data: Path, port: int) -> Settings:
    """Settings that record all of it; tick-by-tick requests are not paced."""
    return Settings(data=data, port=port, record=[RecordBlock(**block) for block in BLOCKS], requests_per_second=1000,
                    market_data_lines=0)  # fmt: skip


async def record(data: Path, seconds: float, faults: list[tuple[float, tuple[Any, ...]]]) -> None:
    """Record the invented market, breaking the gateway at some seconds."""
    prepare(Layout(data))
    async with Gateway(Market(rate=RATE), start_us=START_US, limits=None) as gateway:
        recorder = Recorder(settings(data, gateway.port), say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run(for_s=seconds))
        loop = asyncio.get_running_loop()
        for at_s, command in faults:
            loop.call_later(at_s, partial(gateway.control, *command))
        while not running.done():  # what is rolled says which gaps wait for history
            await asyncio.wait([running], timeout=ROLL_S)
            roll(data)


def roll(data: Path) -> None:
    for _ in Roller(Layout(data), "main").roll():
        pass


def recorded(data: Path, seconds: float, faults: list[tuple[float, tuple[Any, ...]]]) -> Path:
    with ExitStack() as stack:
        for name, value in HASTY.items():
            stack.enter_context(patch(name, value))
        virtual_time.run(record(data, seconds, faults), START_US)
    return data


@pytest.fixture(scope="session")
def quiet_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("quiet") / "data", QUIET_S, [])


@pytest.fixture(scope="session")
def broken_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("broken") / "data", BROKEN_S, FAULTS)


@pytest.fixture(scope="session")
def lake(quiet_data: Path) -> Iterator[Lake]:
    with open_lake(quiet_data) as found:
        yield found


@pytest.fixture(scope="session")
def broken_lake(broken_data: Path) -> Iterator[Lake]:
    with open_lake(broken_data) as found:
        yield found


@pytest.fixture(scope="session")
def recording(lake: Lake) -> Recording:
    return Recording(lake)


@pytest.fixture(scope="session")
def broken(broken_lake: Lake) -> Recording:
    return Recording(broken_lake)


def rows(lake: Lake, query: str) -> list[Row]:
    """The answer to a query, as dicts."""
    found: list[Row] = lake.sql(query).arrow().to_pylist()
    return found


def replay(recording: Recording, start_us: int | None = None, speed: float = 1.0, paused: bool = True,
           **options: Any) -> Gateway:  # fmt: skip
    """A gateway that plays a recording, not started yet."""
    clock = Clock(recording.begin_us if start_us is None else start_us, speed,
                  (recording.begin_us, recording.end_us), paused)  # fmt: skip
    return Gateway(recording, clock=clock, limits=None, **options)


@asynccontextmanager
async def playing(gateway: Gateway, newest: int = 200) -> Any:
    """A client of a gateway that plays."""
    async with gateway:
        peer = await Peer.connect(gateway, newest=newest)
        try:
            yield peer
        finally:
            await peer.close()


async def ended(gateway: Gateway) -> None:
    """Wait until a replay is at its end."""
    async with asyncio.timeout(120):
        while not gateway.clock.ended:  # noqa: ASYNC110 - a test looks at what it cannot wait for
            await asyncio.sleep(0.01)


