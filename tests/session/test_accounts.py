"""What a session asks for about accounts, when, and what it takes the answers for: pure, by a clock of the test's."""

from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from capture.session.accounts.asks import TURN_S
from capture.session.accounts.errand import AGAIN_FIRST_S, AGAIN_MOST_S, DEADLINE_S, MOST_PATIENCE_S, STEADY_BEATS
from capture.session.events import (
    Arrived,
    Command,
    Connected,
    Lost,
    Note,
    Received,
    Say,
    Send,
    Started,
    Stop,
    StopAsked,
    Tick,
)
from capture.session.machine import Machine
from capture.tape.notes import REFUSED, SILENT, WANTED
from capture.wanted.account_settings import Accounts
from capture.wanted.instrument import parse_instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import parse_stream
from capture.wire.messages.account_requests import ACCOUNT_REQUESTS, ACCOUNT_STREAMS, STREAM_REQUESTS
from capture.wire.text.codec import Decoded, answer_codec, request_codec
from capture.wire.text.handshake import ServerHello

CODEC, REQUESTS = answer_codec(200), request_codec(200)
NEW_YORK = ZoneInfo("America/New_York")
NOON_S = datetime(2026, 11, 23, 12, tzinfo=NEW_YORK).timestamp()
STOCK = {"con_id": 7, "symbol": "AAPL", "sec_type": "STK", "currency": "USD", "local_symbol": "AAPL"}
NAMES = {message.name for message in ACCOUNT_REQUESTS}


def message(name: str, **values: Any) -> Decoded:
    return CODEC.decode(CODEC.encode(name, values))


class Session:
    """A machine that wants accounts, with a clock, and all that it did."""

    def __init__(
        self, *streams: str, login: str = "DU1", words: tuple[str, ...] = (), zone: str = "US/Eastern", **accounts: Any
    ) -> None:
        own = Accounts(streams=list(streams or ACCOUNT_STREAMS), **accounts)
        wanted = [(parse_instrument(word), parse_stream("trades")) for word in words]
        self.machine = Machine(Settings(requests_per_second=1000), wanted, Random(1), own)
        self.login, self.zone = login, zone
        self.now_s, self.wall_s = 1000.0, NOON_S - 1000.0
        self.done: list[Command] = []
        self.tell(Started(NOON_S))
        self.connect()

    def connect(self) -> None:
        self.tell(Connected())
        self.tell(Received(hello=ServerHello(200, self.hello())))
        self.hear("next_valid_id", order_id=1)
        self.hear("managed_accounts", accounts=self.login)

    def hello(self) -> str:
        places = {"JST": "Asia/Tokyo", "Central European Standard Time": "Europe/Paris"}
        there = datetime.fromtimestamp(self.wall_s + self.now_s, ZoneInfo(places.get(self.zone, self.zone)))
        return f"{there:%Y%m%d %H:%M:%S} {self.zone}"

    def tell(self, event: Any) -> list[Command]:
        before = len(self.done)
        self.done += self.machine.handle(event, self.now_s)
        return self.done[before:]

    def hear(self, name: str, **values: Any) -> list[Command]:
        return self.tell(Received((message(name, **values),)))

    def error(self, code: int, request_id: int = -1, text: str = "text") -> list[Command]:
        return self.hear("error", request_id=request_id, code=code, message=text)

    def wait(self, seconds: float) -> list[Command]:
        """Let time pass on a line that says something every now and then."""
        before, end_s = len(self.done), self.now_s + seconds
        while self.now_s < end_s:
            wake_s = self.machine.next_wake_s()
            assert wake_s is None or wake_s > self.now_s - 1e-6 or self.machine.handle(Tick(), self.now_s) is not None
            self.now_s = min(end_s, max(self.now_s, wake_s or end_s), self.now_s + 10)
            self.tell(Tick())
            self.tell(Received((message("current_time", time=1),)))
            self.tell(Arrived({}, self.wall_s + self.now_s))
        return self.done[before:]

    def each_second(self, seconds: int, name: str, **values: Any) -> list[Command]:
        before = len(self.done)
        for _ in range(seconds):
            self.wait(1)
            self.hear(name, **values)
        return self.done[before:]

    def sent(self, name: str | None = None, within: list[Command] | None = None) -> list[dict[str, Any]]:
        return [c.values for c in (self.done if within is None else within)
                if isinstance(c, Send) and c.name in (NAMES if name is None else {name})]

    def names(self, within: list[Command] | None = None) -> list[str]:
        return [c.name for c in (self.done if within is None else within) if isinstance(c, Send) and c.name in NAMES]

    def id_of(self, name: str) -> int:
        """The id of the newest request of a name."""
        found: int = self.sent(name)[-1]["request_id"]
        return found

    def said(self, part: str, within: list[Command] | None = None) -> list[Say]:
        return [c for c in (self.done if within is None else within) if isinstance(c, Say) and part in c.text]

    def notes(self, key: str) -> list[dict[str, Any]]:
        return [c.body for c in self.done if isinstance(c, Note) and (key in c.body or c.body.get("note") == key)]

    def known(self) -> dict[tuple[str, str], str]:
        return {(one.stream, one.account): str(one.known) for one in self.machine.accounts.streams}

    def problem(self, stream: str) -> str:
        return next(one.problem for one in self.machine.accounts.streams if one.stream == stream)

    def position(self, quantity: float, account: str = "DU1", **more: Any) -> list[Command]:
        return self.hear("position", account=account, position=quantity, average_cost=1.0, **STOCK | more)

    def answer_all(self) -> None:
        """Say that there is nothing, of all that ends."""
        self.hear("account_download_end", account="DU1")
        self.hear("positions_end")
        self.hear("open_orders_end")
        self.hear("completed_orders_end")
        self.hear("executions_end", request_id=self.id_of("req_executions"))

    def answer_fills(self) -> None:
        """Say that there are no positions and no fills."""
        self.hear("positions_end")
        self.hear("executions_end", request_id=self.id_of("req_executions"))

    def stop(self) -> Stop:
        [stop] = [c for c in self.tell(StopAsked("enough")) if isinstance(c, Stop)]
        return stop


