"""The states of a line, as data: where each leads and by what, and the words for a line that ends or hangs in it.

A recorder has one line to a gateway. It is made, lost and made anew until the recorder is told to stop, and each time
that it is made a session begins. What a state waits for is its way forward; what takes too long, or ends the line,
leads to a pause and a new attempt. docs/states.md is drawn from PHASES, and the machine goes nowhere else.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where the line of a recorder stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    GREETING = "greeting"
    STARTING = "starting"
    RESOLVING = "resolving"
    RECORDING = "recording"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


class Phase(NamedTuple):
    """A state: where it leads and by what; how the reason reads when the line ends in it, and when it is late."""

    next: Mapping[State, str]
    lost: str = "{reason}"
    late: str = ""


def _leads(by: Mapping[State, str]) -> Mapping[State, str]:
    """Return where a state leads that may be told to stop, as every one but the last may."""
    return {**by, State.STOPPED: "told to stop, or nothing can be recorded"}


_LOST = "the line ends, or stays silent"
_PORTS = "the API ports are 4001 and 4002 (IB Gateway live, paper), 7496 and 7497 (TWS live, paper)"
PHASES = {
    State.DISCONNECTED: Phase(_leads({State.CONNECTING: "started"})),
    State.CONNECTING: Phase(
        _leads({State.GREETING: "the gateway takes the connection",
                State.BACKING_OFF: "no connection, or no room on disk"}),
        "no connection to {where}: {reason}. Is TWS or IB Gateway running and logged in, with API connections enabled "
        f"(Configure > API > Settings)? {_PORTS}",
        f"no connection to {{where}}: no answer within {{limit:g}} s; {_PORTS}"),
    State.GREETING: Phase(
        _leads({State.STARTING: "hello", State.BACKING_OFF: _LOST}),
        "{where} took the connection and ended it before any hello ({reason}). If that is TWS or IB Gateway, add this "
        f"machine to its Trusted IPs; else it is another program: {_PORTS}",
        "{where} took the connection but said no hello within {limit:g} s. If that is TWS or IB Gateway, look for its "
        "pop-up and accept the connection, or add this machine to its Trusted IPs; else it is another program: "
        + _PORTS),
    State.STARTING: Phase(
        _leads({State.RESOLVING: "accounts and first order id", State.BACKING_OFF: _LOST}),
        "{where} ended the session at its start: {reason}",
        "{where} said hello but did not start the session within {limit:g} s: restart it if it goes on"),
    State.RESOLVING: Phase(_leads({State.RECORDING: "every contract is known, or refused", State.BACKING_OFF: _LOST})),
    State.RECORDING: Phase(_leads({State.BACKING_OFF: _LOST})),
    State.BACKING_OFF: Phase(_leads({State.CONNECTING: "the pause is over"})),
    State.STOPPED: Phase({}),
}  # fmt: skip
CONNECTED = frozenset({State.GREETING, State.STARTING, State.RESOLVING, State.RECORDING})
IN_SESSION = frozenset({State.RESOLVING, State.RECORDING})
