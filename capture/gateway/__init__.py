"""A gateway that speaks the TWS protocol to unchanged IB clients, fed by an invented market or by history."""

from capture.gateway.control.missed import Missed
from capture.gateway.control.playback import CommandError

from .clock import AT_ONCE, Clock
from .feed import Feed
from .limits import UNLIMITED, Limits
from .run import running, serve
from .server import Gateway

__all__ = ["AT_ONCE", "UNLIMITED", "Clock", "CommandError", "Feed", "Gateway", "Limits", "Missed", "running", "serve"]