def test_without_accounts_nothing_of_them_is_asked_for() -> None:
    session = Session()
    session.machine = Machine(Settings(requests_per_second=1000), [], Random(1))
    session.done.clear()
    session.tell(Started(NOON_S))
    session.connect()
    session.wait(1200)
    assert session.names() == []
    assert session.notes(WANTED) == []
    assert session.machine.accounts.streams == []


def test_each_stream_is_asked_for_at_the_start_of_a_session() -> None:
    session = Session()
    assert session.names() == [
        "req_account_updates", "req_positions", "req_pnl", "req_all_open_orders", "req_completed_orders",
        "req_executions"]  # fmt: skip
    for name, values in zip(session.names(), session.sent(), strict=True):
        REQUESTS.encode(name, values)
    assert {(stream, "DU1" if stream in ("values", "pnl") else ""): "unknown" for stream in ACCOUNT_STREAMS} == (
        session.known())


@pytest.mark.parametrize("stream", ACCOUNT_STREAMS)
def test_only_the_streams_that_are_wanted_are_asked_for(stream: str) -> None:
    session = Session(stream)
    session.position(5)
    session.wait(900)
    streams = {name: request.stream for request in STREAM_REQUESTS for name in (request.name, request.cancel)}
    assert {streams[name] for name in session.names()} == {stream}


def test_accounts_do_not_wait_for_contracts_and_the_tape_knows_what_is_wanted() -> None:
    session = Session(words=("AAPL",))
    assert "req_positions" in session.names()
    assert not session.notes(WANTED)
    request_id = next(c.values["request_id"] for c in session.done if isinstance(c, Send) and
                      c.name == "req_contract_details")  # fmt: skip
    session.error(200, request_id)
    [note] = session.notes(WANTED)
    assert [(each["stream"], each.get("account")) for each in note["streams"]] == [
        ("all_last", None), ("values", "DU1"), ("positions", None), ("pnl", "DU1"), ("orders", None),
        ("executions", None)]  # fmt: skip


