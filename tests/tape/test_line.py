"""The state of the line: however the bytes are cut, it is the same."""

import json
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.context import Context
from capture.wire.line import _FEW_FOR_KERNEL, _FEW_FRAMES, Line, Read
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import MAX_FRAME_BYTES, frame
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
    assert (line.session, bytes(line.pending), line.context) == (None, b"", Context(accounts=line.context.accounts))
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


@pytest.mark.parametrize("pending", [b"", b"\0\0\0\x20half a frame"])
@pytest.mark.parametrize("cut", [0, 1, 5, 17])
def test_after_damage_frames_are_looked_for_and_no_byte_is_dropped(pending: bytes, cut: int) -> None:
    line = whole(pending)
    seq = line.seq
    ticks = frame(ANSWERS.encode("tick_size", {"request_id": 1, "tick_type": 0, "size": 1})) * 4
    line.damaged()
    read = line.received(b"")
    assert (len(read), line.seq, line.out_of_step) == (0, seq, False), "nothing came yet"
    assert line.give_up() == b""
    assert bytes(line.pending) == pending
    read = line.received(b"noise" + ticks[:cut])
    assert (read.lost, len(read), line.out_of_step) == (pending + b"noise", 0, True) if cut == 0 else line.out_of_step
    again = line.received(ticks[cut:])
    assert read.lost + again.lost == pending + b"noise"
    assert (again.first_seq, len(again), line.seq, line.out_of_step) == (seq + 1, 4, seq + 4, False)
    assert (bytes(line.pending), line.give_up()) == (b"", b"")
    assert again.payload(3) == ticks[:len(ticks) // 4][4:]
    assert line.received(ticks).first_seq == seq + 5, "no damage is looked for any more"


def test_what_gave_no_frame_up_to_the_next_mark_is_given_up() -> None:
    line = whole(b"")
    line.damaged()
    read = line.received(b"noise\0\0\0")
    assert read.lost + bytes(line.pending) == b"noise\0\0\0"
    assert line.out_of_step
    assert len(line.pending) > 0
    assert line.give_up() == b"noise\0\0\0"[-len(b"noise\0\0\0") + len(read.lost):]
    assert bytes(line.pending) == b""
    line.damaged()
    line.opened(SESSION)
    assert line.received(HELLO).hello is not None, "a new session is in step"


@pytest.mark.parametrize("beyond", [-1, 0, 1, 300])
def test_messages_among_the_masses_steer_however_many_frames_there_are(beyond: int, both_ways: str) -> None:
    few = _FEW_FOR_KERNEL if both_ways == "kernel" else _FEW_FRAMES
    count = few + beyond
    line = whole(b"")
    tick = frame(ANSWERS.encode("tick_size", {"request_id": 1, "tick_type": 0, "size": 1}))
    error = frame(ANSWERS.encode("error", {"request_id": 3, "code": 200, "message": "no"}))
    bad = frame(b"4\0")
    read = line.received(tick * (count - 4) + bad + error + tick + error)
    assert [(number, decoded.name) for number, decoded in line.steer(read)] == [
        (count - 3, "error"), (count - 1, "error")]
    assert (read.keys is not None) == (count >= few)


def test_what_is_steered_by_is_taken_note_of() -> None:
    line = whole(b"")
    line.sent(frame(REQUESTS.encode("req_market_data", {"request_id": 4, "symbol": "AAPL"})))
    assert not line.context.requests[4].doubted
    line.steer(line.received(frame(ANSWERS.encode("error", {"request_id": 4, "code": 200, "message": "no"}))))
    assert line.context.requests[4].doubted


def test_a_line_without_a_hello_or_without_frames_is_not_steered() -> None:
    line = open_line()
    assert line.steer(line.received(frame(b"4\x002\x00-1\x002104\x00farm\x00"))) == []
    read = line.received(HELLO)
    assert line.steer(read) == []
    assert line.context.zone == "Mitteleuropäische Zeit"
    line = open_line()
    read = line.received(frame(b"-1\0elsewhere:4002\0") + frame(b"9\x001\x005\x00"))
    assert read.hello is None
    assert "elsewhere:4002" in (read.refused or "")
    assert line.steer(read) == []


def test_requests_that_are_over_leave_the_marks_and_a_hello_is_sent_once() -> None:
    line = whole(b"")
    assert line.as_mark(1)["session"] == SESSION
    assert line.as_mark(1)["session"] is not line.session
    assert Line().as_mark(4) == {"mark": 4, "protocol": "tws", "seq": 0, "pending": "", "session": None,
                                 "context": Context().as_json()}  # fmt: skip
    assert 3 in line.context.requests
    for _ in range(200):
        line.as_mark(1)
    assert 3 not in line.context.requests
    data = frame(REQUESTS.encode("req_market_data", {"request_id": 4, "symbol": "API"}))
    at = data.index(b"API\0")  # as a hello begins
    assert line.sent(data[:at]) == []
    assert [request.name for request in line.sent(data[at:])] == ["req_market_data"]
    assert line.context.requests[4].symbol == "API"


@pytest.mark.parametrize("size", [1, 5, 300])
def test_a_frame_that_comes_byte_by_byte_is_whole_with_its_last_byte(size: int) -> None:
    line = whole(b"")
    seq, data = line.seq, frame(b"x" * size)
    for at in range(len(data) - 1):
        read = line.received(data[at : at + 1])
        assert (len(read), read.first_seq, line.seq) == (0, seq + 1, seq)
        assert (read.corrupt, read.lost) == (None, b"")
        assert at < 3 or read.data == b"", "nothing is joined before it is whole"
        assert bytes(line.pending) == data[: at + 1]
    read = line.received(data[-1:] + b"\0")
    assert (len(read), read.first_seq, line.seq, bytes(line.pending)) == (1, seq + 1, seq + 1, b"\0")
    assert read.payload(0) == b"x" * size


def test_a_length_beyond_what_ib_sends_is_told_at_once_and_the_longest_is_waited_for() -> None:
    for length, corrupt in ((MAX_FRAME_BYTES, False), (MAX_FRAME_BYTES + 1, True), (0, True)):
        line = whole(b"")
        head = length.to_bytes(4, "big")
        assert (line.received(head + b"x").corrupt is not None) == corrupt
        assert (line.received(b"more").corrupt is not None) == corrupt
        assert bytes(line.pending) == head + b"xmore"
