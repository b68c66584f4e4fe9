"""The site behind the gate: pages, their scripts, and what these ask for. Everything here only reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from capture.watch.metrics import exposition

from .account_view import NOT_SHOWN
from .api import Api
from .gate import HEALTH, METRICS
from .live_feed import Feed
from .now_view import as_json
from .page_shell import PAGES, Page, html_page, refused_page

SEND_S = 30.0  # for which a reader of events may take nothing before the connection is dropped
_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "txt": "text/plain"}

Handler = Callable[[Request], Awaitable[Response]]


def site(feed: Feed, api: Api, starts: Mapping[str, dict[str, Any]], *, accounts: bool) -> Starlette:
    """Return the site over a feed and what scripts ask for; `starts` are values that pages begin with, by path.

    Pages of accounts are refused without `accounts`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await feed.close()
        api.close()

    shown = [page for page in PAGES if accounts or not page.of_accounts]
    pages = [Route(page.path, _page(page, feed, starts.get(page.path, {}), shown) if page in shown else _hidden(page),
                   methods=["GET"]) for page in PAGES]
    return Starlette(lifespan=lifespan, routes=[
        *pages, Route(HEALTH, _health(feed)), Route(METRICS, _metrics(feed)), Route("/live", _live(feed)),
        Route("/static/{name}", _static(_read_static())), *api.routes()])


def _page(page: Page, feed: Feed, start: dict[str, Any], shown: Sequence[Page]) -> Handler:
    async def answer(_: Request) -> Response:
        now = await feed.start() if page.path == "/" else await feed.head()
        return HTMLResponse(html_page(page, as_json({**start, "now": now}), shown))

    return answer


def _hidden(page: Page) -> Handler:
    async def answer(_: Request) -> Response:
        return HTMLResponse(refused_page(page.title, NOT_SHOWN), 403)

    return answer


def _health(feed: Feed) -> Handler:
    """Return what answers with the verdict's word and nothing else: anybody may ask."""

    async def answer(_: Request) -> Response:
        try:
            verdict = (await feed.condition()).verdict
        except OSError:
            return PlainTextResponse("trouble\n", 503)
        return PlainTextResponse(f"{verdict}\n", 503 if verdict == "trouble" else 200)

    return answer


def _metrics(feed: Feed) -> Handler:
    async def answer(_: Request) -> Response:
        condition = await feed.condition()
        text = await asyncio.to_thread(exposition, condition)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return answer


def _live(feed: Feed) -> Handler:
    """Return what streams events; 204 ends a stream for good, 503 says that there are too many."""

    async def answer(request: Request) -> Response:
        if feed.ended:
            return Response(status_code=204)
        if not feed.join():
            return PlainTextResponse("too many browsers listen\n", 503, {"retry-after": "30"})
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        return _Events(feed, since)

    return answer


class _Events(StreamingResponse):
    """A stream for one listener, who has to take what it is sent within SEND_S."""

    def __init__(self, feed: Feed, since: str) -> None:
        super().__init__(feed.events(since), media_type="text/event-stream")
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Any) -> None:
            async with asyncio.timeout(SEND_S):
                await send(message)

        try:
            with suppress(TimeoutError):
                await super().__call__(scope, receive, sending)
        finally:
            self._feed.leave()


def _read_static() -> dict[str, tuple[bytes, str, str]]:
    """Return the package's own files with type and tag: by name, so that no path leads anywhere else."""
    found = {}
    for file in files("capture.serve").joinpath("static").iterdir():
        data = file.read_bytes()
        found[file.name] = data, _TYPES[file.name.rpartition(".")[2]], f'"{sha256(data).hexdigest()[:24]}"'
    return found


def _static(known: dict[str, tuple[bytes, str, str]]) -> Handler:
    async def answer(request: Request) -> Response:
        if (file := known.get(request.path_params["name"])) is None:
            return PlainTextResponse("no such file\n", 404)
        data, kind, tag = file
        headers = {"etag": tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=kind, headers=headers)

    return answer
