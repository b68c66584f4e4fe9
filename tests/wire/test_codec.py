"""One frame to values and back, for every message of the tables and any server version."""

import contextlib
import math
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.wire.messages.answers import ANSWERS, UNREAD
from capture.wire.messages.message import (
    UNSET_FLOAT,
    UNSET_INT,
    UNSET_LONG,
    Element,
    Field,
    Kind,
    Message,
    Repeat,
    When,
)
from capture.wire.messages.requests import REQUESTS
from capture.wire.text.codec import (
    MOST_REPEATS,
    PARSE,
    UNSET_SIZES,
    Codec,
    answer_codec,
    message_id,
    parse_bool,
    parse_decimal,
    parse_float,
    parse_int,
    parse_long,
    request_codec,
    unescape,
)
from capture.wire.text.protocol_error import LocalProtocolError, MalformedFrameError, ProtocolError, UnknownMessageError

VERSIONS = st.integers(157, 200)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number not in UNSET_SIZES)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT: st.integers(-(2**31), UNSET_INT - 1),
    Kind.LONG: st.integers(-(2**63), UNSET_LONG - 1),
    Kind.BOOL: st.booleans(),
    Kind.FLOAT: NUMBERS,
    Kind.UNBOUNDED: NUMBERS | st.sampled_from([math.inf, -math.inf]),
    Kind.DECIMAL: NUMBERS | st.just(-1553556175),
    Kind.TEXT: TEXTS,
    Kind.ESCAPED: TEXTS.filter(lambda text: "\\u" not in text),
}
MESSAGES = [*((REQUESTS, message) for message in REQUESTS), *((ANSWERS, message) for message in ANSWERS)]
EACH_MESSAGE = pytest.mark.parametrize(
    ("table", "message"), MESSAGES, ids=[f"{message.name}-{message.id}" for _, message in MESSAGES]
)


def drawn(draw: st.DrawFn, elements: tuple[Element, ...], values: dict[str, Any]) -> dict[str, Any]:
    """Draw values of each field by its kind, the parts under a condition only where it holds."""
    for element in elements:
        if isinstance(element, Field):
            values[element.name] = draw(_field(elements, element))
        elif isinstance(element, Repeat):
            values[element.name] = [drawn(draw, element.elements, {}) for _ in range(draw(st.integers(0, 3)))]
        elif element.holds(values):
            drawn(draw, element.elements, values)
    return values


def _field(elements: tuple[Element, ...], field: Field) -> st.SearchStrategy[Any]:
    if field.allowed is not None:
        return st.sampled_from(field.allowed)
    choices = [value for e in elements if isinstance(e, When) and e.field == field.name for value in e.values or ()]
    free = BY_KIND[field.kind]
    if PARSE[field.kind](field.none) is None:
        free = st.none() | free
    return st.sampled_from(choices) | free if choices else free


@st.composite
def values_of(draw: st.DrawFn, message: Message, version: int) -> dict[str, Any]:
    return drawn(draw, tuple(e for e in message.at(version) if getattr(e, "name", "") != "message_version"), {})


def words(payload: bytes) -> list[bytes]:
    return payload.split(b"\0")[:-1]


def joined(fields: list[bytes]) -> bytes:
    return b"\0".join(fields) + b"\0"


@EACH_MESSAGE
@given(data=st.data(), version=VERSIONS)
@settings(deadline=None, max_examples=20)
def test_what_is_encoded_decodes_to_the_same_values(
    table: tuple[Message, ...], message: Message, data: st.DataObject, version: int
) -> None:
    codec = Codec(table, version)
    values = data.draw(values_of(message, version))
    payload = codec.encode(message.name, values)
    decoded = codec.decode(payload)
    assert (decoded.name, decoded.values, decoded.extra) == (message.name, values, 0)
    # More fields than known, as newer servers send, are no fault.
    later = codec.decode(payload + b"x\0\0")
    assert (later.values, later.extra) == (values, 2)
    # Any field fewer is one.
    fields = words(payload)
    for count in range(1, len(fields)):
        with pytest.raises(MalformedFrameError, match=f"{message.name} ends before its field|{message.name} counts"):
            codec.decode(joined(fields[:count]))


