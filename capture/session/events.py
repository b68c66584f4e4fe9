"""What the session machine is told, and what it answers: events in, commands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ServerHello

from .history_job import Job
from .lateness import Timed


@dataclass(frozen=True, slots=True)
class Started:
    """Begin: connect. `wall_s` is the time in epoch seconds, `paced` what RequestPacing of an earlier run left."""

    wall_s: float = 0.0
    paced: tuple[list[Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """The TCP connection stands, and our hello was sent."""


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes arrived; `messages` are the decoded control messages in them, `hello` the gateway's hello."""

    messages: tuple[Decoded, ...] = ()
    hello: ServerHello | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no connection, or no more, or it cannot be used; `lasting` where trying again would not help."""

    reason: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class NoRoom:
    """There is no room for more tape."""

    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """So many rows came for each request id since the last time, which was about a second ago; or none did.

    `wall_s` is the time in epoch seconds; `timed` are some of the rows that say when they happened.
    """

    counts: Mapping[int, int]
    wall_s: float
    timed: Mapping[int, Sequence[Timed]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class HistoryWanted:
    """These are the jobs for IB's history by now; `wall_s` is the wall clock, in seconds since 1970."""

    jobs: tuple[Job, ...]
    wall_s: float


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The user or the system wants an end."""

    reason: str


Event = Started | Connected | Received | Lost | NoRoom | Arrived | Tick | HistoryWanted | StopAsked


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a TCP connection and send the hello."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request."""

    name: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection, or stop trying to open one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write a note on the tape."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the user; `level` is info, warning or error."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The recorder is done; exit code 0 all well, 1 nothing could be recorded, 3 something was lost or refused."""

    exit_code: int
    reason: str


Command = Connect | Send | Close | Note | Say | Stop
