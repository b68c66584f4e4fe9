"""The recorder: owns the socket, the tape, the timers and the roller, and does what the session machine says."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from capture.tape import TapeError, seal_closed
from capture.tape.line import Read
from capture.wire.connection import ClientConnection
from capture.wire.context import Context
from capture.wire.errors import RemoteProtocolError

from .events import Close, Connect, Connected, Event, Lost, Note, Received, Say, Send, Started, Stop, StopAsked, Tick
from .instrument import Instrument
from .journal import Journal
from .machine import Machine
from .roller import RollerKeeper
from .settings import Settings
from .status import describe_recorder, write_status
from .streams import Stream

HOUSEKEEPING_S = 1.0  # how often status.json is replaced and the segment's size looked at
SEAL_NICENESS = 15


def say_on_stderr(level: str, text: str) -> None:
    """Print what the recorder says; info without its level."""
    print(f"ticktape: {text}" if level == "info" else f"ticktape: {level}: {text}", file=sys.stderr, flush=True)


class Recorder:
    """Records the wanted streams until it is stopped.

    `wanted` are the settings' streams where not given. `say` is told what a person should know, by level (info,
    warning, error). `on_read` sees every read after it is on the tape. `roll` says whether a roller runs beside it.
    """

    def __init__(
        self,
        settings: Settings,
        wanted: Iterable[tuple[Instrument, Stream]] | None = None,
        *,
        say: Callable[[str, str], None] = say_on_stderr,
        on_read: Callable[[Read, Context], None] | None = None,
        roll: bool = True,
    ) -> None:
        self.settings = settings
        self.machine = Machine(settings, settings.wanted() if wanted is None else wanted)
        self._say = say
        self._on_read = on_read
        self._roll = roll
        self._started = datetime.now(UTC)
        self._link: _Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._status_failed = False

    async def run(self, for_s: float | None = None) -> int:
        """Record for `for_s` seconds, or until SIGINT, SIGTERM or `stop`, and return the exit code.

        0: all is well; 1: nothing could be recorded; 3: a wanted stream was refused, or the line was lost meanwhile.
        Raises RecorderBusy, TapeFull or TapeError when the tape cannot be written.
        """
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[int] = self._loop.create_future()
        self._journal = Journal.open(self.settings)
        self._roller = RollerKeeper(self.settings, self._report)
        rolling = self._task(self._roller.keep()) if self._roll else None
        self._sealing = ThreadPoolExecutor(1, "seal", _lower_priority)
        tasks = [self._task(self._every(interval_s, action)) for interval_s, action in self._chores()]
        self._seal()  # what earlier runs left
        self._listen_for_signals()
        if for_s is not None:
            self._loop.call_later(for_s, self.stop, f"asked to stop after {for_s:g} s")
        try:
            self._tell(Started())
            return await self._end
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hang_up("the recorder failed")
            with suppress(TapeError):
                self._journal.mark()
            if rolling:
                await self._roller.stop(rolling)
            await self._finish()

    def stop(self, reason: str = "asked to stop") -> None:
        """Stop cleanly; `run` then returns."""
        self._guarded(self._tell, StopAsked(reason))

    # What the link says

    def link_made(self, link: "_Link") -> None:
        """Begin a session: it is on the tape before the first byte is sent."""
        self._link = link
        self._greeting = ClientConnection()
        self._journal.opened({
            "host": self.settings.host, "port": self.settings.port, "client_id": self.settings.client_id,
            "software": f"ticktape {version('ticktape')}", "oldest": self._greeting.oldest,
            "newest": self._greeting.newest})  # fmt: skip
        self._write(self._greeting.greet())
        self._tell(Connected())

    def link_read(self, data: bytes) -> None:
        """Take received bytes: first to the tape, then to whoever acts on them."""
        read, messages = self._journal.received(data)
        if read.greeting and not self._greeted(read):
            return
        if self._on_read:
            self._on_read(read, self._journal.line.context)
        self._tell(Received(tuple(messages), read.hello))
        if read.corrupt:
            self._tell(Lost(read.corrupt) if self._greeting.hello else Lost(self._stranger(read), lasting=True))

    def link_lost(self, error: Exception | None) -> None:
        """End a session that the other side ended."""
        self._tell(Lost(str(error) if error else "the gateway closed the connection"))

    def fail(self, error: BaseException) -> None:
        """End `run` with an error."""
        if not self._end.done():
            self._end.set_exception(error)

    def _greeted(self, read: Read) -> bool:
        """Check the gateway's hello; False where it cannot be lived with."""
        try:
            self._greeting.receive(read.data[: read.starts[read.greeting]])
        except RemoteProtocolError as error:
            self._tell(Lost(f"{self.settings.host}:{self.settings.port}: {error}", lasting=True))
            return False
        return True

    def _stranger(self, read: Read) -> str:
        return (f"what answers at {self.settings.host}:{self.settings.port} is not TWS or IB Gateway: it said "
                f"{read.data[:40]!r}; check host and port")  # fmt: skip

    # What the machine wants

    def _tell(self, event: Event) -> None:
        for command in self.machine.handle(event, self._loop.time()):
            _DO[type(command)](self, command)
        self._set_wake()

    def _set_wake(self) -> None:
        """Have the machine woken in time; a timer that rings too early does no harm, and is cheaper to leave."""
        wake_s = self.machine.next_wake_s()
        if wake_s is None or (self._wake and self._wake.when() <= wake_s):
            return
        if self._wake:
            self._wake.cancel()
        self._wake = self._loop.call_at(wake_s, self._on_wake)

    def _on_wake(self) -> None:
        self._wake = None
        self._guarded(self._tell, Tick())

    def _guarded(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something on behalf of the event loop, to which errors must not go: they end `run`."""
        try:
            action(*arguments)
        except Exception as error:
            self.fail(error)

    def _connect(self, _command: Connect) -> None:
        self._connecting = self._task(self._open_link())

    async def _open_link(self) -> None:
        try:
            await self._loop.create_connection(lambda: _Link(self), self.settings.host, self.settings.port)
        except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
            self._tell(Lost(getattr(error, "strerror", None) or str(error)))

    def _send(self, command: Send) -> None:
        self._write(self._greeting.send(command.name, **command.values))

    def _write(self, data: bytes) -> None:
        if self._link:
            self._journal.sent(data)
            self._link.transport.write(data)

    def _close(self, command: Close) -> None:
        self._hang_up(command.reason)

    def _note(self, command: Note) -> None:
        self._journal.note(command.body)

    def _speak(self, command: Say) -> None:
        self._say(command.level, command.text)

    def _stop(self, command: Stop) -> None:
        self._say("error" if command.exit_code == 1 else "info", f"stopped: {command.reason}")
        if not self._end.done():
            self._end.set_result(command.exit_code)

    def _hang_up(self, reason: str) -> None:
        """Close the connection, whether it stands or is being made; what it still says is not listened to."""
        if self._connecting:
            self._connecting.cancel()
        link, self._link = self._link, None
        if link:
            link.transport.abort()
        with suppress(TapeError):  # a tape that has no room for this says so to whoever writes data
            self._journal.closed(reason)

    # Chores

    def _chores(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        return [
            (self.settings.roll_interval_s, self._mark),
            (self.settings.sync_interval_s, self._sync),
            (HOUSEKEEPING_S, self._keep_house),
        ]

    async def _every(self, interval_s: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            await action()

    async def _mark(self) -> None:
        self._journal.mark()

    async def _sync(self) -> None:
        await self._loop.run_in_executor(None, self._journal.tape.sync)

    async def _keep_house(self) -> None:
        if self._journal.rotate():
            self._seal()
        await self._publish_status()

    async def _publish_status(self) -> None:
        status = describe_recorder(self.machine, self._journal, self._started)
        try:
            await self._loop.run_in_executor(None, write_status, self._journal.tape.folder, status)
            self._status_failed = False
        except OSError as error:
            if not self._status_failed:
                self._status_failed = True
                self._say("warning", f"status.json cannot be written: {error}")

    def _seal(self) -> None:
        self._task(self._seal_quietly())

    async def _seal_quietly(self) -> None:
        try:
            await self._loop.run_in_executor(self._sealing, seal_closed, self._journal.tape.folder)
        except OSError as error:
            self._report(f"a finished segment could not be sealed and stays as it is: {error}")

    async def _finish(self) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(name)
        await self._publish_status()
        await self._loop.run_in_executor(None, self._sealing.shutdown)
        self._journal.tape.close()

    def _report(self, text: str) -> None:
        self._say("warning", text)
        self._guarded(self._journal.note, {"note": text})

    def _task(self, work: Any) -> "asyncio.Task[None]":
        """Run work whose failure ends `run`."""
        task: asyncio.Task[None] = self._loop.create_task(work)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.fail(error)

    def _listen_for_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for name in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(name, self.stop, f"received {name.name}")


class _Link(asyncio.Protocol):
    """One TCP connection; it speaks to the recorder as long as it is the recorder's."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._recorder._guarded(self._recorder.link_made, self)

    def data_received(self, data: bytes) -> None:
        if self._recorder._link is self:
            self._recorder._guarded(self._recorder.link_read, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._recorder._link is self:
            self._recorder._guarded(self._recorder.link_lost, error)


def _lower_priority() -> None:
    """Make the calling thread yield to others; Linux keeps a niceness per thread."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), SEAL_NICENESS)


_DO: dict[type, Callable[[Recorder, Any], None]] = {
    Connect: Recorder._connect,
    Send: Recorder._send,
    Close: Recorder._close,
    Note: Recorder._note,
    Say: Recorder._speak,
    Stop: Recorder._stop,
}
