import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from capture.decode.restore import nothing_stored
from capture.lake.layout import Rolled
from capture.lake.ranges import Ranges
from capture.recorder.journal import KILLED, Journal
from capture.recorder.resume import FIRST_MARK, resume
from capture.tape import Kind, RecorderBusy, TapeError, examine, last_mark, read_from, repair, segments
from capture.tape.record import BODY_LIMIT_BYTES, MARKER
from capture.wanted.settings import Settings
from capture.wire.connection import ClientConnection, ServerConnection
from capture.wire.line import Line
from capture.wire.text.handshake import ClientHello

MakeSettings = Callable[..., Settings]
CONTRACT = {"con_id": 265598, "local_symbol": "AAPL", "symbol": "AAPL"}


def conversation() -> tuple[bytes, list[bytes], bytes]:
    """Return a session's bytes: the hello, three requests, and what the gateway sends after them."""
    client, server = ClientConnection(), ServerConnection()
    hello = client.greet()
    (offer,) = server.receive(hello)
    assert isinstance(offer, ClientHello)
    greeting = server.answer_hello(offer, "20260105 14:30:00 GMT")
    client.receive(greeting)
    requests = [
        client.send("start_api", client_id=1),
        client.send("req_market_data", request_id=1, **CONTRACT),
        client.send("req_tick_by_tick", request_id=2, tick_kind="AllLast", **CONTRACT),
    ]
    answers = [server.send("market_data_type", request_id=1, data_type=3)]
    for i in range(20):
        answers.append(server.send("tick_by_tick", request_id=2, kind=2, time=i, price=i, size=1, mask=0))
        answers.append(server.send("tick_price", request_id=1, tick_type=66, price=i, size=1, mask=0))
    answers.append(server.send("error", request_id=2, code=10190, message="limit"))
    return hello, [greeting, *requests], b"".join(answers)


def play(journal: Journal, rest: bytes, cuts: list[int], marks: set[int], stop_after: int) -> None:
    """Record the conversation, its answers cut into pieces, with marks between some; stop in the middle."""
    hello, (greeting, *requests), _ = conversation()
    journal.opened({"host": "x", "port": 1, "client_id": 1})
    journal.sent(hello)
    journal.received(greeting)
    for request in requests:
        journal.sent(request)
    edges = [0, *sorted(cuts), len(rest)]
    for number, (start, end) in enumerate(pairwise(edges)):
        if number >= stop_after:
            return
        journal.received(rest[start:end])
        if number in marks:
            journal.mark()


LENGTH = len(conversation()[2])


@given(
    cuts=st.lists(st.integers(0, LENGTH), max_size=8),
    marks=st.sets(st.integers(0, 8)),
    stop_after=st.integers(0, 9),
)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rebuilt_line_is_the_line_that_was(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], marks: set[int], stop_after: int
) -> None:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    journal = Journal.open(settings)
    play(journal, conversation()[2], cuts, marks, stop_after)
    line, mark = resume(journal.tape.folder)
    assert mark == journal.mark_number + 1
    assert line.as_mark(0) == journal.line.as_mark(0)
    assert line.session == journal.line.session
    journal.tape.close()


def test_a_fresh_folder_begins_at_the_first_mark(tmp_path: Path) -> None:
    line, mark = resume(tmp_path / "none")
    assert (line.seq, line.session, mark) == (0, None, FIRST_MARK)


def test_a_session_left_open_is_closed_and_counting_goes_on(settings: MakeSettings) -> None:
    journal = Journal.open(settings())
    play(journal, conversation()[2], [100, 340], set(), 2)
    seq, folder = journal.line.seq, journal.tape.folder
    assert journal.line.pending, "the cut is inside a frame"
    journal.tape.close()  # as the kernel does when the process is killed: without a CLOSED record
    again = Journal.open(settings())
    assert again.line.session is None
    assert again.line.seq == seq
    again.tape.close()
    assert [segment.first_mark for segment in segments(folder)] == [1, 2]
    records = list(read_from(folder, 2))
    assert [record.kind for record in records] == [Kind.MARK, Kind.CLOSED, Kind.MARK]
    # The mark still knows the session and the unfinished frame: whoever decodes from it can say what was cut off.
    assert records[0].json()["session"]["client_id"] == 1
    assert records[0].json()["pending"]
    assert records[1].json() == {"reason": KILLED}
    assert records[2].json()["session"] is None


