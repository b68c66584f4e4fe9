import pytest

from capture.recorder import arrivals as module
from capture.recorder.arrivals import Arrivals
from capture.wire.context import Context
from capture.wire.line import Line
from capture.wire.text.codec import answer_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ServerHello, server_hello


def ticks(*request_ids: int) -> bytes:
    codec = answer_codec(200)
    return b"".join(frame(codec.encode("tick_size", request_id=i, tick_type=0, size=1)) for i in request_ids)


def test_rows_are_counted_over_reads_that_cut_frames_anywhere() -> None:
    line, arrivals = Line(), Arrivals()
    data = server_hello(ServerHello(200, "x")) + ticks(*[1, 2, 2, 300] * 50)
    for at in range(0, len(data), 37):
        read = line.received(data[at : at + 37])
        arrivals.add(read, line.context.server_version or 0, 0)
    assert arrivals.take() == {1: 50, 2: 100, 300: 50}
    assert arrivals.take() == {}


def test_reads_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    line, arrivals = Line(context=Context(200)), Arrivals()
    for _ in range(100):
        arrivals.add(line.received(ticks(5)), 200, 0)
        assert sum(len(read.data) for read, _ in arrivals._reads) < 1000
    assert arrivals.take() == {5: 100}


def test_a_session_begins_without_the_rows_of_the_one_before() -> None:
    line, arrivals = Line(context=Context(200)), Arrivals()
    arrivals.add(line.received(ticks(5)), 200, 0)
    arrivals.begin()
    assert arrivals.take() == {}
