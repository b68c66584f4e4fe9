"""What all of a gateway share: its state, and what is known and done of a client without knowing of sockets.

Answers and commands are given this and no server. `client.Client` is the one that a socket is behind.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from capture.gateway.control.faults import LOST, Faults
from capture.gateway.control.missed import Ledger
from capture.replay.clock import Clock
from capture.wire.messages.message import NEWEST_VERSION
from capture.wire.text.codec import Values

from .feed import Feed, Notice
from .limits import UNLIMITED, HistoryPacing, Limits, Windows
from .replies import Compute, Reply
from .subscription import Subscription
from .trading import Terms, Trading, open_account

OnRows = Callable[[int, int, str, str, pa.Table], None]  # client id, request id, stream, table, rows


class Peer(Protocol):
    """Who asks, as far as an answer may know.

    `id` is None until its session starts, `data_type` the market data type it asked for last, `display_groups` the
    group that each request id follows, and `time_told_s` when it was told the time, on the clock of `Clock.real_s`.
    """

    id: int | None
    data_type: int
    time_told_s: float
    display_groups: dict[int, int]

    @property
    def state(self) -> "State":
        """What all clients of the gateway share."""

    @property
    def server_version(self) -> int:
        """The version agreed upon."""

    @property
    def started(self) -> bool:
        """Whether its session has started."""

    @property
    def now_us(self) -> int:
        """The moment up to which it may know what happened."""

    @property
    def subscriptions(self) -> Mapping[tuple[str, int], Subscription]:
        """Its live streams, by family and request id."""

    @property
    def tasks(self) -> Collection[tuple[str, int]]:
        """The family and request id of each answer that is being worked out."""

    @property
    def history_pacing(self) -> HistoryPacing:
        """What it has asked history for."""

    @property
    def tick_by_tick_pacing(self) -> Windows:
        """What it has asked tick-by-tick data of."""

    def start(self, client_id: int) -> None:
        """Begin the session."""

    def close(self) -> None:
        """End the connection once what was sent is on its way."""

    def tell(self, replies: Iterable[Reply]) -> None:
        """Send what it did not ask for itself."""

    def work_out(self, family: str, request_id: int, compute: Compute) -> None:
        """Answer by what `compute` returns, or the Refusal that it raises, while streams go on."""

    def subscribe(self, subscription: Subscription) -> None:
        """Start a live stream, or start it once more, with what comes first in it."""

    def unsubscribe(self, family: str, request_id: int) -> bool:
        """End a live stream or an answer being worked out, and return whether there was one."""

    def hand_out(self) -> bool:
        """Send what is due of live streams and orders; False where there was too much, and more is due."""


class Connected(Peer, Protocol):
    """A client as commands treat it: they break its connection, and move it in time.

    One that is `dead` is connected, but half-open: what comes in is passed over and nothing goes out.
    """

    dead: bool

    @property
    def is_waiting(self) -> bool:
        """Whether it has taken everything up to now."""

    @property
    def stretch_us(self) -> int:
        """How much time is worked out at once for its streams."""

    def error(self, request_id: int, code: int, text: str) -> None:
        """Send an error or a notice."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""

    def abort(self) -> None:
        """Close the connection, whatever was still to be sent."""

    def cut_off(self) -> None:
        """End the connection with a word, soon also if the client does not read that."""

    def end(self, subscription: Subscription, reason: str) -> None:
        """End a live stream; it is missed until it is asked for again."""

    def refresh(self) -> None:
        """Let faults that began or ended take effect on the live streams."""

    def seek(self, at_us: int) -> None:
        """Go on from another moment."""


@dataclass(eq=False)
class State:
    """The shared state of a gateway; `server.Gateway` explains its options.

    `clients` are all connections, `waiting` those whose sessions start when the gateway is ready, with their requests
    to start. `shown` says what each display group shows, `faults` what is broken, `ledger` what clients missed by it.
    """

    feed: Feed
    clock: Clock
    limits: Limits = UNLIMITED
    newest_version: int = NEWEST_VERSION
    account: str = "DU1234567"
    accounts_first: bool = True
    unsubscribed: frozenset[int] = frozenset()
    time_zone: str = "US/Eastern"
    on_rows: OnRows | None = None
    terms: Terms = field(default_factory=Terms)
    clients: list[Connected] = field(default_factory=list)
    waiting: list[tuple[Peer, Values]] = field(default_factory=list)
    shown: dict[int, str] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    trading: Trading = field(init=False)
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.faults = Faults(changed=self.refresh)
        self.trading = open_account(self.feed, self.clock, self.terms, self.account, self.time_zone)
        self.trading.outbox.overrun = self._cut_off

    def _cut_off(self, client_id: int) -> None:
        """End the connection of a client that does not read what it is told; its orders live on."""
        client = self.client(client_id)
        if client is not None:
            client.cut_off()

    def client(self, client_id: int) -> Connected | None:
        """Return the client of this id, None when there is none."""
        return next((client for client in self.clients if client.id == client_id), None)

    def subscribed(self, *families: str) -> int:
        """Return how many live streams of these families all clients have together."""
        return sum(family in families for client in self.clients for family, _ in client.subscriptions)

    def told_us(self) -> int:
        """Return the moment that clients are told is now."""
        return self.clock.now_us() + int(self.faults.amount("skew") * 1_000_000)

    def local_time(self, at_us: int) -> datetime:
        """Return a moment in the gateway's time zone."""
        return datetime.fromtimestamp(at_us // 1_000_000, ZoneInfo(self.time_zone))

    def notices(self, at_us: int) -> Iterator[Notice]:
        """Yield what a new session is told: the state of each farm, and of the connection to IB if that is lost."""
        yield from self.faults.farm_notices()
        yield from self.feed.standing(at_us)
        if self.faults.active("outage"):
            yield LOST

    def refresh(self) -> None:
        """Let faults that began or ended take effect on all streams."""
        for client in self.clients:
            client.refresh()

    def move_on(self) -> bool:
        """Where time goes by what clients take: let it go on once each has everything; return whether it did."""
        if not self.clock.at_once:
            return False
        streaming = [client for client in self.clients if client.subscriptions or self.trading.concerns(client.id)]
        ready = bool(streaming) and all(client.is_waiting for client in streaming)
        return ready and self.clock.advance(min(self.trading.step_us, *(client.stretch_us for client in streaming)))

    def seek(self, at_us: int) -> None:
        """Be at another moment of a replay. Raises ValueError for one outside of it, or before what was ordered."""
        self.trading.check_seek(at_us)
        self.clock.seek(at_us)
        self.trading.seek(at_us)
        for client in self.clients:
            client.seek(at_us)
