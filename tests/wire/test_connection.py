"""A session's bytes in both roles, the one talking to the other without a socket."""

import re
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.connection import BadFrame, ClientConnection, Corrupt, Event, ServerConnection
from capture.wire.messages.account_requests import ACCOUNT_REQUESTS
from capture.wire.messages.message import Message, Permission
from capture.wire.messages.order_requests import ORDER_REQUESTS
from capture.wire.messages.requests import REQUESTS
from capture.wire.text.codec import Decoded, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ClientHello, ServerHello, client_hello, server_hello
from capture.wire.text.protocol_error import LocalProtocolError, RemoteProtocolError

TIME = "20260105 14:30:00 Central European Standard Time"


def bytewise(receive: Any, data: bytes) -> list[Event]:
    return [event for byte in data for event in receive(bytes([byte]))]


def connected(version: int = 200) -> tuple[ClientConnection, ServerConnection]:
    client, server = ClientConnection(), ServerConnection(version)
    (offer,) = server.receive(client.greet())
    assert isinstance(offer, ClientHello)
    client.receive(server.answer_hello(offer, TIME))
    return client, server


@pytest.mark.parametrize("version", [157, 176, 200])
def test_a_session_byte_by_byte(version: int) -> None:
    client, server = ClientConnection(), ServerConnection(version)
    assert bytewise(server.receive, client.greet()) == [ClientHello(157, 200)]
    answer = server.answer_hello(ClientHello(157, 200), TIME)
    assert bytewise(client.receive, answer) == [ServerHello(version, TIME)]
    assert client.hello == ServerHello(version, TIME)
    assert server.server_version == version
    (start,) = bytewise(server.receive, client.send("start_api", client_id=7))
    assert isinstance(start, Decoded)
    assert (start.name, start.values) == ("start_api", {"client_id": 7, "capabilities": ""})
    sent = server.send("managed_accounts", accounts="DU1") + server.send("next_valid_id", order_id=1)
    events = bytewise(client.receive, sent)
    assert [(e.name, e.values) for e in events if isinstance(e, Decoded)] == [
        ("managed_accounts", {"accounts": "DU1"}),
        ("next_valid_id", {"order_id": 1}),
    ]


def test_answers_may_follow_the_hello_in_the_same_bytes() -> None:
    client = ClientConnection()
    data = server_hello(ServerHello(200, TIME)) + frame(b"15\x001\x00DU1\x00") + frame(b"9\x001\x001\x00")[:-1]
    hello, accounts = client.receive(data)
    assert hello == ServerHello(200, TIME)
    assert isinstance(accounts, Decoded)
    (last,) = client.receive(b"\0")
    assert isinstance(last, Decoded)
    assert last.values == {"order_id": 1}


def test_frames_of_another_shape_before_the_hello_are_passed_over() -> None:
    client = ClientConnection()
    assert client.receive(frame(b"4\x002\x00-1\x002104\x00farm\x00")) == []
    assert client.receive(server_hello(ServerHello(178, TIME))) == [ServerHello(178, TIME)]


def test_a_version_outside_the_offer_is_refused_with_the_remedy() -> None:
    with pytest.raises(RemoteProtocolError, match="version 150, ticktape 157 to 200: update TWS or IB Gateway"):
        ClientConnection().receive(server_hello(ServerHello(150, TIME)))
    with pytest.raises(RemoteProtocolError, match=r"version 225, .* it ignored our offer"):
        ClientConnection().receive(server_hello(ServerHello(225, TIME)))


@pytest.mark.parametrize(
    ("oldest", "newest", "agreed"), [(100, 176, 176), (157, 157, 157), (100, 226, 200), (200, 300, 200)]
)
def test_the_newest_shared_version_is_agreed_upon(oldest: int, newest: int, agreed: int) -> None:
    server = ServerConnection()
    (offer,) = server.receive(client_hello(oldest, newest))
    assert isinstance(offer, ClientHello)
    assert server.answer_hello(offer, TIME) == server_hello(ServerHello(agreed, TIME))


@pytest.mark.parametrize(("oldest", "newest"), [(100, 156), (201, 226)])
def test_no_shared_version_is_refused(oldest: int, newest: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"no shared version: the client speaks {oldest} to {newest}"):
        ServerConnection().answer_hello(ClientHello(oldest, newest), TIME)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"APJ", b"\0\0\0\x08v100..200", b"A", b"AX"])
