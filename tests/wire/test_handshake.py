"""The first words of a session."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.text.handshake import (
    ClientHello,
    ServerHello,
    client_hello,
    parse_client_hello,
    parse_server_hello,
    server_hello,
)
from capture.wire.text.protocol_error import ProtocolError, RemoteProtocolError

VERSIONS = st.integers(0, 999_999_999)
ZONES = [
    "GMT",
    "EST",
    "Central European Standard Time",
    "British Summer Time",
    "Mitteleuropäische Zeit",
    "中国标准时间",
    "",
]


def test_hellos_byte_for_byte() -> None:
    assert client_hello(100, 200) == b"API\0\0\0\0\x09v100..200"
    assert client_hello(200, 200) == b"API\0\0\0\0\x04v200"
    assert server_hello(ServerHello(200, "20260105 14:30:00 GMT")) == b"\0\0\0\x1a200\x0020260105 14:30:00 GMT\0"


@given(VERSIONS, VERSIONS)
@settings(deadline=None)
def test_an_offer_reads_back(a: int, b: int) -> None:
    oldest, newest = sorted((a, b))
    hello = client_hello(oldest, newest)
    assert parse_client_hello(hello[8:]) == ClientHello(oldest, newest)


@pytest.mark.parametrize("zone", ZONES)
@given(VERSIONS)
@settings(deadline=None)
def test_an_answer_reads_back_in_any_time_zone(zone: str, version: int) -> None:
    hello = ServerHello(version, f"20260105 14:30:00 {zone}")
    assert parse_server_hello(server_hello(hello)[4:]) == hello


def test_connect_options_after_the_offer_are_passed_over() -> None:
    assert parse_client_hello(b"v100..176 +PACEAPI") == ClientHello(100, 176)
    assert parse_client_hello(b"v176 a=b\nc") == ClientHello(176, 176)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"v",
        b"v..",
        b"v100..",
        b"V100..200",
        b"GET / HTTP/1.1",
        b"v100..200x",
        b"v1234567890",
        b"71\x002\x001\x00\x00",
        "v１００..２００".encode(),
    ],
)
def test_what_is_no_offer_is_refused(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="not an offer of versions"):
        parse_client_hello(payload)


def test_an_offer_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="ends before it begins"):
        parse_client_hello(b"v200..100")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"200",
        b"200\0",
        b"200\x00now",
        b"200\x00now\x00more\x00",
        b"\0now\0",
        b"4\x002\x00-1\x002104\x00text\x00",
        b"1234567890\x00now\x00",
        b"2.0\x00now\x00",
    ],
)
def test_a_frame_of_another_shape_before_the_answer_is_passed_over(payload: bytes) -> None:
    assert parse_server_hello(payload) is None


def test_a_redirect_is_refused_and_says_where_to() -> None:
    with pytest.raises(RemoteProtocolError, match=r"redirects to zdc1\.example:4001"):
        parse_server_hello(b"-1\0zdc1.example:4001\0")


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_random_bytes_raise_only_the_protocols_error(payload: bytes) -> None:
    for parse in (parse_client_hello, parse_server_hello):
        with contextlib.suppress(ProtocolError):
            parse(payload)
