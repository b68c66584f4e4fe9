"""Commands that concern orders, with a client over TCP: what it is told, and what lives on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from capture.gateway import CommandError, Gateway
from capture.gateway.trading import Terms

from .conftest import AAPL, Peer, Scene

SPEED = 20.0


def place(peer: Peer, order_id: int = 1, **values: Any) -> None:
    """Place an order to buy 100 far below the market."""
    order = {"action": "BUY", "total_quantity": 100, "order_type": "LMT", "limit_price": 1.0, "transmit": True}
    peer.send("place_order", order_id=order_id, **AAPL, **order | values)


async def resting(peer: Peer, order_id: int = 1, **values: Any) -> int:
    """Place an order that rests, and return its account-wide id."""
    place(peer, order_id, **values)
    status = await peer.until("order_status", order_id=order_id, status="Submitted")
    return int(status["permanent_id"])


def complaint(act: Callable[[], object]) -> str:
    with pytest.raises(CommandError) as error:
        act()
    return str(error.value)


def test_orders_are_listed(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        assert gateway.control("orders") == []
        permanent_id = await resting(peer, 7, order_reference="mine")
        (row,) = gateway.control("orders")
        assert row.items() >= {
            "order": permanent_id, "client_id": 1, "order_id": 7, "instrument": "AAPL", "action": "BUY", "type": "LMT",
            "quantity": 100, "filled": 0, "limit": 1.0, "time_in_force": "DAY", "status": "Submitted", "held": "",
            "reference": "mine"}.items()  # fmt: skip

    scene(play)


def test_executions_are_listed_with_what_they_cost(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        assert gateway.control("executions") == []
        permanent_id = await resting(peer, 7)
        gateway.control("fill", permanent_id, 40)
        gateway.control("fill", permanent_id)
        first, second = gateway.control("executions")
        assert first.items() >= {"order": permanent_id, "client_id": 1, "order_id": 7, "instrument": "AAPL",
                                 "side": "BOT", "quantity": 40.0, "price": 1.0, "commission": 0.4}.items()  # fmt: skip
        assert (second["quantity"], second["execution"] > first["execution"]) == (60.0, True)
        told = await peer.until("execution_details", 2)
        assert told["execution_id"] == second["execution"]

    scene(play)


def test_the_account_shows_what_fills_cost(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        assert gateway.control("account")["positions"] == []
        gateway.control("fill", await resting(peer))
        found = gateway.control("account")
        (held,) = found["positions"]
        assert (held["instrument"], held["position"], held["average_cost"]) == ("AAPL", 100, 1.01)  # a dollar of fee
        assert found["cash"] == ["999899.00 USD"] and found["total_cash"] == "999899.00"
        worth = float(found["net_liquidation"])
        assert worth == pytest.approx(999_899 + 100 * held["price"], abs=0.01)
        assert float(found["daily_pnl"]) == pytest.approx(worth - 1_000_000, abs=0.01)
        status = gateway.control("status")
        assert (status["orders"], status["net_liquidation"]) == (0, f"{found['net_liquidation']} USD")
        (execution,) = gateway.state.trading.paper.executions.done
        gateway.control("bust", execution)
        found = gateway.control("account")
        assert (found["net_liquidation"], found["cash"]) == ("1000000.00", ["1000000.00 USD"])
        await resting(peer, 2)
        assert gateway.control("status")["orders"] == 1

    scene(play, speed=0.001)


def test_an_order_is_filled_in_parts_on_demand(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        permanent_id = await resting(peer)
        named = f"{permanent_id} (1/1)"
        said = gateway.control("fill", permanent_id, 40)
        assert said == f"{named}: 40 of 100 filled, the last at 1; Submitted"
        assert (await peer.until("execution_details"))["shares"] == 40
        said = gateway.control("fill", "1/1", "quantity=60", "price=2.5")
        assert said == f"{named}: 100 of 100 filled, the last at 2.5; Filled"
        assert (await peer.until("order_status", status="Filled"))["average_fill_price"] == 1.9
        text = complaint(lambda: gateway.control("fill", permanent_id))
        assert f"of order {permanent_id} cannot fill: 0 remain" in text
        assert "Open are: none" in complaint(lambda: gateway.control("fill", "1/2"))
        assert "is no order of today" in complaint(lambda: gateway.control("fill", "mine"))

    scene(play)


def test_executions_are_corrected_and_busted(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("fill", await resting(peer))
        first = (await peer.until("execution_details"))["execution_id"]
        assert gateway.control("correct", first, 2.0) == f"{first} is at 2.0 now, as {first[:-3]}.02"
        second = (await peer.until("execution_details", count=2))["execution_id"]
        assert (first[-3:], second) == (".01", f"{first[:-3]}.02")
        assert gateway.control("bust", second) == f"{second} is taken back, by {first[:-3]}.03"
        await peer.until("commission_report", execution_id=f"{first[:-3]}.03")
        said = f"no execution of today has the id {second!r}; the latest are: {first[:-3]}.03"
        assert said in complaint(lambda: gateway.control("bust", second))
        peer.send("req_executions", request_id=9)
        await peer.until("executions_end", request_id=9)
        (told,) = peer.all("execution_details", request_id=9)
        assert (told["execution_id"], told["shares"]) == (f"{first[:-3]}.03", 0)

    scene(play)


def test_the_next_orders_are_rejected_so_many_times(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("reject-next", 201, 2)
        assert gateway.control("status")["due"] == {"reject-next 201": 2}
        for order_id in (1, 2, 3):
            place(peer, order_id)
        await peer.until("order_status", order_id=3, status="Submitted")
        assert [one["request_id"] for one in peer.all("error", code=201)] == [1, 2]
        assert {one["status"] for one in peer.all("order_status", order_id=2)} == {"Inactive"}
        gateway.control("reject-next", 110)
        gateway.control("clear", "reject-next")
        await resting(peer, 4)

    scene(play)


def test_reports_come_late_or_never(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        permanent_id = await resting(peer)
        gateway.control("hold-reports", 600, "late", "commissions")
        gateway.control("hold-reports", 600, "lost", "statuses")
        gateway.control("fill", permanent_id)
        await peer.until("open_order", status="Filled")
        assert peer.all("commission_report") == [] and peer.all("order_status", status="Filled") == []
        gateway.control("clear", "hold-reports")
        await peer.until("commission_report")
        await resting(peer, 2)
        assert peer.all("order_status", status="Filled") == []
        gateway.control("hold-reports", 0)
        while gateway.state.faults.active("hold-reports"):  # noqa: ASYNC110 - a test looks at what it cannot wait for
            await asyncio.sleep(0)  # it ends by itself
        await resting(peer, 3)

    scene(play)


def test_an_execution_comes_first(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("execution-first")
        place(peer, order_type="MKT", limit_price=None)
        await peer.until("commission_report")
        names = [one.name for one in peer.answers if one.name in ("open_order", "order_status", "execution_details")]
        assert names[0] == "execution_details" and "open_order" in names

    scene(play, speed=SPEED)


def test_an_order_survives_its_client(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, client_id=2)
        permanent_id = await resting(other)
        assert "these are: 1, 2" in complaint(lambda: gateway.control("disconnect-client", 3))
        gateway.control("disconnect-client", 2)
        await other.closed()
        gateway.control("fill", permanent_id, 30)
        back = await Peer.connect(gateway, client_id=2)
        assert back.all("next_valid_id") == [{"order_id": 2}]
        assert back.all("order_status") == []
        back.send("req_open_orders")
        assert (await back.until("order_status"))["filled"] == 30
        peer.send("req_current_time")
        await peer.until("current_time")
        await back.close()
        await other.close()

    scene(play)


def test_a_twin_and_rolled_back_ids_give_one_order_id_twice(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        first = await resting(peer)
        gateway.control("twin", first)
        assert len({row["order"] for row in gateway.control("orders")}) == 2
        peer.send("cancel_order", order_id=1)
        await peer.until("order_status", status="Cancelled")
        assert [row["order"] for row in gateway.control("orders")] == [first]
        gateway.control("roll-back-ids", 1)
        peer.send("req_ids", count=1)
        assert (await peer.until("next_valid_id", count=2))["order_id"] == 1
        place(peer)
        peer.send("req_all_open_orders")
        await peer.until("open_orders_end")
        rows = gateway.control("orders")
        assert len(rows) == 2 and {row["order_id"] for row in rows} == {1}
        assert [one["code"] for one in peer.all("error", request_id=1)] == [202]
        assert "has used no order id" in complaint(lambda: gateway.control("roll-back-ids", 5))

    scene(play)


def test_references_are_scripts_where_the_terms_say_so(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        place(peer, order_reference="test:fill=10")
        assert (await peer.until("execution_details"))["shares"] == 10
        place(peer, 2, order_reference="test:fly")
        assert await peer.code(2) == 321
        assert len(gateway.control("orders")) == 1

    scene(play, terms=Terms(reads_scripts=True))
