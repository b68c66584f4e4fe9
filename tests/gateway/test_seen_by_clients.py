"""Several clients of one account: what each is told of orders, and what each may do to those of others."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from capture.gateway import Gateway
from capture.gateway.trading import Terms

from .conftest import AAPL, Peer, Scene

OPTION: dict[str, Any] = {"symbol": "AAPL", "sec_type": "OPT", "exchange": "SMART", "strike": 250.0, "right": "C",
                          "last_trade_date": "20261218"}  # fmt: skip
MASTER = Terms(master_client_id=7)
Beside = Callable[[Gateway, Peer, Peer], Awaitable[None]]


def beside(play: Beside, client_id: int = 2) -> Any:
    """A play with a second client."""

    async def both(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, client_id)
        try:
            await play(gateway, peer, other)
        finally:
            await other.close()

    return both


def place(peer: Peer, order_id: int = 1, **values: Any) -> None:
    """Place an order to buy 100 at the market, for which no time is said."""
    order = {"action": "BUY", "total_quantity": 100, "order_type": "MKT", "transmit": True}
    peer.send("place_order", order_id=order_id, **AAPL | order | values)


def place_low(peer: Peer, order_id: int = 1, **values: Any) -> None:
    place(peer, order_id, order_type="LMT", limit_price=1.0, **values)


async def heard(peer: Peer, *names: str) -> list[str]:
    """Which of these messages a client was sent up to now."""
    peer.send("req_current_time_millis")
    await peer.until("current_time_millis", len(peer.all("current_time_millis")) + 1)
    return [one.name for one in peer.answers if one.name in names]


STATE = ("open_order", "order_status", "execution_details", "commission_report")


def test_a_client_is_told_of_its_own_orders_and_of_every_position(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer, other: Peer) -> None:
        other.send("req_positions")
        await other.until("positions_end")
        place(peer)
        await peer.until("commission_report")
        held = await other.until("position", con_id=265598)
        assert held["position"] == 100 and held["average_cost"] > 1
        assert await heard(other, *STATE) == []
        other.send("req_open_orders")
        await other.until("open_orders_end")
        place_low(peer, 2)
        await peer.until("order_status", order_id=2, status="Submitted")
        other.send("req_all_open_orders")
        await other.until("open_orders_end", 2)
        assert [(one["client_id"], one["order_id"]) for one in other.all("open_order")] == [(1, 2)]

    scene(beside(play), speed=20.0)


def test_each_client_counts_its_own_orders(scene: Scene) -> None:
    async def play(_gateway: Gateway, peer: Peer, other: Peer) -> None:
        place_low(peer, 5)
        place_low(other, 1)
        first, second = [await one.until("order_status", status="Submitted") for one in (peer, other)]
        assert first["permanent_id"] != second["permanent_id"]
        for one, wanted in ((peer, 6), (other, 2)):
            one.send("req_ids")
            assert (await one.until("next_valid_id", 2))["order_id"] == wanted

    scene(beside(play))


def test_a_client_cancels_its_own_orders_or_all(scene: Scene) -> None:
    async def play(_gateway: Gateway, peer: Peer, other: Peer) -> None:
        place_low(peer, 5)
        await peer.until("order_status", status="Submitted")
        other.send("cancel_order", order_id=5)
        assert await other.code(5) == 10147
        place_low(other, 5)  # its own, and no change of the other's
        await other.until("order_status", status="Submitted")
        other.send("cancel_order", order_id=5)
        await other.until("order_status", status="Cancelled")
        assert await heard(peer, "error") == ["error"] * 4  # of the farms
        other.send("cancel_all_orders")
        assert (await peer.until("order_status", status="Cancelled"))["order_id"] == 5
        assert await peer.code(5) == 202

    scene(beside(play))


def test_a_master_client_is_told_of_the_orders_of_all(scene: Scene) -> None:
    async def play(_gateway: Gateway, peer: Peer, master: Peer) -> None:
        place(peer, 3)
        told = await peer.until("commission_report")
        assert await master.until("commission_report") == told
        (execution,) = master.all("execution_details")
        assert (execution["client_id"], execution["order_id"], execution["request_id"]) == (1, 3, -1)
        assert [one.name for one in master.answers if one.name in STATE] == await heard(peer, *STATE)
        place_low(master, 1)
        await master.until("order_status", status="Submitted", client_id=7)
        assert not peer.all("order_status", client_id=7)
        assert len(master.all("order_status", client_id=7, status="Submitted")) == 1

    scene(beside(play, 7), speed=20.0, terms=MASTER)


def test_orders_outlive_their_client_which_asks_for_what_it_missed(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer, other: Peer) -> None:
        place_low(other, 4)
        order = await other.until("order_status", status="Submitted")
        place_low(other, 6)
        await other.until("order_status", order_id=6, status="Submitted")
        await other.close()
        while gateway.state.client(2) is not None:  # noqa: ASYNC110  (a test looks at what it cannot wait for)
            await asyncio.sleep(0.01)
        gateway.control("fill", order["permanent_id"])
        back = await Peer.connect(gateway, 2)
        try:
            assert back.all("next_valid_id")[0]["order_id"] == 7
            assert await heard(back, *STATE) == []
            back.send("req_open_orders")
            await back.until("open_orders_end")
            assert [one["order_id"] for one in back.all("order_status")] == [6]
            back.send("req_executions", request_id=9)
            await back.until("executions_end")
            (execution,), (report,) = back.all("execution_details"), back.all("commission_report")
            assert (execution["order_id"], execution["shares"], execution["request_id"]) == (4, 100, 9)
            assert report["execution_id"] == execution["execution_id"] and report["commission"] == Decimal(1)
            back.send("req_completed_orders", api_only=True)
            done = await back.until("completed_order")
            assert (done["permanent_id"], done["status"]) == (order["permanent_id"], "Filled")
            back.send("cancel_order", order_id=6)
            await back.until("order_status", order_id=6, status="Cancelled")
        finally:
            await back.close()

    scene(beside(play))


def test_only_client_0_may_bind_orders_that_are_placed_by_hand(scene: Scene) -> None:
    async def play(_gateway: Gateway, peer: Peer, first: Peer) -> None:
        for one in (peer, first):
            one.send("req_auto_open_orders", bind=True)
        assert await peer.code(-1, code=327) == 327
        assert await heard(first, "error") == ["error"] * 4

    scene(beside(play, 0))


def test_a_position_in_an_option_names_a_place_where_its_underlying_is_found(scene: Scene) -> None:
    """Programs ask for the stock at the primary exchange of its option: IB finds it wherever that trades."""

    async def play(_gateway: Gateway, peer: Peer) -> None:
        place(peer, **OPTION, con_id=None, total_quantity=1)
        await peer.until("commission_report")
        peer.send("req_account_updates", subscribe=True, account="")
        held = await peer.until("portfolio_value")
        assert held["primary_exchange"] == "AMEX"
        stock = {"symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
        peer.send("req_contract_details", request_id=1, **stock, primary_exchange=held["primary_exchange"])
        assert (await peer.until("contract_details", request_id=1))["primary_exchange"] == "NASDAQ"
        peer.send("req_contract_details", request_id=2, **stock, primary_exchange="IBIS")
        assert await peer.code(2) == 200

    scene(play, speed=20.0)


def test_orders_are_taken_at_ibs_own_venue(scene: Scene) -> None:
    async def play(_gateway: Gateway, peer: Peer) -> None:
        place(peer, 1, order_type="PEG MID", exchange="IBKRATS", not_held=True)
        assert (await peer.until("open_order", order_id=1))["exchange"] == "IBKRATS"
        place(peer, 2, exchange="NOWHERE")
        place(peer, 3, **OPTION | {"exchange": "IBKRATS"}, con_id=None)
        assert [await peer.code(2), await peer.code(3)] == [200, 200]

    scene(play)


def test_executions_are_chosen_by_each_field_of_a_filter(scene: Scene) -> None:
    """The one who asked is told, whoever traded; a time without zone is the gateway's own, and only today is known."""

    async def play(gateway: Gateway, peer: Peer, other: Peer) -> None:
        place(peer, 1)
        place(other, 1, action="SELL", total_quantity=10)
        place(peer, 2, con_id=272093)
        for one, count in ((peer, 2), (other, 1)):
            await one.until("commission_report", count)
        at_us = gateway.state.clock.now_us() + 1_000_000
        later, today = f"{gateway.state.local_time(at_us):%Y%m%d %H:%M:%S}", f"{gateway.state.local_time(at_us):%Y%m%d}"
        filters: dict[int, tuple[dict[str, Any], int]] = {
            10: ({}, 3), 11: ({"client_id": 1}, 2), 12: ({"client_id": 2}, 1), 13: ({"symbol": "MSFT"}, 1),
            14: ({"side": "BUY"}, 2), 15: ({"side": "SLD"}, 1), 16: ({"sec_type": "OPT"}, 0), 17: ({"time": later}, 0),
            18: ({"time": f"{today} 00:00:00"}, 3), 19: ({"dates": [{"date": int(today)}]}, 3),
            20: ({"dates": [{"date": 20200102}]}, 0), 21: ({"last_days": 7}, 3), 22: ({"account": "DU7654321"}, 0),
            23: ({"client_id": 1, "symbol": "AAPL", "side": "BUY"}, 1)}  # fmt: skip
        for request_id, (given, count) in filters.items():
            other.send("req_executions", request_id=request_id, **given)
            await other.until("executions_end", request_id=request_id)
            assert len(other.all("execution_details", request_id=request_id)) == count, given
        assert len({one["execution_id"] for one in other.all("commission_report")}) == 3
        other.send("req_executions", request_id=30, time="soon")
        assert await other.code(30) == 321

    scene(beside(play), speed=20.0)
