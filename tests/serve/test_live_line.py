"""The stream of events as a server gives it, without a network: its end, and readers who take nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from capture.serve import site as site_module
from capture.serve.live_feed import MOST_LISTENERS, Feed
from tests.watch.conftest import Told
from tests.watch.conftest import told as told  # a fixture


class NoApi:
    """Answers nothing."""

    def routes(self) -> list[Any]:
        return []


async def asked(feed: Feed, taken: int) -> list[dict[str, Any]]:
    """Return what /live sends to who takes so many messages and then nothing more."""
    app = site_module.site(feed, NoApi(), {}, accounts=False)  # type: ignore[arg-type]  # it is asked for nothing
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        if len(sent) == taken:
            await asyncio.Event().wait()
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/live",
             "raw_path": b"/live", "root_path": "", "scheme": "http", "query_string": b"", "headers": [],
             "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2)}  # fmt: skip
    async with asyncio.timeout(60):
        await app(scope, receive, send)
    return sent


def test_an_ended_stream_is_told_so_for_good(told: Told) -> None:
    """After 204 browsers ask no more; after anything else they would come back for ever."""
    async def run() -> list[dict[str, Any]]:
        feed = Feed(told())
        await feed.close()
        return await asked(feed, 9)

    assert asyncio.run(run())[0]["status"] == 204


def test_a_reader_who_takes_nothing_is_dropped_and_makes_room(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "SEND_S", 0.02)

    async def run(data: Path) -> tuple[list[dict[str, Any]], bool, list[dict[str, Any]]]:
        feed = Feed(data)
        for _ in range(MOST_LISTENERS - 1):
            assert feed.join()
        slow = await asked(feed, 1)  # takes the headers, and no event
        room = feed.join()
        return slow, room, await asked(feed, 9)

    slow, room, refused = asyncio.run(run(told()))
    assert [message.get("status") for message in slow] == [200]
    assert room
    assert refused[0]["status"] == 503
