"""Gaps open at every loss, close with the first row after it, and are derived from the tape alone."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.decode.control_rows import Events
from capture.decode.gaps import Gaps, Seen
from capture.decode.tws import TwsDecoder
from capture.tape import Follower
from capture.tape.notes import WANTED
from capture.wire.context import Request
from tests.conftest import ScriptedTape

SECOND = 1_000_000_000


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now_ns = 1_767_600_000 * SECOND

    def __call__(self) -> int:
        return self.now_ns

    def after(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tape(script: Any, tmp_path: Any, clock: Clock) -> Any:
    made = type(script)(tmp_path / "timed", now=clock)
    made.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    made.ask(2, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast")
    clock.after(1)
    trade(trade(made, 1, 10), 2, 20)
    yield made
    made.writer.close()


def trade(tape: Any, request_id: int, price: float, late_s: float = 0) -> Any:
    """A trade of now, or of so many seconds ago; IB's time is a whole second."""
    now_ns = tape.writer._clock._read_wall_ns()
    return tape.trade(request_id, price, time=int(now_ns / SECOND - late_s))


def gaps(tape: Any, clock: Clock) -> list[tuple[str, str, float, float | None, int | None]]:
    """Each row of gaps: symbol, state, from and to in seconds before now, code."""
    decoder = TwsDecoder("main")
    decoder.feed(Follower(tape.data / "tape" / "main", 1))
    now = clock.now_ns / SECOND
    found = decoder.take().get("gaps")
    return [
        (row["symbol"], row["state"], round(now - row["from_ts"].timestamp(), 3),
         row["to_ts"] and round(now - row["to_ts"].timestamp(), 3), row["code"])
        for row in (found.to_pylist() if found else [])
    ]  # fmt: skip


def test_a_whole_stream_has_none(tape: Any, clock: Clock) -> None:
    assert gaps(tape, clock) == []


def test_the_end_of_a_session_opens_a_gap_at_the_last_byte(tape: Any, clock: Clock) -> None:
    clock.after(5)
    tape.close("reset by peer")
    assert gaps(tape, clock) == [("AAPL", "open", 5, None, None), ("MSFT", "open", 5, None, None)]


def test_a_gap_closes_with_the_first_row_of_the_next_session(tape: Any, clock: Clock) -> None:
    clock.after(5)
    tape.close().open().ask(7, "req_tick_by_tick", tick_kind="AllLast")
    clock.after(2)
    trade(tape, 7, 11)
    clock.after(1)
    trade(tape, 7, 12)
    assert gaps(tape, clock)[2:] == [("AAPL", "closed", 8, 1, None)]


def test_the_lines_of_ib_break_all_streams(tape: Any, clock: Clock) -> None:
    clock.after(5)
    tape.answer("error", request_id=-1, code=1100, message="lost")
    clock.after(3)
    trade(tape.answer("error", request_id=-1, code=1102, message="restored"), 2, 21)
    rows = gaps(tape, clock)
    assert rows == [("AAPL", "open", 8, None, 1100), ("MSFT", "open", 8, None, 1100), ("MSFT", "closed", 8, 0, 1100)]


def test_a_broken_farm_concerns_the_streams_that_went_silent(tape: Any, clock: Clock) -> None:
    clock.after(1)
    tape.answer("error", request_id=-1, code=2103, message="Market data farm connection is broken:usfarm")
    clock.after(2)
    trade(tape, 2, 21)
    clock.after(2)
    trade(tape.answer("error", request_id=-1, code=2104, message="OK:usfarm"), 1, 11)
    assert gaps(tape, clock) == [("AAPL", "open", 5, None, 2103), ("AAPL", "closed", 5, 0, 2103)]


def test_a_stream_that_was_silent_for_long_has_a_gap_though_its_next_row_is_decoded_with_it(
    tape: Any, clock: Clock
) -> None:
    tape.answer("error", request_id=-1, code=2103, message="farm")
    clock.after(6)
    trade(tape, 2, 21)
    clock.after(1)
    trade(tape, 1, 11)
    assert [row[:2] for row in gaps(tape, clock)] == [("AAPL", "open"), ("AAPL", "closed")]
    at_once, one_by_one = TwsDecoder("main"), TwsDecoder("main")
    records = list(Follower(tape.data / "tape" / "main", 1))
    at_once.feed(records)
    parts = []
    for record in records:
        one_by_one.feed([record])
        parts += one_by_one.take().get("gaps", pa.table({})).to_pylist()
    assert at_once.take()["gaps"].to_pylist() == parts
    assert [row["seq"] - parts[0]["seq"] for row in parts] == [0, 1], "at the frame that told it, and the next one"


