"""A replay that follows real processes: a recorder that is killed and started anew, its roller, and their gateway."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture import Lake, open_lake
from capture.lake.layout import Layout, read_rolled
from tests.kills.process import RecorderProcess, gateway, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DEADLINE_S = 240.0
FOLLOWED = ["trades", "quotes", "depth", "sessions", "subscriptions"]
STREAMS = "trades,quotes,depth:5"


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

        recorder = started()
        try:
            wait_for(lambda: mark() > 3)
            with open_lake(data) as lake:
                listener = Listener(lake)
            listener.start()
            wait_for(lambda: len(listener.edges) > 3)
            recorder.kill()
            begun = mark()
            recorder = started()
            wait_for(lambda: mark() > begun + 3)
            recorder.process.terminate()
            assert recorder.process.wait(DEADLINE_S) in (0, 3)
            wait_for(lambda: len(listener.places) >= len(there(data)))
        finally:
            for process in (recorder.process, *processes_of(data)):
                process.kill()
            listener.stops = True
            listener.join()
    found, expected = listener.places, there(data)
    assert len(expected) > 500 and {row[-1] for row in expected} == set(FOLLOWED)
    assert Counter(found) == Counter(expected)
    for begin, end in zip(listener.edges, [*listener.edges[1:], len(found)], strict=True):
        assert found[begin:end] == sorted(found[begin:end], key=lambda row: row[:4])
