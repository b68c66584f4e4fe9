"""What sent requests say about the frames to come."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.context import LATE_MARKS, SUBSCRIPTIONS_LOST, Context
from capture.wire.messages.message import Permission
from capture.wire.messages.notices import CODES
from capture.wire.messages.requests import REQUESTS
from capture.wire.read_rows import decode
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import boundaries, frame
from capture.wire.text.protocol_error import MalformedFrameError

CONTRACT = {"con_id": 265598, "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
CODEC = request_codec(200)


def sent(*requests: tuple[str, dict[str, Any]]) -> Context:
    context = Context(200)
    for name, values in requests:
        context.sent(CODEC.encode(name, values))
    return context


@pytest.mark.parametrize(
    ("name", "values", "stream"),
    [
        ("req_market_data", {}, "ticks"),
        ("req_market_data", {"snapshot": True}, "snapshot"),
        ("req_tick_by_tick", {"tick_kind": "Last"}, "last"),
        ("req_tick_by_tick", {"tick_kind": "AllLast"}, "all_last"),
        ("req_tick_by_tick", {"tick_kind": "BidAsk"}, "quotes"),
        ("req_tick_by_tick", {"tick_kind": "MidPoint"}, "midpoints"),
        ("req_market_depth", {}, "depth"),
        ("req_market_depth", {"smart": True}, "smart_depth"),
        ("req_real_time_bars", {}, "bars"),
        ("req_historical_data", {}, "history"),
        ("req_historical_data", {"keep_up_to_date": True}, "live_bars"),
        ("req_historical_ticks", {}, "history"),
        ("req_head_timestamp", {}, "history"),
        ("req_histogram", {}, "history"),
        ("req_contract_details", {}, "reference"),
        ("req_fundamental_data", {}, "reference"),
    ],
)
def test_a_request_names_its_stream(name: str, values: dict[str, Any], stream: str) -> None:
    known = {key: value for key, value in CONTRACT.items() if key != "con_id"} | values
    context = sent((name, {"request_id": 7, "con_id": 265598, **known}))
    request = context.requests[7]
    assert (request.stream, request.instrument_id, request.symbol, request.marks_since_end) == (
        stream,
        265598,
        "AAPL",
        None,
    )


def test_every_request_for_an_instrument_is_taken_note_of() -> None:
    for message in REQUESTS:
        fields = {getattr(element, "name", "") for element in message.elements}
        if "con_id" in fields and message.permission & Permission.MARKET_DATA:
            kind = {"tick_kind": "Last"} if "tick_kind" in fields else {}
            assert sent((message.name, {"request_id": 7, **kind})).requests, message.name


def test_the_local_symbol_goes_first_and_no_contract_id_is_none() -> None:
    context = sent(("req_market_data", {"request_id": 7, "con_id": 0, "symbol": "ES", "local_symbol": "ESZ6"}))
    assert (context.requests[7].symbol, context.requests[7].instrument_id) == ("ESZ6", None)


def test_bars_keep_width_and_making() -> None:
    context = sent(
        ("req_historical_data", {"request_id": 1, "bar_size": "1 min", "what": "MIDPOINT", "regular_hours": True}),
        ("req_real_time_bars", {"request_id": 2, "bar_size_s": 5, "what": "TRADES"}),
    )
    one, two = context.requests[1], context.requests[2]
    assert (one.bar_size, one.what, one.regular_hours) == ("1 min", "MIDPOINT", True)
    assert (two.bar_size, two.what, two.regular_hours) == ("5 secs", "TRADES", False)


def test_an_unknown_kind_or_no_request_id_stands_for_nothing() -> None:
    assert not sent(("req_tick_by_tick", {"request_id": 7, "tick_kind": "Next"})).requests
    assert not sent(("req_market_data", CONTRACT)).requests


@pytest.mark.parametrize(
    ("request_name", "cancel"),
    [
        ("req_market_data", "cancel_market_data"),
        ("req_tick_by_tick", "cancel_tick_by_tick"),
        ("req_market_depth", "cancel_market_depth"),
        ("req_real_time_bars", "cancel_real_time_bars"),
        ("req_historical_data", "cancel_historical_data"),
        ("req_head_timestamp", "cancel_head_timestamp"),
        ("req_histogram", "cancel_histogram"),
        ("req_fundamental_data", "cancel_fundamental_data"),
    ],
)
def test_a_cancel_ends_its_request_and_later_marks_forget_it(request_name: str, cancel: str) -> None:
    context = sent(
        (request_name, {"request_id": 7, "tick_kind": "Last"} if "tick_by" in request_name else {"request_id": 7}),
        (cancel, {"request_id": 7}),
        (cancel, {"request_id": 8}),
    )
    assert context.requests[7].marks_since_end == 0
    for marks in range(LATE_MARKS):
        context.forget_ended()
        assert context.requests[7].marks_since_end == marks + 1  # late rows may still come
    context.forget_ended()
    assert not context.requests


def test_a_request_that_is_over_is_kept_as_long_as_its_rows_come() -> None:
    context = sent(("req_market_data", {"request_id": 7}), ("cancel_market_data", {"request_id": 7}))
    for _ in range(10 * LATE_MARKS):
        context.forget_ended()
        context.rows_came([7, 8])
    for _ in range(LATE_MARKS):
        context.forget_ended()
        assert 7 in context.requests
    context.forget_ended()
    assert not context.requests


# Anything that a gateway may say with the id of a live stream, whether it makes sense or not.
ODD = [
    *(b"4\x007\x00%d\x00no\x00\x00\x00" % code for code in (*CODES, 0, 399, 99_999) if code != SUBSCRIPTIONS_LOST),
    b"57\x001\x007\x00", b"108\x007\x00\x00\x00", b"52\x001\x007\x00", b"58\x001\x007\x009\x00",
    b"91\x007\x000\x00\x00",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["req_market_data", "req_tick_by_tick", "req_market_depth", "req_real_time_bars"])
def test_nothing_but_a_cancel_has_a_live_stream_lose_its_name(name: str, odd: bytes) -> None:
    context = sent((name, {"request_id": 7, "tick_kind": "Last"} if "tick_by" in name else {"request_id": 7}))
    context.received(answer_codec(200).decode(odd))
    for _ in range(3 * LATE_MARKS):
        context.forget_ended()
    assert 7 in context.requests


def test_streams_that_ib_lost_leave_the_marks_as_they_are_asked_for_anew() -> None:
    context = sent(("req_market_data", {"request_id": 7}))
    context.received(answer_codec(200).decode(b"4\x00-1\x001101\x00lost\x00\x00\x00"))
    for _ in range(LATE_MARKS + 1):
        context.forget_ended()
    assert not context.requests


ENDS = [
    ("req_historical_data", b"4\x007\x00200\x00no\x00\x00\x00"),
    ("req_historical_data", b"4\x007\x0010089\x00no\x00\x00\x00"),
    ("req_historical_data", b"57\x001\x007\x00"),
    ("req_historical_data", b"108\x007\x00\x00\x00"),
    ("req_contract_details", b"52\x001\x007\x00"),
]
GOES_ON = [
    ("req_market_data", b"4\x007\x0010167\x00delayed\x00\x00\x00"),
    ("req_market_depth", b"4\x007\x00317\x00reset\x00\x00\x00"),
    ("req_market_data", b"4\x00-1\x001100\x00lost\x00\x00\x00"),
    ("req_market_data", b"4\x008\x00200\x00no\x00\x00\x00"),
    ("req_market_data", b"81\x007\x000.01\x00a6\x003\x00"),
]


@pytest.mark.parametrize(
    ("name", "payload", "over"), [*((*end, True) for end in ENDS), *((*other, False) for other in GOES_ON)]
)
def test_answers_that_end_a_request(name: str, payload: bytes, over: bool) -> None:
    context = sent((name, {"request_id": 7}))
    context.received(answer_codec(200).decode(payload))
    assert (context.requests[7].marks_since_end is not None) == over


def test_the_end_of_history_does_not_end_bars_that_are_kept_up_to_date() -> None:
    context = sent(("req_historical_data", {"request_id": 7, "keep_up_to_date": True}))
    context.received(answer_codec(200).decode(b"108\x007\x00\x00\x00"))
    assert context.requests[7].marks_since_end is None


def test_what_is_no_request_is_said() -> None:
    with pytest.raises(MalformedFrameError, match="no message has the id"):
        Context(200).sent(b"250\0")
    with pytest.raises(ValueError, match="before the gateway's hello"):
        Context().sent(b"49\x001\0")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["req_market_data", "req_historical_data", "cancel_market_data"]),
            st.integers(0, 9),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
        ),
        max_size=20,
    ),
    st.integers(1, 4),
)
@settings(deadline=None)
def test_the_state_survives_a_mark(requests: list[tuple[str, int, str]], data_type: int) -> None:
    context = sent(
        *(
            (name, {"request_id": id_} if name.startswith("cancel") else {"request_id": id_, "symbol": text})
            for name, id_, text in requests
        )
    )
    context.received(answer_codec(200).decode(b"58\x001\x003\x00%d\x00" % data_type))
    assert Context.from_json(json.loads(json.dumps(context.as_json()))) == context
    assert Context.from_json({}) == Context()


def test_the_state_of_5000_streams_is_small() -> None:
    context = sent(*(("req_tick_by_tick", {**CONTRACT, "con_id": 1 + 7 * id_, "symbol": f"SYM{id_}", "request_id": id_,
                                           "tick_kind": "BidAsk"}) for id_ in range(1, 5_001)))
    assert len(json.dumps(context.as_json())) < 20 * 5_000
    assert Context.from_json(context.as_json()) == context


def test_requests_in_marks_of_before_are_objects() -> None:
    one = {"request_id": 7, "name": "req_tick_by_tick", "stream": "last", "instrument_id": 265598, "symbol": "AAPL",
           "bar_size": None, "what": None, "regular_hours": None, "data_type": 3, "marks_since_end": 2, "doubted": True}
    (found,) = Context.from_json({"server_version": 200, "requests": [one]}).requests.values()
    assert {name: getattr(found, name) for name in one} == one


def test_the_state_of_a_mark_gives_the_same_rows() -> None:
    context = sent(("req_market_data", {**CONTRACT, "request_id": 1}))
    restored = Context.from_json(json.loads(json.dumps(context.as_json())))
    data = frame(b"58\x001\x001\x003\x00") + frame(b"1\x006\x001\x001\x005\x005\x000\x00")
    one, two = (decode(data, boundaries(data), state).rows[0] for state in (context, restored))
    assert {name: column.to_pylist() for name, column in one.columns.items()} == {
        name: column.to_pylist() for name, column in two.columns.items()
    }
    assert context == restored
    assert context.requests[1].data_type == 3


NAMED: list[tuple[str, dict[str, Any], str]] = [
    ("contract_details", {"symbol": "ÆØÅ", "local_symbol": "ÆØÅ.ST"}, "ÆØÅ.ST"),
    ("contract_details", {"symbol": "AEO", "local_symbol": "ÆØ"}, "ÆØ"),
    ("contract_details", {"symbol": "日本"}, "日本"),
    ("contract_details", {"symbol": "", "local_symbol": ""}, "conid:9"),
    ("bond_details", {"cusip": "912810TT5", "description": "US-T 4 1/8 08/15/53", "symbol": "US-T"}, "912810TT5"),
    ("bond_details", {"cusip": "", "description": "US-T 4 1/8 08/15/53", "symbol": ""}, "US-T 4 1/8 08/15/53"),
]


@pytest.mark.parametrize(("message", "details", "symbol"), NAMED)
def test_a_symbol_that_no_request_can_say_is_that_of_contract_details(
    message: str, details: dict[str, Any], symbol: str
) -> None:
    answers = answer_codec(200)
    context = Context(200)
    context.received(answers.decode(answers.encode(message, {"request_id": 1, "con_id": 9, **details})))
    context = Context.from_json(json.loads(json.dumps(context.as_json())))  # over a mark
    asked = {"symbol": "AEO"} if details["symbol"] == "AEO" else {}
    context.sent(CODEC.encode("req_market_data", {"request_id": 2, "con_id": 9, **asked}))
    assert context.requests[2].symbol == symbol


def test_symbols_that_requests_say_are_not_kept() -> None:
    answers = answer_codec(200)
    context = Context(200, names={9: "old"})
    for con_id, symbol, local in ((9, "ES", "ESZ6"), (8, "AAPL", "")):
        details = {"request_id": 1, "con_id": con_id, "symbol": symbol, "local_symbol": local}
        context.received(answers.decode(answers.encode("contract_details", details)))
    assert context.names == {}