def test_a_farm_that_stays_broken_is_known_before_it_is_whole(tape: Any, clock: Clock) -> None:
    tape.answer("error", request_id=-1, code=2103, message="broken")
    clock.after(6)
    trade(tape, 2, 21)
    assert [row[:2] for row in gaps(tape, clock)] == [("AAPL", "open")]


@pytest.mark.parametrize("code", [316, 317, 101, 10182, 10190, 10197, 10225])
def test_a_request_that_broke_has_a_gap_of_its_own(tape: Any, clock: Clock, code: int) -> None:
    clock.after(1)
    tape.answer("error", request_id=1, code=code, message="broken")
    assert gaps(tape, clock) == [("AAPL", "open", 1, None, code)]


@pytest.mark.parametrize("code", [354, 10089, 10091, 399])
def test_a_code_that_may_mean_the_end_opens_a_gap_where_silence_follows(tape: Any, clock: Clock, code: int) -> None:
    clock.after(1)
    tape.answer("error", request_id=1, code=code, message="doubtful")
    clock.after(6)
    tape.trade(2, 21)
    assert gaps(tape, clock) == [("AAPL", "open", 7, None, code)]


@pytest.mark.parametrize("code", [354, 10089, 10091, 399])
def test_a_code_that_may_mean_the_end_opens_none_where_rows_come(tape: Any, clock: Clock, code: int) -> None:
    tape.answer("error", request_id=1, code=code, message="doubtful")
    for _ in range(5):
        clock.after(2)
        tape.trade(1, 11)
    tape.answer("error", request_id=-1, code=2104, message="OK:usfarm")
    assert gaps(tape, clock) == []


def test_what_is_said_of_a_cancelled_request_is_not_about_the_stream_that_followed(tape: Any, clock: Clock) -> None:
    tape.request("cancel_tick_by_tick", request_id=1)
    tape.ask(9, "req_tick_by_tick", tick_kind="AllLast")
    for code in (300, 101, 354, 10190, 162):
        tape.answer("error", request_id=1, code=code, message="of a former request")
    clock.after(1)
    tape.trade(9, 11)
    clock.after(9)
    tape.trade(9, 12)
    assert gaps(tape, clock) == []


def test_cancelling_a_former_request_does_not_end_the_stream_that_followed(tape: Any, clock: Clock) -> None:
    tape.ask(9, "req_tick_by_tick", tick_kind="AllLast")
    tape.request("cancel_tick_by_tick", request_id=1)
    tape.trade(9, 11)
    clock.after(1)
    tape.close()
    assert [row[:2] for row in gaps(tape, clock)] == [("AAPL", "open"), ("MSFT", "open")]


def test_what_was_said_of_a_request_before_it_was_cancelled_is_about_the_stream(tape: Any, clock: Clock) -> None:
    clock.after(1)
    tape.answer("error", request_id=1, code=10190, message="broken")
    tape.request("cancel_tick_by_tick", request_id=1)
    tape.ask(9, "req_tick_by_tick", tick_kind="AllLast")
    clock.after(2)
    tape.trade(9, 11)
    assert [row[:2] for row in gaps(tape, clock)] == [("AAPL", "open"), ("AAPL", "closed")]


@pytest.mark.parametrize("code", [10167, 10090, 2152])
def test_advice_opens_none(tape: Any, clock: Clock, code: int) -> None:
    tape.answer("error", request_id=1, code=code, message="note")
    assert gaps(tape, clock) == []


def test_what_the_recorder_found_silent_was_whole_up_to_its_last_row(tape: Any, clock: Clock) -> None:
    clock.after(9)
    trade(tape, 2, 21)
    tape.writer.note({"note": "AAPL trades silent", "silent_request_id": 1})
    assert gaps(tape, clock) == [("AAPL", "open", 9, None, None)]


