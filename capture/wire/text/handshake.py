"""The first words of a session: the client's offer of versions and the server's answer."""

import re
from dataclasses import dataclass

from .framing import frame
from .protocol_error import RemoteProtocolError

PREFIX = b"API\0"  # the only bytes of the protocol without a length in front

_OFFER = re.compile(rb"v(\d{1,9})(?:\.\.(\d{1,9}))?(?: .*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server's answer: version agreed upon, and its clock as text in its own zone (zone names vary widely)."""

    server_version: int
    connection_time: str


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The client's offer: the oldest and the newest version it speaks."""

    oldest: int
    newest: int


def client_hello(oldest: int, newest: int) -> bytes:
    """Return a client's first bytes: the prefix and the framed offer of versions."""
    offer = f"v{oldest}..{newest}" if oldest != newest else f"v{newest}"
    return PREFIX + frame(offer.encode())


def server_hello(hello: ServerHello) -> bytes:
    """Return the server's framed answer: two fields and no message id."""
    return frame(f"{hello.server_version}\0{hello.connection_time}\0".encode())


def parse_client_hello(payload: bytes) -> ClientHello:
    """Read the payload after the prefix. Raises RemoteProtocolError when it is not an offer of versions."""
    match = _OFFER.fullmatch(payload)
    if match is None:
        raise RemoteProtocolError(f"not an offer of versions: {payload[:40]!r}")
    oldest = int(match[1])
    newest = int(match[2] or match[1])
    if newest < oldest:
        raise RemoteProtocolError(f"the offer {payload[:40]!r} ends before it begins")
    return ClientHello(oldest, newest)


def parse_server_hello(payload: bytes) -> ServerHello | None:
    """Read the server's answer; None for a frame of another shape, which IB's own clients skip as well.

    Raises RemoteProtocolError for a redirect (version -1), which is not followed.
    """
    fields = payload.split(b"\0")
    if len(fields) != 3 or fields[2]:
        return None
    if fields[0] == b"-1":
        raise RemoteProtocolError(f"the gateway redirects to {fields[1].decode(errors='replace')}: connect there")
    if not fields[0].isdigit() or len(fields[0]) > 9:
        return None
    return ServerHello(int(fields[0]), fields[1].decode(errors="replace"))
