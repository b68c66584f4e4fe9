"""A gateway that plays what was recorded and goes on with what a recorder writes, as its clients see it."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from capture import Lake, open_lake
from capture.gateway import Clock, Gateway
from capture.gateway.market import Market
from capture.gateway.recorded import Recording, growing
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings
from capture.wire.text.codec import Decoded
from tests import virtual_time
from tests.gateway.conftest import Peer, Sent

from .conftest import AAPL, ESZ6, EURUSD, HASTY, MSFT, START_US, rows

pytestmark = pytest.mark.slow

RATE = 0.3
SPEED = 10.0
PAST_S = 30.0  # is recorded before the replay begins
DROP_S, STOP_S, AGAIN_S, END_S = 45.0, 60.0, 68.0, 85.0  # since the beginning
ROLL_S = 4.0
# Request -> table, stream, contract, and what is asked for.
ASKED: dict[int, tuple[str, str, int, str, dict[str, Any]]] = {
    1: ("trades", "all_last", AAPL, "req_tick_by_tick", {"tick_kind": "AllLast"}),
    2: ("quotes", "quotes", AAPL, "req_tick_by_tick", {"tick_kind": "BidAsk"}),
    3: ("quotes", "quotes", ESZ6, "req_tick_by_tick", {"tick_kind": "BidAsk"}),
    4: ("trades", "all_last", MSFT, "req_tick_by_tick", {"tick_kind": "AllLast"}),
    5: ("depth", "depth", ESZ6, "req_market_depth", {"rows": 5}),
    6: ("ticks", "ticks", AAPL, "req_market_data", {}),
}
LATE = 8
WANTED = ASKED | {LATE: ("midpoints", "midpoints", EURUSD, "req_tick_by_tick", {"tick_kind": "MidPoint"})}
BLOCKS: list[dict[str, Any]] = [
    {"instruments": ["AAPL"], "streams": ["trades", "quotes", "ticks"]},
    {"instruments": ["MSFT"], "streams": ["trades"]},
    {"instruments": ["ESZ6"], "streams": ["quotes", "depth:5"]}]  # fmt: skip
LATER: list[dict[str, Any]] = [{"instruments": ["EUR.USD"], "streams": ["midpoints"]}]


class Scene:
    """Recorders of an invented market, a gateway that plays what they write, and a client of it."""

    def __init__(self, data: Path, source: Gateway) -> None:
        self.data, self.source = data, source
        self.sent = Sent()
        self.recorders: list[tuple[Recorder, asyncio.Task[Any]]] = []
        self.told: list[dict[str, Any]] = []  # how things stood, as commands tell it
        self.streamed: dict[int, list[dict[str, Any]]] = {}  # rows by request, before the replay was moved back
        self.before: list[Decoded] = []  # what the client had heard by then
        self.sought_us = 0

    def record(self, blocks: list[dict[str, Any]], name: str = "main", client_id: int = 1) -> None:
        settings = Settings(data=self.data, port=self.source.port, record=[RecordBlock(**block) for block in blocks],
                            requests_per_second=1000, market_data_lines=0, recorder=name, client_id=client_id)
        recorder = Recorder(settings, say=lambda *_: None, roll=False)
        self.recorders.append((recorder, asyncio.create_task(recorder.run())))

    async def stop(self) -> None:
        for recorder, running in self.recorders:
            recorder.stop("enough")
            await running
        self.recorders = []

    async def until(self, at_s: float) -> None:
        """Let time pass, and roll what is recorded meanwhile."""
        while (now_s := asyncio.get_running_loop().time()) < at_s:
            await asyncio.sleep(min(ROLL_S, at_s - now_s))
            for name in Layout(self.data).recorders():
                list(Roller(Layout(self.data), name).roll())

    def ask(self, peer: Peer, request_id: int) -> None:
        _, _, con_id, name, more = WANTED[request_id]
        peer.send(name, request_id=request_id, con_id=con_id, **more)

    async def play(self, lake: Lake) -> None:
        """Live through it as a client, from the past on into what comes."""
        recording = Recording(lake, grows=True)
        clock = Clock(recording.begin_us, SPEED, (recording.begin_us, recording.end_us - 1), True, grows=True)
        async with Gateway(recording, clock=clock, limits=None, on_rows=self.sent) as gateway:
            peer = await Peer.connect(gateway)
            for request_id in ASKED:
                self.ask(peer, request_id)
            reading = asyncio.create_task(peer.closed(timeout_s=1_000.0))
            with growing(recording, clock):
                gateway.control("resume")
                await self.until(PAST_S + 2.0)
                self.told.append(gateway.control("status"))
                await self.until(DROP_S)
                self.told.append(gateway.control("status"))
                self.source.control("refuse", 2.0)
                self.source.control("drop")
                await self.until(STOP_S)
                await self.stop()
                await self.until(AGAIN_S)
                self.record(BLOCKS)
                self.record(LATER, "second", 2)
                await self.until(END_S)
                peer.send("req_contract_details", request_id=7, con_id=EURUSD)
                self.ask(peer, LATE)
                await self.until(END_S + 8.0)
                await self.stop()
                await self.until(END_S + 14.0)
                self.told.append(gateway.control("status"))
                self.streamed = {id_: self.sent.rows(id_, table) for id_, (table, *_) in WANTED.items()}
                self.before = list(peer.answers)
                self.sent.by_request.clear()
                gateway.control("seek", "-60")
                self.sought_us = clock.now_us()
                await self.until(END_S + 30.0)
            await peer.close()
            await reading

Lived = tuple[Scene, Lake]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    data = tmp_path_factory.mktemp("then_live") / "data"

    async def live() -> Scene:
        prepare(Layout(data))
        async with Gateway(Market(rate=RATE), start_us=START_US, limits=None) as source:
            scene = Scene(data, source)
            scene.record(BLOCKS)
            await scene.until(PAST_S)
            with open_lake(data) as lake:
                await scene.play(lake)
            return scene

    hasty = {**HASTY, "capture.gateway.recorded.growth.POLL_INTERVAL_S": 0.5}
    with ExitStack() as stack:
        for name, value in hasty.items():
            stack.enter_context(patch(name, value))
        scene = virtual_time.run(live(), START_US)
    with open_lake(data) as lake:
        yield scene, lake


def stored(lake: Lake, request_id: int, condition: str = "true") -> list[tuple[int, int]]:
    """The places of the rows that answer a request, in order."""
    table, stream, con_id, _, _ = WANTED[request_id]
    query = f"""select seq, "row" from "{table}" where instrument_id = {con_id} and stream in ('{stream}', 'history')
                and {condition} order by ts, seq, "row" """
    return [(row["seq"], row["row"]) for row in rows(lake, query)]


def places(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The places of rows that were recorded: without what is made to begin a stream, and the resets of books."""
    return [(row["seq"], row["row"]) for row in found if row["seq"] and row["row"] >= 0]


