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
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.sealed import sealed_through
from capture.lake.sealing import Sealer
from capture.lake.views import prepare

LASTS_S = float(os.environ.get("READERS_S", "30"))
DAY_S = 2.0  # how long a day takes here
ROLLS_A_DAY, TRADES_A_ROLL = 4, 50
READERS = ("views", "lake", "bars", "archive")
READER = Path(__file__).parent / "readers" / "reader.py"
BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Patient(Sealer):
    """Settles and clears not after some seconds, but when each reader has answered all that it was asked before.

    The product's seconds are longer than any question takes; on a busy machine no short ones are.
    """

    def __init__(self, layout: Layout, **clock: Any) -> None:
        super().__init__(layout, grace_s=-1, **clock)

    def settle(self) -> None:
        asked = self._asked()
        gives_up_s = time.monotonic() + 120
        # Two answers: the first may be of a question from before, whose files had been listed already.
        while any(now < then + 2 for now, then in zip(self._asked(), asked, strict=True)):
            assert time.monotonic() < gives_up_s, "a reader has ended"
            time.sleep(0.01)

    def clearable(self) -> list[Path]:
        found = super().clearable()
        self.settle()
        return found

    def _asked(self) -> list[int]:
        files = [self.layout.root / f"asked.{kind}" for kind in READERS]
        return [file.stat().st_size if file.exists() else 0 for file in files]


class Writer:
    """Writes days of trades, one number after the other, and rolls them; seals beside that what is over."""

    def __init__(self, data: Path, make: Callable[..., Any]) -> None:
        self.data, self.layout = data, Layout(data)
        self.now_ns = int(BEGIN.timestamp() * 1e9)
        self.written = 0
        self.done = threading.Event()
        self.sealer = Patient(self.layout, now_s=lambda: self.now_ns / 1e9)
        self.clearer = Patient(self.layout)  # by the files' own times, which are today's
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
@pytest.mark.timeout(LASTS_S + 900)
def test_no_answer_is_wrong_while_the_lake_is_rolled_and_sealed(writer: Writer) -> None:
    sealing = threading.Thread(target=writer.seal)
    readers = {kind: subprocess.Popen([sys.executable, READER, kind, writer.data], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
               for kind in READERS}
    sealing.start()
    try:
        writer.write(LASTS_S)
    finally:
        writer.done.set()
        sealing.join()
        (writer.data / "done").touch()
        answers = {kind: (*reader.communicate(timeout=240), reader.returncode) for kind, reader in readers.items()}
    assert {kind: (err, code) for kind, (_, err, code) in answers.items()} == dict.fromkeys(answers, ("", 0))
    asked = {kind: [int(word) for word in out.split()] for kind, (out, _, _) in answers.items()}
    print(asked)
    assert all(questions > 5 for questions, _ in asked.values())
    assert asked["lake"][1] == asked["views"][1] == writer.written
    assert asked["archive"][1] >= 2  # days that were sealed meanwhile
    assert sealed_through(writer.layout, "trades") > BEGIN.date()
    days = (datetime.fromtimestamp(writer.now_ns / 1e9, UTC) - BEGIN).days
    assert len(list(writer.layout.live("trades").glob("date=2*"))) < days  # some were cleared
    verifier = Verifier(writer.layout, "main")
    list(verifier.ranges())
    assert verifier.findings + foreign(writer.layout) == []
