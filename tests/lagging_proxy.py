"""A TCP proxy between gateway and recorder through which the gateway's bytes come late; made for virtual time."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Self

READ_BYTES = 1 << 16


class LaggingProxy:
    """Forwards one connection after the other at `port` to `gateway_port`; what the recorder sends is never late.

    `ramp` has the gateway's bytes come later and later, or sooner; they keep their order. A new connection begins
    without lag. `drop` ends the connection: what had not come yet is lost, in the gateway's own buffers too while it is
    `deaf`, which is when nothing is read from it.
    """

    def __init__(self, gateway_port: int) -> None:
        self.port = 0
        self.lost_bytes = 0
        self._gateway_port = gateway_port
        self._serving: set[asyncio.Task[None]] = set()
        self._ramp = (0.0, 0.0, 0.0, 0.0)  # from when on, from how much, to how much, within how long
        self._hearing = asyncio.Event()
        self._hearing.set()
        self._under_way: deque[tuple[float, bytes]] = deque()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.drop()

    def ramp(self, lag_s: float, within_s: float) -> None:
        """Change the lag evenly to so much."""
        self._ramp = (_now_s(), self.lag_s, lag_s, within_s)

    @property
    def lag_s(self) -> float:
        """How late what the gateway sends now will come."""
        begun_s, from_s, to_s, within_s = self._ramp
        share = 1.0 if within_s == 0 else min((_now_s() - begun_s) / within_s, 1.0)
        return from_s + (to_s - from_s) * share

    def deaf(self, is_deaf: bool) -> None:
        """Leave what the gateway sends in its own buffers, or read on."""
        self._hearing.clear() if is_deaf else self._hearing.set()

    async def drop(self) -> None:
        """End the connection."""
        tasks = [*self._serving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        self._ramp, self._under_way = (0.0, 0.0, 0.0, 0.0), deque()
        self._hearing.set()
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        arrived = asyncio.Event()
        ways = self._hear(from_gateway, arrived), self._hand_on(writer, arrived), self._back(reader, to_gateway)
        pumps = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.lost_bytes += sum(len(data) for _, data in self._under_way)
            self._serving.discard(task)
            for pump in pumps:
                pump.cancel()
            for end in (writer, to_gateway):
                end.transport.abort()

    async def _hear(self, reader: asyncio.StreamReader, arrived: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while True:
                await self._hearing.wait()
                data = await reader.read(READ_BYTES)
                if not data:
                    return
                last_s = self._under_way[-1][0] if self._under_way else 0.0
                self._under_way.append((max(last_s, _now_s() + self.lag_s), data))
                arrived.set()

    async def _hand_on(self, writer: asyncio.StreamWriter, arrived: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while True:
                while self._under_way:
                    due_s, data = self._under_way[0]
                    await asyncio.sleep(max(due_s - _now_s(), 0.0))
                    self._under_way.popleft()
                    writer.write(data)
                    await writer.drain()
                arrived.clear()
                await arrived.wait()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                writer.write(data)
                await writer.drain()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
