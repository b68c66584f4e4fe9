"""A gateway that speaks the TWS protocol to unchanged IB clients, fed by an invented market or by history."""

from .clock import Clock
from .commands import CommandError
from .feed import Feed
from .limits import UNLIMITED, Limits
from .missed import Missed
from .run import running, serve
from .server import Gateway

__all__ = ["UNLIMITED", "Clock", "CommandError", "Feed", "Gateway", "Limits", "Missed", "running", "serve"]