def test_a_stream_given_up_misses_nothing(tape: Any, clock: Clock) -> None:
    tape.request("cancel_tick_by_tick", request_id=1)
    clock.after(1)
    tape.close()
    assert [row[0] for row in gaps(tape, clock)] == ["MSFT"]


def test_a_gap_has_one_name_from_opening_to_closing(tape: Any, clock: Clock) -> None:
    trade(tape.close().open().ask(7, "req_tick_by_tick", tick_kind="AllLast"), 7, 11).close()
    decoder = TwsDecoder("main")
    decoder.feed(Follower(tape.data / "tape" / "main", 1))
    names = [row["gap_id"] for row in decoder.take()["gaps"].to_pylist() if row["symbol"] == "AAPL"]
    assert names[0] == names[1] != names[2]


def gaps_by_event(tape: Any) -> list[dict[str, Any]]:
    decoder = TwsDecoder("main")
    decoder.feed(Follower(tape.data / "tape" / "main", 1))
    found: list[dict[str, Any]] = decoder.take()["gaps"].to_pylist()
    return found


def ago(clock: Clock, row: dict[str, Any], name: str) -> float:
    return float(round(clock.now_ns / SECOND - row[name].timestamp(), 3))


def test_a_gap_of_a_stream_that_lagged_begins_at_its_last_event(tape: Any, clock: Clock) -> None:
    clock.after(100)
    trade(tape, 1, 11, late_s=40)
    clock.after(1)
    tape.answer("current_time", time=0).close("the gateway was restarted")
    first, quiet = gaps_by_event(tape)
    assert (ago(clock, first, "from_ts"), first["lag_s"]) == (41, 40)
    # MSFT's last row came 100 s before: what of it was under way is as late as AAPL's.
    assert (ago(clock, quiet, "from_ts"), quiet["lag_s"]) == (40, 0)


def test_a_gap_ends_where_the_events_go_on_however_late_they_come(tape: Any, clock: Clock) -> None:
    tape.close().open().ask(7, "req_tick_by_tick", tick_kind="AllLast")
    clock.after(200)
    trade(tape, 7, 11, late_s=150)
    assert [ago(clock, row, "to_ts") for row in gaps_by_event(tape)[2:]] == [149], "the whole second of the event"


def test_a_value_of_long_before_that_a_request_begins_with_does_not_end_the_gap_before(tape: Any, clock: Clock) -> None:
    clock.after(5)
    tape.close()
    clock.after(95)
    tape.open().ask(7, "req_tick_by_tick", tick_kind="AllLast")
    trade(tape, 7, 11, late_s=90)
    assert [ago(clock, row, "to_ts") for row in gaps_by_event(tape)[2:]] == [0], "up to the request all is missing"


