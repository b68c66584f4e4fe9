"""Jobs for history against a gateway of plain calls: what is asked, noted, repeated and given up."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from capture.session.announcements import Voice
from capture.session.events import Note, Say
from capture.session.history_job import WITHHELD_S, Job, State
from capture.session.history_jobs import TIMEOUT_S, History, gap_job
from capture.session.history_pages import BarPages, Pages, TickPages
from capture.tape.notes import BACKFILL, BACKFILLED, CUT
from capture.wanted.instrument import parse_instrument
from capture.wire.messages.notices import describe
from capture.wire.text.codec import Decoded, answer_codec

WALL_S = 1_767_700_000.0
BEGIN = 1_767_623_400
ANSWERS = answer_codec(200).by_name


class Scene:
    """A History whose time a test moves; `sent` and `notes` are what it said since the last look."""

    def __init__(self) -> None:
        self.voice, self.sent, self.now_s, self.ids = Voice(), list[tuple[str, dict[str, Any]]](), 100.0, 0
        self.history = History(self.voice, lambda name, values: self.sent.append((name, values)), self.new_id)

    def new_id(self) -> int:
        self.ids += 1
        return self.ids

    def want(self, *jobs: Job) -> None:
        self.history.want(jobs, self.now_s, WALL_S + self.now_s)

    def work(self, after_s: float = 0.0) -> list[tuple[str, dict[str, Any]]]:
        """Let time pass and return the requests, up to the first answer that is needed."""
        self.now_s += after_s
        self.sent.clear()
        for _ in range(20):
            self.history.work(self.now_s)
        return self.sent

    def resolve(self, **more: Any) -> None:
        """Have the contract asked for, and answer."""
        ((name, values),) = self.work()
        assert name == "req_contract_details"
        found = {"request_id": values["request_id"], "con_id": 265598, "symbol": "AAPL", "sec_type": "STK",
                 "exchange": "SMART", "primary_exchange": "NASDAQ"} | more  # fmt: skip
        self.hear("contract_details", **found)
        self.hear("contract_details_end", request_id=values["request_id"])

    def page(self) -> dict[str, Any]:
        """The one request for history that is sent now."""
        ((name, values),) = self.work()
        assert name in ("req_historical_ticks", "req_historical_data")
        return values

    def answer(self, request_id: int, count: int, last: int | None, done: bool = True) -> None:
        self.hear("historical_trades", request_id=request_id, count=count, first=last, last=last, done=done)

    def hear(self, name: str, **values: Any) -> None:
        self.history.hear(Decoded(ANSWERS[name], values), self.now_s)

    def error(self, request_id: int, code: int, message: str = "") -> bool:
        values = {"request_id": request_id, "code": code, "message": message}
        return self.history.error(describe(code, request_id), values, self.now_s)

    def notes(self) -> list[dict[str, Any]]:
        found = [command.body for command in self.voice.out if isinstance(command, Note)]
        self.voice.out.clear()
        return found


def job(name: str = "gap", pages: Pages | None = None, **more: Any) -> Job:
    return Job(name, parse_instrument("AAPL"), pages or TickPages("TRADES", BEGIN, BEGIN + 60), BEGIN, name, **more)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_gap_is_paged_through_and_both_ends_are_noted(scene: Scene) -> None:
    wanted = job()
    scene.want(wanted)
    scene.resolve()
    values = scene.page()
    assert (values["con_id"], values["exchange"], values["what"]) == (265598, "SMART", "TRADES")
    assert values["start"] == "20260105-14:30:00"
    assert scene.notes() == [{"note": BACKFILL, "request_id": 2, "from": BEGIN, "to": BEGIN + 60, "gap_id": "gap"}]
    scene.answer(2, 600, BEGIN + 10, done=False)
    assert scene.work() == []
    scene.answer(2, 500, BEGIN + 20)
    assert scene.page()["start"] == "20260105-14:30:20"
    scene.answer(3, 1000, BEGIN + 70)
    assert scene.work() == []
    assert scene.notes()[1:] == [{"note": BACKFILLED, "gap_id": "gap", "state": "backfilled", "reason": None}]
    assert (wanted.state, wanted.rows, wanted.share) == (State.DONE, 2100, 1.0)
    assert scene.history.idle
    assert scene.history.next_due_s() is None


def test_a_second_of_exactly_a_page_is_noted_and_the_job_does_not_end_as_whole(scene: Scene) -> None:
    wanted = job()
    scene.want(wanted)
    scene.resolve()
    scene.answer(scene.page()["request_id"], 1_000, BEGIN)
    assert scene.page()["start"] == "20260105-14:30:01"
    scene.answer(3, 5, BEGIN + 70)
    scene.work()
    cut, ended = (note for note in scene.notes() if note["note"] != BACKFILL)
    assert cut == {"note": CUT, "request_id": 2, "second": BEGIN, "rows": 1_000, "gap_id": "gap"}
    assert ended == {"note": BACKFILLED, "gap_id": "gap", "state": "backfilled", "reason": None}
    assert (wanted.state, wanted.rows, wanted.cut) == (State.UNAVAILABLE, 1_005, 1)
    assert wanted.reason == ("IB's history gave 1,000 rows, the most it gives, of 1 second: whether there were more is "
                             "not known")  # fmt: skip


def test_a_second_of_more_than_a_page_was_given_whole(scene: Scene) -> None:
    wanted = job()
    scene.want(wanted)
    scene.resolve()
    scene.answer(scene.page()["request_id"], 1_001, BEGIN)
    scene.answer(scene.page()["request_id"], 5, BEGIN + 70)
    scene.work()
    assert [note["note"] for note in scene.notes()] == [BACKFILL, BACKFILL, BACKFILLED]
    assert (wanted.state, wanted.cut) == (State.DONE, 0)


def test_of_a_kind_one_request_is_open_at_a_time(scene: Scene) -> None:
    scene.want(job("a"), job("b"), job("c", TickPages("MIDPOINT", BEGIN, BEGIN + 60)))
    scene.resolve()
    assert [values["what"] for _, values in scene.work()] == ["TRADES", "MIDPOINT"]
    scene.answer(2, 1, BEGIN + 90)
    assert [values["what"] for _, values in scene.work(16)] == ["TRADES"], "an identical request waits for 15 s"


def test_nothing_is_asked_before_its_time(scene: Scene) -> None:
    scene.want(job(begin_s=WALL_S + scene.now_s + 5))
    assert scene.work() == []
    assert scene.history.next_due_s() == pytest.approx(scene.now_s + 5)
    assert [name for name, _ in scene.work(5.1)] == ["req_contract_details"]


def test_a_pacing_violation_holds_everything_for_a_minute(scene: Scene) -> None:
    scene.want(job())
    scene.resolve()
    scene.page()
    assert scene.error(2, 162, "Historical Market Data Service error message:Historical data request pacing violation")
    assert scene.work(59) == []
    assert len(scene.work(1.1)) == 1


@pytest.mark.parametrize(("code", "message", "reason"), [
    (162, "Historical Market Data Service error message:HMDS query returned no data: AAPL", "nothing there"),
    (10187, "Failed to request historical ticks:No market data permissions", "permission"),
    (200, "No security definition", "no security definition"),
])
def test_what_history_does_not_have_is_unavailable(scene: Scene, code: int, message: str, reason: str) -> None:
    wanted = job()
    scene.want(wanted)
    scene.resolve()
    scene.page()
    scene.error(2, code, message)
    scene.work()
    note = scene.notes()[-1]
    assert (note["note"], note["state"]) == (BACKFILLED, "unavailable")
    assert reason in note["reason"]
    assert wanted.state is State.UNAVAILABLE


@pytest.mark.parametrize(("code", "message"), [
    (366, "No historical data query found"), (322, "Only 50 simultaneous API historical data requests"),
    (162, "API historical data query cancelled: 2"),
    (162, "Historical Market Data Service error message:HMDS server disconnect occurred.  Attempting reconnection..."),
    (162, "Trading TWS session is connected from a different IP address"),
])
def test_what_is_no_fault_of_the_request_is_asked_again(scene: Scene, code: int, message: str) -> None:
    scene.want(job())
    scene.resolve()
    scene.page()
    scene.error(2, code, message)
    assert scene.work(1) == []
    assert scene.work(16)[0][1]["start"] == "20260105-14:30:00"


def test_a_question_that_nobody_answers_is_asked_again_and_a_late_answer_ignored(scene: Scene) -> None:
    scene.want(job())
    scene.resolve()
    scene.page()
    assert scene.work(TIMEOUT_S - 1) == []
    assert scene.work(1) == []
    assert len(scene.work(10)) == 1
    scene.answer(2, 1, BEGIN + 90)
    assert not scene.history.idle


def test_a_session_that_ends_takes_its_requests_along(scene: Scene) -> None:
    scene.want(job())
    scene.resolve()
    scene.page()
    scene.answer(2, 600, BEGIN + 10, done=False)
    scene.history.end_session()
    scene.ids = 0
    assert scene.work(16)[0][1]["start"] == "20260105-14:30:00", "a page begins anew"
    scene.answer(1, 3, BEGIN + 90)
    scene.work()
    assert scene.history.idle
    assert scene.history.jobs["gap"].rows == 3


def test_an_instrument_that_ib_does_not_know_ends_its_jobs(scene: Scene) -> None:
    scene.want(job("a"), job("b"))
    ((_, values),) = scene.work()
    scene.hear("contract_details_end", request_id=values["request_id"])
    assert {one.state for one in scene.history.jobs.values()} == {State.UNAVAILABLE}
    assert any(isinstance(command, Say) and "no such contract" in command.text for command in scene.voice.out)


def test_what_is_wanted_no_more_is_given_up_and_what_is_known_goes_on(scene: Scene) -> None:
    first = job("a")
    scene.want(first, job("b"))
    scene.want(job("a"))
    assert scene.history.jobs == {"a": first}


def test_after_an_empty_answer_it_goes_on_where_a_session_of_the_instrument_begins(scene: Scene) -> None:
    scene.want(job(pages=TickPages("TRADES", BEGIN, BEGIN + 3600)))
    scene.resolve(time_zone_id="UTC", trading_hours="20260105:0840-20260105:2000", liquid_hours="")
    values = scene.page()
    scene.answer(2, 0, None)
    assert values["start"] == "20260105-14:30:00"
    assert scene.page()["start"] == "20260105-14:40:00"


def test_while_it_is_held_nothing_is_sent_and_nobody_woken(scene: Scene) -> None:
    scene.want(job())
    scene.resolve()
    scene.history.held = True
    assert scene.work(600) == []
    assert scene.history.next_due_s() is None
    scene.history.held = False
    assert scene.history.next_due_s() is not None
    assert scene.page()["start"] == "20260105-14:30:00"


def test_other_requests_are_none_of_its_business(scene: Scene) -> None:
    assert not scene.error(7, 162, "no data")
    scene.answer(7, 3, BEGIN)


def gap(stream: str, detail: str = "") -> dict[str, Any]:
    return {"gap_id": "main.x", "instrument_id": 265598, "stream": stream, "detail": detail,
            "from_ts": BEGIN * 1_000_000 + 999_999, "to_ts": (BEGIN + 9) * 1_000_000}  # fmt: skip


@pytest.mark.parametrize(("stream", "what"), [
    ("all_last", "TRADES"), ("last", "TRADES"), ("quotes", "BID_ASK"), ("midpoints", "MIDPOINT")])
def test_a_gap_of_ticks_is_asked_for_with_a_margin_once_it_is_past(stream: str, what: str) -> None:
    made = gap_job(gap(stream), "ISLAND")
    assert made.pages == TickPages(what, BEGIN - 2, BEGIN + 11)
    assert (made.instrument.word, made.instrument.contract.exchange) == ("conid:265598@ISLAND", "ISLAND")
    assert made.begin_s == BEGIN + 14


def test_a_gap_of_bars_begins_two_bars_earlier_and_waits_until_the_last_is_whole() -> None:
    made = gap_job(gap("live_bars", ".1 min.BID"))
    assert made.pages == BarPages("1 min", "BID", BEGIN - 122, BEGIN + 11)
    assert made.begin_s == BEGIN + 74


def test_the_estimate_is_that_of_pacing(scene: Scene) -> None:
    wanted = job(pages=TickPages("BID_ASK", BEGIN, BEGIN + 99))
    scene.want(wanted)
    scene.resolve()
    scene.page()
    scene.answer(2, 1000, BEGIN + 1)
    assert wanted.share == pytest.approx(0.01)
    assert wanted.requests_left == 99
    assert scene.history.estimate_s(scene.now_s) == pytest.approx(3 * 600 * 1.02, rel=0.01)


@pytest.mark.parametrize(("pages", "name"), [
    (partial(TickPages, "TRADES"), "historical_trades"), (partial(BarPages, "5 secs", "TRADES"), "historical_data")])
@pytest.mark.parametrize("rows", [0, 7])
def test_recent_history_that_is_withheld_is_asked_for_again_when_it_is_not(
    scene: Scene, pages: Callable[[int, int], Pages], name: str, rows: int
) -> None:
    end_s = int(WALL_S) + 59
    wanted = job(pages=pages(end_s - 59, end_s))
    scene.want(wanted)
    scene.resolve()
    first = scene.page()
    assert scene.error(first["request_id"], 2188, "Up-to-the-second historical data requires a subscription")
    scene.hear(name, request_id=first["request_id"], count=rows, first=None, last=int(WALL_S) + 1, done=True)
    assert wanted.state is State.WANTED, "an empty end is no sign that there is nothing"
    scene.now_s = end_s + WITHHELD_S - WALL_S - 1
    assert not scene.work()
    scene.now_s += 1
    again = scene.page()
    assert again | {"request_id": 0} == first | {"request_id": 0}
    scene.hear(name, request_id=again["request_id"], count=9, first=None, last=end_s, done=True)
    scene.work()
    assert (wanted.state, wanted.rows) == (State.DONE, 9)


def test_history_of_long_ago_is_whole_though_the_last_minutes_are_withheld(scene: Scene) -> None:
    wanted = job()
    scene.want(wanted)
    scene.resolve()
    request_id = scene.page()["request_id"]
    scene.error(request_id, 2188, "Up-to-the-second historical data requires a subscription")
    scene.answer(request_id, 5, BEGIN + 30)
    scene.work()
    assert wanted.pages.next_s == BEGIN + 31


@pytest.mark.parametrize("code", [354, 399, 99_999])
def test_a_code_that_may_be_advice_ends_a_request_only_where_no_answer_comes(scene: Scene, code: int) -> None:
    answered, silent = job("answered"), job("silent")
    for each, state in ((answered, State.DONE), (silent, State.UNAVAILABLE)):
        scene.want(each)
        if scene.ids == 0:
            scene.resolve()
        request_id = scene.page()["request_id"]
        assert scene.error(request_id, code, "doubtful")
        if each is answered:
            scene.answer(request_id, 5, BEGIN + 60)
        scene.work(TIMEOUT_S)
        assert each.state is state
        scene.now_s += 100
    assert f"code {code}: doubtful" in silent.reason


def test_requests_for_one_contract_count_together_whatever_word_names_it(scene: Scene) -> None:
    other = Job("other", parse_instrument("conid:265598"), TickPages("TRADES", BEGIN, BEGIN + 60), BEGIN)
    scene.want(job(), other)
    for name, values in list(scene.work()):
        assert name == "req_contract_details"
        scene.hear("contract_details", request_id=values["request_id"], con_id=265598, symbol="AAPL",
                   sec_type="STK", exchange="SMART", primary_exchange="NASDAQ")
        scene.hear("contract_details_end", request_id=values["request_id"])
    scene.work()
    scene.now_s += 60
    scene.work()
    sent = scene.history.pacing.as_json()["sent"]
    assert len(sent) == 2
    assert len({source for _, _, source, _ in sent}) == 1
