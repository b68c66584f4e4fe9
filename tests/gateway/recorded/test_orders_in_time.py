"""Orders in a replay that is paused, sped up and moved: the market goes by them once, and never back."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from capture.gateway import CommandError, Gateway
from capture.gateway.recorded import Recording
from tests.gateway.conftest import Peer

from .conftest import AAPL, SECOND_US, START_US, playing, replay

pytestmark = pytest.mark.slow

LATER_US = START_US + 60 * SECOND_US
Play = Callable[[Gateway, Peer], Awaitable[None]]


def run(gateway: Gateway, play: Play) -> None:
    async def act() -> None:
        async with playing(gateway) as peer:
            await play(gateway, peer)

    asyncio.run(act())


def place(peer: Peer, order_id: int = 1, **values: Any) -> None:
    order = {"action": "BUY", "total_quantity": 10, "order_type": "LMT", "limit_price": 1.0, "transmit": True}
    peer.send("place_order", order_id=order_id, con_id=AAPL, exchange="SMART", **order | values)


async def served(peer: Peer) -> None:
    """Wait until all that was asked is answered."""
    peer.send("req_all_open_orders")
    await peer.until("open_orders_end", count=len(peer.all("open_orders_end")) + 1)


def complaint(gateway: Gateway, *command: str) -> str:
    with pytest.raises(CommandError) as error:
        gateway.control(*command)
    return str(error.value)


def test_while_it_is_paused_orders_are_answered_and_nothing_fills(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        place(peer, order_type="MKT", limit_price=None)
        await served(peer)
        place(peer, 2)
        await peer.until("order_status", order_id=2, status="Submitted")
        peer.send("cancel_order", order_id=2)
        await peer.until("order_status", order_id=2, status="Cancelled")
        assert peer.all("execution_details") == []
        gateway.control("speed", "max")
        gateway.control("resume")
        assert (await peer.until("execution_details"))["shares"] == 10
        gateway.control("pause")
        at_us = gateway.clock.now_us()
        place(peer, 3, order_type="MKT", limit_price=None)
        await served(peer)
        assert len(peer.all("execution_details")) == 1 and gateway.clock.now_us() == at_us

    run(replay(recording, LATER_US), play)


def test_a_seek_forward_lets_the_market_go_by(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        place(peer, order_type="MKT", limit_price=None)
        await served(peer)
        assert peer.all("execution_details") == []
        gateway.control("seek", "+30")
        found = await peer.until("execution_details")
        first = next(row for row in recording.quotes(AAPL, LATER_US, recording.end_us).to_pylist()
                     if row["ts"].timestamp() * SECOND_US > LATER_US)  # fmt: skip
        assert found["price"] == first["ask_price"]
        assert float(gateway.control("account")["positions"][0]["position"]) == 10

    run(replay(recording, LATER_US), play)


def test_a_seek_back_over_what_was_ordered_is_refused(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("seek", "-5")  # before anything was ordered
        at_us = gateway.clock.now_us()
        place(peer)
        await served(peer)
        gateway.control("seek", "+10")
        text = "seek: 1 order is open, and there is no way back over what was met: cancel what is open"
        assert complaint(gateway, "seek", "-5") == text
        peer.send("cancel_order", order_id=1)
        await peer.until("order_status", status="Cancelled")
        assert "seek: the account traded at 2026-11-18T15:01:05Z" in complaint(gateway, "seek", "-5")
        assert gateway.clock.now_us() == at_us + 10 * SECOND_US
        gateway.control("seek", "+10")
        gateway.control("seek", "-5")  # it does not come as far back as the order
        assert gateway.clock.now_us() == at_us + 15 * SECOND_US

    run(replay(recording, LATER_US), play)


def test_the_key_that_steps_back_says_so(recording: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    keys = import_module("capture.cli.shared.keys")

    async def play(gateway: Gateway, peer: Peer) -> None:
        place(peer)
        await served(peer)
        at_us = gateway.clock.now_us()
        assert not keys.press(gateway, "\x1b[D")
        assert "1 order is open" in capsys.readouterr().err and gateway.clock.now_us() == at_us
        assert "open orders 1" in keys.line(gateway)

    run(replay(recording, LATER_US), play)
