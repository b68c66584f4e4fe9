"""A state that was handed out is a value: it stays what it was while decoding goes on, and after it was taken on."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capture import open_lake
from capture.decode.control_rows import Events
from capture.decode.gaps import Gaps, Seen
from capture.decode.restore import Restorer, nothing_stored
from capture.decode.tws import TwsDecoder
from capture.lake.layout import Rolled, read_rolled
from capture.lake.proof.prune import prune
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.verify import Verifier
from capture.lake.pruned import read_pruned_tape
from capture.lake.ranges import Ranges
from capture.lake.stored_rows import Files
from capture.tape import Follower, Kind
from capture.wire.context import Request
from capture.wire.line import Line
from tests.lake.test_prune import DAYS, TODAY, Week

STREAMS = ("all_last", "quotes", "depth", "positions")
REQUESTS = {number: Request(number, "req", stream, 7, "AAPL") for number, stream in enumerate(STREAMS, 1)}


def restored(gaps: Gaps, request: Request, at: int) -> None:
    for gap_id in gaps.waiting:
        gaps.restored(gap_id, 3)


def backfilled(gaps: Gaps, request: Request, at: int) -> None:
    for gap_id in list(gaps.waiting)[:1]:
        gaps.backfilled({"gap_id": gap_id, "state": "backfilled"}, at, at)


EVENTS: tuple[Callable[[Gaps, Request, int], object], ...] = (
    lambda gaps, request, at: gaps.requested(request, at),
    lambda gaps, request, at: gaps.rows({request.request_id: Seen(at, at, at, at, at)}, REQUESTS),
    lambda gaps, request, at: gaps.session_ended(at, at, "lost"),
    lambda gaps, request, at: gaps.notice(1100, None, "lost", at, at),
    lambda gaps, request, at: gaps.notice(2103, None, "farm", at, at),
    lambda gaps, request, at: gaps.heard(at * 10, at),
    lambda gaps, request, at: gaps.cancelled(request, at, at),
    lambda gaps, request, at: gaps.notice(354, request, "doubtful", at, at),
    restored, backfilled,
)


def text(state: Any) -> str:
    return json.dumps(state, sort_keys=True)


@given(st.randoms(use_true_random=False))
def test_a_state_of_gaps_does_not_change_after_it_was_handed_out(random: Random) -> None:
    gaps = Gaps(Events("main"))
    for request in REQUESTS.values():
        gaps.requested(request, 0)
    handed: list[tuple[Any, str]] = []
    for at in range(1, 100):  # long enough that gaps open, close and are filled
        random.choice(EVENTS)(gaps, random.choice(list(REQUESTS.values())), at * 1_000_000)
        state = gaps.as_json()
        handed.append((state, text(state)))
        if random.random() < 0.2:  # as every range of a tape does
            gaps = Gaps(Events("main"))
            gaps.restore(state)
    assert [text(state) for state, _ in handed] == [said for _, said in handed]


def cut_between_a_gap_and_its_restoring(folder: Any, make: Any) -> Week:
    """A gap of the first day closes before a segment ends, and history fills it in the next one."""
    week = Week(folder, make)
    week.at(DAYS[0], 10).trades()
    week.script.close("lost")
    week.now_ns += 60_000_000_000
    week.open().trades().rotate()
    second, (gap_id,) = week.now_s, [f"main.all_last.5.{week.gaps[5]}"]
    for request_id in (8, 9):
        week.script.writer.note({"note": "backfill", "request_id": request_id, "from": second, "to": second,
                                 "gap_id": gap_id})
        week.script.ask(request_id, "req_historical_ticks", con_id=5, symbol="MSFT", what="TRADES")
        ticks = [{"time": second, "mask": 0, "price": request_id, "size": 1, "exchange": "X", "conditions": ""}]
        week.script.answer("historical_trades", request_id=request_id, done=request_id == 9, ticks=ticks)
        week.script.mark()
    week.script.writer.note({"note": "backfilled", "gap_id": gap_id, "state": "backfilled", "reason": None})
    week.script.mark()
    for day in DAYS[1:]:
        week.at(day, 10).trades().rotate()
    return week.at(DAYS[-1], 21).roll().seal()


def test_states_of_ranges_stay_what_they_were_when_they_were_yielded(tmp_path: Any, script: Any) -> None:
    week = cut_between_a_gap_and_its_restoring(tmp_path / "week", type(script))
    ranges = Ranges(week.layout.tape / "main", Rolled(1), Files(week.layout, "main"))
    handed = [(found.state, text(found.state), found) for found in ranges]
    assert [text(state) for state, _, _ in handed] == [said for _, said, _ in handed]
    assert any(state["waiting"] for state, _, _ in handed)
    rolled = read_rolled(week.layout, "main")
    assert rolled is not None
    assert text(rolled.state) == next(said for _, said, found in handed if found.to_mark == rolled.mark)
    week.script.writer.close()


def test_a_tape_pruned_within_a_restoring_verifies(tmp_path: Any, script: Any) -> None:
    week = cut_between_a_gap_and_its_restoring(tmp_path / "week", type(script))
    prune(week.layout, {"tape": 4}, TODAY)
    pruned = read_pruned_tape(week.layout.tape / "main")
    assert pruned is not None
    assert [gap["rows_restored"] for gap in pruned.state["waiting"] if gap["instrument_id"] == 5] == [0]
    verifier = Verifier(week.layout, "main")
    list(verifier.ranges())
    assert verifier.findings == []
    list(Rebuilder(week.layout, "main").ranges())
    with open_lake(week.layout.root) as lake:
        assert lake.sql("select rows_restored from gaps where state = 'backfilled'").rows() == [(2,)]
    week.script.writer.close()


def test_states_of_a_line_an_answer_and_a_decoder_stay_what_they_were(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    script.mark().ask(6, "req_market_data").trade(5, 2.0).close("lost").open().ask(5, "req_tick_by_tick",
                                                                                   tick_kind="AllLast")
    script.trade(5, 3.0).mark().close()
    decoder, handed = TwsDecoder("main"), []
    for record in Follower(script.data / "tape" / "main", 1):
        decoder.feed([record])
        assert decoder.line is not None
        states = [decoder.line.as_mark(1), decoder.line.context.as_json()]
        if record.kind == Kind.MARK:
            decoder.take()
            states.append(decoder.as_json())
        handed += [(state, text(state)) for state in states]
        session = decoder.line.session
        if session is not None:  # whoever holds the line may add to what it says of the session
            session["software"] = f"{session.get('software')}+"
    assert [text(state) for state, _ in handed] == [said for _, said in handed]
    state = {"fills": {"1": [1, 2, "gap"]}, "answers": {}}
    restorer = Restorer(nothing_stored)
    restorer.resume(state)
    first = restorer.as_json()
    said = text([state, first])
    restorer.asked({"request_id": 2, "from": 3, "to": 4})
    restorer.over(1)
    assert text([state, first]) == said
    assert Line.from_mark(Line(session={"a": 1}).as_mark(1)).session == {"a": 1}
