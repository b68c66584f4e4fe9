"""Readers of every kind ask a lake all the time while it is rolled, sealed and cleared; READERS_S says for how long."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealed import sealed_through
from capture.lake.sealing import Sealer
from capture.lake.verify import Verifier, foreign
from capture.lake.views import prepare

LASTS_S = float(os.environ.get("READERS_S", "60"))
DAY_S = 2.0  # how long a day takes here
ROLLS_A_DAY, TRADES_A_ROLL = 4, 50
SETTLE_S, GRACE_S = 3.0, 15.0  # shorter than the product's, and longer than any question takes here
READER = Path(__file__).parent / "readers" / "reader.py"
BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Writer:
    """Writes days of trades, one number after the other, and rolls them; seals beside that what is over."""

    def __init__(self, data: Path, make: Callable[..., Any]) -> None:
        self.data, self.layout = data, Layout(data)
        self.now_ns = int(BEGIN.timestamp() * 1e9)
        self.written = 0
        self.done = threading.Event()
        self.sealer = Sealer(self.layout, settle_s=SETTLE_S, now_s=lambda: self.now_ns / 1e9)
        self.clearer = Sealer(self.layout, grace_s=GRACE_S)  # by the files' own times, which are today's
        self.script = make(data, now=self._tick)
        prepare(self.layout)
        self.script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
        self._say()

    def write(self, lasts_s: float) -> None:
        """Write and roll, day after day."""
        roller = Roller(self.layout, "main")
        ends_s = time.monotonic() + lasts_s
        while time.monotonic() < ends_s:
            for _ in range(ROLLS_A_DAY):
                self._trades()
                list(roller.roll())
                time.sleep(DAY_S / ROLLS_A_DAY)
            self.now_ns += int(timedelta(days=1).total_seconds() * 1e9)
        self.done.set()

    def seal(self) -> None:
        """Seal and clear, again and again."""
        while not self.done.wait(0.2):
            list(self.sealer.seal())
            self.clearer.clear()

    def _trades(self) -> None:
        for _ in range(TRADES_A_ROLL):
            self.script.trade(5, self.written + 1, time=self.now_ns // 1_000_000_000)
            self.written += 1
        self._say()
        self.script.mark()

    def _say(self) -> None:
        new = self.data / "written.new"
        new.write_text(str(self.written))
        new.replace(self.data / "written")

    def _tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


@pytest.fixture
def writer(tmp_path: Path, script: Any) -> Iterator[Writer]:
    made = Writer(tmp_path / "lake", type(script))
    yield made
    made.script.writer.close()


@pytest.mark.slow
@pytest.mark.timeout(LASTS_S + 240)
def test_no_answer_is_wrong_while_the_lake_is_rolled_and_sealed(writer: Writer) -> None:
    sealing = threading.Thread(target=writer.seal)
    readers = {kind: subprocess.Popen([sys.executable, READER, kind, writer.data], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
               for kind in ("views", "lake", "bars", "archive")}
    sealing.start()
    try:
        writer.write(LASTS_S)
    finally:
        writer.done.set()
        sealing.join()
        (writer.data / "done").touch()
        answers = {kind: (*reader.communicate(timeout=120), reader.returncode) for kind, reader in readers.items()}
    assert {kind: (err, code) for kind, (_, err, code) in answers.items()} == dict.fromkeys(answers, ("", 0))
    asked = {kind: [int(word) for word in out.split()] for kind, (out, _, _) in answers.items()}
    print(asked)
    assert all(questions > 5 for questions, _ in asked.values())
    assert asked["lake"][1] == asked["views"][1] == writer.written
    assert asked["archive"][1] >= LASTS_S / DAY_S / 4  # days that were sealed meanwhile
    assert sealed_through(writer.layout, "trades") > BEGIN.date()
    assert len(list(writer.layout.live("trades").glob("date=2*"))) < LASTS_S / DAY_S  # some were cleared
    verifier = Verifier(writer.layout, "main")
    list(verifier.ranges())
    assert verifier.findings + foreign(writer.layout) == []