def test_a_gap_of_late_bars_begins_at_the_end_of_the_last_one(tape: Any, clock: Clock) -> None:
    tape.ask(3, "req_real_time_bars", what="TRADES", regular_hours=False)
    values = {"request_id": 3, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "wap": 1, "trade_count": 1}
    clock.after(100)
    tape.answer("real_time_bar", time=clock.now_ns // SECOND - 35, **values).close()
    bars = next(row for row in gaps_by_event(tape) if row["stream"] == "bars")
    assert (ago(clock, bars, "from_ts"), bars["lag_s"]) == (30, 30)


def test_an_impossible_event_time_is_none(tape: Any, clock: Clock) -> None:
    clock.after(5)
    trade(tape, 1, 11, late_s=100 * 86_400)
    clock.after(1)
    tape.close()
    first = gaps_by_event(tape)[0]
    assert (ago(clock, first, "from_ts"), first["lag_s"]) == (1, 0)


def test_delayed_data_has_its_gap_where_its_events_end(tape: Any, clock: Clock) -> None:
    tape.answer("market_data_type", request_id=1, data_type=3)
    clock.after(10)
    trade(tape, 1, 11, late_s=900)
    tape.close()
    assert ago(clock, gaps_by_event(tape)[0], "from_ts") == 900


def wanted(stream: str = "all_last", instrument_id: int | None = 2, symbol: str = "MSFT") -> dict[str, Any]:
    return {"instrument_id": instrument_id, "symbol": symbol, "stream": stream, "bar_size": None, "what": None}


def note_wanted(tape: Any, *streams: dict[str, Any]) -> Any:
    tape.writer.note({"note": WANTED, "streams": list(streams)})
    return tape


def test_a_gap_ends_at_the_next_start_that_does_not_want_its_stream(tape: Any, clock: Clock) -> None:
    clock.after(5)
    tape.close("stopped")
    clock.after(60)
    note_wanted(tape.open(), wanted())
    clock.after(3)
    assert gaps(tape, clock)[2:] == [("AAPL", "closed", 68, 3, None)]
    tape.ask(7, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast")
    trade(tape, 7, 21).close()
    assert [row[:2] for row in gaps(tape, clock)[3:]] == [("MSFT", "closed"), ("MSFT", "open")]


def test_a_stream_that_is_wanted_again_later_has_gaps_again(tape: Any, clock: Clock) -> None:
    note_wanted(tape.close().open())
    tape.close().open().ask(7, "req_tick_by_tick", tick_kind="AllLast")
    clock.after(4)
    tape.close()
    assert gaps(tape, clock)[4:] == [("AAPL", "open", 4, None, None)]


def test_a_stream_of_an_instrument_that_was_not_found_stays_wanted(tape: Any, clock: Clock) -> None:
    note_wanted(tape.close().open(), wanted(instrument_id=None, symbol="AAP"), wanted("quotes"))
    assert [row[:2] for row in gaps(tape, clock)[2:]] == [("MSFT", "closed")]


def test_what_is_wanted_no_more_is_known_over_a_mark(tape: Any, clock: Clock) -> None:
    note_wanted(tape.close().mark().open(), wanted())
    decoder = TwsDecoder("main")
    decoder.feed(Follower(tape.data / "tape" / "main", 1))
    (row,) = decoder.take()["subscriptions"].filter(pc.field("event") == "unwanted").to_pylist()
    assert (row["symbol"], row["stream"], row["request_id"]) == ("AAPL", "all_last", 1)
    assert [watch["symbol"] for watch in decoder.as_json()["watches"]] == ["MSFT"]


def test_the_state_of_open_gaps_is_written_as_by_versions_before(tape: Any, clock: Clock) -> None:
    """`verify` compares it with what is in `rolled.json`, which a version before may have written."""
    clock.after(1)
    tape.close("lost")
    decoder = TwsDecoder("main")
    decoder.feed(Follower(tape.data / "tape" / "main", 1))
    state = decoder.as_json()
    assert {frozenset(watch["gap"]) for watch in state["watches"]} == {frozenset(
        ("instrument_id", "symbol", "stream", "gap_id", "from_ts", "reason", "code", "lag_s"))}
    again = TwsDecoder("main", state)
    assert again.as_json() == state
    assert {watch.gap and watch.gap["state"] for watch in again.gaps.watches.values()} == {"open"}


# The gaps alone, without a tape

S = 1_000_000  # microseconds of a second


def asked(request_id: int, instrument_id: int = 1, stream: str = "all_last", **more: Any) -> Request:
    return Request(request_id, "", instrument_id=instrument_id, symbol=f"S{instrument_id}", stream=stream, **more)


def came(at_s: float, event_s: float | None = None) -> Seen:
    us = int(at_s * S)
    event_us = us if event_s is None else int(event_s * S)
    return Seen(us, 50, event_us, us, event_us)


class Line:
    """Gaps of some requests, and what they said so far."""

    def __init__(self, *requests: Request, at_s: float = 100) -> None:
        self.requests = {request.request_id: request for request in requests}
        self.gaps = Gaps(Events("main"))
        for request in requests:
            self.gaps.requested(request, int(at_s * S))

    def rows(self, **seen: Seen) -> "Line":
        self.gaps.rows({int(name[1:]): rows for name, rows in seen.items()}, self.requests)
        return self

    def told(self) -> list[tuple[str, str, float, float | None]]:
        rows, self.gaps.events.rows = self.gaps.events.rows.get("gaps", []), {}
        return [(row["symbol"], row["state"], row["from_ts"] / S, row.get("to_ts") and row["to_ts"] / S)
                for row in rows]


def test_the_state_of_a_stream_without_rows_is_written_as_by_versions_before() -> None:
    line = Line(asked(1, bar_size="5 secs", what="TRADES"))
    assert line.gaps.as_json() == {"heard_us": 0, "waiting": [], "cancelled_seq": [], "watches": [{
        "instrument_id": 1, "symbol": "S1", "stream": "all_last", "detail": ".5 secs.TRADES", "last_us": 100 * S,
        "wanted": True, "suspect_us": None, "suspect_reason": "", "suspect_code": 0, "request_id": 1, "gap": None,
        "event_us": None, "requested_us": 100 * S}]}


@pytest.mark.parametrize(("after_s", "from_s"), [
    (1, 195), (60, 195), (60.000001, 255.000001), (100, 295)])  # fmt: skip
def test_a_stream_that_was_quiet_for_long_was_whole_as_far_as_the_others_were(after_s: float, from_s: float) -> None:
    line = Line(asked(1), asked(2, 2)).rows(r1=came(200, 195), r2=came(200, 195))
    line.gaps.heard(int((200 + after_s) * S), 9)
    if after_s > 60:
        line.rows(r2=came(200 + after_s, 195 + after_s))
    line.gaps.session_ended(0, 9, "lost")
    symbol, state, begins_s, _ = line.told()[0]
    assert (symbol, state, round(begins_s, 6)) == ("S1", "open", from_s)


def test_a_stream_without_rows_or_without_times_of_ib_was_whole_up_to_when_it_was_heard() -> None:
    line = Line(asked(1), asked(2, 2), asked(3, 3, "ticks"), asked(4, 4, "ticks")).rows(r2=came(200, 193), r3=came(190))
    line.gaps.heard(201 * S, 9)
    line.gaps.session_ended(300 * S, 9, "lost")
    assert line.told() == [("S1", "open", 194, None), ("S2", "open", 193, None), ("S3", "open", 201, None),
                           ("S4", "open", 201, None)]
    line = Line(asked(1), at_s=250)
    line.gaps.heard(201 * S, 9)
    line.gaps.session_ended(300 * S, 9, "lost")
    assert line.told() == [("S1", "open", 250, None)]


def test_what_is_silent_was_whole_up_to_its_last_row_by_the_time_of_ib_where_it_gave_one() -> None:
    line = Line(asked(1), asked(2, 2), asked(3, 3, "ticks"), asked(4, 4)).rows(
        r1=came(200, 195), r2=came(210, 209), r3=came(220))
    for request in (*line.requests.values(), asked(9, 9)):
        line.gaps.silent(request, 300 * S, 9, "silent")
    assert line.told() == [("S1", "open", 195, None), ("S2", "open", 209, None), ("S3", "open", 220, None),
                           ("S4", "open", 100, None)]


def test_what_has_a_gap_is_suspected_no_more() -> None:
    line = Line(asked(1), asked(2, 2)).rows(r1=came(200), r2=came(200))
    line.gaps.notice(2103, None, "broken", 201 * S, 9)
    assert line.gaps.suspected
    line.gaps.heard(206 * S, 9)
    assert [row[:2] for row in line.told()] == [("S1", "open"), ("S2", "open")]
    assert not line.gaps.suspected
    line.rows(r1=came(207)).gaps.notice(2103, None, "broken", 208 * S, 9)
    line.gaps.session_ended(209 * S, 9, "lost")
    assert not line.gaps.suspected


def test_how_late_the_line_is_tell_the_streams_that_had_rows_lately() -> None:
    line = Line(asked(1), asked(2, 2), asked(3, 3)).rows(r1=came(100, 50), r2=came(160, 153), r3=came(150, 146))
    assert line.gaps._lag_us() == 50 * S
    line.rows(r2=came(160.5, 153))
    assert line.gaps._lag_us() == 7.5 * S
    line.gaps.cancelled(line.requests[2], 1, S)
    assert line.gaps._lag_us() == 50 * S
    assert Gaps(Events("main"))._lag_us() == 0


@pytest.mark.parametrize(("requests", "cancelled", "unwanted"), [
    ([asked(1)], None, [1]), ([asked(1)], 1, []), ([asked(1), asked(2, 2)], None, [1]), ([asked(2, 2)], None, []),
    ([asked(1), asked(3, 1, "ticks")], None, [1, 3]),
    ([asked(1, 1, "bars", bar_size="5 secs"), asked(2, 1, "bars", bar_size="1 min")], None, [1, 2]),
])  # fmt: skip
def test_of_streams_that_a_new_start_does_not_want_those_that_still_were_are_told(
    requests: list[Request], cancelled: int | None, unwanted: list[int]
) -> None:
    line = Line(*requests)
    if cancelled:
        line.gaps.cancelled(line.requests[cancelled], 5, 5 * S)
    line.gaps.wanted_only([wanted(instrument_id=2, symbol="S2")], 200 * S, 9)
    rows = line.gaps.events.rows.get("subscriptions", [])
    assert [(row["request_id"], row["event"]) for row in rows] == [(each, "unwanted") for each in unwanted]
    assert {watch.instrument_id for watch in line.gaps.watches.values()} <= {2}


def test_a_stream_that_is_wanted_by_another_name_or_was_never_asked_for_is_not_told_as_unwanted() -> None:
    line = Line(asked(1, 2, "bars", bar_size="5 secs"), asked(2, 2, "bars", bar_size="1 min"))
    wish = wanted("bars", 2, "S2") | {"bar_size": "1 min", "what": None}
    line.gaps.wanted_only([wish], 200 * S, 9)
    assert line.gaps.events.rows == {}, "the request of before goes on for the other bars"
    assert [watch.detail for watch in line.gaps.watches.values()] == [".1 min.None"]
    line = Line(asked(1))
    for watch in line.gaps.watches.values():
        watch.request_id = None
    line.gaps.wanted_only([], 200 * S, 9)
    assert (line.gaps.events.rows, line.gaps.watches) == ({}, {})


@pytest.mark.parametrize(("requested_s", "first", "to_s"), [
    (100, came(300, 299), 300), (100, came(300, 250), 251), (280, came(300, 250), 280), (310, came(300, 250), 300),
    (100, came(300, 100), 200), (100, came(200.5, 200), 200.5), (280, came(300, 279.5), 280.5),
])  # fmt: skip
def test_a_stream_is_whole_again_from_its_first_event_on_but_not_before_it_was_asked_for(
    requested_s: float, first: Seen, to_s: float
) -> None:
    line = Line(asked(1)).rows(r1=came(200, 200))
    line.gaps.heard(200 * S, 9)
    line.gaps.session_ended(210 * S, 9, "lost")
    line.gaps.requested(line.requests[1], int(requested_s * S))
    line.rows(r1=first)
    assert line.told()[1:] == [("S1", "closed", 200, to_s)]


@pytest.mark.parametrize(("code", "waits_s", "opens"), [
    (2103, 4.9, False), (2103, 5, True), (1100, 0, True), (2110, 0, True), (317, 0, True), (10197, 0, True),
    (1101, 9, False), (1102, 9, False), (2104, 9, False), (0, 4, False), (0, 9, True),
])  # fmt: skip
def test_which_codes_open_a_gap_and_after_how_long(code: int, waits_s: float, opens: bool) -> None:
    line = Line(asked(1)).rows(r1=came(200, 200))
    line.gaps.notice(code, line.requests[1], "words", 200 * S, 9)
    line.gaps.heard(int((200 + waits_s) * S), 10)
    assert line.told() == [("S1", "open", 200, None)] * opens


def test_a_farm_that_works_again_tells_at_once_who_was_silent() -> None:
    line = Line(asked(1), asked(2, 2)).rows(r1=came(200), r2=came(200))
    line.gaps.notice(2103, None, "broken", 201 * S, 9)
    line.rows(r2=came(202))
    line.gaps.notice(2103, None, "broken", 203 * S, 9)
    line.rows(r2=came(203))
    line.gaps.notice(2104, None, "works", 203 * S, 9)
    assert line.told() == [("S1", "open", 200, None)]
    line.gaps.notice(2104, None, "works", 204 * S, 9)
    line.gaps.heard(300 * S, 9)
    assert line.told() == []


def test_a_stream_without_times_of_ib_was_whole_up_to_a_second_before_ib_said_that_it_broke() -> None:
    for code, request in ((2103, None), (1100, None), (317, 3)):
        line = Line(asked(3, 3, "ticks")).rows(r3=came(200))
        line.gaps.notice(code, line.requests[request] if request else None, "broken", 210 * S, 9)
        line.gaps.heard(215 * S, 9)
        assert line.told() == [("S3", "open", 209, None)]


def test_the_newest_cancels_are_remembered_and_a_cancel_without_a_stream_ends_none(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.decode.gaps.MOST_CANCELLED", 2)
    line = Line(asked(1))
    for request_id in (7, 8, 9):
        line.gaps.cancelled(asked(request_id, 7), request_id * 10, request_id * S)
    assert line.gaps.cancelled_seq == {8: 80, 9: 90}
    again = Gaps(Events("main"))
    again.restore(json.loads(json.dumps(line.gaps.as_json())))
    assert again.as_json() == line.gaps.as_json()
    assert again.watches == line.gaps.watches
    line.gaps.notice(10190, line.requests[1], "broken", 200 * S, 9)
    assert [row[:2] for row in line.told()] == [("S1", "open")]
    line.gaps.session_ended(300 * S, 9, "lost")
    assert line.gaps.cancelled_seq == {}


def test_a_gap_ends_once_as_history_says_and_words_of_newer_recorders_do_not_fill_it() -> None:
    for word, state in (("backfilled", "backfilled"), ("unavailable", "unavailable"), ("half full", "unavailable")):
        line = Line(asked(1), asked(2, 2, "ticks")).rows(r1=came(200), r2=came(200))
        line.gaps.session_ended(210 * S, 9, "lost")
        line.rows(r1=came(220), r2=came(220))
        assert [row[1] for row in line.told()] == ["open", "open", "closed", "closed"]
        [(name, gap)] = line.gaps.waiting.items()
        line.gaps.restored(name, 3)
        line.gaps.restored(name, 4)
        line.gaps.restored("another", 5)
        assert gap["rows_restored"] == 7
        line.gaps.backfilled({"gap_id": "another", "state": word}, 230 * S, 9)
        for reason in ("because", None):
            line.gaps.backfilled({"gap_id": name, "state": word, "reason": reason}, 230 * S, 9)
        [row] = line.gaps.events.rows["gaps"]
        assert (row["state"], row["reason"], row["rows_restored"], "detail" in row) == (state, "because", 7, False)
        assert line.gaps.waiting == {}


NOTICES = st.sampled_from([(-1, 2103), (-1, 2104), (-1, 1100), (-1, 1102), (1, 10197), (1, 354), (2, 10090), (1, 200)])
STEPS = st.lists(st.one_of(st.tuples(st.just("trade"), st.sampled_from([1, 2])),
                           st.tuples(st.just("quiet"), st.sampled_from([0.2, 1.0, 4.9, 5.0, 6.0, 40.0])),
                           st.tuples(st.just("notice"), NOTICES),
                           st.tuples(st.just("again"), st.sampled_from([1, 2]))), max_size=25)  # fmt: skip


@given(steps=STEPS)
def test_what_is_a_gap_does_not_depend_on_how_much_is_decoded_at_once(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = Clock()
    tape = ScriptedTape(tmp_path_factory.mktemp("steps"), now=clock)
    tape.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    tape.ask(2, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast")
    ids = {1: 1, 2: 2}
    for number, (what, value) in enumerate(steps, 3):
        clock.after(0.01)
        if what == "trade":
            trade(tape, ids[value], number)
        elif what == "quiet":
            clock.after(value)
        elif what == "notice":
            tape.answer("error", request_id=ids.get(value[0], -1), code=value[1], message="said")
        else:
            more: dict[str, Any] = {} if value == 1 else {"con_id": 2, "symbol": "MSFT"}
            tape.ask(number, "req_tick_by_tick", tick_kind="AllLast", **more)
            ids[value] = number
    tape.close("over").writer.close()
    records = list(Follower(tape.data / "tape" / "main", 1))
    whole, stepwise = TwsDecoder("main"), TwsDecoder("main")
    whole.feed(records)
    parts = []
    for record in records:
        stepwise.feed([record])
        parts.append(stepwise.take().get("gaps"))
    at_once = whole.take().get("gaps")
    one_by_one = [row for part in parts if part is not None for row in part.to_pylist()]
    assert (at_once.to_pylist() if at_once else []) == one_by_one
    assert whole.as_json() == stepwise.as_json()