@pytest.mark.parametrize("request_id", ASKED)
def test_each_row_comes_once_and_in_order_from_the_past_into_the_present(lived: Lived, request_id: int) -> None:
    scene, lake = lived
    found = places(scene.streamed[request_id])
    every, live = stored(lake, request_id), stored(lake, request_id, "origin <> 'backfill'")
    assert len(live) > 20 and set(live) <= set(found) <= set(every)
    assert found == [place for place in every if place in set(found)], "in order, and none twice"
    if ASKED[request_id][3] == "req_tick_by_tick":
        assert len([one for one in scene.before if one.name == "tick_by_tick"
                    and one.values["request_id"] == request_id]) == len(found)


def test_the_past_is_played_at_speed_and_the_present_as_it_comes(lived: Lived) -> None:
    scene, _ = lived
    past, present, end = scene.told
    assert (past["state"], present["state"], end["state"]) == ("running", "live", "live")
    assert past["time"] == "2026-11-18T15:00:20.00001Z", "two seconds at ten times the speed"
    assert "2026-11-18T15:00:43" < present["time"] <= "2026-11-18T15:00:45"
    assert not [one for one in scene.before if one.values.get("code") == 2199], "it is at no end"


def test_a_line_that_is_lost_is_told_and_that_it_is_back(lived: Lived) -> None:
    scene, _ = lived
    told = [one.values["code"] for one in scene.before if one.values.get("code") in (1100, 1101, 1102)]
    assert told == [1100, 1102, 1100, 1102, 1100], "a drop, a stop, and the end"


def test_what_another_recorder_begins_to_record_can_be_asked_for(lived: Lived) -> None:
    scene, lake = lived
    details = [one.values for one in scene.before if one.name == "contract_details"]
    assert [one["symbol"] for one in details] == ["EUR"]
    every, found = stored(lake, LATE), places(scene.streamed[LATE])
    assert found and found == every[len(every) - len(found) :]


@pytest.mark.parametrize("request_id", ASKED)
def test_moved_back_it_plays_what_was_live_and_what_history_restored(lived: Lived, request_id: int) -> None:
    scene, lake = lived
    begin_us = f"epoch_us(ts) >= {scene.sought_us}"
    wanted, again = stored(lake, request_id, begin_us), places(scene.sent.rows(request_id, ASKED[request_id][0]))
    begins = len(again) - len(wanted)  # level 1 and books begin with how they stand
    assert begins == 0 or ASKED[request_id][1] in ("ticks", "depth")
    assert len(wanted) > 10 and again[begins:] == wanted
    if request_id == 3:
        assert stored(lake, request_id, f"{begin_us} and origin = 'backfill'")
