"""A gateway that speaks the TWS protocol to unchanged IB clients, fed by an invented market or by history.

`shared_state` is what all its clients share, and what may be known and done of one of them without a socket (`Peer`).
`answers/` and `live` make messages of requests, `dispatch` joins them; `client` sends what they yield, and `server`
owns the connections: only `run` and this face import it. `control/` breaks a gateway while it runs; a feed, `market/`
or `recorded/`, knows neither clients nor answers.
"""

from capture.gateway.control.missed import Missed
from capture.gateway.control.replay_commands import CommandError
from capture.replay.clock import AT_ONCE, Clock

from .feed import Feed
from .limits import UNLIMITED, Limits
from .run import running, serve
from .server import Gateway

__all__ = ["AT_ONCE", "UNLIMITED", "Clock", "CommandError", "Feed", "Gateway", "Limits", "Missed", "running", "serve"]