def test_not_known_and_empty_and_rows_are_three_states() -> None:
    session = Session()
    session.answer_all()
    assert session.known() == {("values", "DU1"): "empty", ("positions", ""): "empty", ("pnl", "DU1"): "unknown",
                               ("orders", ""): "empty", ("executions", ""): "empty"}  # fmt: skip
    session.position(5)
    session.hear("pnl", request_id=session.id_of("req_pnl"), daily=1.0)
    session.hear("open_order", order_id=1, account="DU1")
    known = session.known()
    assert (known["positions", ""], known["pnl", "DU1"], known["orders", ""]) == ("rows", "rows", "rows")
    assert known["executions", ""] == "empty"
    session.tell(Lost("the line broke"))
    assert set(session.known().values()) == {"unknown"}, "what was known is of the session that is over"


def test_an_answer_that_is_under_way_is_not_known_yet() -> None:
    session = Session("positions")
    session.position(5)
    assert session.known()["positions", ""] == "unknown", "there may be more of it"
    session.hear("positions_end")
    assert session.known()["positions", ""] == "rows"


def test_a_question_that_is_not_answered_is_asked_once_more_and_then_said() -> None:
    session = Session("executions")
    first = session.wait(DEADLINE_S - 1)
    assert session.names(first) == []
    assert session.names(session.wait(2)) == ["req_executions"]
    said = session.wait(DEADLINE_S)
    assert len(session.said("executions of all accounts was not answered", said)) == 1
    assert session.known() == {("executions", ""): "unknown"}, "a time-out says nothing"
    assert "not answered within 60 s, asked 2 times" in session.problem("executions")
    assert [note[SILENT] for note in session.notes(SILENT)] == [session.id_of("req_executions")]
    later = session.wait(AGAIN_FIRST_S)
    assert session.names(later) == ["req_executions"]
    session.hear("executions_end", request_id=session.id_of("req_executions"))
    assert session.known() == {("executions", ""): "empty"}
    assert session.problem("executions") == ""
    assert session.stop().exit_code == 0


def test_a_late_answer_to_the_first_question_counts() -> None:
    session = Session("executions")
    first = session.id_of("req_executions")
    session.wait(DEADLINE_S + 1)
    assert session.id_of("req_executions") != first
    session.hear("executions_end", request_id=first)
    assert session.known() == {("executions", ""): "empty"}


def test_an_answer_that_goes_on_to_come_is_not_late() -> None:
    session = Session("executions")
    for _ in range(5):
        session.wait(DEADLINE_S - 5)
        session.hear("execution_details", request_id=session.id_of("req_executions"), execution_id="a.01", **STOCK)
    assert len(session.names()) == 1
    assert session.known() == {("executions", ""): "unknown"}


def test_what_is_never_answered_is_asked_for_less_and_less_often_and_said_once() -> None:
    session = Session("executions")
    session.wait(6 * 3600)
    asked = len(session.names())
    assert 6 * 3600 / (AGAIN_MOST_S + DEADLINE_S) <= asked <= 2 * (6 * 3600 / (AGAIN_MOST_S * 0.75) + 8)
    assert len(session.said("not answered")) == 1
    stop = session.stop()
    assert stop.exit_code == 3
    assert "executions of all accounts: not answered" in session.machine.last_words(stop)[0].text


def test_executions_are_asked_for_with_a_time_at_the_start_and_every_five_minutes() -> None:
    session = Session("executions")
    [first] = session.sent("req_executions")
    assert first["time"] == "20261116-17:00:00", "a week back, in UTC: TWS may know as much"
    session.hear("executions_end", request_id=first["request_id"])
    [second] = session.sent(within=session.wait(301))
    assert second["time"] == "20261122-17:05:00"
    assert (second["client_id"], second["account"], second["symbol"], second["side"]) == (0, "", "", "")


@pytest.mark.parametrize("zone", ["US/Eastern", "JST", "Europe/Berlin", "Central European Standard Time"])
def test_executions_are_asked_for_around_midnight_of_the_gateway(zone: str) -> None:
    places = {"US/Eastern": "America/New_York", "JST": "Asia/Tokyo", "Central European Standard Time": "Europe/Paris"}
    there = ZoneInfo(places.get(zone, zone))
    session = Session("executions", zone=zone, executions_interval_s=7200)
    moments = []
    for _ in range(24 * 60):
        found = session.wait(60)
        moments += [datetime.fromtimestamp(session.wall_s + session.now_s, there)] if session.names(found) else []
        session.hear("executions_end", request_id=session.id_of("req_executions"))
    texts = [f"{moment:%H:%M}" for moment in moments]
    assert {"23:50", "00:10"} <= set(texts), texts