def test_what_is_no_api_client_is_refused_at_its_first_wrong_byte(data: bytes) -> None:
    server = ServerConnection()
    if b"API\0".startswith(data):
        assert server.receive(data) == []
        return
    with pytest.raises(RemoteProtocolError, match="not an API client"):
        bytewise(server.receive, data)


def test_nothing_can_be_sent_before_the_hello() -> None:
    with pytest.raises(LocalProtocolError, match=r"start_api cannot be sent before the gateway's hello"):
        ClientConnection().send("start_api", client_id=1)
    with pytest.raises(LocalProtocolError, match="next_valid_id cannot be sent before the hello"):
        ServerConnection().send("next_valid_id", order_id=1)


@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: message.name)
@pytest.mark.parametrize("permission", Permission)
def test_a_connection_encodes_what_it_is_permitted_and_nothing_else(message: Message, permission: Permission) -> None:
    codec = request_codec(200, permission)
    assert (message.name in codec.by_name) == bool(message.permission & permission)
    if not message.permission & permission:
        with pytest.raises(LocalProtocolError, match="none that this connection may send"):
            codec.encode(message.name, {})


def test_every_request_says_who_may_send_it() -> None:
    assert [message.name for message in REQUESTS if not message.permission] == []


def test_a_recorder_is_permitted_market_data_only() -> None:
    client, _ = connected()
    assert client.permission is Permission.MARKET_DATA
    named = {message.name for message in REQUESTS if message.permission & Permission.MARKET_DATA}
    assert not {name for name in named if re.search("order|account|position|pnl|execution|advisor", name)} - {
        "req_managed_accounts"}
    for message in ACCOUNT_REQUESTS:
        with pytest.raises(LocalProtocolError, match="none that this connection may send"):
            client.send(message.name)


def test_reading_an_account_changes_nothing() -> None:
    reading = request_codec(200, Permission.ACCOUNT).by_name
    assert {"req_positions", "req_executions", "req_pnl"} <= reading.keys()
    assert not {"req_auto_open_orders", "replace_financial_advisor"} & reading.keys()


def test_no_order_can_be_encoded() -> None:
    client, _ = connected()
    assert {"place_order", "cancel_order", "cancel_all_orders"} < {message.name for message in ORDER_REQUESTS}
    for message in ORDER_REQUESTS:
        assert message.permission is Permission.ORDERS
        with pytest.raises(LocalProtocolError, match="no message is named"):
            client.send(message.name)


def test_a_request_beyond_ascii_is_refused_as_the_gateway_takes_none() -> None:
    client, _ = connected()
    with pytest.raises(LocalProtocolError, match="code 579"):
        client.send("req_matching_symbols", request_id=1, pattern="Zürich")


def test_a_bad_frame_harms_none_beside_it() -> None:
    client, _ = connected()
    good = frame(b"9\x001\x001\x00")
    first, bad, unknown, last = client.receive(good + frame(b"9\x001\x00x\x00") + frame(b"250\x00x\x00") + good)
    assert isinstance(first, Decoded)
    assert isinstance(last, Decoded)
    assert isinstance(bad, BadFrame)
    assert isinstance(unknown, BadFrame)
    assert bad.payload == b"9\x001\x00x\x00"
    assert "next_valid_id.order_id is not of kind int: 'x'" in bad.reason
    assert "no message has the id '250'" in unknown.reason


@given(st.sampled_from([0, 2**24, 2**31, 2**32 - 1]), st.integers(0, 3))
@settings(deadline=None)
def test_a_corrupt_length_is_told_after_the_good_frames_in_both_roles(length: int, good: int) -> None:
    client, server = connected()
    tail = struct.pack(">I", length)
    *frames, corrupt = client.receive(frame(b"9\x001\x001\x00") * good + tail)
    assert len(frames) == good
    assert isinstance(corrupt, Corrupt)
    assert f"{length:,}" in corrupt.reason
    *requests, corrupt = server.receive(frame(b"49\x001\x00") * good + tail)
    assert len(requests) == good
    assert isinstance(corrupt, Corrupt)
