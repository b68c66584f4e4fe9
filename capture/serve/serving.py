"""Run the site: which addresses it listens on and is called by, its token, and a clean end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import uvicorn

from .api import Api
from .asker import Asker
from .doorkeeper import TOKEN_S, Doorkeeper
from .gate import HEALTH, LOGIN, METRICS, Gate, Names
from .live_feed import Feed
from .sandbox import landlock_version
from .site import site
from .sql_desk import SqlDesk
from .sql_tree import sql_start

MOST_CONNECTIONS = 256
STOP_S = 3  # for which requests may go on once it is told to end
NO_LANDLOCK = ("questions in SQL are off: this machine's kernel has no Landlock (Linux 5.13 or newer, switched on), by "
               "which they are kept from all but the lake. `ticktape sql` asks them; `ticktape serve "
               "--sql-without-landlock` switches them on with the other three layers only")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class ServeError(ValueError):
    """The site cannot be served so; the text says why, and what to give."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to serve. `origin` is what browsers call it, where that is not its own address.

    `behind_proxy`: something in front speaks TLS and hands on the name that it was called by. `accounts`: their
    page and their tables may be seen. `sql_without_landlock`: questions in SQL are answered where the kernel cannot
    confine them.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8017
    origin: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    accounts: bool = False
    sql_without_landlock: bool = False

    def names(self, port: int) -> Names:
        """Return the origins it is called by on a port. Raises ServeError for what would be open to others."""
        tls = self.certificate is not None
        if tls != (self.key is not None):
            raise ServeError("--tls-certificate and --tls-key go together")
        if not self.loopback and not tls and not self.behind_proxy:
            raise ServeError(f"--host {self.host} lets other machines in: give --tls-certificate and --tls-key, or "
                             "--behind-proxy where something in front speaks TLS")
        if self.behind_proxy and self.origin is None:
            raise ServeError("--behind-proxy needs --origin, the address that browsers see: https://ticktape.example")
        scheme = "https" if tls else "http"
        own = _LOOPBACK_NAMES if self.loopback else (_bracketed(self.host),)
        given = (_origin(self.origin),) if self.origin else ()
        return Names((*given, *(f"{scheme}://{name}:{port}" for name in own if not (self.behind_proxy and given))))

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ServeError(f"--origin {text} is none: write https://ticktape.example or https://ticktape.example:8443")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def serve(wanted: Wanted, say: Callable[[str], None], for_s: float | None = None) -> None:
    """Serve until SIGINT or SIGTERM, or for a time. Raises ServeError, LakeMissingError, OSError.

    `say` is given the address that lets a browser in: at the start, and when one without a cookie came, at most once in
    the time that it is good for.
    """
    listening = _listen(wanted)
    with listening:
        names = wanted.names(listening.getsockname()[1])
        feed = Feed(wanted.data)
        doors = Doorkeeper()
        door = _Inviting(doors, names, say)
        opened = {HEALTH} | ({METRICS} if wanted.loopback and not wanted.behind_proxy else set())
        off = sql_off(wanted)
        asker = Asker(wanted.data, accounts=wanted.accounts)
        api = Api(asker, None if off else SqlDesk(wanted.data, accounts=wanted.accounts), off or "")
        pages = site(feed, api, {"/sql": {**sql_start(accounts=wanted.accounts), "off": off}}, accounts=wanted.accounts)
        cookie = f"ticktape_{listening.getsockname()[1]}"
        app = Gate(pages, doors, names, cookie, door.turned_away, frozenset(opened))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", server_header=False, date_header=False,
            proxy_headers=False, limit_concurrency=MOST_CONNECTIONS, timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_S, ws="none", http="h11", h11_max_incomplete_event_size=64 * 1024,
            ssl_certfile=wanted.certificate, ssl_keyfile=wanted.key)
        asyncio.run(_Server(config, feed, door.invite, for_s).serve([listening]))


def sql_off(wanted: Wanted) -> str | None:
    """Return why questions in SQL are off; None where they are on."""
    return None if landlock_version() or wanted.sql_without_landlock else NO_LANDLOCK


def _listen(wanted: Wanted) -> socket.socket:
    wanted.names(wanted.port)  # before anybody could connect
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((wanted.host, wanted.port))
    except OSError as error:
        listening.close()
        raise OSError(f"cannot listen on {wanted.host}:{wanted.port}: {error.strerror}; another --port may be free"
                      ) from error
    return listening


class _Inviting:
    """Says an address that lets somebody in, not more often than such an address is good for."""

    def __init__(self, doors: Doorkeeper, names: Names, say: Callable[[str], None]) -> None:
        self._doors, self._origin, self._say = doors, names.origins[0], say
        self._said_s = float("-inf")

    def invite(self) -> None:
        self._said_s = monotonic()
        self._say(f"{self._origin}{LOGIN}?token={self._doors.invite()}")

    def turned_away(self) -> None:
        if monotonic() - self._said_s > TOKEN_S or self._doors.is_used:
            self.invite()


class _Server(uvicorn.Server):
    """Says where it is once it listens, and ends event streams before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, feed: Feed, opened: Callable[[], None], for_s: float | None) -> None:
        super().__init__(config)
        self._feed, self._opened, self._for_s = feed, opened, for_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._opened()
            if self._for_s is not None:
                asyncio.get_running_loop().call_later(self._for_s, self._stop)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._feed.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on signals without raising them once more: being told to end is no failure."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
