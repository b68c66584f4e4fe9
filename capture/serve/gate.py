"""The gate before every request: which name it was called by, from where, and whether its browser is known.

It wraps the whole site, so that it sees whatever comes, of any kind of connection, and sets the headers of every
answer. A name that an attacker points to this machine is refused (421), so is what another site sends (403), and who
has no cookie (401).
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .doorkeeper import Doorkeeper, TooManyTriesError
from .page_shell import refused_page

CONTENT_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    "require-trusted-types-for 'script'", "trusted-types ticktape"))  # fmt: skip
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
LOGIN, HEALTH, METRICS, STATIC = "/login", "/health", "/metrics", "/static/"
_SAFE = frozenset({"GET", "HEAD"})
_PORTS = {"http": 80, "https": 443}

log = logging.getLogger("ticktape.serve.access")


@dataclass(frozen=True, slots=True)
class Names:
    """The origins, such as http://127.0.0.1:8017, by which browsers may call the site; the first one is printed."""

    origins: tuple[str, ...]
    hosts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", frozenset(host for one in self.origins for host in _hosts(one)))

    @property
    def secure(self) -> bool:
        """Whether browsers speak TLS to it."""
        return self.origins[0].startswith("https:")


def _hosts(origin: str) -> Iterable[str]:
    """Yield what a browser sends as Host for an origin."""
    parts = urlsplit(origin)
    yield parts.netloc.lower()
    if parts.port == _PORTS[parts.scheme]:
        yield parts.netloc.lower().removesuffix(f":{parts.port}")


class Gate:
    """Lets through to a site whoever may; `turned_away` is told when somebody without a cookie wants a page."""

    def __init__(
        self, site: ASGIApp, doors: Doorkeeper, names: Names, cookie: str, turned_away: Callable[[], None],
        open_paths: frozenset[str] = frozenset({HEALTH}),
    ) -> None:
        self._site, self._doors, self._names, self._cookie = site, doors, names, cookie
        self._turned_away, self._open = turned_away, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._site(scope, receive, send)
            return
        refused = self._refused(scope)
        if scope["type"] != "http":  # nothing here speaks websockets
            await send({"type": "websocket.close", "code": 1008, "reason": "not here"})
            return
        answer: ASGIApp = refused or (self._login(scope) if scope["path"] == LOGIN else self._site)
        await answer(scope, receive, _with_headers(send, scope))

    def _refused(self, scope: Scope) -> Response | None:
        """Return why a request is refused; None for one that is not."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host", "").lower() not in self._names.hosts:
            return PlainTextResponse("this site has another name: see what `ticktape serve` printed\n", 421)
        if _is_foreign(scope.get("method", "GET"), headers, self._names.origins):
            return PlainTextResponse("refused: it comes from another site\n", 403)
        path = scope["path"]
        if path in self._open or path == LOGIN or path.startswith(STATIC):
            return None
        if self._doors.knows(cookie_of(headers, self._cookie)):
            return None
        if path.startswith(("/api/", "/live", METRICS)):
            return PlainTextResponse("log in first\n", 401)
        self._turned_away()
        return HTMLResponse(refused_page("Not logged in", _NOT_LOGGED_IN, again=True), 401)

    def _login(self, scope: Scope) -> Response:
        if scope["method"] != "GET":  # what only looks ahead must not use a token up
            return PlainTextResponse("only by GET\n", 405, {"allow": "GET"})
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        try:
            cookie = self._doors.enter(token)
        except TooManyTriesError as error:
            return PlainTextResponse(f"{error}\n", 429, {"retry-after": f"{error.wait_s:.0f}"})
        if cookie is None:
            self._turned_away()
            return HTMLResponse(refused_page("This address is used up", _USED_UP), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, cookie, path="/", httponly=True, samesite="strict", secure=self._names.secure)
        return answer


_NOT_LOGGED_IN = ("ticktape serve printed a new address where it runs: open that within a minute. If you came by a "
                  "link of another site and are logged in here, go on:")
_USED_UP = ("An address with a token lets one browser in, within a minute. ticktape serve printed a new one where it "
            "runs.")


def cookie_of(headers: Mapping[str, str], name: str) -> str | None:
    """Return the value of a cookie, None without one or where cookies cannot be read."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return found.value if found else None


def _is_foreign(method: str, headers: Mapping[str, str], origins: Iterable[str]) -> bool:
    """Return whether another site sends a request: what changes anything must say that it does not."""
    origin = headers.get("origin")
    if origin is not None:
        return origin not in origins
    navigates = headers.get("sec-fetch-mode", "navigate") == "navigate" and method in _SAFE
    return method not in _SAFE or (headers.get("sec-fetch-site") == "cross-site" and not navigates)


def _with_headers(send: Send, scope: Scope) -> Send:
    """Return a send that sets our headers, and logs a request without its query once it is answered."""
    began_s = time.monotonic()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours: MutableMapping[str, str] = dict(HEADERS)
            given = {name.decode("latin-1").lower() for name, _ in message.get("headers", ())}
            if "cache-control" not in given:
                ours["cache-control"] = "no-store"
            more: list[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in ours.items()]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
            log.info("%s %s %s %.0f ms", scope["method"], _bare(scope), message["status"],
                     (time.monotonic() - began_s) * 1e3)
        await send(message)

    return sending


def _bare(scope: Mapping[str, Any]) -> str:
    """Return the path of a request, and nothing of its query."""
    return str(scope["path"])
