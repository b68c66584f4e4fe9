"""What many tests need: a tape written by hand, without a socket."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from capture.tape import TapeWriter
from capture.wire.line import Line
from capture.wire.text.codec import Codec, answer_codec, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ServerHello, client_hello, server_hello
from tests.kernel.ways import WAYS, one_way

settings.register_profile("any machine", deadline=None)  # a busy one is slow, which proves nothing
settings.load_profile("any machine")

SESSION = {"host": "127.0.0.1", "port": 4002, "client_id": 7, "software": "ticktape test"}
HELLO = ServerHello(200, "20260105 14:30:00 Central European Standard Time")


class ScriptedTape:
    """Writes a tape as a recorder would: what it sends, what it receives, its marks."""

    def __init__(self, data: Path, recorder: str = "main", now: Callable[[], int] | None = None) -> None:
        clocks = {"wall_ns": now, "mono_ns": now} if now else {}
        self.data, self.recorder = data, recorder
        self.line = Line()
        self.marks = 1
        self.requests: Codec = request_codec(HELLO.server_version)
        self.answers: Codec = answer_codec(HELLO.server_version)
        (data / "tape").mkdir(parents=True, exist_ok=True)
        self.writer = TapeWriter.open(data / "tape", recorder, self.line.as_mark(1), **clocks)

    def open(self) -> "ScriptedTape":
        self.writer.opened(SESSION)
        self.line.opened(SESSION)
        self._sent(client_hello(157, 200))
        return self.receive(server_hello(HELLO))

    def request(self, name: str, **values: Any) -> "ScriptedTape":
        return self._sent(frame(self.requests.encode(name, values)))

    def ask(
        self, request_id: int, name: str, con_id: int = 265598, symbol: str = "AAPL", **values: Any
    ) -> "ScriptedTape":
        """Send a request for AAPL's data, or another instrument's."""
        contract = {"con_id": con_id, "symbol": symbol, "local_symbol": symbol, "sec_type": "STK", "exchange": "SMART"}
        return self.request(name, request_id=request_id, **contract, **values)

    def answer(self, name: str, **values: Any) -> "ScriptedTape":
        return self.receive(frame(self.answers.encode(name, values)))

    def trade(self, request_id: int, price: float, size: float = 100, time: int = 1_767_623_400) -> "ScriptedTape":
        return self.answer("tick_by_tick", request_id=request_id, kind=2, time=time, price=price, size=size, mask=0,
                           exchange="NASDAQ", conditions="")

    def receive(self, data: bytes) -> "ScriptedTape":
        self.writer.received(data)
        self.line.steer(self.line.received(data))
        return self

    def mark(self) -> "ScriptedTape":
        self.marks += 1
        self.writer.mark(self.line.as_mark(self.marks))
        return self

    def close(self, reason: str = "done") -> "ScriptedTape":
        self.writer.closed({"reason": reason})
        self.line.closed()
        return self

    def _sent(self, data: bytes) -> "ScriptedTape":
        self.writer.sent(data)
        self.line.sent(data)
        return self


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Any]]:
    """What is brought to disk, in order: inodes of files with their size, of folders with the names in them."""
    told: list[tuple[int, Any]] = []

    def telling(sync: Callable[[int], None]) -> Callable[[int], None]:
        def told_of(descriptor: int) -> None:
            sync(descriptor)
            found = os.fstat(descriptor)
            held = sorted(os.listdir(descriptor)) if stat.S_ISDIR(found.st_mode) else found.st_size
            told.append((found.st_ino, held))

        return told_of

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, telling(getattr(os, name)))
    return told


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ScriptedTape]:
    """A tape in a data folder of its own, its writer closed at the end."""
    tape = ScriptedTape(tmp_path / "data")
    yield tape
    tape.writer.close()


@pytest.fixture(params=WAYS)
def both_ways(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test with the kernel and without it; gives which."""
    with one_way(request.param):
        yield request.param


@pytest.fixture(scope="module", params=WAYS)
def module_both_ways(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs all tests of a module with the kernel, then without it: for those that hypothesis repeats."""
    with one_way(request.param):
        yield request.param
