"""Frames and what they must become, from tests/golden: each pair is used in both directions and both roles."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from capture.schemas import TABLES
from capture.wire.connection import ClientConnection, Event, ServerConnection
from capture.wire.context import Context
from capture.wire.messages.answers import ANSWERS
from capture.wire.messages.requests import REQUESTS
from capture.wire.read_rows import Batch, decode
from capture.wire.text.codec import Decoded, answer_codec, request_codec
from capture.wire.text.framing import boundaries, frame
from capture.wire.text.handshake import ClientHello, ServerHello, client_hello, server_hello

FOLDER = Path(__file__).parents[1] / "golden"
NEXT_FRAME = frame(b"9\x001\x001\x00")[:-1]  # the beginning of a next frame

# Each server version at which a layout or a meaning changed, and the ends of the range.
GATES = (157, 162, 163, 164, 165, 166, 171, 173, 175, 176, 178, 179, 182, 186, 188, 193, 194, 195, 196, 200)

Golden = dict[str, Any]


def _load(path: Path) -> list[Golden]:
    return [{"family": path.stem, **golden} for golden in tomllib.loads(path.read_text())["frames"]]


GOLDENS = [golden for path in sorted(FOLDER.glob("*.toml")) for golden in _load(path)]


def _versions(golden: Golden) -> list[int]:
    oldest, newest = golden["versions"]
    return sorted({oldest, newest, *(gate for gate in GATES if oldest <= gate <= newest)})


def _name(golden: Golden) -> str:
    return f"{golden['message']}-{GOLDENS.index(golden)}-{golden['versions'][0]}"


ALL = pytest.mark.parametrize("golden", GOLDENS, ids=_name)
WITH_ROWS = pytest.mark.parametrize("golden", [golden for golden in GOLDENS if "table" in golden], ids=_name)


def payload_of(golden: Golden) -> bytes:
    payload: bytes = golden["frame"].replace("|", "\0").encode()
    return payload


def listed(values: Any, golden: Any) -> Any:
    """Return the values without the empty ones that the golden does not list."""
    if isinstance(values, list):
        return [listed(value, golden[i] if i < len(golden) else {}) for i, value in enumerate(values)]
    if isinstance(values, dict):
        return {
            name: listed(value, golden.get(name, []))
            for name, value in values.items()
            if name in golden or not _is_empty(value)
        }
    return values


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [])


def feed(golden: Golden, version: int, pieces: list[bytes]) -> list[Event]:
    """Return the events that a connection of the receiving role makes of these bytes."""
    if golden["family"].endswith("requests"):
        server = ServerConnection()
        offer = server.receive(client_hello(157, 200))[0]
        assert isinstance(offer, ClientHello)
        server.answer_hello(ClientHello(157, version), "20260105 14:30:00 GMT")
        return [event for piece in pieces for event in server.receive(piece)]
    client = ClientConnection()
    client.receive(server_hello(ServerHello(version, "20260105 14:30:00 GMT")))
    return [event for piece in pieces for event in client.receive(piece)]


@ALL
def test_decodes_to_its_values(golden: Golden) -> None:
    for version in _versions(golden):
        codec = request_codec(version) if golden["family"].endswith("requests") else answer_codec(version)
        decoded = codec.decode(payload_of(golden))
        assert (decoded.name, decoded.extra) == (golden["message"], 0)
        assert listed(decoded.values, golden["values"]) == golden["values"], version


@ALL
def test_encodes_to_its_frame(golden: Golden) -> None:
    for version in _versions(golden):
        codec = request_codec(version) if golden["family"].endswith("requests") else answer_codec(version)
        encoded = codec.encode(golden["message"], golden["values"])
        if not golden.get("decode_only"):
            assert encoded == payload_of(golden), version
        assert codec.decode(encoded).values == codec.decode(payload_of(golden)).values


@ALL
def test_arrives_whole_and_byte_by_byte_and_with_trailing_bytes(golden: Golden) -> None:
    framed = frame(payload_of(golden))
    for version in _versions(golden):
        for pieces in ([framed], [framed[i : i + 1] for i in range(len(framed))], [framed + NEXT_FRAME]):
            (event,) = feed(golden, version, pieces)
            assert isinstance(event, Decoded)
            assert listed(event.values, golden["values"]) == golden["values"]


def rows_of(batch: Batch, table: str) -> list[dict[str, Any]]:
    return [
        {name: column[i].as_py() for name, column in rows.columns.items() if column[i].is_valid}
        for rows in batch.rows
        for i in range(len(rows.frames))
        if rows.table == table
    ]


@WITH_ROWS
def test_becomes_its_rows(golden: Golden) -> None:
    known = {column.name for column in TABLES[golden["table"]].columns}
    for version in _versions(golden):
        for copies in (1, 50):  # one frame alone, and enough of them for columns
            data = frame(payload_of(golden)) * copies
            batch = decode(data, boundaries(data), Context(version, zone="UTC"))
            assert rows_of(batch, golden["table"]) == golden["rows"] * copies
            assert not batch.bad
            assert all(rows.columns.keys() <= known for rows in batch.rows)


def test_every_message_has_a_golden_frame() -> None:
    assert {golden["message"] for golden in GOLDENS} == {message.name for message in (*REQUESTS, *ANSWERS)}


def test_goldens_of_one_message_reach_from_the_oldest_to_the_newest_version_that_has_it() -> None:
    late = {
        "current_time_millis": 197,
        "req_current_time_millis": 197,
        "user_info": 167,
        "req_user_info": 167,
        "historical_data_end": 196,
        "historical_schedule": 165,
    }
    for name in {golden["message"] for golden in GOLDENS}:
        covered = {
            v
            for golden in GOLDENS
            if golden["message"] == name
            for v in range(golden["versions"][0], golden["versions"][1] + 1)
        }
        assert covered == set(range(late.get(name, 157), 201)), name
