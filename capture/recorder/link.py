"""One TCP connection to a gateway, handed over to whoever holds it."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol


class Holder(Protocol):
    """Who a link speaks to, as long as it is the holder's `link`. `guarded` keeps errors from the event loop."""

    link: "Link | None"

    def guarded(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something whose errors must not get out."""

    def link_made(self, link: "Link") -> None:
        """The connection stands."""

    def link_read(self, data: bytes) -> None:
        """Bytes came."""

    def link_lost(self, error: Exception | None) -> None:
        """The other side ended the connection."""


READ_BYTES = 256 << 10  # at most in one read


class Link(asyncio.BufferedProtocol):
    """One TCP connection.

    All reads go into one buffer: a new one for each would cost more than all that is done with most reads.
    """

    transport: asyncio.Transport

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._buffer = memoryview(bytearray(READ_BYTES))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection over."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._holder.guarded(self._holder.link_made, self)

    def get_buffer(self, _size_hint: int) -> memoryview:
        """Return where the next read goes."""
        return self._buffer

    def buffer_updated(self, size_bytes: int) -> None:
        """Hand bytes over. They are on the tape when it returns: a slow disk slows the gateway, and fills no memory."""
        if self._holder.link is self:
            self._holder.guarded(self._holder.link_read, bytes(self._buffer[:size_bytes]))

    def connection_lost(self, error: Exception | None) -> None:
        """Say that the connection is gone."""
        if self._holder.link is self:
            self._holder.guarded(self._holder.link_lost, error)
