"""Answers without a socket: functions of who asks and what, and what they yield."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest

from capture.gateway import UNLIMITED, Clock, Limits
from capture.gateway.answers import account, contract_details
from capture.gateway.dispatch import HANDLERS, replies, replies_to_unread
from capture.gateway.limits import HistoryPacing, Windows
from capture.gateway.market import Market
from capture.gateway.refusal import Refusal
from capture.gateway.replies import Answer, AnsweredRows, Compute, Reply
from capture.gateway.shared_state import Connected, Peer, State
from capture.gateway.subscription import Subscription
from capture.wire.connection import BadFrame
from capture.wire.text.codec import answer_codec, request_codec
from tests.test_layers import NAMES, NO_IO, imported, used

from .conftest import AAPL, START_US

VERSION = 200
OPTION = {"symbol": "AAPL", "sec_type": "OPT", "exchange": "SMART", "right": "C", "strike": 250.0,
          "last_trade_date": "20261218"}  # fmt: skip
BARS = {"end": "", "bar_size": "1 min", "duration": "600 S", "what": "TRADES", "date_format": 1}
STARTED = ["managed_accounts", "next_valid_id", "error", "error", "error", "error"]


class Asker:
    """Who asks, as a record of what answers did: what is `told` beside, `begun` as a stream, and worked out."""

    server_version = VERSION

    def __init__(self, state: State, client_id: int | None = 1) -> None:
        self.state = state
        self.id = client_id
        self.data_type = 1
        self.time_told_s = float("-inf")
        self.display_groups: dict[int, int] = {}
        self.subscriptions: dict[tuple[str, int], Subscription] = {}
        self.tasks: set[tuple[str, int]] = set()
        self.history_pacing = HistoryPacing()
        self.tick_by_tick_pacing = Windows()
        self.told: list[Reply] = []
        self.worked_out: list[Reply] = []
        self.closed = False
        state.clients.append(cast(Connected, self))  # commands are not tried here

    @property
    def started(self) -> bool:
        return self.id is not None

    @property
    def now_us(self) -> int:
        return self.state.clock.now_us()

    def start(self, client_id: int) -> None:
        self.id = client_id

    def close(self) -> None:
        self.closed = True

    def tell(self, replies: Iterable[Reply]) -> None:
        self.told += replies

    def hand_out(self) -> bool:
        return True

    def work_out(self, family: str, request_id: int, compute: Compute) -> None:
        self.tasks.add((family, request_id))
        self.worked_out += compute()

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.family, subscription.request_id] = subscription

    def unsubscribe(self, family: str, request_id: int) -> bool:
        return self.subscriptions.pop((family, request_id), None) is not None


@pytest.fixture(scope="module")
def market() -> Market:
    return Market()


@pytest.fixture
def state(market: Market) -> State:
    """The state of a gateway whose clock stands still."""
    clock = Clock(START_US, span=(START_US, START_US + 1), paused=True)
    return State(market, clock, UNLIMITED)


@pytest.fixture
def asker(state: State) -> Asker:
    return Asker(state)


def values_of(name: str, **values: Any) -> dict[str, Any]:
    """The values of a request as a gateway reads them, those left out too."""
    codec = request_codec(VERSION)
    return codec.decode(codec.encode(name, values)).values


def ask(peer: Peer, name: str, **values: Any) -> list[Reply]:
    """What a request is answered with; every message of it can be encoded."""
    codec = request_codec(VERSION)
    found = list(replies(peer, codec.decode(codec.encode(name, values))))
    for one in found:
        assert not isinstance(one, Answer) or answer_codec(VERSION).encode(one.name, one.values)
    return found


def names(found: Iterable[Reply]) -> list[str]:
    return [one.name if isinstance(one, Answer) else one.table for one in found]


def codes(found: Iterable[Reply]) -> list[int]:
    return [one.values["code"] for one in found if isinstance(one, Answer) and one.name == "error"]


def test_contract_details_are_a_message_each_and_an_end(asker: Asker) -> None:
    details, end = contract_details.contract_details(asker, values_of("req_contract_details", request_id=5, **AAPL))
    assert isinstance(details, Answer) and details.name == "contract_details"
    assert details.values["request_id"] == 5 and details.values["symbol"] == "AAPL"
    assert end == Answer("contract_details_end", {"request_id": 5})


def test_a_handler_refuses_by_an_exception_and_the_client_is_told_by_a_message(asker: Asker) -> None:
    nowhere = {"symbol": "NOPE", "sec_type": "STK", "exchange": "SMART"}
    with pytest.raises(Refusal) as refusal:
        list(contract_details.contract_details(asker, values_of("req_contract_details", request_id=5, **nowhere)))
    assert refusal.value.code == 200
    (told,) = ask(asker, "req_contract_details", request_id=5, **nowhere)
    assert told == Answer("error", {"request_id": 5, "code": 200, "message": refusal.value.text,
                                    "time_ms": START_US // 1_000})  # fmt: skip


def test_the_account_is_a_message_for_each_figure(asker: Asker) -> None:
    found = list(account.account_updates(asker, values_of("req_account_updates", subscribe=True, account="")))
    *figures, time, end = found
    keys = {one.values["key"]: one.values["value"] for one in figures if isinstance(one, Answer)}
    assert keys["NetLiquidation"] == keys["AvailableFunds"] == "1000000.00" and keys["Cushion"] == "1.000000"
    assert names([time, end]) == ["account_update_time", "account_download_end"]
    assert ask(asker, "req_account_updates", subscribe=False, account="") == []


def test_a_session_starts_with_accounts_ids_and_the_state_of_farms(state: State) -> None:
    newcomer = Asker(state, client_id=None)
    found = ask(newcomer, "start_api", client_id=7)
    assert newcomer.id == 7 and names(found) == STARTED and codes(found) == [2104, 2104, 2106, 2158]
    assert ask(newcomer, "start_api", client_id=7) == []  # it has started
    state.accounts_first = False
    assert names(ask(Asker(state, client_id=None), "start_api", client_id=8)) == [STARTED[1], STARTED[0], *STARTED[2:]]


def test_a_client_id_in_use_is_refused_and_the_connection_closed(state: State, asker: Asker) -> None:
    twin = Asker(state, client_id=None)
    assert codes(ask(twin, "start_api", client_id=asker.id)) == [326]
    assert twin.closed and not twin.started


def test_a_session_waits_until_the_gateway_is_ready(state: State) -> None:
    newcomer = Asker(state, client_id=None)
    state.clients.clear()  # none to be told that a fault began
    state.faults.begin("not-ready")
    assert ask(newcomer, "start_api", client_id=7) == []
    assert [(waiting, values["client_id"]) for waiting, values in state.waiting] == [(newcomer, 7)]


def test_history_is_worked_out_and_says_which_rows_its_messages_carry(asker: Asker) -> None:
    assert ask(asker, "req_historical_data", request_id=5, **AAPL, **BARS) == []
    bars, end, rows = asker.worked_out
    assert isinstance(bars, Answer) and isinstance(rows, AnsweredRows) and rows.in_answers
    assert len(bars.values["bars"]) == len(rows.rows) == 10
    assert names([bars, end]) == ["historical_data", "historical_data_end"]
    assert codes(ask(asker, "req_historical_data", request_id=5, **AAPL, **BARS)) == [385]  # it is still worked out


def test_a_time_without_a_zone_is_warned_of_before_the_request_is_refused(asker: Asker) -> None:
    ticks = {"start": "20261118 10:00:00", "end": "nonsense", "number_of_ticks": 5, "what": "TRADES"}
    assert codes(ask(asker, "req_historical_ticks", request_id=5, **AAPL, **ticks)) == [2174, 10314]
    assert not asker.worked_out


def test_history_is_paced(state: State, asker: Asker) -> None:
    state.limits = Limits()
    small = BARS | {"bar_size": "1 secs", "duration": "60 S"}
    assert [codes(ask(asker, "req_historical_data", request_id=one, **AAPL, **small)) for one in (5, 6)] == [[], [162]]


def test_a_stream_begins_with_its_parameters_and_with_what_silences_it(state: State, asker: Asker) -> None:
    found = ask(asker, "req_market_data", request_id=5, **AAPL)
    assert names(found) == ["tick_request_parameters", "market_data_type"]
    assert list(asker.subscriptions) == [("market_data", 5)]
    state.clients.clear()  # none to be told that a fault began
    state.faults.begin("competing")
    assert codes(ask(asker, "req_tick_by_tick", request_id=6, **AAPL, tick_kind="AllLast")) == [10197]
    assert ("tick_by_tick", 6) in asker.subscriptions


def test_a_snapshot_is_rows_that_are_still_to_be_sent(asker: Asker) -> None:
    found = ask(asker, "req_market_data", request_id=5, **AAPL, snapshot=True)
    rows = [one for one in found if isinstance(one, AnsweredRows)]
    assert names(found)[2:] == ["ticks", "greeks", "snapshot_end"] and not asker.subscriptions
    assert len(rows[0].rows) > 5 and not rows[0].in_answers and rows[0].stream == "snapshot"


def test_limits_count_the_streams_of_all_clients(state: State, asker: Asker) -> None:
    state.limits = Limits(market_data=1)
    ask(asker, "req_market_data", request_id=5, **AAPL)
    assert codes(ask(Asker(state, 2), "req_market_data", request_id=5, **AAPL)) == [101]


def test_an_options_price_gives_its_volatility_back(asker: Asker) -> None:
    (price,) = ask(asker, "req_option_price", request_id=5, **OPTION, volatility=0.3, underlying_price=240.0)
    assert isinstance(price, Answer)
    worth = price.values["option_price"]
    (found,) = ask(asker, "req_implied_volatility", request_id=6, **OPTION, option_price=worth, underlying_price=240.0)
    assert isinstance(found, Answer) and found.values["implied_volatility"] == pytest.approx(0.3)
    assert codes(ask(asker, "req_option_price", request_id=7, **AAPL, volatility=0.3, underlying_price=240.0)) == [321]


def test_what_a_group_shows_is_told_to_all_who_follow_it(state: State, asker: Asker) -> None:
    other = Asker(state, 2)
    for peer in (asker, other):
        ask(peer, "subscribe_display_group", request_id=5, group=2)
    ask(asker, "update_display_group", request_id=5, contract_info="265598@SMART")
    shown = Answer("display_group", {"request_id": 5, "contract_info": "265598@SMART"})
    assert asker.told == other.told == [shown] and state.shown == {2: "265598@SMART"}


def test_an_order_for_nothing_is_refused_and_what_cannot_be_read_is_an_error(asker: Asker) -> None:
    assert codes(ask(asker, "place_order", order_id=77, total_quantity=5)) == [200]
    (unread,) = replies_to_unread(asker, BadFrame(b"1\0odd\0", "it is odd", request_id=5))
    assert codes([unread]) == [320] and isinstance(unread, Answer) and unread.values["request_id"] == 5


def test_the_time_is_told_once_a_second(asker: Asker) -> None:
    assert names(ask(asker, "req_current_time")) == ["current_time"]
    asker.time_told_s = asker.state.clock.real_s()
    assert ask(asker, "req_current_time") == []


# The rooms of the gateway


def rooms(*prefixes: str) -> Iterator[str]:
    return (name for name in NAMES if name.removeprefix("capture.gateway.").startswith(prefixes))


def test_only_what_runs_a_gateway_knows_its_server() -> None:
    gateway = [name for name in NAMES if name.startswith("capture.gateway")]
    assert {name for name in gateway if "capture.gateway.server" in used(name)} == {
        "capture.gateway", "capture.gateway.run"}  # fmt: skip


@pytest.mark.parametrize("name", [*rooms("answers", "live", "dispatch", "replies")])
def test_answers_know_no_client_and_do_no_io(name: str) -> None:
    assert not used(name) & {"capture.gateway.client", "capture.gateway.server"}
    assert not {parts[0] for parts in imported(NAMES[name])} & NO_IO


@pytest.mark.parametrize("name", [*rooms("market", "recorded")])
def test_feeds_know_neither_clients_nor_answers(name: str) -> None:
    above = {"client", "server", "shared_state", "dispatch", "live", "streamer"}
    gateway = {one.removeprefix("capture.gateway.") for one in used(name)}
    assert not gateway & above and not any(one.startswith("answers") for one in gateway)


def test_every_handler_has_a_request() -> None:
    assert HANDLERS.keys() <= request_codec(VERSION).by_name.keys()
