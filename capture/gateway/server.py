"""The gateway's TCP server: takes clients on loopback, and owns their connections and the state that they share."""

import asyncio
import contextlib
import ipaddress
import threading
import time
from typing import Any, Self

from capture.gateway.control.command_socket import run_command
from capture.gateway.control.missed import Missed
from capture.gateway.control.replay_commands import CommandError
from capture.replay.clock import Clock
from capture.wire.connection import BadFrame, Corrupt, Event
from capture.wire.messages.message import NEWEST_VERSION
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ClientHello
from capture.wire.text.protocol_error import RemoteProtocolError

from .client import Client
from .dispatch import replies, replies_to_unread
from .feed import Feed
from .limits import UNLIMITED, Limits
from .shared_state import OnRows, Peer, State
from .trading import Terms

START_API = b"71\0"  # how the request begins with which a session does
READ_BYTES = 65_536
TURN_S = 0.01  # how long the requests of a client are worked on before the others have their turn
HANDSHAKE_S = 30.0  # how long a connection may take until it has said startApi
MOST_STRANGERS = 64  # connections that have not yet: of more the oldest is closed, so that nobody is kept out


class Gateway:
    """A TWS-speaking server. Listens on `port` (0: any free one, see `port` once it has started).

    `speed` multiplies the time, which begins at `start_us` (default: now); a `clock` says both, and in a replay what
    may be done with them. `limits=None` switches IB's limits off.
    Instruments whose contract id is in `unsubscribed` have no live market data: 354, or delayed data where the client
    asks for that. `on_rows` is told all rows that are sent: client id, request id, stream, table and rows. `control`
    breaks things on purpose, `missed` is what that kept from clients, and `state` what all of them share.
    Raises ValueError for a host that is not this machine's own.
    """

    def __init__(
        self,
        feed: Feed,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float = 1.0,
        start_us: int | None = None,
        clock: Clock | None = None,
        limits: Limits | None = Limits(),  # noqa: B008  (frozen: nothing can change the default)
        newest_version: int = NEWEST_VERSION,
        account: str = "DU1234567",
        accounts_first: bool = True,
        unsubscribed: frozenset[int] = frozenset(),
        time_zone: str = "US/Eastern",
        on_rows: OnRows | None = None,
        terms: Terms = Terms(),  # noqa: B008  (frozen)
    ) -> None:
        _require_loopback(host)
        self.host, self.port = host, port
        self.clock = clock or Clock(start_us, speed)
        self.state = State(feed, self.clock, limits or UNLIMITED, newest_version, account, accounts_first, unsubscribed,
                           time_zone, on_rows, terms)
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._server = await asyncio.start_server(self._converse, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._server is None:
            return
        self.state.faults.stop()
        self._server.close()
        for client in self.state.clients:
            client.abort()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await self._server.wait_closed()
        self.state.trading.close()
        self._server = self._loop = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def refuse(self) -> None:
        """Take no new connections, until `listen_again`; those that are there stay."""
        assert self._server is not None
        self._server.close()

    def listen_again(self) -> None:
        """Take new connections again, at the same port."""
        task = asyncio.create_task(self.start())
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    @property
    def missed(self) -> list[Missed]:
        """What clients were not sent of the streams they wanted: stretches of time, and the rows in them."""
        return self.state.ledger.missed

    def control(self, command: str, *arguments: object, **named: object) -> Any:
        """Run a command of `ticktape gateway control`, from any thread, and return its result.

        Raises CommandError for a command or an argument that is none.
        """
        if self._loop is None:
            raise CommandError(f"the gateway has not started, so {command} can do nothing: start it first")

        async def run() -> Any:
            return run_command(self, command, arguments, named)

        if threading.get_ident() == self._thread:
            return run_command(self, command, arguments, named)
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        client = Client(self.state, writer)
        deadline = asyncio.get_running_loop().call_later(HANDSHAKE_S, self._expire, client)
        self.state.clients.append(client)
        strangers = [client for client in self.state.clients if self._is_strange(client)]
        for other in strangers[: len(strangers) - MOST_STRANGERS]:
            other.abort()
        try:
            await self._listen(client, reader)
        except (ConnectionError, RemoteProtocolError):
            pass  # the peer is gone, or no API client: nothing can be said to it
        finally:
            deadline.cancel()
            self.state.clients.remove(client)
            await client.stop()
            self._conversations.discard(task)

    def _expire(self, client: Client) -> None:
        if self._is_strange(client):
            client.abort()

    def _is_strange(self, client: Peer) -> bool:
        """Return whether a connection has not said startApi."""
        return not client.started and all(client is not waiting for waiting, _ in self.state.waiting)

    async def _listen(self, client: Client, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(READ_BYTES):
            ends_s = time.monotonic() + TURN_S
            for event in client.connection.receive(data):
                self._take(client, event)
                if time.monotonic() >= ends_s:
                    await asyncio.sleep(0)
                    ends_s = time.monotonic() + TURN_S
            await client.drain()

    def _take(self, client: Client, event: Event) -> None:
        if client.dead:
            return
        if isinstance(event, ClientHello):
            self.state.faults.later("slow-handshake", lambda: self._greet(client, event))
        elif isinstance(event, Corrupt):
            client.close()
        elif isinstance(event, BadFrame) and (client.started or event.payload.startswith(START_API)):
            client.tell(replies_to_unread(client, event))
        elif isinstance(event, Decoded) and (client.started or event.name == "start_api"):
            self._answer(client, event)

    def _greet(self, client: Client, offer: ClientHello) -> None:
        now = self.state.local_time(self.state.told_us())
        try:
            client.write(client.connection.answer_hello(offer, f"{now:%Y%m%d %H:%M:%S} {now.tzname()}"))
            early = client.connection.receive(b"")
        except RemoteProtocolError:
            client.close()
            return
        for event in early:  # what the client sent without waiting for the answer
            self._take(client, event)

    def _answer(self, client: Client, request: Decoded) -> None:
        if client.started and client.too_fast():
            return
        if None in (request.values.get("request_id", 0), request.values.get("order_id", 0)):
            client.error(-1, 320, f"Error reading request. {request.name} has no id")
            return
        client.catch_up()
        client.tell(replies(client, request))


def _require_loopback(host: str) -> None:
    with contextlib.suppress(ValueError):
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    raise ValueError(f"the gateway serves this machine only, not {host}: use 127.0.0.1, ::1 or localhost")
