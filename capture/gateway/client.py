"""One client of the gateway: its session's state, and how answers and streams reach it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable

import pyarrow as pa

from capture.gateway.broker.reports import Told
from capture.gateway.control.faults import RESET
from capture.wire.connection import ServerConnection
from capture.wire.encode import encode

from .limits import MOST_VIOLATIONS, HistoryPacing, Rule, Windows
from .refusal import Refusal
from .replies import Answer, AnsweredRows, Compute, Reply, error
from .shared_state import State
from .streamer import NOTICES, Streamer
from .subscription import Subscription, with_request_id

LOG = logging.getLogger(__name__)

TICK_S = 0.02  # how often streams are handed out
MOST_UNREAD_BYTES = 1 << 20  # of what was sent and not read, before reports wait
LINGER_S = 2.0  # how long a client that ended may take to read what is left
ENDED = (2199, "The replay has ended: time stands still and nothing more comes, until the replay is moved.")
CUT_OFF = (2198, "Too many messages about orders wait to be read. The connection is closed; the orders live on.")
CANCELLED = (162, "Historical Market Data Service error message:API historical data query cancelled: the replay moved")


class Client:
    """A connected client: the `shared_state.Connected` that a socket is behind.

    It is silent until `started`, by its startApi request. `tasks` are the answers still being worked out.
    """

    def __init__(self, state: State, writer: asyncio.StreamWriter) -> None:
        self.state = state
        self.connection = ServerConnection(state.newest_version)
        self.id: int | None = None
        self.data_type = 1
        self.tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self.history_pacing = HistoryPacing()
        self.tick_by_tick_pacing = Windows()
        self.time_told_s = float("-inf")
        self.display_groups: dict[int, int] = {}  # request id -> group
        self.dead = False
        self._writer = writer
        self._messages = Windows()
        self._violations = 0
        self._streamer: Streamer | None = None
        self._pump: asyncio.Task[None] | None = None
        self._taken = True
        self._told_of_end = False

    # The session

    @property
    def server_version(self) -> int:
        """The version agreed upon."""
        assert self.connection.server_version is not None
        return self.connection.server_version

    @property
    def started(self) -> bool:
        """Whether the client has sent startApi."""
        return self.id is not None

    @property
    def now_us(self) -> int:
        """The moment up to which this client may know what happened: behind the clock when it reads too slowly."""
        return self.state.clock.now_us() if self._streamer is None else self._streamer.cursor_us

    @property
    def subscriptions(self) -> dict[tuple[str, int], Subscription]:
        """Its live streams, by family and request id."""
        return {} if self._streamer is None else self._streamer.subscriptions

    def start(self, client_id: int) -> None:
        """Begin the session."""
        self.id = client_id
        self.state.trading.outbox.open(client_id)
        line = Subscription(-1, "line", NOTICES, {}, lambda *when: [(NOTICES, self.state.feed.notices(*when[:2]))])
        on_rows = self._report if self.state.on_rows is not None else None
        self._streamer = Streamer(
            self.server_version, self.state.clock, self._flows, self._error_frame, line, on_rows)
        self._pump = asyncio.create_task(self._stream())

    async def stop(self) -> None:
        """End everything that runs for this client, and its connection; its orders stay."""
        if self.id is not None:
            self.state.trading.leave(self.id)
        for subscription in list(self.subscriptions.values()):
            self.end(subscription, "disconnected")
        running = [task for task in (self._pump, *self.tasks.values()) if task is not None]
        for task in running:
            task.cancel()
        for result in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(result, Exception):
                LOG.error("client %s: a stream or an answer failed", self.id, exc_info=result)
        self.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._writer.wait_closed()
        self.abort()

    def close(self) -> None:
        """Close the connection, once what was written is on its way."""
        self._writer.close()

    def abort(self) -> None:
        """Close the connection, whatever was still to be sent."""
        self._writer.transport.abort()

    def cut_off(self) -> None:
        """End the connection with a word, soon also if the client does not read that; its orders stay."""
        LOG.warning("client %s does not read what it is told of its orders: it is disconnected, they stay", self.id)
        self.error(-1, *CUT_OFF)
        self.close()
        asyncio.get_running_loop().call_later(LINGER_S, self.abort)

    # Answers

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is gone."""
        if self._writer.is_closing() or self.dead:
            return
        size_bytes = 1 if self.state.faults.active("chop") else max(len(data), 1)
        for at in range(0, len(data), size_bytes):
            self._writer.write(data[at : at + size_bytes])

    async def drain(self) -> None:
        """Wait until the client has read enough. Raises ConnectionError when it is gone."""
        await self._writer.drain()

    def tell(self, replies: Iterable[Reply]) -> None:
        """Send answers, each as soon as it is there."""
        for reply in replies:
            if isinstance(reply, Answer):
                self.write(self._frame(reply))
            else:
                self._tell_rows(reply)

    def _tell_rows(self, answered: AnsweredRows) -> None:
        if not answered.in_answers:
            rows = with_request_id(answered.rows, answered.request_id)
            self.write(encode(answered.table, rows, self.server_version).data)
        if self.state.on_rows is not None and not self.dead:
            self._report(answered.request_id, answered.stream, answered.table, answered.rows)

    def error(self, request_id: int, code: int, text: str) -> None:
        """Send IB's error message; a request id of -1 concerns the session."""
        self.tell([error(request_id, code, text, self.now_us)])

    def _frame(self, answer: Answer) -> bytes:
        return self.connection.send(answer.name, **answer.values)

    def _error_frame(self, request_id: int, code: int, text: str, at_us: int) -> bytes:
        return self._frame(error(request_id, code, text, at_us))

    def work_out(self, family: str, request_id: int, compute: Compute) -> None:
        """Answer by what `compute` returns: in a thread, so that streams go on meanwhile."""

        async def answer() -> None:
            try:
                self.tell(await asyncio.to_thread(compute))
            except Refusal as refusal:
                self.error(request_id, refusal.code, refusal.text)
            finally:
                if self.tasks.get((family, request_id)) is asyncio.current_task():
                    del self.tasks[family, request_id]

        self.tasks[family, request_id] = asyncio.create_task(answer())

    def _report(self, request_id: int, stream: str, table: str, rows: pa.Table) -> None:
        assert self.state.on_rows is not None and self.id is not None
        self.state.on_rows(self.id, request_id, stream, table, rows)

    # Streams

    def subscribe(self, subscription: Subscription) -> None:
        """Start a live stream, or start it once more, with what comes first in it."""
        assert self._streamer is not None
        self._streamer.add(subscription)

    def unsubscribe(self, family: str, request_id: int) -> bool:
        """End a live stream or an answer being worked out, and return whether there was one."""
        task, subscription = self.tasks.pop((family, request_id), None), self.subscriptions.get((family, request_id))
        if task is not None:
            task.cancel()
        if subscription is not None:
            self.hand_out()
            self.end(subscription, "cancelled")
        return task is not None or subscription is not None

    def end(self, subscription: Subscription, reason: str) -> None:
        """End a live stream; it is missed until the client asks for it again."""
        assert self._streamer is not None and self.id is not None
        self._streamer.remove(subscription.family, subscription.request_id)
        self.state.ledger.silent(self.id, subscription, reason, self._streamer.cursor_us)

    def hand_out(self) -> bool:
        """Send the rows of live streams up to now; False where there were too many, and more are due."""
        if self._streamer is None or self._writer.is_closing():
            return True
        now_us = self.state.clock.now_us()
        self.state.trading.run(now_us)
        assert self.id is not None
        while (told := self._due(now_us)) is not None:
            if self._writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                return False
            if not self._take(min(told.at_us + 1, now_us)):
                return False
            self.state.trading.outbox.done(self.id)
            self.tell([Answer(told.name, dict(told.values))])
        return self._take(now_us)

    def _due(self, now_us: int) -> Told | None:
        """Take what it is to be told next of its orders by now, None where there is nothing."""
        assert self.id is not None
        return self.state.trading.outbox.next(self.id, now_us)

    def _take(self, to_us: int) -> bool:
        """Send the rows of live streams up to a moment; False where there were too many."""
        assert self._streamer is not None
        if data := self._streamer.take(to_us):
            self.write(self.state.faults.padded(data))
        return self._streamer.cursor_us >= to_us

    def catch_up(self) -> None:
        """Let a client without streams be up to now; others are as far as they were handed out."""
        if not self.subscriptions:
            self.hand_out()

    @property
    def stretch_us(self) -> int:
        """How much time is worked out at once for its streams."""
        assert self._streamer is not None
        return self._streamer.stretch_us

    @property
    def is_waiting(self) -> bool:
        """Whether the client has taken everything up to now."""
        return self._taken and self.now_us >= self.state.clock.now_us()

    def seek(self, at_us: int) -> None:
        """Go on from another moment: books are reset, answers that are being worked out are given up."""
        if self._streamer is None:
            return
        for family, request_id in list(self.tasks):
            self.unsubscribe(family, request_id)
            self.error(request_id, *CANCELLED)
        self._streamer.seek(at_us)
        for subscription in self.subscriptions.values():
            if subscription.family == "market_depth":
                self.error(subscription.request_id, *RESET)

    def refresh(self) -> None:
        """Let faults that began or ended take effect on the live streams."""
        if self._streamer is not None:
            self._streamer.refresh()

    def _flows(self, subscription: Subscription, at_us: int) -> bool:
        """Return whether no fault silences a stream, and keep note of it."""
        assert self.id is not None
        ledger = self.state.ledger
        if reason := self.state.faults.silence(self, subscription):
            ledger.silent(self.id, subscription, reason, at_us)
        else:
            ledger.flows(self.id, subscription, at_us)
        return not reason

    async def _stream(self) -> None:
        """Hand out the streams as time goes on; a client that does not read is waited for."""
        try:
            while not self._writer.is_closing():
                self._taken = False
                done = self.hand_out()
                self._tell_of_end(done)
                await self._writer.drain()
                self._taken = True
                await asyncio.sleep(TICK_S if done and not self.state.move_on() else 0)
        except ConnectionError:
            pass  # the client is gone
        finally:
            self.close()

    def _tell_of_end(self, done: bool) -> None:
        """Say once that a replay is over: the client has everything, and time stands still."""
        ended = done and self.state.clock.ended
        if ended and not self._told_of_end:
            self.error(-1, *ENDED)
        self._told_of_end = ended

    # The message rate

    def too_fast(self) -> bool:
        """Count a message; one over the limit is answered by code 100, the third time by closing the connection."""
        most = self.state.limits.messages_per_s
        admitted = most is None or self._messages.admit("messages", Rule(most, 1.0), time.monotonic())
        if admitted and not self.state.faults.take("message-rate"):
            return False
        self._messages = Windows()
        self._violations += 1
        self.error(-1, 100, f"Max rate of messages per second has been exceeded:max={most or 50} ({self._violations})")
        if self._violations >= MOST_VIOLATIONS:
            self.close()
        return True
