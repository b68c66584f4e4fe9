import re
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from capture.session.announcements import MOST_LINES, WINDOW_S
from capture.session.events import (
    Arrived,
    Close,
    Command,
    Connect,
    Connected,
    Event,
    HistoryWanted,
    Lost,
    NoRoom,
    Note,
    Received,
    Say,
    Send,
    Started,
    Stop,
    StopAsked,
    Tick,
)
from capture.session.former import LATE_S
from capture.session.history_job import Job
from capture.session.history_pages import TickPages
from capture.session.lateness import Timed
from capture.session.machine import RESOLVE_TIMEOUT_S, Machine
from capture.session.phases import PHASES, State
from capture.session.subscriber import AFTERWARDS_S, DOUBT_S, PACING_RETRY_S
from capture.session.subscriptions import Life, Subscription
from capture.tape.notes import WANTED
from capture.wanted.instrument import parse_instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import parse_stream
from capture.wire.messages.notices import CODES, Action
from capture.wire.text.codec import Decoded, answer_codec
from capture.wire.text.handshake import ServerHello

CODEC = answer_codec(200)
NOON_S = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("US/Eastern")).timestamp()
OPEN = {"time_zone_id": "US/Eastern", "trading_hours": "20261123:0400-20261123:2000;20261124:0400-20261124:2000",
        "liquid_hours": "20261123:0930-20261123:1600;20261124:0930-20261124:1600"}


def details(symbol: str, con_id: int, **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "local_symbol": symbol, "con_id": con_id, "sec_type": "STK", "exchange": "SMART",
            **OPEN, **more}


def message(name: str, **values: Any) -> Decoded:
    return CODEC.decode(CODEC.encode(name, values))


