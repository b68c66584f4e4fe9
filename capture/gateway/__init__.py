"""A gateway that speaks the TWS protocol to unchanged IB clients, fed by an invented market or by history."""

from .clock import Clock
from .feed import Feed
from .limits import UNLIMITED, Limits
from .server import Gateway, running, serve

__all__ = ["UNLIMITED", "Clock", "Feed", "Gateway", "Limits", "running", "serve"]
