"""A gateway on loopback, what it says it sent, and a client of our own that speaks to it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import pyarrow as pa
import pytest

from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.wire.connection import ClientConnection
from capture.wire.messages.message import Permission
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ServerHello

AAPL: dict[str, Any] = {"con_id": 265598, "exchange": "SMART"}
START_US = 1_795_000_000_000_000  # some weekday in November 2026


class Sent:
    """The rows a gateway sent, by request id."""

    def __init__(self) -> None:
        self.by_request: dict[int, list[tuple[str, str, pa.Table]]] = defaultdict(list)

    def __call__(self, client_id: int, request_id: int, stream: str, table: str, rows: pa.Table) -> None:
        self.by_request[request_id].append((stream, table, rows))

    def rows(self, request_id: int, table: str, stream: str | None = None) -> list[dict[str, Any]]:
        """All rows of a request and table, of one stream where it is named."""
        tables = [rows for of, name, rows in self.by_request[request_id] if name == table and stream in (None, of)]
        found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
        return found


class Peer:
    """A client that sends requests by name and collects the answers."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: ClientConnection
    ) -> None:
        self.reader, self.writer, self.connection = reader, writer, connection
        self.answers: list[Decoded] = []

    @classmethod
    async def connect(cls, gateway: Gateway, client_id: int = 1, newest: int = 200, start: bool = True) -> Self:
        connection = ClientConnection(newest=newest, permission=Permission.ANY)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        peer = cls(reader, writer, connection)
        writer.write(connection.greet())
        while connection.hello is None:
            peer.events(await reader.read(65536))
        if start:
            peer.send("start_api", client_id=client_id)
            await peer.until("error", code=2158)
        return peer

    def events(self, data: bytes) -> None:
        for event in self.connection.receive(data):
            if isinstance(event, Decoded):
                self.answers.append(event)
            else:
                assert isinstance(event, ServerHello), event

    def send(self, name: str, **values: Any) -> None:
        self.writer.write(self.connection.send(name, **values))

    async def until(self, name: str, count: int = 1, timeout_s: float = 120.0, **values: Any) -> dict[str, Any]:
        """The last of `count` answers of this name and values; answers of the past count."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = self.all(name, **values)
                if len(found) >= count:
                    return found[count - 1]
                data = await self.reader.read(65536)
                if not data:
                    raise ConnectionError(f"closed before {name} {values}")
                self.events(data)

    async def closed(self, timeout_s: float = 120.0) -> None:
        # A gateway that closes with requests unread resets the connection: an end as well.
        with suppress(ConnectionError):
            async with asyncio.timeout(timeout_s):
                while data := await self.reader.read(65536):
                    self.events(data)

    async def code(self, request_id: int, **more: Any) -> int:
        """The code of the first error of a request."""
        code: int = (await self.until("error", request_id=request_id, **more))["code"]
        return code

    def all(self, name: str, **values: Any) -> list[dict[str, Any]]:
        return [a.values for a in self.answers if a.name == name and values.items() <= a.values.items()]

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):  # a gateway that closed on unread requests resets the connection
            await self.writer.wait_closed()


Play = Callable[[Gateway, Peer], Awaitable[None]]
Scene = Callable[..., None]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def scene(sent: Sent) -> Scene:
    """Runs `scene(play, newest=…, **options of the gateway)`: `play` is given a gateway and a connected peer."""

    def run(play: Play, newest: int = 200, **options: Any) -> None:
        async def act() -> None:
            options.setdefault("limits", None)
            gateway = Gateway(Market(), on_rows=sent, start_us=START_US, **options)
            async with gateway:
                peer = await Peer.connect(gateway, newest=newest)
                try:
                    await play(gateway, peer)
                finally:
                    await peer.close()

        asyncio.run(act())

    return run
