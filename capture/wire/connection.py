"""A session's bytes, sans I/O, in both roles: bytes in, events out; messages in, bytes out."""

from dataclasses import dataclass
from typing import Any

from capture.wire.messages.message import NEWEST_VERSION, OLDEST_VERSION, Permission
from capture.wire.text.codec import Codec, Decoded, answer_codec, request_codec
from capture.wire.text.framing import Splitter, frame
from capture.wire.text.handshake import (
    PREFIX,
    ClientHello,
    ServerHello,
    client_hello,
    parse_client_hello,
    parse_server_hello,
    server_hello,
)
from capture.wire.text.protocol_error import LocalProtocolError, MalformedFrameError, RemoteProtocolError


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that could not be decoded, the reason, and its request or order id, if any; the connection lives on."""

    payload: bytes
    reason: str
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class Corrupt:
    """The stream cannot be cut into frames any more, with the reason; the connection must be closed."""

    reason: str


Event = ServerHello | ClientHello | Decoded | BadFrame | Corrupt


class ClientConnection:
    """The client's side of a session: says hello, then encodes what its permission allows and decodes answers.

    `receive` raises RemoteProtocolError when the server's version is outside the offer.
    """

    def __init__(
        self, oldest: int = OLDEST_VERSION, newest: int = NEWEST_VERSION,
        permission: Permission = Permission.MARKET_DATA,
    ) -> None:
        self.oldest, self.newest, self.permission = oldest, newest, permission
        self.hello: ServerHello | None = None
        self._splitter = Splitter()
        self._requests: Codec | None = None
        self._answers: Codec | None = None

    def greet(self) -> bytes:
        """Return the bytes to send first."""
        return client_hello(self.oldest, self.newest)

    def send(self, name: str, **values: Any) -> bytes:
        """Return a framed request. Raises LocalProtocolError before the hello, and for what may not be sent."""
        if self._requests is None:
            raise LocalProtocolError(f"{name} cannot be sent before the gateway's hello")
        payload = self._requests.encode(name, values)
        if not payload.isascii():
            raise LocalProtocolError(f"{name} holds characters that are not ASCII; TWS takes none (code 579)")
        return frame(payload)

    def receive(self, data: bytes) -> list[Event]:
        """Return what the bytes, with those before, complete."""
        events = [event for payload in self._splitter.feed(data) if (event := self._event(payload)) is not None]
        return events + _corrupt(self._splitter)

    def _event(self, payload: bytes) -> Event | None:
        if self._answers is not None:
            return _decode(self._answers, payload)
        hello = parse_server_hello(payload)
        if hello is not None:
            self.accept(hello)
        return hello

    def accept(self, hello: ServerHello) -> None:
        """Take the gateway's hello from someone who reads the line. Raises RemoteProtocolError for a wrong version."""
        if not self.oldest <= hello.server_version <= self.newest:
            raise RemoteProtocolError(
                f"the gateway speaks version {hello.server_version}, ticktape {self.oldest} to {self.newest}: "
                + ("update TWS or IB Gateway" if hello.server_version < self.oldest else "it ignored our offer"))
        self.hello = hello
        self._requests = request_codec(hello.server_version, self.permission)
        self._answers = answer_codec(hello.server_version)


class ServerConnection:
    """The gateway's side of a session: takes the hello, decodes requests and encodes answers."""

    def __init__(self, newest: int = NEWEST_VERSION) -> None:
        self.newest = newest
        self.server_version: int | None = None
        self._prefix = b""
        self._splitter = Splitter()
        self._offered = False
        self._early: list[bytes] = []
        self._requests: Codec | None = None
        self._answers: Codec | None = None

    def receive(self, data: bytes) -> list[Event]:
        """Return what the bytes, with those before, complete. Raises RemoteProtocolError on a wrong hello.

        What a client sends behind its hello without waiting comes once that is answered: then call it again, with
        no bytes.
        """
        if len(self._prefix) < len(PREFIX):
            data = self._take_prefix(data)
        self._early += self._splitter.feed(data)
        events: list[Event] = []
        while self._early and not (self._offered and self._requests is None):
            events.append(self._event(self._early.pop(0)))
        return events + _corrupt(self._splitter)

    def answer_hello(self, offer: ClientHello, connection_time: str) -> bytes:
        """Agree on a version and return the framed hello. Raises RemoteProtocolError when none is shared."""
        version = min(offer.newest, self.newest)
        if version < max(offer.oldest, OLDEST_VERSION):
            raise RemoteProtocolError(
                f"no shared version: the client speaks {offer.oldest} to {offer.newest}, "
                f"this gateway {OLDEST_VERSION} to {self.newest}")
        self.server_version = version
        self._requests = request_codec(version)
        self._answers = answer_codec(version)
        return server_hello(ServerHello(version, connection_time))

    def send(self, name: str, **values: Any) -> bytes:
        """Return a framed answer. Raises LocalProtocolError before the hello or for what cannot be encoded."""
        if self._answers is None:
            raise LocalProtocolError(f"{name} cannot be sent before the hello")
        return frame(self._answers.encode(name, values))

    def _take_prefix(self, data: bytes) -> bytes:
        missing = len(PREFIX) - len(self._prefix)
        self._prefix += data[:missing]
        if not PREFIX.startswith(self._prefix):
            raise RemoteProtocolError(f"not an API client: it began with {self._prefix!r}")
        return data[missing:]

    def _event(self, payload: bytes) -> Event:
        if self._requests is not None:
            return _decode(self._requests, payload)
        self._offered = True
        return parse_client_hello(payload)


def _corrupt(splitter: Splitter) -> list[Event]:
    return [Corrupt(splitter.corrupt)] if splitter.corrupt else []


def _decode(codec: Codec, payload: bytes) -> Decoded | BadFrame:
    try:
        return codec.decode(payload)
    except MalformedFrameError as error:
        return BadFrame(payload, str(error), codec.request_id(payload))
