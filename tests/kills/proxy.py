"""A TCP proxy between gateway and recorder that keeps what it forwarded, and knows how far a frozen recorder has read.

What a process has taken out of its socket nobody outside can see but the kernel: it says how many bytes wait in the
recorder's receive queue (/proc/net/tcp) and how many of ours it has not acknowledged yet (SIOCOUTQ).
"""

import asyncio
import fcntl
import struct
import termios
from contextlib import suppress
from pathlib import Path
from typing import Self

READ_BYTES = 1 << 16
KERNEL_TABLE = Path("/proc/net/tcp")
SETTLED_LOOKS, LOOK_S = 10, 0.01  # loopback acknowledges within 40 ms


class Connection:
    """One connection: what was forwarded to the recorder and to the gateway."""

    def __init__(self, recorder: asyncio.StreamWriter) -> None:
        self.received = bytearray()
        self.sent = bytearray()
        self._recorder = recorder

    def add(self, data: bytes) -> None:
        self._recorder.write(data)
        self.received += data

    async def consumed_bytes(self) -> int:
        """Return how many bytes a frozen recorder has read; nothing may be forwarded to it meanwhile."""
        looks = [self._outside()]
        while len(looks) < SETTLED_LOOKS or len(set(looks[-SETTLED_LOOKS:])) > 1:
            await asyncio.sleep(LOOK_S)
            looks.append(self._outside())
        return len(self.received) - looks[-1]

    def _outside(self) -> int:
        """Return how many bytes are in our buffer, under way, or in the recorder's receive queue."""
        descriptor = self._recorder.get_extra_info("socket").fileno()
        (unacknowledged,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))
        own, other = (self._recorder.get_extra_info(name)[1] for name in ("sockname", "peername"))
        buffered = self._recorder.transport.get_write_buffer_size()
        return int(buffered + unacknowledged + receive_queue_bytes(other, own))


class Proxy:
    """Forwards every connection at `port` to `gateway_port`; `connections` are all there were, in order.

    `hold` lets nothing through to recorders until `release`: the gateway's bytes then come in one burst.
    """

    def __init__(self, gateway_port: int) -> None:
        self.connections: list[Connection] = []
        self.port = 0
        self._gateway_port = gateway_port
        self._open = asyncio.Event()
        self._open.set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        connection = Connection(writer)
        self.connections.append(connection)
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        pumps = [asyncio.ensure_future(self._to_recorder(from_gateway, writer, connection)),
                 asyncio.ensure_future(self._to_gateway(reader, to_gateway, connection))]  # fmt: skip
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, to_gateway):
                end.transport.abort()

    async def _to_recorder(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                await self._open.wait()
                connection.add(data)
                await writer.drain()

    async def _to_gateway(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                connection.sent += data
                writer.write(data)
                await writer.drain()


def receive_queue_bytes(port: int, peer_port: int) -> int:
    """Return how many bytes the socket at `port`, connected to `peer_port`, has received that nobody has read."""
    ends = f":{port:04X}", f":{peer_port:04X}"
    for line in KERNEL_TABLE.read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if (local[-5:], remote[-5:]) == ends:
            return int(queues.partition(":")[2], 16)
    raise AssertionError(f"the kernel knows no connection from {port} to {peer_port}")