def test_a_torn_tail_is_resumed_from_its_last_whole_record(settings: MakeSettings) -> None:
    journal = Journal.open(settings())
    play(journal, conversation()[2], [500], set(), 9)
    journal.tape.close()
    (segment,) = segments(journal.tape.folder)
    segment.path.write_bytes(segment.path.read_bytes()[:-7])
    line, _ = resume(journal.tape.folder)
    assert 0 < line.seq < journal.line.seq
    again = Journal.open(settings())
    assert again.line.seq == line.seq
    again.tape.close()


def test_rotation_begins_a_segment_that_decodes_by_itself(settings: MakeSettings) -> None:
    journal = Journal.open(settings(segment_size_bytes=1 << 16))
    hello, (greeting, *requests), rest = conversation()
    journal.opened({"host": "x"})
    journal.sent(hello)
    journal.received(greeting)
    for request in requests:
        journal.sent(request)
    rotations = 0
    for _ in range(100):
        journal.received(rest * 2)
        rotations += journal.rotate()
    journal.tape.close()
    assert rotations == len(segments(journal.tape.folder)) - 1 >= 2
    mark = last_mark(journal.tape.folder)
    assert mark is not None
    assert Line.from_mark(mark.json()).context.requests[1].data_type == 3
    assert journal.finished_bytes >= rotations << 16


def test_an_idle_journal_writes_no_marks(settings: MakeSettings) -> None:
    journal = Journal.open(settings())
    for _ in range(5):
        journal.mark()
    assert journal.mark_number == FIRST_MARK
    journal.note({"note": "something"})
    journal.mark()
    assert journal.mark_number == FIRST_MARK + 1
    journal.tape.close()


def test_a_second_recorder_of_a_name_is_refused(settings: MakeSettings) -> None:
    journal = Journal.open(settings())
    with pytest.raises(RecorderBusy, match="is recording to"):
        Journal.open(settings())
    Journal.open(settings(recorder="other")).tape.close()
    journal.tape.close()


def test_a_data_folder_that_is_a_file_is_an_error_with_the_place(settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TapeError, match=r"cannot write .*file"):
        Journal.open(settings(data=tmp_path / "file"))


def damaged(path: Path, body: bytes) -> None:
    """Flip a bit of the record with this body."""
    data = bytearray(path.read_bytes())
    data[data.index(body)] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("repaired", [False, True])
@pytest.mark.parametrize("behind", [500, 540, LENGTH], ids=["little", "too little", "all"])
def test_behind_damage_frames_are_counted_as_decoding_counts_them(
    settings: MakeSettings, behind: int, repaired: bool
) -> None:
    rest, journal = conversation()[2], Journal.open(settings())
    play(journal, rest, [100, 340, 480, behind], {0}, 4 + (behind == LENGTH))
    journal.tape.close()
    (segment,) = segments(journal.tape.folder)
    damaged(segment.path, rest[340:480])
    if repaired:
        repair(examine(journal.tape.folder).segments[0])
    again = Journal.open(settings())
    assert again.line.seq < journal.line.seq
    again.tape.close()
    ranges = list(Ranges(journal.tape.folder, Rolled(FIRST_MARK), nothing_stored))
    assert len(ranges) >= 3
    for found in ranges:
        assert found.disagreements == ()
        assert found.lost_frames == 0


def test_a_segment_whose_first_mark_cannot_be_read_keeps_its_number(settings: MakeSettings) -> None:
    for _ in range(2):
        Journal.open(settings()).tape.close()
    folder = settings().tape_root / "main"
    newest = segments(folder)[-1]
    damaged(newest.path, b'{"mark"')
    _, mark = resume(folder)
    assert mark == newest.first_mark + 1
    Journal.open(settings()).tape.close()


def test_frames_after_damage_that_looks_like_a_long_record_are_counted(settings: MakeSettings) -> None:
    """A power cut may take a sector before others: where rubbish says that much is to come, nothing will."""
    wanted = settings()
    journal, (_, _, rest) = Journal.open(wanted), conversation()
    play(journal, rest, list(range(0, len(rest), 200)), set(), 1000)
    counted = journal.line.seq
    journal.tape.close()
    (segment,) = segments(wanted.tape_root / "main")
    whole = segment.path.read_bytes()
    records = [found.start() for found in re.finditer(re.escape(MARKER), whole)]
    at = records[len(records) // 2]
    rubbish = MARKER + b"\0\0\0\0" + (BODY_LIMIT_BYTES - 1).to_bytes(4, "little")
    segment.path.write_bytes(whole[:at] + rubbish + whole[at + len(rubbish) :])
    again = Journal.open(wanted)
    assert again.line.seq == counted, "what was damaged is a request"
    again.tape.close()
    (*_, last) = Ranges(wanted.tape_root / "main", Rolled(FIRST_MARK), nothing_stored)
    assert last.lost_frames == 0