class Driver:
    """A machine with a clock, and what it wanted since the last look."""

    def __init__(self, *words: str, streams: Iterable[str] = ("trades",), **settings: Any) -> None:
        wanted = [(parse_instrument(word), parse_stream(stream)) for word in words or ("AAPL",) for stream in streams]
        self.machine = Machine(Settings(**{"requests_per_second": 1000, **settings}), wanted, Random(1))
        self.now_s = 1000.0
        self.wall_s = NOON_S - self.now_s
        self.commands: list[Command] = []

    def tell(self, event: Event) -> list[Command]:
        commands = self.machine.handle(event, self.now_s)
        self.commands += commands
        return commands

    def hear(self, *messages: Decoded) -> list[Command]:
        return self.tell(Received(messages))

    def error(self, code: int, request_id: int | None = -1, text: str = "text") -> list[Command]:
        return self.hear(message("error", request_id=request_id, code=code, message=text))

    def wait(self, seconds: float) -> list[Command]:
        """Let time pass, waking the machine whenever it asks for it."""
        before, end_s = len(self.commands), self.now_s + seconds
        while (wake_s := self.machine.next_wake_s()) is not None and wake_s <= end_s:
            self.now_s = max(self.now_s, wake_s)
            self.tell(Tick())
        self.now_s = end_s
        return self.commands[before:]

    def flow(self, seconds: int, line: bool = True, **counts: int) -> list[Command]:
        """Let seconds pass in each of which so many rows come, by stream word; the line itself speaks or does not."""
        before = len(self.commands)
        for _ in range(seconds):
            self.wait(1)
            if line:
                self.hear()
            rows = {s.request_id: counts.get(s.stream.kind.word, 0) for s in self.machine.subscriptions.all}
            self.tell(Arrived({id_: rows for id_, rows in rows.items() if id_ and rows}, self.wall_s + self.now_s))
        return self.commands[before:]

    def idle(self, seconds: float) -> None:
        """Let time pass in which the gateway says something every now and then."""
        for _ in range(int(seconds / 10)):
            self.wait(10)
            self.hear(message("current_time", time=1))

    def at(self, state: State) -> bool:
        return self.machine.state is state

    def lives(self, life: Life) -> bool:
        return self.subscription.life is life

    def connect(self) -> None:
        if self.machine.state is State.DISCONNECTED:
            self.tell(Started())
        self.tell(Connected())
        self.tell(Received(hello=ServerHello(200, "20260105 14:30:00 GMT")))

    def start(self) -> None:
        self.connect()
        self.hear(message("managed_accounts", accounts="DU1"), message("next_valid_id", order_id=1))

    def resolve(self) -> None:
        """Answer the open questions, each instrument with a contract of its own."""
        asked = [c for c in self.commands if isinstance(c, Send) and c.name == "req_contract_details"]
        for number, send in enumerate(asked):
            request_id = send.values["request_id"]
            answer = details(send.values["symbol"] or "AAPL", 100 + number)
            self.hear(message("contract_details", request_id=request_id, **answer))
            self.hear(message("contract_details_end", request_id=request_id))

    def record(self) -> "Driver":
        self.start()
        self.resolve()
        assert self.machine.state is State.RECORDING
        return self

    def sent(self, name: str | None = None) -> list[dict[str, Any]]:
        return [c.values for c in self.commands if isinstance(c, Send) and name in (None, c.name)]

    def of(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What was written down, but for what is wanted."""
        return [note.body for note in self.of(Note) if note.body["note"] != WANTED]

    def said(self, level: str) -> str:
        return "\n".join(command.text for command in self.of(Say) if command.level == level)

    @property
    def subscription(self) -> Subscription:
        return self.machine.subscriptions.all[0]


# The way into a session


@pytest.mark.parametrize("order", [("managed_accounts", "next_valid_id"), ("next_valid_id", "managed_accounts")])
def test_a_session_is_ready_after_both_messages_in_either_order(order: tuple[str, str]) -> None:
    driver = Driver()
    assert driver.tell(Started()) == [Connect()]
    driver.tell(Connected())
    assert driver.at(State.GREETING)
    hello = driver.tell(Received(hello=ServerHello(187, "")))
    assert hello == [Send("start_api", {"client_id": 17})]
    driver.hear(message(order[0]))
    assert driver.at(State.STARTING)
    driver.hear(message(order[1]))
    assert driver.at(State.RESOLVING)
    assert driver.machine.server_version == 187


def test_subscriptions_carry_the_resolved_contract_under_new_ids() -> None:
    driver = Driver("AAPL", "EUR.USD", streams=("trades", "ticks:233")).record()
    ids = [values["request_id"] for values in driver.sent() if "request_id" in values]
    assert ids == list(range(1, 7))
    first = driver.sent("req_tick_by_tick")[0]
    assert (first["con_id"], first["local_symbol"], first["exchange"]) == (100, "AAPL", "SMART")
    assert {s.life for s in driver.machine.subscriptions.all} == {Life.REQUESTED}
    assert "requesting 4 of 4 wanted streams" in driver.said("info")


def test_an_instrument_is_subscribed_as_soon_as_it_is_known() -> None:
    driver = Driver("AAPL", "MSFT")
    driver.start()
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5)))
    assert driver.hear(message("contract_details_end", request_id=1))
    assert len(driver.sent("req_tick_by_tick")) == 1
    assert driver.at(State.RESOLVING)


@pytest.mark.parametrize(("data_type", "number"), [("frozen", 2), ("delayed", 3), ("delayed_frozen", 4)])
def test_the_data_type_is_asked_for_before_anything_else(data_type: str, number: int) -> None:
    driver = Driver(data_type=data_type).record()
    assert driver.sent()[1] == {"data_type": number}
    assert not Driver().record().sent("req_market_data_type")


def test_acknowledgement() -> None:
    driver = Driver(streams=["ticks"]).record()
    driver.hear(message("tick_request_parameters", request_id=driver.subscription.request_id, min_tick=0.01))
    assert driver.lives(Life.ACKNOWLEDGED)


def test_requests_are_paced() -> None:
    driver = Driver(*(f"A{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), requests_per_second=40)
    driver.start()
    assert len(driver.sent()) < 12
    times: list[float] = []
    while (wake_s := driver.machine.next_wake_s()) is not None and wake_s < driver.now_s + 5:
        driver.now_s = max(driver.now_s, wake_s)
        times += [driver.now_s for command in driver.tell(Tick()) if isinstance(command, Send)]
    assert len(driver.sent("req_contract_details")) == 26
    assert times[-1] - times[0] >= (len(times) - 1) / 40 - 1e-6


# What cannot be connected to


def test_a_refused_port_is_tried_until_the_first_connection_is_overdue() -> None:
    driver = Driver(connect_timeout_s=30)
    driver.tell(Started())
    started_s = driver.now_s
    while not driver.at(State.STOPPED):
        driver.tell(Lost("Connection refused"))
        driver.wait(0)
        if (wake_s := driver.machine.next_wake_s()) is not None:
            driver.wait(wake_s - driver.now_s)
    assert driver.now_s - started_s == pytest.approx(30)
    assert len(driver.of(Connect)) >= 5
    assert driver.of(Stop)[0].exit_code == 1
    error = driver.said("error")
    assert "no connection to 127.0.0.1:4002: Connection refused" in error
    assert all(port in error for port in ("4001", "4002", "7496", "7497"))
    assert error.count("refused") == 1, "the same trouble is said once"


def test_zero_tries_for_ever() -> None:
    driver = Driver(connect_timeout_s=0)
    driver.tell(Started())
    for _ in range(50):
        driver.tell(Lost("Connection refused"))
        driver.wait((driver.machine.next_wake_s() or 0) - driver.now_s)
    assert len(driver.of(Connect)) == 51


def test_an_end_before_the_hello_hints_at_trusted_ips() -> None:
    driver = Driver()
    driver.tell(Started())
    driver.tell(Connected())
    driver.tell(Lost("the gateway closed the connection"))
    assert "Trusted IPs" in driver.said("error")
    assert driver.at(State.BACKING_OFF)


@pytest.mark.parametrize(
    ("reached", "words"),
    [(State.CONNECTING, "no answer within 5 s"), (State.GREETING, "pop-up"), (State.STARTING, "did not start")],
)
def test_a_handshake_that_hangs_is_given_up(reached: State, words: str) -> None:
    driver = Driver(handshake_timeout_s=5, connect_timeout_s=0)
    driver.tell(Started())
    if reached is not State.CONNECTING:
        driver.tell(Connected())
    if reached is State.STARTING:
        driver.tell(Received(hello=ServerHello(200, "")))
    assert driver.at(reached)
    driver.wait(5)
    assert words in driver.of(Close)[0].reason
    assert driver.at(State.BACKING_OFF)


def test_what_no_retry_can_help_stops_a_first_connection_only() -> None:
    driver = Driver()
    driver.tell(Started())
    driver.tell(Connected())
    driver.tell(Lost("the gateway speaks version 150", lasting=True))
    assert driver.of(Stop) == [Stop(1, "the gateway speaks version 150")]
    later = Driver().record()
    later.tell(Lost("gone"))
    later.wait(2)
    later.tell(Connected())
    later.tell(Lost("the gateway speaks version 150", lasting=True))
    assert later.at(State.BACKING_OFF)


def test_a_client_id_in_use_is_said_with_the_fix_and_tried_again() -> None:
    driver = Driver(connect_timeout_s=0)
    driver.connect()
    driver.error(326, text="Unable to connect as the client id is already in use.")
    assert "client id 17: client id in use" in driver.said("error")
    assert "choose another" in driver.said("error")
    assert driver.at(State.BACKING_OFF)
    driver.wait(2)
    driver.connect()
    assert [values["client_id"] for values in driver.sent("start_api")] == [17, 17]


# Contracts


def test_an_unknown_instrument_is_refused_and_the_others_go_on() -> None:
    driver = Driver("AAPL", "XYZ", streams=("trades", "quotes"))
    driver.start()
    driver.error(200, 2, "No security definition has been found")
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5)))
    driver.hear(message("contract_details_end", request_id=1))
    assert driver.at(State.RECORDING)
    assert "XYZ: no security definition" in driver.said("error")
    assert not driver.notes, "IB's own error is on the tape already"
    assert [s.life for s in driver.machine.subscriptions.all] == [Life.REQUESTED] * 2 + [Life.REFUSED] * 2
    assert driver.machine.subscriptions.all[2].code == 200
    assert driver.tell(StopAsked("enough")) == [Close("enough"), Stop(3, "enough")]
    assert "XYZ trades was refused: XYZ: no security definition" in driver.machine.lacking()
    assert "`ticktape gaps` lists what is missing" in driver.machine.lacking()


def test_an_ambiguous_instrument_lists_the_words_that_pick_each() -> None:
    driver = Driver("FUT:ES@CME:202612")
    driver.start()
    answers = [details("ES", 10 + i, exchange="CME", local_symbol=f"ES{i}", multiplier="50") for i in range(2)]
    driver.hear(*(message("contract_details", request_id=1, **answer) for answer in answers))
    driver.hear(message("contract_details_end", request_id=1))
    assert "conid:10@CME" in driver.said("error")
    assert "conid:11@CME" in driver.said("error")
    assert "conid:10@CME" in driver.of(Note)[0].body["note"]
    assert driver.of(Stop)[0].exit_code == 1


def test_words_that_mean_the_same_contract_are_requested_once() -> None:
    driver = Driver("AAPL", "conid:265598", "conid:265598@NYSE", streams=("trades", "depth", "depth:10", "depth:5"))
    driver.start()
    for request_id in (1, 2, 3):
        for exchange in ("SMART", "NYSE"):
            answer = details("AAPL", 265598, exchange=exchange, primary_exchange="NASDAQ")
            driver.hear(message("contract_details", request_id=request_id, **answer))
        driver.hear(message("contract_details_end", request_id=request_id))
    driver.idle(20)  # the same kind of data of a contract is 15 s apart
    assert [values["exchange"] for values in driver.sent("req_tick_by_tick")] == ["SMART", "NYSE"]
    depth = [(values["exchange"], values["rows"]) for values in driver.sent("req_market_depth")]
    assert depth == [("NASDAQ", 10), ("NASDAQ", 5), ("NYSE", 10), ("NYSE", 5)]
    assert "conid:265598 trades is the same as AAPL trades, and recorded once" in driver.said("info")
    assert "AAPL depth:10 is the same as AAPL depth, and recorded once" in driver.said("info")
    assert "requesting 6 of 6 wanted streams" in driver.said("info")
    (one, *_) = driver.machine.subscriptions.of(parse_instrument("conid:265598"))
    assert one is driver.subscription
    driver.tell(Lost("gone"))
    driver.wait(2)
    driver.start()
    driver.idle(20)
    assert len(driver.sent("req_tick_by_tick")) == 4


def test_unanswered_questions_are_asked_again() -> None:
    driver = Driver("AAPL")
    driver.start()
    driver.idle(RESOLVE_TIMEOUT_S)
    assert [values["request_id"] for values in driver.sent("req_contract_details")] == [1, 2]
    assert "asking again: AAPL" in driver.said("warning")


def test_resolved_contracts_are_kept_over_reconnects() -> None:
    driver = Driver("AAPL", streams=("trades", "quotes")).record()
    driver.tell(Lost("reset by peer"))
    assert {s.life for s in driver.machine.subscriptions.all} == {Life.WANTED}
    driver.wait(2)
    driver.commands.clear()
    driver.start()
    assert not driver.sent("req_contract_details")
    assert [values["request_id"] for values in driver.sent("req_tick_by_tick")] == [1, 2]
    assert driver.at(State.RECORDING)
    assert driver.machine.sessions == 2


# Codes


def codes(action: Action, kind: str | None = None) -> list[int]:
    return [row.code for row in CODES.values() if row.action is action and kind in (None, row.kind)]


@pytest.mark.parametrize("code", codes(Action.REFUSE))
def test_terminal_codes_refuse_their_stream_and_only_it(code: int) -> None:
    driver = Driver(streams=("trades", "quotes")).record()
    driver.error(code, driver.subscription.request_id)
    one, other = driver.machine.subscriptions.all
    assert (one.life, one.code) == (Life.REFUSED, code)
    assert CODES[code].meaning in one.message
    assert CODES[code].fix in driver.said("error")
    assert other.life is Life.REQUESTED
    assert driver.tell(StopAsked("end"))[-1] == Stop(3, "end")


@pytest.mark.parametrize("code", codes(Action.SAY, "advisory"))
def test_advisory_codes_are_said_once_and_change_nothing(code: int) -> None:
    driver = Driver().record()
    for _ in range(3):
        driver.error(code, driver.subscription.request_id)
    assert driver.lives(Life.REQUESTED)
    assert driver.said("warning").count(f"code {code}:") == 1
    assert driver.tell(StopAsked("end"))[-1] == Stop(0, "end")


@pytest.mark.parametrize("code", codes(Action.REQUEST_AGAIN))
def test_dead_streams_are_requested_again_at_once_but_not_in_a_storm(code: int) -> None:
    driver = Driver(streams=["smart_depth"]).record()
    driver.idle(100)
    old = driver.subscription.request_id
    driver.error(code, old)
    assert driver.lives(Life.REQUESTED)
    assert driver.subscription.request_id not in (old, None)
    assert len(driver.sent("req_market_depth")) == 2
    driver.error(code, driver.subscription.request_id)
    assert driver.lives(Life.WANTED)
    driver.wait(1)
    assert driver.lives(Life.REQUESTED)


@pytest.mark.parametrize("code", [162, 420, 10189])
def test_pacing_violations_wait_and_ask_again(code: int) -> None:
    driver = Driver().record()
    driver.error(code, driver.subscription.request_id, "Historical data request pacing violation")
    assert driver.lives(Life.WANTED)
    driver.idle(PACING_RETRY_S - 10)
    assert driver.lives(Life.WANTED)
    driver.idle(10)
    assert driver.lives(Life.REQUESTED)


def test_1101_requests_everything_again_and_counts_as_loss() -> None:
    driver = Driver(streams=("trades", "quotes")).record()
    driver.idle(20)
    driver.error(1100)
    assert len(driver.sent("req_tick_by_tick")) == 2, "nothing is requested while IB is away"
    driver.error(1101)
    assert [values["request_id"] for values in driver.sent("req_tick_by_tick")] == [2, 3, 4, 5]
    assert driver.tell(StopAsked("end"))[-1] == Stop(3, "end")


@pytest.mark.parametrize("code", [1102, 2100, 2103, 2105, 2157, 99999])
def test_other_status_codes_are_only_said(code: int) -> None:
    driver = Driver().record()
    commands = driver.error(code)
    assert [type(command) for command in commands] == [Say]
    assert driver.tell(StopAsked("end"))[-1] == Stop(0, "end")


@pytest.mark.parametrize(("broken", "code"), [
    (2103, 2104), (2103, 2108), (2103, 2119), (2105, 2106), (2105, 2107), (2157, 2158)])
def test_routine_farm_words_are_said_only_after_trouble(broken: int, code: int) -> None:
    driver = Driver().record()
    assert driver.error(code) == []
    driver.error(broken)
    assert [type(command) for command in driver.error(code)] == [Say]


def test_an_error_without_a_code_harms_nothing() -> None:
    driver = Driver(streams=("trades", "quotes")).record()
    driver.hear(message("error", request_id=driver.subscription.request_id, message="?"))
    driver.wait(DOUBT_S)
    assert driver.lives(Life.REFUSED)
    driver.hear(message("error", message="?"))
    assert driver.at(State.RECORDING)


def test_a_rerouted_stream_is_requested_where_ib_says() -> None:
    driver = Driver("CFD:IBUS500", streams=["ticks"]).record()
    old = driver.subscription.request_id
    driver.hear(message("reroute_market_data", request_id=old, con_id=77, exchange="CME"))
    assert driver.sent("cancel_market_data") == [{"request_id": old}]
    new = driver.sent("req_market_data")[1]
    assert (new["con_id"], new["exchange"], new["sec_type"], new["local_symbol"]) == (77, "CME", "", "IBUS500")
    assert new["request_id"] != old
    driver.error(300, old)
    assert driver.lives(Life.REQUESTED)
    assert driver.notes[0]["instrument_id"] == 77


def test_late_words_about_a_former_request_change_nothing() -> None:
    driver = Driver().record()
    driver.idle(20)
    old = driver.subscription.request_id
    driver.error(1101)
    driver.error(354, old)
    assert driver.lives(Life.REQUESTED)


def test_when_nothing_can_be_recorded_the_recorder_stops() -> None:
    driver = Driver(streams=("trades", "quotes")).record()
    driver.error(354, 2)
    reason = "none of the 2 wanted streams can be recorded"
    driver.error(10190, 3)
    assert driver.wait(DOUBT_S)[-2:] == [Close(reason), Stop(1, reason)]


def test_what_flowed_once_is_waited_for_when_it_is_refused() -> None:
    driver = Driver(streams=("quotes",)).record()
    driver.flow(3, quotes=1)
    driver.error(354, driver.subscription.request_id)
    assert driver.at(State.RECORDING)
    driver.idle(70)
    assert driver.lives(Life.REQUESTED)


def test_after_a_reconnect_a_refusal_does_not_end_it_but_is_tried_again() -> None:
    driver = Driver().record()
    driver.tell(Lost("gone"))
    driver.wait(2)
    driver.start()
    driver.error(354, driver.subscription.request_id)
    driver.wait(DOUBT_S)
    assert driver.lives(Life.REFUSED)
    driver.idle(AFTERWARDS_S[0])
    assert driver.lives(Life.REQUESTED)


@pytest.mark.parametrize(("code", "pauses_s"), [
    (354, [60, 120, 240, 480, 960, 1920, 3600, 3600]), (10190, [60, 120]), (101, [60, 120]), (99_999, [60, 120]),
    (200, [86_400, 86_400]), (321, []), (10299, [])])
def test_in_the_first_session_too_a_refusal_is_tried_again_where_that_can_help(
    code: int, pauses_s: list[float]
) -> None:
    driver = Driver(streams=("trades", "ticks")).record()
    for pause_s in pauses_s:
        driver.error(code, driver.subscription.request_id)
        driver.wait(DOUBT_S)
        assert driver.lives(Life.REFUSED)
        refused_s, requests = driver.now_s, len(driver.sent("req_tick_by_tick"))
        driver.idle(pause_s * 0.75 - 11)
        assert len(driver.sent("req_tick_by_tick")) == requests
        driver.idle(pause_s * 0.25 + 22)
        assert driver.lives(Life.REQUESTED)
        assert driver.subscription.requested_s - refused_s <= pause_s
    driver.error(code, driver.subscription.request_id)
    driver.wait(DOUBT_S)
    assert driver.said("error").count(f"code {code}:") == 1
    if not pauses_s:
        driver.idle(90_000)
        assert driver.lives(Life.REFUSED)


def test_a_stream_that_flowed_again_begins_anew_with_short_pauses() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    for _ in range(3):
        driver.error(354, driver.subscription.request_id)
        driver.idle(310)
    driver.flow(2, quotes=5, ticks=5)
    assert driver.lives(Life.FLOWING)
    driver.error(354, driver.subscription.request_id)
    driver.idle(80)
    assert driver.lives(Life.REQUESTED)


def test_an_instrument_that_ib_did_not_know_is_asked_for_again_the_next_day() -> None:
    driver = Driver("AAPL", "XYZ")
    driver.start()
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5)))
    driver.hear(message("contract_details_end", request_id=1))
    driver.error(200, 2, "No security definition has been found")
    driver.idle(60_000)
    assert len(driver.sent("req_contract_details")) == 2
    driver.idle(26_400)
    request_id = driver.sent("req_contract_details")[2]["request_id"]
    driver.hear(message("contract_details", request_id=request_id, **details("XYZ", 6)))
    driver.hear(message("contract_details_end", request_id=request_id))
    assert driver.machine.subscriptions.all[1].life is Life.REQUESTED
    assert driver.said("error").count("XYZ") == 1


# A stream that lives on after a code taken for its end


@pytest.mark.parametrize("code", [*codes(Action.SEE), 399, 99_999])
def test_rows_after_a_doubtful_code_keep_the_stream_and_nothing_is_asked_again(code: int) -> None:
    driver = Driver(streams=("ticks",)).record()
    driver.error(code, driver.subscription.request_id)
    driver.flow(400, ticks=3)
    assert driver.lives(Life.FLOWING)
    assert len(driver.sent("req_market_data")) == 1
    assert not driver.sent("cancel_market_data")
    assert driver.said("warning").count(f"code {code}:") == 1
    assert not driver.said("error")
    assert driver.tell(StopAsked("end"))[-1] == Stop(0, "end")


@pytest.mark.parametrize("code", [*codes(Action.SEE), 399])
def test_silence_after_a_doubtful_code_is_a_refusal(code: int) -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.flow(5, ticks=1, trades=1)
    driver.error(code, 2)
    driver.flow(int(DOUBT_S) - 1, trades=1)
    assert driver.lives(Life.FLOWING)
    driver.flow(2, trades=1)
    assert (driver.subscription.life, driver.subscription.code) == (Life.REFUSED, code)
    assert f"code {code}:" in driver.said("error")
    (note,) = [note.body for note in driver.of(Note) if "refused_request_id" in note.body]
    assert (note["refused_request_id"], note["code"], note["stream"]) == (2, code, "ticks")


@pytest.mark.parametrize("code", [354, 399, 200, 101, 10190])
def test_rows_that_come_revive_a_refused_stream_and_asking_again_cancels_first(code: int) -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.error(code, 2)
    driver.flow(12, trades=1)
    assert driver.lives(Life.REFUSED)
    driver.flow(2, trades=1, ticks=1)
    assert driver.lives(Life.FLOWING)
    assert "AAPL ticks flows all the same" in driver.said("info")
    driver.flow(100, trades=1, ticks=1)
    assert len(driver.sent("req_market_data")) == 1
    driver.commands.clear()
    driver.flow(40, trades=1)
    asked = [(c.name, c.values["request_id"]) for c in driver.commands if isinstance(c, Send)]
    assert asked[0] == ("cancel_market_data", 2)
    assert asked[1][0] == "req_market_data"


@pytest.mark.parametrize("code", [*codes(Action.REFUSE), *codes(Action.SEE), *codes(Action.REQUEST_AGAIN), 162, 504])
def test_no_request_goes_out_beside_one_that_may_live(code: int) -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.error(code, 2, "Historical data pacing violation" if code == 162 else "text")
    driver.idle(5_000)
    asked = [(c.name, c.values["request_id"]) for c in driver.commands if isinstance(c, Send) and "market" in c.name]
    assert [name for name, _ in asked[::2]] == ["req_market_data"] * len(asked[::2])
    assert [id_ for name, id_ in asked[1::2]] == [id_ for _, id_ in asked[::2]][: len(asked) // 2]
    assert {name for name, _ in asked[1::2]} <= {"cancel_market_data"}


def test_rows_from_before_a_refusal_revive_nothing() -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.flow(5, ticks=1, trades=1)
    driver.error(10190, 2)
    driver.flow(1, ticks=1, trades=1)
    driver.flow(5, trades=1)
    assert driver.lives(Life.REFUSED)


def test_rows_of_a_request_that_ib_said_it_lost_have_it_cancelled() -> None:
    driver = Driver(streams=("ticks",)).record()
    driver.error(1101)
    assert driver.subscription.request_id == 3
    driver.flow(3, ticks=1)
    for _ in range(5):
        driver.wait(1)
        driver.hear()
        driver.tell(Arrived({2: 4, 3: 4}, driver.wall_s + driver.now_s))
    assert [values["request_id"] for values in driver.sent("cancel_market_data")] == [2]


def test_a_cancelled_request_whose_rows_go_on_is_cancelled_once_a_minute() -> None:
    driver = Driver("CFD:IBUS500", streams=["ticks"]).record()
    driver.hear(message("reroute_market_data", request_id=2, con_id=77, exchange="CME"))
    for _ in range(int(3 * LATE_S)):
        driver.wait(1)
        driver.hear()
        driver.tell(Arrived({2: 4, 3: 4}, driver.wall_s + driver.now_s))
    assert [values["request_id"] for values in driver.sent("cancel_market_data")] == [2, 2, 2, 2]
    assert driver.lives(Life.FLOWING)


@pytest.mark.parametrize(("data_type", "advised"), [("live", True), ("delayed", False), ("delayed_frozen", False)])
def test_advice_names_no_setting_that_is_set(data_type: str, advised: bool) -> None:
    driver = Driver(streams=("ticks",), data_type=data_type).record()
    driver.error(354, driver.subscription.request_id)
    assert ("data_type" in driver.said("warning")) is advised
    assert "subscribe to the data at IB" in driver.said("warning")


@pytest.mark.parametrize("con_id", [None, 0, -1])
def test_a_reroute_to_no_contract_changes_nothing(con_id: int | None) -> None:
    driver = Driver("CFD:IBUS500", streams=["ticks"]).record()
    driver.hear(message("reroute_market_data", request_id=2, con_id=con_id, exchange="CME"))
    assert len(driver.sent("req_market_data")) == 1
    assert driver.lives(Life.REQUESTED)


@pytest.mark.parametrize("con_id", [None, 0, -1])
def test_details_without_a_contract_id_are_no_contract(con_id: int | None) -> None:
    driver = Driver(streams=["ticks"])
    driver.start()
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5) | {"con_id": con_id}))
    driver.hear(message("contract_details_end", request_id=1))
    assert not driver.sent("req_market_data")
    assert driver.lives(Life.REFUSED)


# Floods


def test_a_flood_of_errors_is_said_once_and_counted() -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.commands.clear()
    for number in range(5_000):
        driver.now_s += 0.009
        driver.error(321, -1, "Error validating request")
        driver.error(321, 77, "Error validating request")
        driver.error(10190 + number % 2, 2, "Max number")
    assert len(driver.of(Say)) <= 4
    driver.idle(WINDOW_S + 10)
    assert "4,999 of code 321" in driver.said("warning")
    assert len(driver.of(Say)) <= 5


def test_a_flood_of_errors_that_differ_is_cut_off_and_counted() -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    driver.commands.clear()
    for number in range(2_000):
        driver.error(20_000 + number, -1 if number % 2 else 2, f"text {number}")
    assert len(driver.of(Say)) == MOST_LINES
    driver.idle(WINDOW_S + 10)
    assert "and 1,895 other codes" in driver.said("warning")


def test_what_ib_says_again_after_a_minute_is_said_again() -> None:
    driver = Driver(streams=("ticks", "trades")).record()
    for _ in range(3):
        driver.error(321, -1, "same")
        driver.idle(WINDOW_S + 10)
    assert driver.said("info").count("same") == 3
    assert "of code" not in driver.said("warning")


# Silence and loss


def test_a_silent_gateway_is_asked_and_then_given_up() -> None:
    driver = Driver().record()
    driver.wait(14.9)
    assert not driver.sent("req_current_time")
    driver.wait(0.2)
    assert len(driver.sent("req_current_time")) == 1
    driver.wait(29)
    assert driver.at(State.RECORDING)
    driver.wait(1)
    assert "gave no answer for 45 s" in driver.of(Close)[0].reason
    assert driver.at(State.BACKING_OFF)


def test_an_answer_ends_the_doubt() -> None:
    driver = Driver().record()
    for _ in range(100):
        driver.wait(16)
        driver.hear(message("current_time", time=1))
    assert driver.at(State.RECORDING)
    assert len(driver.sent("req_current_time")) == 100


def test_losing_the_line_backs_off_and_says_so_once() -> None:
    driver = Driver().record()
    driver.tell(Lost("Connection reset by peer"))
    assert driver.machine.next_wake_s() is not None
    waits = []
    for _ in range(8):
        before_s = driver.now_s
        wake_s = driver.machine.next_wake_s()
        assert wake_s is not None
        driver.wait(wake_s - driver.now_s)
        waits.append(driver.now_s - before_s)
        driver.tell(Lost("Connection refused"))
    assert waits == sorted(waits)
    assert waits[-1] > 40
    assert driver.at(State.BACKING_OFF)
    assert len(driver.of(Say)) - len(Driver().record().of(Say)) == 2
    assert driver.tell(StopAsked("end"))[-1] == Stop(3, "end")


def test_events_after_the_end_do_nothing() -> None:
    driver = Driver().record()
    driver.tell(StopAsked("end"))
    for event in (Tick(), Lost("x"), Received(), StopAsked("again"), Started()):
        assert driver.tell(event) == []
    assert driver.machine.next_wake_s() is None


def test_stopping_before_any_session_is_a_failure() -> None:
    driver = Driver()
    driver.tell(Started())
    assert driver.tell(StopAsked("end")) == [Close("end"), Stop(1, "end")]
    assert driver.machine.last_words(Stop(1, "end")) == [Say("error", "stopped: end, before there was a session")]


def test_live_requests_of_an_earlier_run_count_by_ibs_limits() -> None:
    driver = Driver(streams=("bars",))
    driver.tell(Started(NOON_S, (["req_real_time_bars", [NOON_S - 100] * 60],)))
    driver.record()
    driver.idle(490)
    assert not driver.sent("req_real_time_bars"), "60 in 10 minutes are used up"
    driver.idle(20)
    assert len(driver.sent("req_real_time_bars")) == 1


def test_every_state_has_a_phase_and_can_be_stopped() -> None:
    assert PHASES.keys() == set(State)
    assert all(State.STOPPED in phase.next for state, phase in PHASES.items() if state is not State.STOPPED)


# Liveness


def silences(driver: Driver) -> list[dict[str, Any]]:
    return [note.body for note in driver.of(Note) if note.body["note"].startswith("silent")]


def test_rows_make_a_stream_flow() -> None:
    driver = Driver(streams=("trades", "quotes")).record()
    driver.flow(3, quotes=5)
    assert [s.life for s in driver.machine.subscriptions.all] == [Life.REQUESTED, Life.FLOWING]
    assert driver.machine.subscriptions.all[1].flow.rows_per_second > 1
    assert driver.machine.subscriptions.all[1].flow.last_s == driver.now_s


def test_a_busy_stream_that_falls_silent_is_noticed_in_seconds_and_requested_again_under_a_new_id() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    old = driver.subscription.request_id
    driver.commands.clear()
    driver.flow(7, ticks=10)
    (note,) = silences(driver)
    assert note["silent_request_id"] == old
    assert (note["instrument_id"], note["stream"]) == (100, "quotes")
    order = [c.name for c in driver.commands if isinstance(c, Send)]
    assert order == ["cancel_tick_by_tick", "req_tick_by_tick"]
    assert driver.commands.index(next(c for c in driver.commands if isinstance(c, Note))) == 0, "before the cancel"
    assert driver.lives(Life.SILENT)
    assert driver.subscription.request_id not in (old, None)
    assert re.fullmatch(r"silent though rows are expected: AAPL quotes \(no row for \d s\); requesting them again",
                        driver.said("warning"))
    driver.flow(1, ticks=10, quotes=1)
    assert driver.lives(Life.FLOWING)
    assert "AAPL quotes flows again" in driver.said("info")
    assert driver.subscription.message == ""


def test_a_stream_that_stays_silent_is_reported_once_and_asked_for_with_growing_pauses() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    times: list[float] = []
    for _ in range(1200):
        commands = driver.flow(1, ticks=10)
        times += [driver.now_s for c in commands if isinstance(c, Send) and c.name == "req_tick_by_tick"]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == sorted(pauses)
    assert 10 < pauses[0] < 30
    assert 6 <= len(times) <= 8
    assert len(silences(driver)) == 1
    assert driver.said("warning").count("AAPL quotes is silent: no row for 6 s, and still after") == 1
    driver.flow(2, ticks=10, quotes=3)
    assert "AAPL quotes flows again" in driver.said("info")


def test_an_idle_stream_is_left_alone() -> None:
    driver = Driver(streams=("trades", "ticks")).record()
    for _ in range(20):
        driver.flow(299, ticks=5)
        driver.flow(1, ticks=5, trades=1)
    assert not silences(driver)


def test_bursts_are_learnt() -> None:
    driver = Driver(streams=("trades", "ticks")).record()
    for _ in range(30):
        driver.flow(3, trades=50, ticks=1)
        driver.flow(20, ticks=1)
    assert len(silences(driver)) <= 1


@pytest.mark.parametrize(("stream", "silent_after_s"), [("quotes", 31), ("bars", 31), ("trades", None)])
def test_a_stream_that_never_begins(stream: str, silent_after_s: int | None) -> None:
    driver = Driver(streams=(stream,)).record()
    driver.flow(25)
    assert not silences(driver)
    driver.flow(300)
    assert len(silences(driver)) == (silent_after_s is not None)


def test_bars_come_by_the_clock() -> None:
    driver = Driver(streams=("bars",)).record()
    for _ in range(12):
        driver.flow(4)
        driver.flow(1, bars=1)
    driver.flow(14)
    assert not silences(driver)
    driver.flow(3)
    assert len(silences(driver)) == 1


def test_closed_hours_are_quiet_hours() -> None:
    driver = Driver(streams=("quotes", "bars", "ticks")).record()
    driver.wall_s += 7.97 * 3600  # almost 20:00, when the market closes
    driver.flow(60, quotes=30, bars=1, ticks=10)
    driver.flow(47, quotes=30, bars=1, ticks=10)
    driver.flow(600)
    assert not silences(driver)


def test_a_silent_stream_is_not_asked_for_while_its_market_is_closed() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    driver.flow(10, ticks=10)
    driver.wall_s += 8 * 3600
    driver.commands.clear()
    driver.flow(3600)
    assert not driver.sent("req_tick_by_tick")
    driver.wall_s += 15 * 3600
    driver.flow(20)
    assert len(driver.sent("req_tick_by_tick")) == 1


def test_a_silent_line_is_asked_before_a_stream_is_blamed() -> None:
    driver = Driver(streams=("quotes",)).record()
    driver.flow(60, quotes=20)
    driver.flow(8, line=False)
    assert not silences(driver)
    assert len(driver.sent("req_current_time")) == 1
    driver.hear(message("current_time", time=1))
    driver.flow(1, line=False)
    assert len(silences(driver)) == 1


def test_being_held_up_is_no_silence() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=20)
    driver.now_s += 20  # the machine slept
    driver.flow(4)
    assert not silences(driver)


def test_hours_are_asked_for_again_before_they_run_out() -> None:
    driver = Driver(streams=("trades", "ticks")).record()
    driver.flow(5, ticks=1)
    assert len(driver.sent("req_contract_details")) == 1
    driver.wall_s += 21 * 3600
    driver.flow(5, ticks=1)
    request_id = driver.sent("req_contract_details")[1]["request_id"]
    later = {"trading_hours": OPEN["trading_hours"] + ";20261125:0400-20261125:2000"}
    driver.hear(message("contract_details", request_id=request_id, **details("AAPL", 100, **later)))
    requests = len(driver.sent())
    driver.hear(message("contract_details_end", request_id=request_id))
    driver.flow(5, ticks=1)
    assert len(driver.sent()) == requests, "streams go on as they are"
    assert driver.subscription.hours is not None
    assert driver.subscription.hours.end_s > NOON_S + 2 * 86400


# The line between TWS and IB, and its farms


def test_after_1102_frail_streams_are_requested_again_and_the_others_verified_by_arrival() -> None:
    driver = Driver(streams=("quotes", "ticks", "depth", "bars", "live_bars:1 min")).record()
    driver.flow(60, quotes=20, ticks=10, depth=10, bars=1, live_bars=1)
    driver.error(1100)
    driver.flow(60)
    assert not silences(driver), "everything is silent, and why is known"
    driver.commands.clear()
    driver.error(1102)
    names = [c.name for c in driver.commands if isinstance(c, Send)]
    assert names.count("req_tick_by_tick") == names.count("req_market_data") == 0
    for stream in ("market_depth", "real_time_bars", "historical_data"):
        assert names.index(f"cancel_{stream}") < names.index(f"req_{stream}")
    driver.flow(12, ticks=10, depth=10, bars=1, live_bars=1)
    assert [note["stream"] for note in silences(driver)] == ["quotes"]
    assert driver.tell(StopAsked("end"))[-1] == Stop(3, "end")


def test_after_a_farm_blip_only_the_stream_that_stays_dead_is_requested_again() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    driver.error(2103, text="Market data farm connection is broken:usfarm")
    driver.flow(3)
    assert driver.machine.upstream.describe() == {"usfarm (market data farm)": "broken"}
    driver.error(2119, text="Market data farm is connecting:usfarm")
    driver.error(2104, text="Market data farm connection is OK:usfarm")
    driver.flow(10, ticks=10)
    assert [note["stream"] for note in silences(driver)] == ["quotes"]
    assert len(driver.sent("req_market_data")) == 1
    assert len(driver.sent("req_tick_by_tick")) == 2


def test_while_a_farm_is_broken_silence_is_written_down_but_nothing_asked_for() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    driver.error(2103, text="Market data farm connection is broken:usfarm")
    driver.flow(60, ticks=10)
    assert len(silences(driver)) == 1
    assert len(driver.sent("req_tick_by_tick")) == 1
    driver.error(2104, text="Market data farm connection is OK:usfarm")
    driver.flow(12, ticks=10)
    assert len(driver.sent("req_tick_by_tick")) == 2


@pytest.mark.parametrize("code", [1100, 2110])
def test_rows_that_arrive_end_an_outage_that_ib_forgot(code: int) -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.flow(60, quotes=20, ticks=10)
    driver.error(code)
    driver.flow(1, quotes=20, ticks=10)
    assert driver.machine.upstream.out, "rows already on their way say nothing"
    driver.flow(20)
    driver.flow(12, ticks=10)
    assert not driver.machine.upstream.out
    assert [note["stream"] for note in silences(driver)] == ["quotes"]


def test_contracts_are_asked_for_again_when_their_farm_is_back() -> None:
    driver = Driver("AAPL")
    driver.start()
    driver.error(2157, text="Sec-def data farm connection is broken:secdefnj")
    driver.error(2158, text="Sec-def data farm connection is OK:secdefnj")
    assert len(driver.sent("req_contract_details")) == 2


def test_a_competing_session_is_waited_out_for_minutes() -> None:
    driver = Driver(streams=("quotes", "ticks")).record()
    driver.idle(20)
    driver.error(10197, driver.subscription.request_id, "No market data during competing live session")
    assert driver.lives(Life.SILENT)
    driver.flow(40, ticks=1)
    assert len(driver.sent("req_tick_by_tick")) == 1
    driver.flow(30, ticks=1)
    assert len(driver.sent("cancel_tick_by_tick")) == 1
    assert len(driver.sent("req_tick_by_tick")) == 2
    driver.error(10197, driver.subscription.request_id, "No market data during competing live session")
    driver.flow(60, ticks=1)
    assert len(driver.sent("req_tick_by_tick")) == 2, "later each time"
    driver.flow(70, ticks=1)
    assert len(driver.sent("req_tick_by_tick")) == 3
    assert driver.said("warning").count("log the other session of this user out") == 1
    driver.flow(1, ticks=1, quotes=1)
    assert driver.lives(Life.FLOWING)


def test_too_many_messages_halve_the_rate_for_a_while() -> None:
    driver = Driver(requests_per_second=40).record()
    driver.error(100, text="Max rate of messages per second has been exceeded")
    assert driver.machine._bucket.per_second == 20
    driver.error(-1, text="Approaching max rate of 50 messages per second")
    assert driver.machine._bucket.per_second == 10
    driver.idle(310)
    assert driver.machine._bucket.per_second == 40


def test_what_a_violated_rate_may_have_rejected_is_asked_for_again() -> None:
    driver = Driver(streams=("midpoints", "ticks", "bars", "depth")).record()
    driver.wait(5)
    driver.error(1101)  # everything is requested again
    driver.hear(message("tick_request_parameters", request_id=driver.machine.subscriptions.all[1].request_id))
    driver.commands.clear()
    driver.error(100, text="Max rate of messages per second has been exceeded")
    _, ticks, bars, depth = driver.machine.subscriptions.all
    old = bars.request_id
    assert ticks.life is Life.ACKNOWLEDGED
    assert not driver.sent("cancel_real_time_bars"), "it may come yet"
    driver.error(100, text="Max rate of messages per second has been exceeded")
    assert not driver.sent("req_real_time_bars"), "after a pause"
    driver.wait(2.5)
    assert bars.life is depth.life is Life.REQUESTED
    assert bars.request_id != old
    assert len(driver.sent("req_real_time_bars")) == len(driver.sent("req_market_depth")) == 1
    assert len(driver.sent("cancel_real_time_bars")) == 1, "it may have been another that was rejected"
    assert not driver.sent("req_market_data")


def test_what_waits_for_its_turn_or_was_asked_long_ago_was_not_rejected() -> None:
    driver = Driver(*(f"A{letter}" for letter in "BCDEFGHI"), streams=["quotes"], requests_per_second=4)
    driver.start()
    driver.wait(10)
    driver.resolve()
    driver.wait(1.2)
    sent = len(driver.sent("req_tick_by_tick"))
    assert 2 < sent < 7
    driver.error(100, text="Max rate of messages per second has been exceeded")
    due = [subscription.due_s is not None for subscription in driver.machine.subscriptions.all]
    assert due == [True] * sent + [False] * (8 - sent)
    driver.idle(60)
    assert len(driver.sent("req_tick_by_tick")) == 8 + sent, "each once more, at the lower rate"
    driver.error(100, text="Max rate of messages per second has been exceeded")
    assert {subscription.life for subscription in driver.machine.subscriptions.all} == {Life.REQUESTED}


def test_what_flows_after_a_violated_rate_was_not_rejected() -> None:
    driver = Driver(streams=("quotes", "midpoints")).record()
    driver.error(100, text="Max rate of messages per second has been exceeded")
    driver.flow(60, quotes=5)
    assert not any(values["request_id"] == 2 for values in driver.sent("cancel_tick_by_tick"))
    assert [values["tick_kind"] for values in driver.sent("req_tick_by_tick")[:3]] == ["BidAsk", "MidPoint", "MidPoint"]


def test_a_warning_of_the_rate_rejects_nothing() -> None:
    driver = Driver().record()
    driver.error(-1, text="Approaching max rate of 50 messages per second")
    assert driver.lives(Life.REQUESTED)


@pytest.mark.parametrize(("broken", "mended"), [(2105, 2106), (2105, 2107), (1100, 1102)])
def test_history_waits_for_its_farm(broken: int, mended: int) -> None:
    driver = Driver().record()
    driver.error(broken, text="HMDS data farm connection is broken:ushmds")
    pages = TickPages("TRADES", int(NOON_S) - 600, int(NOON_S) - 300)
    wanted = Job("gap", parse_instrument("conid:100"), pages, pages.next_s, "gap")
    driver.tell(HistoryWanted((wanted,), NOON_S))
    asked = len(driver.sent("req_contract_details"))
    driver.idle(300)
    assert len(driver.sent("req_contract_details")) == asked
    driver.error(mended, text="HMDS data farm connection is OK:ushmds")
    request_id = driver.sent("req_contract_details")[asked]["request_id"]
    driver.hear(message("contract_details", request_id=request_id, **details("AAPL", 100)))
    driver.hear(message("contract_details_end", request_id=request_id))
    assert len(driver.sent("req_historical_ticks")) == 1


def test_an_idle_farm_holds_nothing() -> None:
    driver = Driver().record()
    driver.error(2107, text="HMDS data farm connection is inactive but should be available upon demand.ushmds")
    assert not driver.machine.history.held


# The same kind of tick-by-tick data of an instrument is requested at most once in 15 s


def test_tick_by_tick_requests_of_a_kind_are_15_s_apart() -> None:
    driver = Driver(streams=("trades", "quotes", "ticks")).record()
    driver.wait(5)
    driver.error(1101)
    assert len(driver.sent("req_market_data")) == 2
    assert len(driver.sent("req_tick_by_tick")) == 2
    driver.idle(10)
    assert len(driver.sent("req_tick_by_tick")) == 4
    driver.tell(Lost("gone"))
    driver.wait(2)
    driver.start()
    assert len(driver.sent("req_tick_by_tick")) == 6, "a new session begins anew"


def test_bars_are_requested_60_in_10_minutes() -> None:
    driver = Driver(*(f"A{a}{b}" for a in "ABCDEFGH" for b in "ABCDEFGH"), streams=["bars"]).record()
    assert len(driver.sent("req_real_time_bars")) == 60
    driver.idle(610)
    assert len(driver.sent("req_real_time_bars")) == 64


def test_a_reconnect_and_a_restart_do_not_forget_the_bars_requested_before() -> None:
    words = [f"A{a}{b}" for a in "ABCDEFGH" for b in "ABCDE"]
    driver = Driver(*words, streams=["bars"])
    driver.tell(Started(NOON_S))
    driver.record()
    assert len(driver.sent("req_real_time_bars")) == 40
    driver.tell(Lost("gone"))
    driver.wait(2)
    driver.start()
    assert len(driver.sent("req_real_time_bars")) == 60
    paced = driver.machine.pacing.as_json(driver.machine.wall_s(0.0))
    again = Driver("AAPL", streams=["bars"])
    again.now_s = 5.0
    again.tell(Started(NOON_S + 120, tuple(paced)))
    again.record()
    assert not again.sent("req_real_time_bars")
    again.idle(490)
    assert len(again.sent("req_real_time_bars")) == 1


# Restart windows, plans and full disks


def test_in_a_restart_window_losses_are_no_alarm() -> None:
    driver = Driver(restart_windows=["daily 12:00-13:00 US/Eastern"]).record()
    driver.flow(70, trades=1)
    driver.tell(Lost("Connection reset by peer"))
    assert "reset by peer" in driver.said("info")
    assert not driver.said("error")
    driver.flow(2)
    driver.tell(Lost("Connection refused"))
    assert not driver.said("error")
    driver.wall_s += 3600
    driver.flow(60)
    driver.tell(Lost("Connection refused"))
    assert "Connection refused" in driver.said("error"), "when it is over it is one"
    driver.wait(60)
    driver.start()
    assert driver.tell(StopAsked("end"))[-1] == Stop(0, "end")


@pytest.mark.parametrize("ends_by", [Lost("Connection reset by peer"), 1100])
def test_a_restart_window_holds_from_its_first_moment(ends_by: Lost | int) -> None:
    driver = Driver(restart_windows=["daily 12:02-13:00 US/Eastern"]).record()
    driver.flow(119, trades=1)
    driver.now_s += 1.5  # before the streams are looked at again
    driver.error(ends_by) if isinstance(ends_by, int) else driver.tell(ends_by)
    assert not driver.said("error") and not driver.said("warning")


def test_in_a_restart_window_a_refusal_is_tried_again_and_does_not_end_it() -> None:
    driver = Driver(restart_windows=["daily 12:00-13:00 US/Eastern"]).record()
    driver.flow(70, trades=1)
    driver.error(200, driver.subscription.request_id, "No security definition has been found")
    assert driver.lives(Life.REFUSED)
    driver.idle(AFTERWARDS_S[0])
    assert driver.lives(Life.REQUESTED)
    assert driver.tell(StopAsked("end"))[-1] == Stop(0, "end")


def test_one_who_begins_in_a_restart_window_is_told_what_is_wrong() -> None:
    driver = Driver(restart_windows=["daily 12:00-13:00 US/Eastern"], connect_timeout_s=0.1)
    driver.tell(Started(NOON_S))
    driver.flow(1)
    driver.tell(Lost("Connection refused"))
    assert "Connection refused" in driver.said("error")
    assert driver.at(State.STOPPED)


def test_what_the_account_does_not_allow_is_said_at_the_start() -> None:
    driver = Driver("AAPL", "MSFT", "SPY", streams=("trades", "quotes"))
    driver.tell(Started())
    assert "SPY quotes" in driver.said("warning")
    assert "code 10190" in driver.said("warning")
    driver = Driver("AAPL", "MSFT", "SPY", streams=("trades", "quotes"), market_data_lines=200)
    driver.tell(Started())
    assert not driver.of(Say)


@pytest.mark.parametrize("reached", [State.CONNECTING, State.GREETING, State.RECORDING])
def test_without_room_it_waits_and_never_gives_up(reached: State) -> None:
    driver = Driver(connect_timeout_s=1)
    driver.tell(Started())
    if reached is State.GREETING:
        driver.tell(Connected())
    elif reached is State.RECORDING:
        driver.record()
    for _ in range(20):
        driver.tell(NoRoom("no room"))
        assert driver.at(State.BACKING_OFF)
        assert driver.machine.trouble == "no room"
        assert driver.tell(NoRoom("no room")) == [], "it waits already"
        driver.wait((driver.machine.next_wake_s() or 0) - driver.now_s)
        assert driver.at(State.CONNECTING)
    driver.record()
    assert driver.machine.trouble == ""


# What IB's codes ask of a recorder: code, about a request or not, its text, and what becomes of the stream

HAPPENS: dict[str, Life] = {
    "nothing": Life.FLOWING, "again": Life.REQUESTED, "later": Life.WANTED, "waits": Life.SILENT,
    "refused": Life.REFUSED,
}
OF_THE_LINE = {
    1100: "nothing", 1101: "again", 1102: "nothing", 1300: "nothing", 2100: "nothing", 2103: "nothing",
    2104: "nothing", 2105: "nothing", 2106: "nothing", 2107: "nothing", 2108: "nothing", 2110: "nothing",
    2119: "nothing", 2157: "nothing", 2158: "nothing", 100: "nothing", 0: "nothing", 504: "nothing",
}
OF_A_REQUEST = [
    (101, "", "refused"), (102, "", "refused"), (162, "pacing violation", "later"), (162, "no permission", "refused"),
    (162, "HMDS query returned no data", "waits"), (162, "API historical data query cancelled: 5", "waits"),
    (162, "Trading TWS session is connected from a different IP address", "waits"), (162, "invalid step", "refused"),
    (165, "", "nothing"), (200, "", "refused"), (203, "", "refused"), (300, "", "nothing"), (309, "", "refused"),
    (310, "", "nothing"), (316, "", "again"), (317, "", "nothing"), (320, "", "refused"), (321, "", "refused"),
    (322, "duplicate id", "refused"), (322, "Only 50 simultaneous API historical data requests allowed", "later"),
    (354, "", "nothing"), (366, "", "nothing"), (385, "", "refused"), (386, "", "nothing"), (414, "", "refused"),
    (420, "pacing violation", "later"), (420, "no permission", "refused"), (430, "", "refused"), (504, "", "waits"),
    (478, "", "refused"), (579, "", "refused"),
    (2130, "", "nothing"), (2152, "", "nothing"), (2188, "", "nothing"), (2199, "", "nothing"),
    (2150, "Approaching max rate of 50 messages per second", "nothing"), (10089, "", "nothing"),
    (10090, "", "nothing"), (10091, "", "nothing"), (10092, "", "refused"), (10167, "", "nothing"),
    (10168, "", "nothing"), (10182, "", "again"), (10186, "", "nothing"), (10187, "", "refused"),
    (10189, "Pacing violation", "later"), (10189, "no permission", "refused"), (10190, "", "refused"),
    (10197, "", "waits"), (10225, "", "again"), (10285, "", "refused"), (10299, "", "refused"),
    (10314, "", "refused"), (99_999, "", "nothing"),
]


@pytest.mark.parametrize(("code", "request_id", "text", "happens"), [
    *[(code, -1, "text", happens) for code, happens in OF_THE_LINE.items()],
    *[(code, 2, text, happens) for code, text, happens in OF_A_REQUEST]])
def test_what_a_code_does_to_a_flowing_stream(code: int, request_id: int, text: str, happens: str) -> None:
    driver = Driver(streams=("midpoints", "ticks")).record()
    driver.flow(60, midpoints=5, ticks=5)
    driver.error(code, request_id, text)
    first, other = driver.machine.subscriptions.all
    assert first.life is HAPPENS[happens]
    assert other.life is (Life.REQUESTED if code == 1101 else Life.FLOWING)
    assert driver.at(State.RECORDING)
    late = message("tick_size", request_id=2, tick_type=0, size=1)
    driver.hear(late)  # words about a request that is over do no harm either
    driver.error(code, request_id, text)
    assert driver.at(State.RECORDING)


@pytest.mark.parametrize("answers", [True, False])
def test_hours_that_end_soon_however_often_they_are_asked_for_are_not_asked_for_all_the_time(answers: bool) -> None:
    driver = Driver("AAPL", "MSFT", streams=("ticks",)).record()
    driver.wall_s += 21 * 3600
    driver.commands.clear()
    for _ in range(12 * 60):
        driver.idle(50)
        driver.flow(1, ticks=1)
        for values in driver.sent("req_contract_details")[-2:] if answers else []:
            driver.hear(message("contract_details", request_id=values["request_id"], **details("X", values["con_id"])),
                        message("contract_details_end", request_id=values["request_id"]))
    assert 2 * 3 <= len(driver.sent("req_contract_details")) <= 2 * 12
    driver.commands.clear()
    driver.flow(60, ticks=1)
    assert len(driver.sent("req_contract_details")) <= 2


def test_a_contract_whose_answer_never_comes_is_asked_for_again() -> None:
    driver = Driver("AAPL", "XYZ", streams=("ticks", "trades"))
    driver.start()
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5)))
    driver.hear(message("contract_details_end", request_id=1))
    driver.error(101, 2)
    driver.idle(3600)
    later = [values["request_id"] for values in driver.sent("req_contract_details")][2:]
    assert 2 <= len(later) <= 60
    driver.hear(message("contract_details", request_id=later[-1], **details("XYZ", 6)))
    driver.hear(message("contract_details_end", request_id=later[-1]))
    assert driver.machine.subscriptions.all[2].life is Life.REQUESTED


def test_every_code_of_the_table_is_among_these() -> None:
    tried = {*OF_THE_LINE, *(code for code, _, _ in OF_A_REQUEST)}
    assert CODES.keys() - tried == {326, 2174}


# Rows that come late


@pytest.mark.parametrize(("data_type", "warnings"), [("live", 1), ("delayed", 0)])
def test_a_line_that_lags_is_warned_of_once_and_again_after_it_caught_up(data_type: str, warnings: int) -> None:
    driver = Driver(data_type=data_type).record()
    request_id = driver.subscription.request_id
    assert request_id is not None

    def come(late_s: float, seconds: int) -> None:
        for _ in range(seconds):
            driver.wait(1)
            driver.hear()
            at_s = driver.wall_s + driver.now_s
            driver.tell(Arrived({request_id: 1}, at_s, {request_id: [Timed(at_s - late_s, at_s)]}))

    for round_ in (1, 2):
        come(0.5, 90)
        come(12.0, 90)
        said = [say.text for say in driver.of(Say) if say.level == "warning" and "after its events" in say.text]
        assert len(said) == warnings * round_
        assert all("AAPL trades comes 12 s after" in text or "AAPL trades comes 6 s" in text for text in said)


def test_a_start_writes_down_once_what_it_wants() -> None:
    driver = Driver("AAPL", "FUT:ES@CME:202612", streams=("trades", "live_bars:1 min"))
    driver.start()
    driver.hear(message("contract_details", request_id=1, **details("AAPL", 5)))
    driver.hear(message("contract_details_end", request_id=1))
    assert not [note for note in driver.of(Note) if note.body["note"] == WANTED]
    driver.error(200, request_id=2)
    driver.tell(Lost("reset"))
    driver.wait(60)
    driver.record()
    (note,) = [note.body for note in driver.of(Note) if note.body["note"] == WANTED]
    assert [tuple(stream.values()) for stream in note["streams"]] == [
        (5, "AAPL", "all_last", None, None), (5, "AAPL", "live_bars", "1 min", "TRADES"),
        (None, "ES", "all_last", None, None), (None, "ES", "live_bars", "1 min", "TRADES")]


def test_who_wants_nothing_live_ends_no_stream() -> None:
    driver = Driver()
    driver.machine = Machine(driver.machine.settings, [], Random(1))
    driver.start()
    driver.wait(1)
    assert driver.at(State.RECORDING) and not driver.of(Note)
