"""An account recorded in virtual time: a paper broker, clients that trade, and a recorder beside them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import capture
from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.gateway.trading import Terms
from capture.lake.layout import Layout
from capture.recorder.recorder import Recorder
from capture.wanted.account_settings import Accounts
from capture.wanted.settings import Settings
from tests import virtual_time
from tests.gateway.conftest import AAPL, Peer
from tests.test_everything_sent_is_stored import roll

START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp() * 1e6)  # a Wednesday, all markets open
RECORDER = 17


@dataclass
class Paper:
    """A gateway with a paper broker, and one recorder after the other on the same tape."""

    data: Path
    gateway: Gateway
    accounts: Accounts = field(default_factory=Accounts)
    words: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    recorder: Recorder | None = None
    running: "asyncio.Task[int] | None" = None

    def begin(self, **settings: Any) -> Recorder:
        """Start a recorder of accounts alone."""
        own = Settings(data=self.data, port=self.gateway.port, accounts=self.accounts, **settings)
        self.recorder = Recorder(own, say=lambda level, text: self.words.append(f"{level}: {text}"), roll=False)
        self.running = asyncio.create_task(self.recorder.run())
        return self.recorder

    async def end(self) -> int:
        """Stop the recorder."""
        assert self.recorder and self.running
        self.recorder.stop("enough")
        self.codes.append(await self.running)
        return self.codes[-1]

    async def fill(self, peer: Peer, order_id: int, quantity: int = 100, action: str = "BUY", **more: Any) -> None:
        """Have an order of a client filled, whole."""
        peer.send("place_order", order_id=order_id, action=action, total_quantity=quantity, order_type="LMT",
                  limit_price=1.0 if action == "BUY" else 9_999.0, transmit=True, **AAPL | more)
        status = await peer.until("order_status", order_id=order_id, status="Submitted")
        self.gateway.control("fill", status["permanent_id"])
        await peer.until("order_status", order_id=order_id, status="Filled")

    def states(self) -> dict[tuple[str, str], str]:
        """Return what is known of each stream, by its name and account."""
        assert self.recorder
        return {(one.stream, one.account): str(one.known) for one in self.recorder.machine.accounts.streams}


Play = Callable[[Paper], Awaitable[None]]


def play(data: Path, act: Play, start_us: int = START_US, accounts: Accounts | None = None, **options: Any) -> Paper:
    """Let a test act in virtual time, then roll the tape."""

    async def scene() -> Paper:
        terms = options.pop("terms", Terms())
        async with Gateway(Market(), limits=None, terms=terms, **options) as gateway:
            paper = Paper(data, gateway, accounts or Accounts())
            await act(paper)
            if paper.running and not paper.running.done():
                await paper.end()
            return paper

    paper: Paper = virtual_time.run(scene(), start_us)
    roll(Layout(data))
    return paper


def ask(data: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of an answer of the lake."""
    with capture.open_lake(data) as lake:
        return [tuple(row.values()) for row in lake.sql(sql).arrow().to_pylist()]