@EACH_MESSAGE
@given(data=st.data(), version=VERSIONS)
@settings(deadline=None, max_examples=12)
def test_spoilt_frames_raise_only_the_protocols_error(
    table: tuple[Message, ...], message: Message, data: st.DataObject, version: int
) -> None:
    codec = Codec(table, version)
    fields = words(codec.encode(message.name, data.draw(values_of(message, version))))
    for place in data.draw(st.lists(st.integers(0, len(fields) - 1), max_size=3)):
        fields[place] = data.draw(
            st.binary(max_size=12) | st.sampled_from([b"", b"-1", b"9" * 25, b"1e999", b"\xff\xfe"])
        )
    payload = joined(fields)[: data.draw(st.integers(0, 400))]
    try:
        codec.decode(payload)
    except ProtocolError as error:
        assert str(error)


@given(st.binary(max_size=80), VERSIONS, st.sampled_from([request_codec, answer_codec]))
@settings(deadline=None)
@example(b"", 200, answer_codec)
@example(b"\0", 200, answer_codec)
@example("²\0".encode(), 200, answer_codec)
def test_random_bytes_raise_only_the_protocols_error(payload: bytes, version: int, make: Any) -> None:
    try:
        make(version).decode(payload)
    except MalformedFrameError as error:
        assert str(error)


@pytest.mark.slow
@given(st.lists(st.binary(max_size=6), max_size=40), st.sampled_from(sorted(answer_codec(200).by_id)), VERSIONS)
@settings(deadline=None, max_examples=3_000)
def test_random_fields_raise_only_the_protocols_error(fields: list[bytes], id_: int, version: int) -> None:
    try:
        answer_codec(version).decode(joined([str(id_).encode(), *fields]))
    except MalformedFrameError as error:
        assert str(error)


def test_no_terminator_is_malformed_and_an_unknown_id_is_said() -> None:
    codec = answer_codec(200)
    with pytest.raises(MalformedFrameError, match="does not end in NUL"):
        codec.decode(b"9\x001\x001")
    for payload in (b"250\0", b"0\0", b"\0", b"x\0", b"-1\0", b"9999999999\0"):
        with pytest.raises(UnknownMessageError, match="no message has the id"):
            codec.decode(payload)
    assert message_id(b"-1\0") is None
    assert message_id(b"99\x001\0") == 99


@pytest.mark.parametrize("count", [b"-1", b"x", b"1.0", str(MOST_REPEATS + 1).encode(), b"9" * 19])
def test_a_count_that_is_none_is_malformed(count: bytes) -> None:
    with pytest.raises(MalformedFrameError, match="market_rule counts"):
        answer_codec(200).decode(b"93\x0026\0" + count + b"\0")


def test_a_count_that_promises_too_much_ends_at_the_frames_end() -> None:
    with pytest.raises(MalformedFrameError, match="market_rule ends before its field"):
        answer_codec(200).decode(b"93\x0026\0" + str(MOST_REPEATS).encode() + b"\x001\x001\0")


@pytest.mark.parametrize("word", ["", "2147483647"])
def test_no_value_of_an_int(word: str) -> None:
    assert parse_int(word) is None


@pytest.mark.parametrize("word", ["", str(UNSET_LONG)])
def test_no_value_of_a_long(word: str) -> None:
    assert parse_long(word) is None


@pytest.mark.parametrize("word", ["", "1.7976931348623157E308", "1.7976931348623157e+308", "NaN", "nan"])
def test_no_value_of_a_float(word: str) -> None:
    assert parse_float(word) is None
    assert parse_decimal(word) is None


@pytest.mark.parametrize("word", ["2147483647", "9223372036854775807", "-9223372036854775808", "2147483647.0"])
def test_integer_markers_mean_no_size_but_are_prices(word: str) -> None:
    assert parse_decimal(word) is None
    assert parse_float(word) == float(word)


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("1.0E-4", 0.0001),
        ("101.0", 101),
        ("-1553556175", -1553556175),
        ("0.001", 0.001),
        ("7500000", 7.5e6),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", 5),
        ("+5.5", 5.5),
        ("1e3", 1000),
        ("-1.7976931348623157E308", -UNSET_FLOAT),
    ],
)
def test_numbers_as_java_writes_them(word: str, number: float) -> None:
    assert parse_float(word) == number
    assert parse_decimal(word) == number


@pytest.mark.parametrize("word", ["", "NaN", "Infinity", "-Infinity", "1.7976931348623157E308"])
def test_words_that_mean_no_value(word: str) -> None:
    assert parse_float(word) is None
    assert parse_decimal(word) is None


