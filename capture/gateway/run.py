"""Runs a gateway: until it is signalled, or in a thread of its own."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from capture.gateway.control.command_socket import listening

from .server import Gateway

Beside = Callable[[Gateway, Callable[[], None]], contextlib.AbstractContextManager[None]]


def serve(gateway: Gateway, ready: Callable[[int], None] | None = None, beside: Beside | None = None) -> None:
    """Run a gateway until SIGINT or SIGTERM, open to `ticktape gateway control`. `ready` is called with its port.

    `beside` is entered while it runs, in its event loop; it is given the gateway and what ends it. Raises OSError when
    the port is taken.
    """

    async def until_signalled() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with gateway, listening(gateway):
            if ready is not None:
                ready(gateway.port)
            with beside(gateway, stopped.set) if beside is not None else contextlib.nullcontext():
                await stopped.wait()

    asyncio.run(until_signalled())


@contextlib.contextmanager
def running(gateway: Gateway) -> Iterator[Gateway]:
    """Run a gateway in a thread of its own, for programs without an event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(gateway.start(), loop).result()
        try:
            yield gateway
        finally:
            asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
