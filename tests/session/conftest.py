"""A gateway of a few lines, that a test commands: real TCP, IB's messages, no market of its own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from capture.wanted.settings import Settings
from capture.wire.connection import ServerConnection
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ClientHello

DETAILS: dict[str, Any] = {
    "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD", "local_symbol": "AAPL",
    "con_id": 265598, "primary_exchange": "NASDAQ", "trading_class": "NMS", "min_tick": 0.01}  # fmt: skip
Answers = list[tuple[str, dict[str, Any]]]


def details(word: str, con_id: int, **more: Any) -> dict[str, Any]:
    return {**DETAILS, "symbol": word, "local_symbol": word, "con_id": con_id, **more}


class ScriptedGateway:
    """Knows `contracts` by symbol (or con_id), starts sessions, and keeps what clients request."""

    def __init__(self) -> None:
        self.contracts: dict[str | int, list[dict[str, Any]]] = {"AAPL": [DETAILS], 265598: [DETAILS]}
        self.requests: list[Decoded] = []
        self.sessions = 0
        self.start: Answers = [("managed_accounts", {"accounts": "DU1234567"}), ("next_valid_id", {"order_id": 1})]
        self.react: Callable[[Decoded], Answers] = lambda request: []
        self.port = 0
        self._writers: list[tuple[asyncio.StreamWriter, ServerConnection]] = []
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
            await self.drop()
            await self._server.wait_closed()

    async def drop(self) -> None:
        writers, self._writers = self._writers, []
        for writer, _ in writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def send(self, name: str, **values: Any) -> None:
        for writer, connection in self._writers:
            writer.write(connection.send(name, **values))

    def send_bytes(self, data: bytes) -> None:
        for writer, _ in self._writers:
            writer.write(data)

    def unsent_bytes(self) -> int:
        return sum(writer.transport.get_write_buffer_size() for writer, _ in self._writers)

    def named(self, name: str) -> list[Decoded]:
        return [request for request in self.requests if request.name == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection()
        self._writers.append((writer, connection))
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                for event in connection.receive(data):
                    if isinstance(event, ClientHello):
                        writer.write(connection.answer_hello(event, "20260105 14:30:00 GMT"))
                    elif isinstance(event, Decoded):
                        self.requests.append(event)
                        writer.write(b"".join(connection.send(name, **values) for name, values in self._answer(event)))
        self._writers = [pair for pair in self._writers if pair[0] is not writer]
        writer.close()

    def _answer(self, request: Decoded) -> Answers:
        values = request.values
        if request.name == "start_api":
            self.sessions += 1
            return self.start
        if request.name != "req_contract_details":
            return self.react(request)
        request_id = values["request_id"]
        found = self.contracts.get(values["con_id"] or values["symbol"] or values["local_symbol"], [])
        if not found:
            return [("error", {"request_id": request_id, "code": 200, "message": "No security definition"})]
        return [("contract_details", {"request_id": request_id, **one}) for one in found] + [
            ("contract_details_end", {"request_id": request_id})]  # fmt: skip


@pytest.fixture
def gateway() -> ScriptedGateway:
    """A gateway that is not open yet."""
    return ScriptedGateway()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return settings for a test's data folder; keywords override."""

    def make(instruments: list[Any] | None = None, streams: list[str] | None = None, **more: Any) -> Settings:
        block = {"instruments": instruments or ["AAPL"], "streams": streams or ["trades", "quotes"]}
        return Settings(**{"data": tmp_path / "data", "record": [block], "requests_per_second": 1000, **more})

    return make
