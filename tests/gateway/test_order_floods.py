"""Too much of a client: orders, cancels, and reports that it does not read. Memory is bounded, others are served."""

import asyncio
import socket
import time
from decimal import Decimal
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.broker.orders import order_book
from capture.gateway.trading import Terms

from .conftest import AAPL, Peer, Scene

pytestmark = pytest.mark.slow

ORDERS = 600
PATIENCE_S = 5.0  # of another client, on any machine; usually it waits some milliseconds


def place(peer: Peer, order_id: int, **values: Any) -> None:
    order = {"action": "BUY", "total_quantity": 1, "order_type": "LMT", "limit_price": 1.0, "transmit": True}
    peer.send("place_order", order_id=order_id, **AAPL, **order | values)


async def drain(peer: Peer, until: asyncio.Event) -> None:
    """Read all the time."""
    while not until.is_set():
        peer.events(await peer.reader.read(65536))


async def longest_wait_s(peer: Peer, until: asyncio.Event) -> float:
    """Ask for the time again and again, and return how long the slowest answer took."""
    longest_s, count = 0.0, 0
    while not until.is_set():
        began_s, count = time.monotonic(), count + 1
        peer.send("req_current_time_millis")
        await peer.until("current_time_millis", count=count)
        longest_s = max(longest_s, time.monotonic() - began_s)
        await asyncio.sleep(0.002)
    assert count > 3
    return longest_s


def test_a_flood_of_orders_is_bounded_and_others_are_served(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_book, "MOST_OPEN", ORDERS // 3)

    async def play(gateway: Gateway, peer: Peer) -> None:
        other, over = await Peer.connect(gateway, 2), asyncio.Event()
        waiting = asyncio.create_task(longest_wait_s(other, over))
        for number in range(1, ORDERS + 1):
            place(peer, number)
        refused = await peer.until("error", request_id=ORDERS, code=201)
        over.set()
        assert await waiting < PATIENCE_S
        assert "open orders, and may have no more" in refused["message"]
        orders = gateway.state.trading.paper.orders
        assert len(orders.open()) == ORDERS // 3 and orders.done == []
        place(peer, 1, limit_price=2.0)  # what is there can still be changed
        await peer.until("open_order", order_id=1, limit_price=2.0)
        await other.close()

    scene(play)


def test_a_storm_of_cancels_leaves_only_the_latest(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_book, "MOST_DONE", 100)

    async def play(gateway: Gateway, peer: Peer) -> None:
        other, over = await Peer.connect(gateway, 2), asyncio.Event()
        waiting = asyncio.create_task(longest_wait_s(other, over))
        for number in range(1, ORDERS // 3 + 1):
            place(peer, number)
            for _ in range(3):
                peer.send("cancel_order", order_id=number)
        await peer.until("error", request_id=ORDERS // 3, code=10148, count=2)
        over.set()
        assert await waiting < PATIENCE_S
        assert [one["code"] for one in peer.all("error", request_id=5)] == [202, 10148, 10148]
        orders = gateway.state.trading.paper.orders
        assert orders.open() == [] and len(orders.done) <= 100
        place(peer, 1)
        assert await peer.code(1, code=103) == 103  # an id that is forgotten does not come back
        await other.close()

    scene(play)


def test_a_client_that_does_not_read_is_cut_off_and_its_orders_live_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.gateway.outbox.MOST_WAITING", 200)
    monkeypatch.setattr("capture.gateway.client.MOST_UNREAD_BYTES", 10_000)
    monkeypatch.setattr("capture.gateway.client.LINGER_S", 0.1)

    async def play(gateway: Gateway, peer: Peer) -> None:
        deaf = await Peer.connect(gateway, 2)
        deaf.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        place(deaf, 1, total_quantity=100_000)
        status = await deaf.until("order_status", status="Submitted")
        other, over = await Peer.connect(gateway, 3), asyncio.Event()
        waiting = asyncio.create_task(longest_wait_s(other, over))
        filled = 0
        while gateway.state.client(2) is not None and filled < 50_000:
            for _ in range(20):
                gateway.control("fill", status["permanent_id"], 1)
                filled += 1
            await asyncio.sleep(0)
        over.set()
        assert await waiting < PATIENCE_S
        assert gateway.state.client(2) is None
        (order,) = gateway.control("orders")
        assert (order["order"], order["filled"], order["status"]) == (status["permanent_id"], filled, "Submitted")
        back = await Peer.connect(gateway, 2)
        back.send("req_open_orders")
        assert (await back.until("order_status"))["filled"] == filled
        for one in (other, back, deaf):
            await one.close()

    scene(play, terms=Terms(cash=Decimal(10) ** 9))


def test_a_client_that_is_cut_off_is_told_why(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        client = gateway.state.client(1)
        assert client is not None
        client.cut_off()
        assert "the orders live on" in (await peer.until("error", code=2198))["message"]
        await peer.closed()

    scene(play)
