"""The states of a session, as data: where each may lead, and the words for a line that ends or hangs in it."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a session stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    GREETING = "greeting"
    STARTING = "starting"
    RESOLVING = "resolving"
    RECORDING = "recording"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


class Phase(NamedTuple):
    """A state: where it may lead, how the reason reads when the line ends in it, and when it lasts too long."""

    next: frozenset[State]
    lost: str = "{reason}"
    late: str = ""


def _to(*states: State) -> frozenset[State]:
    return frozenset({*states, State.STOPPED})


_PORTS = "the API ports are 4001 and 4002 (IB Gateway live, paper), 7496 and 7497 (TWS live, paper)"
PHASES = {
    State.DISCONNECTED: Phase(_to(State.CONNECTING)),
    State.CONNECTING: Phase(
        _to(State.GREETING, State.BACKING_OFF),
        "no connection to {where}: {reason}. Is TWS or IB Gateway running and logged in, with API connections enabled "
        f"(Configure > API > Settings)? {_PORTS}",
        f"no connection to {{where}}: no answer within {{limit:g}} s; {_PORTS}"),
    State.GREETING: Phase(
        _to(State.STARTING, State.BACKING_OFF),
        "{where} took the connection and ended it before any hello ({reason}). If that is TWS or IB Gateway, add this "
        f"machine to its Trusted IPs; else it is another program: {_PORTS}",
        "{where} took the connection but said no hello within {limit:g} s. If that is TWS or IB Gateway, look for its "
        "pop-up and accept the connection, or add this machine to its Trusted IPs; else it is another program: "
        + _PORTS),
    State.STARTING: Phase(
        _to(State.RESOLVING, State.BACKING_OFF),
        "{where} ended the session at its start: {reason}",
        "{where} said hello but did not start the session within {limit:g} s: restart it if it goes on"),
    State.RESOLVING: Phase(_to(State.RESOLVING, State.RECORDING, State.BACKING_OFF)),
    State.RECORDING: Phase(_to(State.RESOLVING, State.BACKING_OFF)),
    State.BACKING_OFF: Phase(_to(State.CONNECTING)),
    State.STOPPED: Phase(frozenset()),
}  # fmt: skip
CONNECTED = frozenset({State.GREETING, State.STARTING, State.RESOLVING, State.RECORDING})
IN_SESSION = frozenset({State.RESOLVING, State.RECORDING})
