"""What the session machine is told, and what it answers: events in, commands out."""

from dataclasses import dataclass
from typing import Any

from capture.wire.codec import Decoded
from capture.wire.handshake import ServerHello


@dataclass(frozen=True, slots=True)
class Started:
    """Begin: connect."""


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
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The user or the system wants an end."""

    reason: str


Event = Started | Connected | Received | Lost | Tick | StopAsked


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