def test_executions_are_asked_for_by_the_gateways_time_which_may_be_of_another_day() -> None:
    session = Session("executions")
    session.tell(Lost("the line broke"))
    session.wait(2)
    session.tell(Connected())
    session.tell(Received(hello=ServerHello(200, "20260105 14:30:00 GMT")))
    session.hear("next_valid_id", order_id=1)
    session.hear("managed_accounts", accounts="DU1")
    assert session.sent()[-1]["time"] == "20251229-14:30:00"


def test_after_a_reconnect_executions_of_the_day_are_asked_for_again() -> None:
    session = Session("executions")
    session.hear("executions_end", request_id=session.id_of("req_executions"))
    session.tell(Lost("the line broke"))
    session.wait(2)
    session.connect()
    assert [values["time"] for values in session.sent()] == ["20261116-17:00:00", "20261116-17:00:02"]


def test_open_orders_are_polled_and_the_done_ones_now_and_then() -> None:
    session = Session("orders", orders_interval_s=60, completed_interval_s=600)
    for _ in range(605):
        session.hear("open_orders_end")
        session.hear("completed_orders_end")
        session.wait(1)
    assert session.names().count("req_all_open_orders") == 11
    assert session.names().count("req_completed_orders") == 2
    assert {values["api_only"] for values in session.sent("req_completed_orders")} == {False}


def test_positions_are_asked_for_anew_ten_seconds_after_a_fill() -> None:
    session = Session("positions", "executions")
    session.answer_fills()
    session.wait(100)
    session.hear("execution_details", request_id=-1, execution_id="b.01", **STOCK)
    assert "req_positions" not in session.names(session.wait(9))
    assert "req_positions" in session.names(session.wait(1.5))
    session.hear("positions_end")
    session.hear("execution_details", request_id=-1, execution_id="b.01", **STOCK)
    assert "req_positions" not in session.names(session.wait(60)), "the same fill again is no news"


def test_a_position_that_changes_has_executions_asked_for_soon() -> None:
    session = Session("positions", "executions")
    session.answer_fills()
    session.wait(100)
    session.position(5)
    assert session.names(session.wait(6)) == ["req_executions"]


def test_profits_of_held_positions_are_asked_for_until_they_are_flat() -> None:
    session = Session("positions", "pnl")
    session.position(5)
    session.position(0, con_id=8)
    session.position(3, con_id=0)
    session.position(3, con_id=9, sec_type="BAG")
    session.position(2, con_id=10, account="DU9")
    session.hear("positions_end")
    assert [(each["account"], each["con_id"]) for each in session.sent("req_pnl_single")] == [("DU1", 7)]
    request_id = session.id_of("req_pnl_single")
    session.position(0)
    assert session.sent("cancel_pnl_single") == [{"request_id": request_id}]
    session.position(1)
    assert len(session.sent("req_pnl_single")) == 2, "it is held again"


def test_profits_of_what_expired_and_is_not_yet_removed_are_not_asked_for() -> None:
    """It is the 23rd: what expired on the 21st is over everywhere."""
    session = Session("positions", "pnl")
    dates = ("20261121", "20261123", "20261127 15:00:00", "202611", "", "20269999", "99991231")
    for con_id, last_trade_date in enumerate(dates, 1):
        session.position(5, con_id=con_id, last_trade_date=last_trade_date)
    session.hear("positions_end")
    assert [each["con_id"] for each in session.sent("req_pnl_single")] == [2, 3, 4, 5, 6, 7]


def test_a_position_that_an_answer_does_not_list_is_flat() -> None:
    session = Session("positions", "pnl")
    session.position(5)
    session.position(4, con_id=8)
    session.hear("positions_end")
    session.tell(Lost("the line broke"))
    session.wait(2)
    session.connect()
    assert [each["con_id"] for each in session.sent("req_pnl_single")] == [7, 8, 7, 8]
    gone = session.id_of("req_pnl_single")
    session.position(5)
    session.hear("positions_end")
    assert session.sent("cancel_pnl_single") == [{"request_id": gone}]


