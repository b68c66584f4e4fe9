"""What the scripts of pages ask for: answers of the lake, and of questions in SQL."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from .account_view import ACCOUNT_ANSWERS, NOT_SHOWN
from .asker import Asker, AskerError
from .sql_desk import AskedWrongError, BusyError, SqlDesk

T = TypeVar("T")

TICKET_S = 60.0  # for which a prepared download may be fetched, once
MOST_TICKETS = 32
MOST_BODY = 1 << 20
_BUSY = "as many questions as are answered at once are being answered: wait for one, or cancel it"
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


class Ticket(NamedTuple):
    """A download that was prepared, so that its question stands in no address."""

    sql: str
    form: str
    until_s: float


class Api:
    """Answers scripts; `desk` is None where questions in SQL are switched off, for the reason `why_off`."""

    def __init__(self, asker: Asker, desk: SqlDesk | None, why_off: str = "") -> None:
        self._asker, self._desk, self._why_off = asker, desk, why_off
        self._tickets: dict[str, Ticket] = {}

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [Route("/api/sql", self._sql, methods=["POST"]),
                Route("/api/sql/download", self._prepare, methods=["POST"]),
                Route("/api/sql/download/{ticket}", self._download, methods=["GET"]),
                Route("/api/{name}", self._answer, methods=["GET"])]

    def close(self) -> None:
        """End the processes."""
        self._asker.close()
        if self._desk:
            self._desk.close()

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._asker.names:
            hidden = name in ACCOUNT_ANSWERS
            return PlainTextResponse(f"{NOT_SHOWN if hidden else 'no such answer'}\n", 403 if hidden else 404)
        try:
            said = await self._asker.ask(name, dict(request.query_params))
        except AskerError as error:
            return PlainTextResponse(str(error), error.status)
        return Response(said, media_type="application/json")

    async def _sql(self, request: Request) -> Response:
        asked = await _asked(request)
        if self._desk is None or not isinstance(asked, dict):
            return self._refused(asked)
        try:
            work = self._desk.grid(str(asked.get("sql", "")), int(asked.get("rows", 1_000)))
            said = await _unless_gone(request, work)
        except BusyError:
            return PlainTextResponse(_BUSY, 429)
        except AskedWrongError as error:
            return JSONResponse({"error": str(error)})  # it was answered: browsers would log another status as a fault
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        return Response(said or b"", media_type="application/json")

    def _refused(self, asked: Any) -> Response:
        return asked if isinstance(asked, Response) else PlainTextResponse(self._why_off, 403)

    async def _prepare(self, request: Request) -> Response:
        asked = await _asked(request)
        if self._desk is None or not isinstance(asked, dict):
            return self._refused(asked)
        if asked.get("form") not in _TYPES:
            return PlainTextResponse("a download is csv or parquet\n", 400)
        name, now_s = secrets.token_urlsafe(16), time.monotonic()
        self._tickets = {key: one for key, one in list(self._tickets.items())[-MOST_TICKETS:] if one.until_s > now_s}
        self._tickets[name] = Ticket(str(asked.get("sql", "")), asked["form"], now_s + TICKET_S)
        return JSONResponse({"address": f"/api/sql/download/{name}"})

    async def _download(self, request: Request) -> Response:
        ticket = self._tickets.pop(request.path_params["ticket"], None)
        if self._desk is None or ticket is None or ticket.until_s < time.monotonic():
            return PlainTextResponse("this download was fetched already, or waited too long: ask for it again\n", 404)
        pieces = self._desk.download(ticket.sql, ticket.form)
        try:
            first = await anext(pieces, b"")
        except BusyError:
            return PlainTextResponse(_BUSY, 429)
        except (AskedWrongError, TimeoutError) as error:
            return PlainTextResponse(str(error), 400)
        headers = {"content-disposition": f'attachment; filename="answer.{ticket.form}"'}
        return StreamingResponse(_joined(first, pieces), media_type=_TYPES[ticket.form], headers=headers)


async def _asked(request: Request) -> Any:
    """Return the JSON of a request, or the response that refuses it."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return PlainTextResponse("ask in JSON\n", 415)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            return PlainTextResponse("the question is too long\n", 413)
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else PlainTextResponse("ask in JSON\n", 400)


async def _joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


async def _unless_gone(request: Request, work: Awaitable[T]) -> T | None:
    """Return what some work gives; None, and the work ended, where who asked has gone: that is how one cancels."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
