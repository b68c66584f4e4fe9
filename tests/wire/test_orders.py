"""Orders on the wire: how long they are, what means no value, what expands, and one vocabulary for all messages."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.messages.message import Element, Field, Kind, Repeat, When
from capture.wire.messages.order_answers import COMPLETED_ORDER, OPEN_ORDER
from capture.wire.messages.order_fields import IB_NAMES
from capture.wire.messages.order_requests import PLACE_ORDER
from capture.wire.text.codec import PARSE, answer_codec, request_codec
from capture.wire.text.protocol_error import LocalProtocolError, MalformedFrameError

from .order_cases import BLOCKS, CONDITIONS, LIMIT, PEGS, placed

VERSIONS = st.integers(157, 200)
MESSAGES = (PLACE_ORDER, OPEN_ORDER, COMPLETED_ORDER)


def words(payload: bytes) -> list[str]:
    return payload.decode().split("\0")[:-1]


def joined(fields: list[str]) -> bytes:
    return "\0".join([*fields, ""]).encode()


# Of a real gateway of version 164, an order, its status and its execution; each with a field more than is known.
_M = "1.7976931348623157E308"
REAL: dict[str, dict[str, Any]] = {
    f"5|13|76792991|TSLA|STK||0|?||SMART|USD|TSLA|NMS|BUY|100|MKT|0.0|0.0|DAY||DU1234567||0||100|1376327563|0|0|0||"
    f"1376327563.0/DU1234567/100||||||||||0||-1|0||||||2147483647|0|0|0||3|0|0||0|0||0|None||0||||?|0|0||0|0||||||0|0|0|"
    f"2147483647|2147483647|||0||IB|0|0||0|0|Filled|{'|'.join([_M] * 9)}||||||0|0|0|None|{'|'.join([_M] * 6)}|0||||0|"
    f"1|0|0|0|||0||": {
        "name": "open_order", "status": "Filled", "automatic_price_for_hedge_off": True, "adjusted_order_type": "None",
        "delta_neutral_open_close": "?", "commission": None},
    "3|13|PreSubmitted|0|100|0|1376327563|0|0|100||0||": {
        "name": "order_status", "remaining": 100, "client_id": 100, "why_held": "", "market_cap_price": 0},
    "11|-1|13|76792991|TSLA|STK||0.0|||ISLAND|USD|TSLA|NMS|00025b46.63f8f39c.01.01|20230224  12:04:56|DU1234567|ISLAND|"
    "BOT|100|196.52|1376327563|100|0|100|196.52|||||2||": {
        "name": "execution_details", "request_id": -1, "execution_exchange": "ISLAND", "side": "BOT", "price": 196.52,
        "cumulative_quantity": 100, "last_liquidity": 2, "model_code": ""},
}  # fmt: skip


@pytest.mark.parametrize("frame", REAL, ids=[values["name"] for values in REAL.values()])
def test_what_a_real_gateway_sent_is_read(frame: str) -> None:
    decoded = answer_codec(164).decode(frame.replace("|", "\0").encode())
    expected = REAL[frame]
    assert (decoded.name, decoded.extra) == (expected["name"], 1)
    assert decoded.values | {"name": decoded.name} | expected == decoded.values | {"name": decoded.name}


# First version of each layout -> fields of a plain order behind the message id.
LENGTHS = {157: 109, 158: 110, 160: 111, 162: 112, 166: 113, 169: 114, 177: 113, 183: 114, 184: 115, 187: 117, 189: 118,
           190: 116, 192: 117, 199: 118}  # fmt: skip


@pytest.mark.parametrize("version", range(157, 201))
def test_a_plain_order_is_as_long_as_clients_write_it(version: int) -> None:
    length = LENGTHS[max(first for first in LENGTHS if first <= version)]
    assert len(words(request_codec(version).encode("place_order", LIMIT))) == 1 + length


def test_answers_are_as_long_as_real_ones() -> None:
    neutral = {"delta_neutral_order_type": "None"}  # the word a gateway writes where there is none
    for values, lengths in (({}, (147, 98)), (neutral, (155, 102))):
        codec = answer_codec(200)
        found = [len(words(codec.encode(message.name, values))) for message in (OPEN_ORDER, COMPLETED_ORDER)]
        assert [length - 1 for length in found] == list(lengths)


def fields_of(elements: tuple[Element, ...]) -> list[Field]:
    """Return the fields that an order may have, those of what repeats left out: their names are of their own."""
    return [field for element in elements if not isinstance(element, Repeat) for field in (
        [element] if isinstance(element, Field) else fields_of(element.elements))]  # fmt: skip


def test_messages_about_orders_share_one_vocabulary() -> None:
    kinds: dict[str, set[Kind]] = {}
    for message in MESSAGES:
        for field in fields_of(message.elements):
            kinds.setdefault(field.name, set()).add(field.kind)
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}
    assert len(set(IB_NAMES.values())) == len(IB_NAMES)


NO_VALUE = {
    Kind.INT: ["", "2147483647"],
    Kind.LONG: ["", "9223372036854775807"],
    Kind.FLOAT: ["", "1.7976931348623157E308", "1.7976931348623157e+308", "NaN", "Infinity", "Infinite"],
    Kind.UNBOUNDED: ["", "1.7976931348623157E308", "1.7976931348623157e+308", "NaN"],
    Kind.DECIMAL: ["", "2147483647", "9223372036854775807", "-9223372036854775808", "1.7976931348623157E308",
                   "170141183460469231731687303715884105727"],
}  # fmt: skip
PLAIN = [field for field in PLACE_ORDER.at(200) if isinstance(field, Field)]


@pytest.mark.parametrize("place", [place for place, field in enumerate(PLAIN) if field.kind in NO_VALUE],
                         ids=lambda place: PLAIN[place].name)  # fmt: skip
def test_every_word_for_no_value_of_an_order_is_understood(place: int) -> None:
    """Read as no value, or as the usual one of what always has one: 0, and -1 of exemption codes."""
    field = PLAIN[place]
    usual = PARSE[field.kind](field.none)
    assert usual in (None, 0, -1)
    codec = request_codec(200)
    # Between the fields of each order stand the counts of lists, here of none: found by their names.
    frame = words(codec.encode("place_order", {"order_id": 7}))
    at = 1 + [element.name for element in PLACE_ORDER.at(200) if not isinstance(element, When)].index(field.name)
    for word in NO_VALUE[field.kind]:
        decoded = codec.decode(joined([*frame[:at], word, *frame[at + 1 :]]))
        assert decoded.values[field.name] == usual, word
    assert codec.decode(codec.encode("place_order", {field.name: usual})).values[field.name] == usual


@pytest.mark.parametrize("word", ["Infinity", "Infinite", "inf", "+Infinity"])
def test_an_infinite_offset_means_up_to_the_midpoint_and_brings_its_fields(word: str) -> None:
    order = {**LIMIT, **PEGS["best"]}
    payload = request_codec(200).encode("place_order", order)
    assert b"\0Infinity\0" in payload
    read = request_codec(200).decode(payload.replace(b"Infinity", word.encode())).values
    assert (read["compete_against_best_offset"], read["mid_offset_at_half"]) == (math.inf, 0.01)
    finite = request_codec(200).decode(request_codec(200).encode(
        "place_order", {**order, "compete_against_best_offset": 0.02})).values  # fmt: skip
    assert "mid_offset_at_half" not in finite


@pytest.mark.parametrize("kind", ["2", "0", "8", "", "-1", "x"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_condition_of_no_known_kind_is_a_fault(message: Any, kind: str) -> None:
    codec = request_codec(200) if message is PLACE_ORDER else answer_codec(200)
    payload = codec.encode(message.name, {"conditions": [{"kind": 4, "connector": "a", "percent": 987654}]})
    assert b"\x004\0a\x000\x00987654\0" in payload
    with pytest.raises(MalformedFrameError, match=rf"{message.name}\.kind"):
        codec.decode(payload.replace(b"\x004\0a\x000\x00987654\0", f"\0{kind}\0a\x000\x00987654\0".encode()))
    with pytest.raises(LocalProtocolError, match=rf"{message.name}\.conditions\.kind cannot be '2'"):
        codec.encode(message.name, {"conditions": [{"kind": 2, "connector": "a"}]})


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_has_the_fields_of_its_kind_alone(name: str) -> None:
    order = {**LIMIT, "conditions": [{**CONDITIONS[name], "connector": "o"}]}
    (read,) = request_codec(200).decode(request_codec(200).encode("place_order", order)).values["conditions"]
    assert read == {**CONDITIONS[name], "connector": "o"}


@pytest.mark.parametrize("version", [157, 176, 188, 200])
def test_an_order_that_ends_too_early_or_cannot_be_read_is_known_by_its_id(version: int) -> None:
    codec = request_codec(version)
    order = {**LIMIT, **BLOCKS["legs with prices and parameters"], **BLOCKS["algo"]}
    fields = words(codec.encode("place_order", order))
    for count in range(2, len(fields)):
        payload = joined(fields[:count])
        with pytest.raises(MalformedFrameError, match=r"place_order ends before its field|place_order counts"):
            codec.decode(payload)
        assert codec.request_id(payload) == 17
    numbers = [place for place, word in enumerate(fields) if place > 1 and word in ("0", "100", "185.5", "-1")]
    for place in numbers:
        with pytest.raises(MalformedFrameError, match=r"place_order\.\w+ is not of kind|place_order counts"):
            codec.decode(joined([*fields[:place], "many", *fields[place + 1 :]]))


@given(st.sampled_from(sorted(placed())), VERSIONS)
@settings(deadline=None)
def test_a_placed_order_can_be_told_in_both_answers(name: str, version: int) -> None:
    """What an answer has a field for comes back as it was placed."""
    requests = request_codec(version)
    read = requests.decode(requests.encode("place_order", placed()[name])).values
    for message in (OPEN_ORDER, COMPLETED_ORDER):
        codec = answer_codec(version)
        told = codec.decode(codec.encode(message.name, message.pick(read))).values
        usual = codec.decode(codec.encode(message.name, {})).values
        for field, value in told.items():
            expected = read.get(field)
            assert value == (usual.get(field) if expected is None else expected), field