def test_an_unset_decimal_of_ibs_own_clients_is_no_size() -> None:
    assert parse_decimal(str(2**127 - 1)) is None


@pytest.mark.parametrize(
    "word", [" 1", "1 ", "1_000", "0x1F", "1,5", "١", "--1", "1e", "e5", ".", "-", "infinit", "1.0f"]
)
def test_words_that_are_no_numbers(word: str) -> None:
    for parse in (parse_int, parse_long, parse_float, parse_decimal, parse_bool):
        with pytest.raises(ValueError, match=r".*"):
            parse(word)


@pytest.mark.parametrize("kind", PARSE)
@pytest.mark.parametrize("piece", ["7", ".", "1.", "-", "e1", "inf", "\\ud83d", " ", "٣"])
def test_a_word_as_long_as_a_frame_can_be_is_read_or_refused_at_once(kind: Kind, piece: str) -> None:
    before = time.process_time()
    for word in (piece * 500_000, piece * 500_000 + "x"):
        with contextlib.suppress(ValueError):
            PARSE[kind](word)
    assert time.process_time() - before < 20


@pytest.mark.parametrize("word", ["2147483648", "-2147483649", "9" * 19, "9" * 21, "1.0"])
def test_ints_beyond_32_bits_or_with_a_point_are_no_ints(word: str) -> None:
    with pytest.raises(ValueError, match=word.replace(".", r"\.")):
        parse_int(word)


def test_any_number_but_0_is_true() -> None:
    assert [parse_bool(word) for word in ("", "0", "1", "2", "-1")] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (r"caf\u00e9", "café"),
        (r"\ud83d\ude00!", "😀!"),
        (r"\u00E9\u00e9", "éé"),
        (r"a\ud83dz", "a\ufffdz"),
        (r"\u12", r"\u12"),
        (r"\n\x41", r"\n\x41"),
        (r"\u4e2d\u56fd", "中国"),
        ("größer", "größer"),
        ("\\", "\\"),
    ],
)
def test_escapes(word: str, text: str) -> None:
    assert unescape(word) == text


def test_invalid_utf8_becomes_replacement_characters() -> None:
    decoded = answer_codec(200).decode(b"46\x006\x001\x0045\x00a\xff\xe2\x82\x00")
    assert decoded.values["text"] == "a\ufffd\ufffd"


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"price": "x"}, "tick_price.price takes float, not str 'x'"),
        ({"request_id": 1.5}, "tick_price.request_id takes int"),
        ({"size": [1]}, "tick_price.size takes decimal, not list"),
        ({"price": 10**400}, "tick_price.price takes float, not int"),
        ({"prize": 1}, "tick_price has no field prize"),
        ({"message_version": 7}, "tick_price has no field message_version"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(LocalProtocolError, match=fault):
        answer_codec(200).encode("tick_price", values)


@pytest.mark.parametrize("text", ["a\0b", 5, b"x", "\ud800"])
def test_texts_that_no_field_can_hold_are_refused(text: Any) -> None:
    with pytest.raises(LocalProtocolError, match=r"tick_string\.text takes text"):
        answer_codec(200).encode("tick_string", text=text)
    with pytest.raises(LocalProtocolError, match="no message is named 'tick_strings'"):
        answer_codec(200).encode("tick_strings", text="x")


def test_fields_of_other_versions_are_left_out_and_missing_ones_are_empty() -> None:
    values = {"request_id": -1, "code": 2104, "message": "ok", "order_reject_json": "{}", "time_ms": 5}
    assert answer_codec(165).encode("error", values) == b"4\x002\x00-1\x002104\x00ok\x00"
    assert answer_codec(166).encode("error", values) == b"4\x002\x00-1\x002104\x00ok\x00{}\x00"
    assert answer_codec(194).encode("error", values) == b"4\x00-1\x002104\x00ok\x00{}\x005\x00"
    assert answer_codec(194).encode("error") == b"4\x00\x00\x00\x00\x00\x00"


def test_names_and_ids_are_unique_and_every_id_of_ibs_list_is_known() -> None:
    for table in (REQUESTS, ANSWERS):
        assert len({message.id for message in table}) == len({message.name for message in table}) == len(table)
    ids = {message.id for message in ANSWERS}
    assert not ids & UNREAD.keys()
    listed = {*range(1, 22), *range(45, 48), *range(49, 60), *range(61, 112)}
    assert ids | UNREAD.keys() == listed
