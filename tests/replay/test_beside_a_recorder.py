"""Replays that go on beside real processes: a recorder that is killed and started anew, its roller, and their gateway.

One is an iterator, one a gateway with a client.
"""

import asyncio
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture import Lake, open_lake
from capture.gateway.control.command_socket import ask as control
from capture.lake.layout import Layout, read_rolled
from tests.gateway.conftest import Peer
from tests.kills.process import TICKTAPE, RecorderProcess, gateway, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DEADLINE_S = 240.0
FOLLOWED = ["trades", "quotes", "depth", "sessions", "subscriptions"]
STREAMS = "trades,quotes,depth:5"
AAPL, ESZ6 = 265598, 649180695
ASKED = {1: (AAPL, "AllLast", "price"), 2: (AAPL, "BidAsk", "bid_price"), 3: (ESZ6, "BidAsk", "bid_price")}
LINE = [1100, 1102, 1100]  # the recorder is killed, comes back, and ends


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.1)


class Listener(threading.Thread):
    """Takes what a replay brings until it is told to stop."""

    def __init__(self, lake: Lake) -> None:
        super().__init__()
        self.replay = lake.replay(tables=FOLLOWED, follow=True)
        self.places: list[tuple[Any, ...]] = []
        self.edges: list[int] = []  # how many had come when the next came together
        self.stops = False

    def run(self) -> None:
        steps = self.replay._steps(4096)
        for step in steps:
            if not isinstance(step, float):
                self.edges += [len(self.places)] * (not self.places or step.live)
                self.places += [(one.ts, one.recorder, one.seq, one.row, one.table) for one in step.records()]
            elif self.stops:
                break
        steps.close()


class Client(threading.Thread):
    """A client of `ticktape gateway --then-live`, from the first row that was recorded on."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        options = ["--port", "0", "--data", str(data), "--replay", "+0", "--speed", "max", "--then-live",
                   "--start-paused", "--lines", "0"]  # fmt: skip
        self.gateway = subprocess.Popen([*TICKTAPE, "gateway", *options], stdout=subprocess.PIPE)
        assert self.gateway.stdout
        self.port = int(self.gateway.stdout.readline().rpartition(b":")[2])
        self.found: dict[int, list[float]] = {request_id: [] for request_id in ASKED}
        self.codes: list[int] = []

    def run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        gateway: Any = self  # all that is asked of it is its port
        peer = await Peer.connect(gateway)
        for request_id, (con_id, kind, _) in ASKED.items():
            peer.send("req_tick_by_tick", request_id=request_id, con_id=con_id, tick_kind=kind)
        await peer.writer.drain()
        peer.send("req_current_time")
        await peer.until("current_time")
        await asyncio.to_thread(control, self.port, "resume", [])
        while data := await peer.reader.read(65_536):
            peer.events(data)
            for answer in peer.answers:
                if answer.name == "tick_by_tick":
                    id_ = answer.values["request_id"]
                    self.found[id_].append(answer.values[ASKED[id_][2]])
                elif answer.name == "error" and answer.values["code"] in LINE:
                    self.codes.append(answer.values["code"])
            peer.answers.clear()
        await peer.close()

    def end(self) -> None:
        self.gateway.terminate()
        self.gateway.wait()
        self.join()


def prices(data: Path, request_id: int, live_only: bool = False) -> list[float]:
    """What a request of the client is answered by, in order, with or without what history restored."""
    con_id, kind, column = ASKED[request_id]
    with open_lake(data) as lake:
        return [price for (price,) in lake.sql(f"""
            select {column} from {"trades" if kind == "AllLast" else "quotes"} where instrument_id = {con_id}
            and (origin <> 'backfill' or not {live_only}) order by ts, seq, "row" """).rows()]


def is_within(part: list[float], whole: list[float]) -> bool:
    """Whether all of a list is in another, in that order."""
    rest = iter(whole)
    return all(one in rest for one in part)


def there(data: Path) -> list[tuple[Any, ...]]:
    with open_lake(data) as lake:
        parts = (f'select ts, recorder, seq, "row", \'{table}\' from {table}' for table in FOLLOWED)
        return lake.sql(" union all ".join(parts)).rows()


def test_each_row_comes_once_though_the_recorder_is_killed_and_rolled(tmp_path: Path) -> None:
    data = tmp_path / "data"
    layout = Layout(data)

    def mark() -> int:
        position = read_rolled(layout, "main")
        return position.mark if position else 0

    with gateway(1, 4.0) as port, (tmp_path / "words").open("w") as words:
        def started() -> RecorderProcess:
            return RecorderProcess(data, 7, port, ["AAPL", "ESZ6"], STREAMS, words)

        recorder, client = started(), None
        try:
            wait_for(lambda: mark() > 3)
            with open_lake(data) as lake:
                listener = Listener(lake)
            listener.start()
            client = Client(data)
            client.start()
            wait_for(lambda: len(listener.edges) > 3 and all(client.found.values()))
            recorder.kill()
            begun = mark()
            recorder = started()
            wait_for(lambda: mark() > begun + 3)
            recorder.process.terminate()
            assert recorder.process.wait(DEADLINE_S) in (0, 3)
            wait_for(lambda: len(listener.places) >= len(there(data)))
            wait_for(lambda: all(len(found) >= len(prices(data, id_, True)) for id_, found in client.found.items()))
            wait_for(lambda: len(client.codes) >= len(LINE))
        finally:
            for process in (recorder.process, *processes_of(data)):
                process.kill()
            listener.stops = True
            listener.join()
            if client is not None:
                client.end()
    found, expected = listener.places, there(data)
    assert len(expected) > 500 and {row[-1] for row in expected} == set(FOLLOWED)
    assert Counter(found) == Counter(expected)
    for begin, end in zip(listener.edges, [*listener.edges[1:], len(found)], strict=True):
        assert found[begin:end] == sorted(found[begin:end], key=lambda row: row[:4])
    for request_id, sent in client.found.items():
        assert len(sent) > 20
        assert is_within(prices(data, request_id, True), sent), "each row that came live was sent, in order"
        assert is_within(sent, prices(data, request_id)), "and none twice"
    assert client.codes == LINE
