"""An answer of history in short says of it what decoding it in full says."""

from typing import Any

import pytest

from capture.wire.history_summary import PAST, decode_short, summarize
from capture.wire.text.codec import answer_codec
from capture.wire.text.protocol_error import MalformedFrameError

TICK: dict[str, dict[str, Any]] = {
    "historical_midpoints": {"price": 1.5, "size": 0},
    "historical_quotes": {"mask": 1, "bid_price": 1, "ask_price": 2, "bid_size": 3, "ask_size": 4},
    "historical_trades": {"mask": 0, "price": 1, "size": 2, "exchange": "A\\u00e9", "conditions": ""},
}
BAR = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "wap": 1, "trade_count": 1}


@pytest.mark.parametrize("version", [157, 200])
@pytest.mark.parametrize("name", TICK)
@pytest.mark.parametrize("times", [[], [7_000_000_000], [1_767_623_400, 1_767_623_400, 1_767_623_405]])
@pytest.mark.parametrize("done", [False, True])
def test_ticks(name: str, version: int, times: list[int], done: bool) -> None:
    ticks = [TICK[name] | {"time": time} for time in times]
    payload = answer_codec(version).encode(name, {"request_id": 9, "ticks": ticks, "done": done})
    short = decode_short(answer_codec(version), payload, version)
    assert short.name == name
    edges = (times[0], times[-1]) if times else (None, None)
    assert short.values == {
        "request_id": 9, "count": len(times), "first": edges[0], "last": edges[1], "done": done}  # fmt: skip


@pytest.mark.parametrize("version", [157, 200])
@pytest.mark.parametrize(("date", "second"), [("1767623400", 1_767_623_400), ("20260105", 1_767_571_200), ("?", None)])
def test_bars_come_whole(version: int, date: str, second: int | None) -> None:
    values = {"request_id": 9, "start": "a", "end": "b", "bars": [BAR | {"bar_date": date}]}
    short = summarize(answer_codec(version).encode("historical_data", values), version)
    assert short.values == {"request_id": 9, "count": 1, "first": second, "last": second, "done": True}


@pytest.mark.parametrize("version", [157, 200])
@pytest.mark.parametrize("done", [False, True])
def test_fields_that_a_newer_server_adds_spoil_no_answer(version: int, done: bool) -> None:
    codec = answer_codec(version)
    ticks = codec.encode("historical_trades", {
        "request_id": 9, "ticks": [TICK["historical_trades"] | {"time": 7}], "done": done})
    bars = codec.encode("historical_data", {"request_id": 9, "bars": [BAR | {"bar_date": "1767623400"}]})
    assert summarize(ticks + b"1\x00x\0", version).values == summarize(ticks, version).values
    assert summarize(bars + b"2057.1\0", version).values == summarize(bars, version).values


def test_another_message_is_decoded_as_ever() -> None:
    codec = answer_codec(200)
    payload = codec.encode("next_valid_id", {"order_id": 4})
    assert decode_short(codec, payload, 200).values == codec.decode(payload).values


@pytest.mark.parametrize("payload", [b"98\x005\0", b"98\x005\x002\x001\x000\x001\x001\0\0\x001\0", b"98\0x\x000\x001\0",
                                     b"98\x005\0-1\x001\0"])  # fmt: skip
def test_what_does_not_fit_is_malformed(payload: bytes) -> None:
    assert int(payload[:2]) in PAST
    with pytest.raises(MalformedFrameError):
        summarize(payload, 200)


def test_a_request_ends_with_its_last_frame(script: Any) -> None:
    script.open().ask(5, "req_historical_ticks", what="TRADES", number_of_ticks=1000)
    script.answer("historical_trades", request_id=5, ticks=[], done=False)
    assert script.line.context.requests[5].marks_since_end is None
    script.answer("historical_trades", request_id=5, ticks=[], done=True)
    assert script.line.context.requests[5].marks_since_end == 0
