"""The recorder: owns the socket, the tape, the timers and the roller, and does what the session machine says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from capture.disk_space import ENOUGH_BYTES, LEAST_BYTES, no_room
from capture.log_lines import JSON, say_line
from capture.reason import fault
from capture.release import SOFTWARE
from capture.session.events import (
    Arrived,
    Close,
    Connect,
    Connected,
    Event,
    HistoryWanted,
    Lost,
    NoRoom,
    Note,
    Received,
    Say,
    Send,
    Started,
    Stop,
    StopAsked,
    Tick,
)
from capture.session.history_job import Job
from capture.session.machine import Machine
from capture.session.phases import CONNECTED
from capture.tape import TapeError, TapeFull
from capture.tape.notes import WANTED
from capture.wanted.account_settings import permission_for
from capture.wanted.instrument import Instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import Stream
from capture.wire.connection import ClientConnection
from capture.wire.context import Context
from capture.wire.line import PROTOCOL, Read
from capture.wire.text.protocol_error import RemoteProtocolError

from .alerter_process import AlerterKeeper
from .arrivals import Arrivals
from .awake import AwakeClock
from .beside import Beside
from .compressor import Compressor
from .damaged_files import DAMAGE_INTERVAL_S, DamageNews
from .ending_signals import ignore_signals, listen_for_signals
from .history_desk import HistoryDesk
from .journal import Journal
from .link import Link
from .publisher import Publisher
from .roller_process import STOP_TIMEOUT_S, RollerKeeper
from .service_manager import Service
from .status import StatusFile

LAST_WORK_S = 20.0  # for the rest at the end: what is being compressed and written
HOUSEKEEPING_S = 1.0  # how often arrivals are counted, and status, history and sizes are looked at


class Recorder:
    """Records the wanted streams until it is stopped.

    Not given, `wanted` is all of the settings, accounts too. `say` is told what a person should know, by level (info,
    warning, error); without it that is printed as the settings say. `on_read` sees every read after it is on the tape.
    `roll` says whether a roller runs beside it.
    """

    def __init__(
        self,
        settings: Settings,
        wanted: Iterable[tuple[Instrument, Stream]] | None = None,
        *,
        say: Callable[[str, str], None] | None = None,
        on_read: Callable[[Read, Context], None] | None = None,
        roll: bool = True,
    ) -> None:
        self.settings = settings
        accounts, wanted = (settings.accounts, settings.wanted()) if wanted is None else (None, wanted)
        self.machine = Machine(settings, wanted, accounts=accounts)
        self._say = say or partial(say_line, as_json=settings.log_format == JSON)
        self._on_read = on_read
        self._roll = roll
        self.link: Link | None = None
        self._arrivals = Arrivals()
        self._connecting: asyncio.Task[None] | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._beside = Beside(self._report)

    async def run(self, for_s: float | None = None) -> int:
        """Record for `for_s` seconds, or until SIGINT, SIGTERM, SIGHUP or `stop`, and return the exit code.

        0: all is well; 1: nothing could be recorded; 3: a wanted stream was refused, or the line was lost meanwhile.
        Raises RecorderBusy, TapeFull or TapeError when the tape cannot be begun, TapeError when it cannot be written
        later on; where it is only that there is no room, recording goes on once there is. What is beside the tape may
        fail: that is said once, and tried again.
        """
        self._loop = asyncio.get_running_loop()
        self._clock = AwakeClock(self._loop.time)
        self._end: asyncio.Future[int] = self._loop.create_future()
        self._journal = Journal.open(self.settings)
        self._desk = HistoryDesk(self.settings, self._journal.mark_number)
        self.machine.history.pacing, paced = self._desk.load_pacing()
        self._jobs: tuple[Job, ...] = ()
        self._beside.take_faults(self._desk.faults)
        self._roller = RollerKeeper(self.settings, self._report)
        rolling = self._task(self._roller.keep()) if self._roll else None
        self._alerter = AlerterKeeper(self.settings, self._report)
        alerting = self._task(self._alerter.keep()) if self._alerter.is_wanted and self._roll else None
        self._compressor = Compressor(self._journal.tape.folder, self._report)
        self._damage = DamageNews(self.settings.data, self._report)
        self._publisher = Publisher(self._say)
        self._status = StatusFile(self._journal.tape.folder)
        self._service = Service(self._loop.time())
        tasks = [self._task(work) for work in (self._clock.keep(), *(self._every(*chore) for chore in self._chores()))]
        self._compress()  # what earlier runs left
        listen_for_signals(self._loop, self.stop)
        if for_s is not None:
            self._loop.call_later(for_s, self.stop, f"asked to stop after {for_s:g} s")
        try:
            self._tell(Started(time.time(), paced))
            self._service.manager.ready()
            return await self._end
        finally:
            self._service.manager.stopping(STOP_TIMEOUT_S + LAST_WORK_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hang_up("the recorder failed")
            with suppress(TapeError):
                self._journal.mark()
            if alerting:
                await self._alerter.stop(alerting)
            if rolling:
                await self._roller.stop(rolling)
            await self._finish()

    def stop(self, reason: str = "asked to stop") -> None:
        """Stop cleanly; `run` then returns."""
        self._look()
        self.guarded(self._tell, StopAsked(reason))

    def leave(self, reason: str) -> None:
        """Give up all streams and stop: what is no longer wanted is not missed."""
        for subscription in self.machine.subscriptions.all:
            if subscription.request_id is not None and not subscription.stream.kind.once:
                name, values = subscription.stream.cancellation(subscription.request_id)
                self.guarded(self._send, Send(name, values))
        self.guarded(self._note, Note({"note": WANTED, "streams": []}))
        self.stop(reason)

    @property
    def fetched(self) -> bool:
        """Whether nothing of IB's history is left to fetch, of all that waited when it was started and since."""
        return self._desk.complete and self.machine.history.idle

    # What the link says

    def link_made(self, link: Link) -> None:
        """Begin a session: it is on the tape before the first byte is sent."""
        self.link = link
        self._arrivals.begin()
        self._requests = ClientConnection(permission=permission_for(self.machine.accounts.settings))
        self._journal.opened({
            "protocol": PROTOCOL, "host": self.settings.host, "port": self.settings.port,
            "client_id": self.settings.client_id, "software": SOFTWARE, "oldest": self._requests.oldest,
            "newest": self._requests.newest})  # fmt: skip
        self._write(self._requests.greet())
        self._tell(Connected())

    def link_read(self, data: bytes) -> None:
        """Take received bytes: first to the tape, then to whoever acts on them."""
        read, messages = self._journal.received(data)
        if read.greeting and not self._greeted(read):
            return
        if self._on_read:
            self._on_read(read, self._journal.line.context)
        self._arrivals.add(read, self._journal.line.context.server_version or 0, time.time_ns() // 1_000)
        if messages or read.hello:
            self._tell(Received(tuple(messages), read.hello))
        else:  # as most reads are
            self.machine.heard(self._clock.now_s())
        if read.corrupt:
            self._tell(Lost(read.corrupt) if self._requests.hello else Lost(self._stranger(read), lasting=True))

    def link_lost(self, error: Exception | None) -> None:
        """End a session that the other side ended."""
        self._tell(Lost(str(error) if error else "the gateway closed the connection"))

    def fail(self, error: BaseException) -> None:
        """End `run` with an error."""
        if not self._end.done():
            self._end.set_exception(error)

    def _greeted(self, read: Read) -> bool:
        """Check the gateway's hello; False where it cannot be lived with."""
        refused = read.refused
        try:
            if read.hello is not None:
                self._requests.accept(read.hello)
        except RemoteProtocolError as error:
            refused = str(error)
        if refused is not None:
            self._tell(Lost(f"{self.settings.host}:{self.settings.port}: {refused}", lasting=True))
        return refused is None

    def _stranger(self, read: Read) -> str:
        return (f"what answers at {self.settings.host}:{self.settings.port} is not TWS or IB Gateway: it said "
                f"{read.data[:40]!r}; check host and port")  # fmt: skip

    # What the machine wants

    def _tell(self, event: Event) -> None:
        for command in self.machine.handle(event, self._clock.now_s()):
            _DO[type(command)](self, command)
        self._set_wake()

    def _set_wake(self) -> None:
        """Have the machine woken in time; a timer that rings too early does no harm, and is cheaper to leave."""
        wake_s = self._clock.outside_s(self.machine.next_wake_s())
        if wake_s is None or (self._wake and self._wake.when() <= wake_s):
            return
        if self._wake:
            self._wake.cancel()
        self._wake = self._loop.call_at(wake_s, self._on_wake)

    def _on_wake(self) -> None:
        self._wake = None
        self.guarded(self._tell, Tick())

    def guarded(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something on behalf of the event loop, to which errors must not go: they end `run`, except a full disk."""
        try:
            action(*arguments)
        except TapeFull as error:
            self.guarded(self._tell, NoRoom(str(error)))
        except TapeError as error:
            self.fail(error)
        except Exception as error:
            self._begin_anew(error)

    def _begin_anew(self, error: Exception) -> None:
        """End a session with which this program cannot cope: the next may do better, and this one is on the tape."""
        if self.machine.state not in CONNECTED:
            self.fail(error)
            return
        try:
            self._tell(Lost(fault(error)))
        except Exception as worse:
            self.fail(worse)

    def _connect(self, _command: Connect) -> None:
        if lack := no_room(self._journal.tape.folder, ENOUGH_BYTES):
            self._loop.call_soon(self.guarded, self._tell, NoRoom(lack))
        else:
            self._connecting = self._task(self._open_link())

    async def _open_link(self) -> None:
        try:
            await self._loop.create_connection(lambda: Link(self), self.settings.host, self.settings.port)
        except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
            self._tell(Lost(getattr(error, "strerror", None) or str(error)))

    def _send(self, command: Send) -> None:
        self._write(self._requests.send(command.name, **command.values))

    def _write(self, data: bytes) -> None:
        if self.link:
            self._journal.sent(data)
            self.link.transport.write(data)

    def _close(self, command: Close) -> None:
        self._hang_up(command.reason)

    def _note(self, command: Note) -> None:
        with suppress(TapeFull):  # whoever writes data says so
            self._journal.note(command.body)

    def _speak(self, command: Say) -> None:
        with suppress(OSError, ValueError):  # as in `say_line`, of anybody who listens
            self._say(command.level, self._journal.masked(command.text))

    def _stop(self, command: Stop) -> None:
        for said in self.machine.last_words(command):
            self._speak(said)
        if not self._end.done():
            self._end.set_result(command.exit_code)

    def _hang_up(self, reason: str) -> None:
        """Close the connection, whether it stands or is being made; what it still says is not listened to."""
        if self._connecting:
            self._connecting.cancel()
        link, self.link = self.link, None
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
            (HOUSEKEEPING_S, self._look_at_history),
            (DAMAGE_INTERVAL_S, partial(self._beside.do, "damaged files", self._damage.tell)),
        ]

    async def _every(self, interval_s: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await action()
            except TapeFull as error:
                self.guarded(self._tell, NoRoom(str(error)))

    async def _mark(self) -> None:
        self._journal.mark()

    async def _sync(self) -> None:
        await self._loop.run_in_executor(None, self._journal.tape.sync)
        self._service.progress.synced(self._loop.time())

    async def _keep_house(self) -> None:
        self._look()
        if self.machine.state in CONNECTED and (lack := no_room(self._journal.tape.folder, LEAST_BYTES)):
            self._tell(NoRoom(lack))
        elif self._journal.rotate():
            self._compress()
        await self._beside.do("status", self._publish_status)
        self._service.look(self.machine, self._journal, self._loop.time())

    def _look(self) -> None:
        """Tell the machine, and the line, whose rows arrived."""
        self.guarded(self._count_arrivals)

    def _count_arrivals(self) -> None:
        counts = self._arrivals.take()
        self._journal.line.context.rows_came(counts)
        self._tell(Arrived(counts, time.time(), self._arrivals.take_timed()))

    async def _look_at_history(self) -> None:
        await self._beside.do("history", self._save_history)
        await self._beside.do("history wanted", self._read_history)
        self.guarded(self._tell, HistoryWanted(self._jobs, time.time()))

    async def _read_history(self) -> None:
        self._desk.join_others(self.machine.history.pacing)
        self._jobs = self._desk.jobs(self.machine.subscriptions.all)
        self._beside.take_faults(self._desk.faults)

    async def _save_history(self) -> None:
        history, live = self.machine.history, self.machine.pacing.as_json(self.machine.wall_s(0.0))
        if files := self._desk.files(history.jobs.values(), history.pacing, live):
            await self._publisher.write(self._desk.write, files)

    async def _publish_status(self) -> None:
        if status := self._status.news(self.machine, self._journal, now_s := self._loop.time()):
            await self._publisher.write(self._status.write_status, status, now_s)

    def _compress(self) -> None:
        self._task(self._compressor.compress())

    async def _finish(self) -> None:
        ignore_signals(self._loop)
        await self._beside.do("status", self._publish_status)
        await self._beside.do("history", self._save_history)
        await self._publisher.close()
        await self._compressor.close()
        self._journal.tape.close()

    def _report(self, text: str) -> None:
        self._speak(Say("warning", text))
        self.guarded(self._note, Note({"note": text}))

    def _task(self, work: Any) -> "asyncio.Task[None]":
        """Run work whose failure ends `run`."""
        task: asyncio.Task[None] = self._loop.create_task(work)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.fail(error)


_DO: dict[type, Callable[[Recorder, Any], None]] = {
    Connect: Recorder._connect,
    Send: Recorder._send,
    Close: Recorder._close,
    Note: Recorder._note,
    Say: Recorder._speak,
    Stop: Recorder._stop,
}