def test_profits_that_fall_silent_are_asked_for_anew_and_missed_only_if_they_came_steadily() -> None:
    session = Session("pnl")
    session.each_second(120, "pnl", request_id=session.id_of("req_pnl"), daily=1.0)
    former = session.id_of("req_pnl")
    found = session.wait(62)
    assert session.names(found) == ["req_pnl", "cancel_pnl"], "the new request first: the stream is not given up"
    assert session.sent("cancel_pnl", found) == [{"request_id": former}]
    assert [note[SILENT] for note in session.notes(SILENT)] == [former]
    asked = []
    for _ in range(12 * 3600 // 30):  # a quiet time: IB answers each request, and nothing changes after
        for _ in session.sent("req_pnl", found):
            session.hear("pnl", request_id=session.id_of("req_pnl"), daily=1.0)
        found = session.wait(30)
        asked += [session.now_s] * len(session.sent("req_pnl", found))
    assert len(session.notes(SILENT)) == 1, "a value that does not change is not missed"
    assert 12 * 3600 / MOST_PATIENCE_S - 2 <= len(asked) <= 12 * 3600 / MOST_PATIENCE_S + 6


def test_values_that_fall_silent_are_asked_for_anew_after_ten_minutes() -> None:
    session = Session("values")
    session.hear("account_download_end", account="DU1")
    for _ in range(STEADY_BEATS + 1):
        session.wait(180)
        session.hear("account_value", key="NetLiquidation", value="1", currency="USD", account="DU1")
    assert session.names(session.wait(590)) == []
    assert session.names(session.wait(20)) == ["req_account_updates"]
    assert [note[SILENT] for note in session.notes(SILENT)] == [-6]


def test_profits_of_a_position_that_never_come_are_said() -> None:
    session = Session("positions", "pnl")
    session.position(5)
    session.hear("positions_end")
    session.each_second(130, "pnl", request_id=session.id_of("req_pnl"), daily=1.0)
    assert len(session.said("pnl of DU1, position in contract 7 was not answered")) == 1
    assert session.known()["pnl", "DU1"] == "rows"
    assert "not answered" in session.problem("pnl")


def test_with_read_only_api_what_is_about_orders_is_refused_and_the_rest_goes_on() -> None:
    session = Session()
    text = "Error validating request.-'bF' : cause - The API interface is currently in Read-Only mode."
    for _ in range(2):
        session.error(321, text=text)
    session.hear("account_download_end", account="DU1")
    session.hear("positions_end")
    session.hear("executions_end", request_id=session.id_of("req_executions"))
    assert session.known()["orders", ""] == "unknown"
    assert (session.known()["positions", ""], session.known()["executions", ""]) == ("empty", "empty")
    assert len(session.said("Read-Only")) == 1
    assert {note[REFUSED]: note["code"] for note in session.notes(REFUSED)} == {-16: 321, -99: 321}
    later = session.wait(301)
    asked = [name for name in session.names(later) if "orders" in name]
    assert set(asked) == {"req_all_open_orders", "req_completed_orders"}, "the setting may be changed"
    session.hear("positions_end")
    for _ in set(asked):
        session.error(321, text=text)
    assert len(session.said("Read-Only")) == 1
    assert session.stop().exit_code == 3


def test_a_refusal_of_a_request_with_an_id_is_of_that_request() -> None:
    session = Session()
    session.error(321, session.id_of("req_pnl"), "no")
    assert [one.stream for one in session.machine.accounts.streams if one.problem] == ["pnl"]
    assert session.notes(REFUSED) == [], "decoding knows by the id"


def test_refused_streams_that_come_all_the_same_are_well() -> None:
    session = Session("orders")
    session.error(321, text="Read-Only")
    session.hear("open_orders_end")
    session.hear("completed_orders_end")
    assert session.known() == {("orders", ""): "empty"}
    assert session.problem("orders") == ""


def test_an_account_that_the_login_does_not_have_is_said_with_those_it_has() -> None:
    session = Session(accounts=["DU1", "DU7"], login="DU1,DU2,")
    [said] = session.said("DU7")
    assert said.level == "error"
    assert "this login has no account DU7; it has DU1, DU2: correct accounts below [accounts]" in said.text
    assert {each["account"] for each in session.sent() if each.get("account")} == {"DU1"}
    stop = session.stop()
    assert stop.exit_code == 3
    assert "account DU7 is none of this login's" in session.machine.last_words(stop)[0].text


def test_no_account_of_ours_leaves_the_market_data_going_on() -> None:
    session = Session(accounts=["DU7"], words=("AAPL",))
    session.wait(10)
    assert session.names() == []
    assert session.machine.accounts.streams == []
    assert any(c.name == "req_contract_details" for c in session.done if isinstance(c, Send))


def test_some_accounts_of_a_login_are_asked_for_one_by_one() -> None:
    session = Session(accounts=["DU1"], login="DU1,DU2")
    assert session.names() == ["req_account_updates", "req_positions_multi", "req_pnl", "req_all_open_orders",
                               "req_completed_orders", "req_executions"]  # fmt: skip
    assert {each["account"] for each in session.sent() if "account" in each} == {"DU1"}


def test_several_accounts_have_values_each_and_the_portfolio_in_turns() -> None:
    session = Session("values", login="DF0,DU1,DU2")
    assert [each["account"] for each in session.sent("req_account_updates_multi")] == ["DF0", "DU1", "DU2"]
    turns, found = [], session.done
    for _ in range(int(4 * TURN_S)):
        for each in session.sent("req_account_updates", found):
            session.error(2100, text="API client has been unsubscribed from account data.")
            session.hear("account_value", key="NetLiquidation", value="1", currency="USD", account=each["account"])
            session.hear("account_download_end", account=each["account"])
            turns.append(each["account"])
        found = session.wait(1)
        for each in session.sent("req_account_updates_multi"):
            session.hear("account_update_multi_end", request_id=each["request_id"])
    assert turns == ["DF0", "DU1", "DU2", "DF0"]
    assert session.said("unsubscribed") == [], "that is how turns go"
    assert set(session.known().values()) == {"rows"}


def test_updates_that_ib_ends_are_asked_for_again() -> None:
    session = Session("values")
    session.hear("account_download_end", account="DU1")
    session.error(2100, text="API client has been unsubscribed from account data.")
    assert session.known() == {("values", "DU1"): "unknown"}
    assert session.names(session.wait(AGAIN_FIRST_S + 1)) == ["req_account_updates"]
    session.error(2101, text="Unable to subscribe to account as the following clients are subscribed to a different")
    assert "subscribed to a different" in session.problem("values")


@pytest.mark.parametrize("code", [1101, 1102])
def test_once_ib_is_back_everything_is_asked_for_anew(code: int) -> None:
    session = Session()
    session.answer_all()
    session.hear("pnl", request_id=session.id_of("req_pnl"), daily=1.0)
    session.error(1100)
    assert session.names(session.wait(1200)) == [], "nothing comes of it now"
    found = session.error(code)
    assert set(session.names(found)) - {"cancel_pnl"} == {
        "req_account_updates", "req_positions", "req_pnl", "req_all_open_orders", "req_completed_orders",
        "req_executions"}  # fmt: skip


def test_nothing_that_is_sent_is_an_order_or_changes_anything() -> None:
    allowed = {message.name for message in ACCOUNT_REQUESTS if "auto" not in message.name}
    session = Session(login="DU1,DU2")
    session.position(5)
    session.position(5, account="DU2")
    session.hear("positions_end")
    session.wait(1000)
    session.position(0)
    assert set(session.names()) <= allowed
    others = {c.name for c in session.done if isinstance(c, Send)} - allowed
    assert others <= {"start_api", "req_current_time"}


def test_a_long_session_asks_in_order_and_keeps_nothing_of_what_is_over() -> None:
    session = Session()
    for _ in range(24 * 6):
        session.wait(600)
        session.answer_all()
    assert len(session.machine.accounts._by_id) < 40
