from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.schemas import TABLES
from capture.wanted.instrument import Contract
from capture.wanted.streams import BAR_DURATIONS, KINDS, SNAPSHOT, StreamError, allowed_streams, parse_stream
from capture.wire.context import CANCELS, Context
from capture.wire.text.codec import request_codec

STOCK = Contract(
    265598, "AAPL", "STK", exchange="SMART", primary_exchange="NASDAQ", currency="USD", local_symbol="AAPL")
EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "trades": ("req_tick_by_tick", {"tick_kind": "AllLast", "number_of_ticks": 0, "ignore_size": False}),
    "last": ("req_tick_by_tick", {"tick_kind": "Last"}),
    "quotes": ("req_tick_by_tick", {"tick_kind": "BidAsk"}),
    "midpoints": ("req_tick_by_tick", {"tick_kind": "MidPoint"}),
    "ticks": ("req_market_data", {"generic_ticks": "", "snapshot": False}),
    "ticks:233,236": ("req_market_data", {"generic_ticks": "233,236"}),
    "ticks:mdoff,292:BRFG": ("req_market_data", {"generic_ticks": "mdoff,292:BRFG"}),
    "depth": ("req_market_depth", {"rows": 10, "smart": False, "exchange": "NASDAQ"}),
    "depth:20": ("req_market_depth", {"rows": 20, "smart": False}),
    "smart_depth:5": ("req_market_depth", {"rows": 5, "smart": True, "exchange": "SMART"}),
    "bars": ("req_real_time_bars", {"bar_size_s": 5, "what": "TRADES", "regular_hours": False}),
    "bars:MIDPOINT": ("req_real_time_bars", {"what": "MIDPOINT"}),
    "live_bars:1 min": ("req_historical_data", {
        "bar_size": "1 min", "what": "TRADES", "date_format": 2, "end": "", "duration": "3600 S",
        "keep_up_to_date": True}),
    "live_bars:30 secs:BID": ("req_historical_data", {"bar_size": "30 secs", "what": "BID", "duration": "7200 S"}),
}  # fmt: skip


@pytest.mark.parametrize("word", EXAMPLES)
def test_requests_are_what_the_wire_sends(word: str) -> None:
    stream = parse_stream(word)
    name, values = stream.request(7, STOCK)
    payload = request_codec(200).encode(name, values)
    context = Context(200)
    decoded = context.sent(payload)
    wanted_name, wanted = EXAMPLES[word]
    assert decoded.name == wanted_name
    assert {field: decoded.values[field] for field in wanted} == wanted
    assert decoded.values["con_id"] == STOCK.con_id
    # Whoever decodes the tape sees the same stream that the table says.
    assert context.requests[7].stream == stream.kind.stream
    assert context.requests[7].symbol == "AAPL"


@pytest.mark.parametrize("word", EXAMPLES)
def test_cancellations_end_their_request(word: str) -> None:
    name, values = parse_stream(word).cancellation(7)
    decoded = request_codec(200).decode(request_codec(200).encode(name, values))
    assert decoded.name in CANCELS
    assert decoded.values["request_id"] == 7
    assert decoded.values.get("smart", False) == word.startswith("smart_depth")


def test_every_kind_is_covered_and_fills_a_table() -> None:
    assert {word.partition(":")[0] for word in EXAMPLES} == {kind.word for kind in KINDS}
    assert {kind.table for kind in (*KINDS, SNAPSHOT)} <= TABLES.keys()


def test_depth_of_one_exchange_keeps_an_exchange_that_was_named() -> None:
    _, values = parse_stream("depth").request(1, Contract(1, exchange="ISLAND", primary_exchange="NASDAQ"))
    assert values["exchange"] == "ISLAND"


@pytest.mark.parametrize("size", BAR_DURATIONS)
def test_every_bar_size_is_a_word(size: str) -> None:
    assert parse_stream(f"live_bars:{size}").values["duration"] == BAR_DURATIONS[size]


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("trade", "'trade' is no stream"),
        ("trades:1", "takes nothing after a colon"),
        ("depth:0", "rows is '0'; allowed: 1 to 99 rows"),
        ("depth:x", "rows is 'x'"),
        ("ticks:23x", "generic_ticks is '23x'"),
        ("bars:ALL", "what is 'ALL'; allowed: TRADES, MIDPOINT, BID or ASK"),
        ("live_bars", "bar_size is ''; allowed: 5 secs"),
        ("live_bars:7 mins", "bar_size is '7 mins'"),
        ("live_bars:1 min:X", "what is 'X'"),
    ],
)
def test_bad_words_are_refused_with_what_is_allowed(word: str, problem: str) -> None:
    with pytest.raises(StreamError, match=problem):
        parse_stream(word)


def test_help_names_every_word_once() -> None:
    assert [line.split("[")[0].split(":")[0].split()[0] for line in allowed_streams().splitlines()] == [
        kind.word for kind in KINDS]  # fmt: skip


@given(st.one_of(st.text(), st.builds("{}:{}".format, st.sampled_from([k.word for k in KINDS]), st.text())))
def test_any_text_is_a_stream_or_a_stream_error(text: str) -> None:
    try:
        stream = parse_stream(text)
    except StreamError:
        return
    assert request_codec(200).encode(*stream.request(1, STOCK)).isascii()
