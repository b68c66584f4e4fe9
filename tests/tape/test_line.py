"""The state of the line: however the bytes are cut, it is the same."""

import json
from itertools import pairwise
from time import process_time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.context import Context
from capture.wire.line import Line, Read
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ServerHello, client_hello, server_hello

SESSION = {"host": "127.0.0.1", "port": 4002}
HELLO = server_hello(ServerHello(200, "20260105 14:30:00 Mitteleuropäische Zeit"))
REQUESTS, ANSWERS = request_codec(200), answer_codec(200)
Messages = list[tuple[str, dict[str, Any]]]
ASKED: Messages = [
    ("start_api", {"client_id": 7}),
    ("req_market_data", {"request_id": 1, "con_id": 265598, "symbol": "AAPL"}),
    ("req_tick_by_tick", {"request_id": 2, "con_id": 265598, "symbol": "AAPL", "tick_kind": "BidAsk"}),
    ("req_market_data", {"request_id": 3, "symbol": "ES"}),
    ("cancel_market_data", {"request_id": 3}),
]
ANSWERED: Messages = [
    ("managed_accounts", {"accounts": "DU1"}),
    ("next_valid_id", {"order_id": 1}),
    *[("tick_size", {"request_id": 1, "tick_type": 0, "size": size}) for size in range(50)],
    ("market_data_type", {"request_id": 1, "data_type": 3}),
    ("error", {"request_id": 2, "code": 10189, "message": "no"}),
    ("tick_size", {"request_id": 1, "tick_type": 0, "size": 1}),
]
SENT = b"".join(frame(REQUESTS.encode(name, values)) for name, values in ASKED)
RECEIVED = b"".join(frame(ANSWERS.encode(name, values)) for name, values in ANSWERED)
FRAMES = 1 + 2 + 50 + 3  # with the hello
CUTS = st.lists(st.integers(0), max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def open_line() -> Line:
    line = Line()
    line.opened(SESSION)
    line.sent(client_hello(157, 200))
    return line


def state(line: Line) -> dict[str, Any]:
    return {"seq": line.seq, "pending": line.pending, "session": line.session, "context": line.context.as_json()}


def whole(tail: bytes) -> Line:
    line = open_line()
    line.received(HELLO)
    line.sent(SENT)
    line.steer(line.received(RECEIVED + tail))
    return line


@given(CUTS, CUTS, CUTS, st.integers(0, 9))
@settings(deadline=None)
def test_any_cut_of_what_was_received_and_sent_gives_the_same_state(
    hello: list[int], sent: list[int], received: list[int], tail: int
) -> None:
    line = open_line()
    rest = frame(b"9\x001\x001\x00")[:tail]
    reads: list[Read] = [line.received(piece) for piece in pieces(HELLO, hello)]
    requests = [request.name for piece in pieces(SENT, sent) for request in line.sent(piece)]
    for piece in pieces(RECEIVED + rest, received):
        reads.append(line.received(piece))
        line.steer(reads[-1])
    assert state(line) == state(whole(rest))
    assert requests == ["start_api", "req_market_data", "req_tick_by_tick", "req_market_data", "cancel_market_data"]
    numbers = [read.first_seq + i for read in reads for i in range(len(read))]
    assert numbers == list(range(1, FRAMES + 1))
    assert sum(read.greeting for read in reads) == 1
    assert [read.hello.server_version for read in reads if read.hello] == [200]


@given(st.integers(0, len(RECEIVED)))
@settings(deadline=None)
def test_a_line_restored_from_a_mark_goes_on_as_the_one_that_wrote_it(cut: int) -> None:
    line = open_line()
    line.received(HELLO)
    line.sent(SENT)
    line.steer(line.received(RECEIVED[:cut]))
    body = json.loads(json.dumps(line.as_mark(5)))
    restored = Line.from_mark(body)
    assert state(restored) == state(line)
    for one in (line, restored):
        one.steer(one.received(RECEIVED[cut:]))
        one.sent(frame(REQUESTS.encode("req_market_data", {"request_id": 4, "symbol": "NQ"})))
    assert state(restored) == state(line)
    assert line.context.requests[4].symbol == "NQ"


def test_a_mark_between_opening_and_hello_does_not_spoil_the_hello() -> None:
    line = Line()
    line.opened(SESSION)
    restored = Line.from_mark(line.as_mark(1))
    restored.sent(client_hello(157, 200))
    restored.received(HELLO)
    assert [request.name for request in restored.sent(SENT)][:1] == ["start_api"]


def test_the_hello_and_frames_before_it_are_the_greeting() -> None:
    line = open_line()
    read = line.received(frame(b"4\x002\x00-1\x002104\x00farm\x00") + HELLO + RECEIVED)
    assert (read.greeting, len(read)) == (2, FRAMES + 1)
    assert read.payload(1).startswith(b"200\0")
    assert [number for number, _ in line.steer(read)][:2] == [2, 3]


def test_a_corrupt_length_is_told_and_what_came_before_counts() -> None:
    line = whole(b"")
    read = line.received(frame(b"9\x001\x001\x00") + b"\0\0\0\0")
    assert (len(read), line.seq) == (1, FRAMES + 1)
    assert "out of step" in (read.corrupt or "")


def test_a_new_session_knows_nothing_of_the_old_one_but_counts_on() -> None:
    line = whole(b"\0\0\0")
    assert line.closed() == b"\0\0\0"
    assert (line.session, bytes(line.pending), line.context) == (None, b"", Context())
    line.opened(SESSION)
    line.sent(client_hello(157, 200))
    assert line.received(HELLO).first_seq == FRAMES + 1
    assert line.context.server_version == 200
    assert not line.context.requests


def test_a_request_of_another_software_is_passed_over() -> None:
    line = whole(b"")
    assert line.sent(frame(b"250\x00x\x00") + frame(b"49\x001\x00"))[0].name == "req_current_time"


def test_a_huge_frame_in_small_reads_is_joined_once_and_marks_hold_what_there_is_of_it() -> None:
    line, size = whole(b""), 4 << 20
    data = frame(b"9\x00" + b"x" * (size - 3) + b"\x00")
    seconds = process_time()
    for at in range(0, size, 1 << 10):
        read = line.received(data[at : at + (1 << 10)])
        assert len(read) == 0
        if at == 5 << 10:
            assert Line.from_mark(line.as_mark(1)).pending == data[: 6 << 10]
    assert process_time() - seconds < 20, "joining anew for each read takes far longer"
    assert line.pending == data[:size]
    read = line.received(data[size:])
    assert (read.payload(0), read.first_seq, bytes(line.pending)) == (data[4:], FRAMES + 1, b"")
