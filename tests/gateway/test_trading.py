"""Orders that need more of the market than their own instrument, with a client over TCP and the invented market."""

import pytest

from capture.gateway import Gateway
from capture.wire.messages.order_conditions import EXECUTION, MARGIN, PERCENT_CHANGE, PRICE, TIME, VOLUME

from .conftest import AAPL, Peer, Scene

SPEED = 200.0
MSFT = 272093
CALL, PUT = 700046007, 700046008  # of AAPL at 265, until 20 November
DEEP_CALL = 700045953  # at 130
EXPIRED_US = 1_795_208_400_000_001  # just after four in the afternoon of that day in New York
BUY = {"action": "BUY", "total_quantity": 10, "order_type": "MKT", "transmit": True}


def conditional(*conditions: dict[str, object]) -> dict[str, object]:
    return {"conditions": [{"connector": "a", "is_more": True} | one for one in conditions],
            "conditions_ignore_regular_hours": True, "conditions_cancel_order": False}  # fmt: skip


OF_MSFT = {"con_id": MSFT, "exchange": "SMART"}
HOLDS: dict[str, dict[str, object]] = {
    "price": {"kind": PRICE, "price": 1.0, "trigger_method": 0, **OF_MSFT},
    "moment": {"kind": TIME, "time": "20261118-00:00:00"},
    "cushion": {"kind": MARGIN, "percent": 10},
    "volume": {"kind": VOLUME, "volume": 1, **OF_MSFT},
    "change": {"kind": PERCENT_CHANGE, "change_percent": -90.0, **OF_MSFT},
}


@pytest.mark.parametrize("name", HOLDS)
def test_an_order_waits_for_what_another_instrument_or_the_account_shows(scene: Scene, name: str) -> None:
    async def play(_: Gateway, peer: Peer) -> None:
        peer.send("place_order", order_id=1, **AAPL, **BUY, **conditional(HOLDS[name] | {"is_more": False}))
        peer.send("place_order", order_id=2, **AAPL, **BUY, **conditional(HOLDS[name]))
        await peer.until("order_status", order_id=2, status="Filled")
        assert {one["status"] for one in peer.all("order_status", order_id=1)} == {"PreSubmitted"}

    scene(play, speed=SPEED)


def test_a_condition_about_an_unknown_instrument_is_refused_and_one_about_executions_holds(scene: Scene) -> None:
    async def play(_: Gateway, peer: Peer) -> None:
        waits = conditional({"kind": EXECUTION, "symbol": "MSFT", "sec_type": "STK", "exchange": "SMART"})
        peer.send("place_order", order_id=1, **AAPL, **BUY, **conditional(HOLDS["price"] | {"con_id": 4711}))
        assert await peer.code(1) == 147
        peer.send("place_order", order_id=2, **AAPL, **BUY, **waits)
        peer.send("place_order", order_id=3, con_id=MSFT, exchange="SMART", **BUY)
        await peer.until("order_status", order_id=2, status="Filled")
        assert peer.all("order_status", order_id=3)[-1]["status"] == "Filled"

    scene(play, speed=SPEED)


def test_a_combination_fills_by_its_legs_and_is_held_as_these(scene: Scene) -> None:
    async def play(_: Gateway, peer: Peer) -> None:
        legs = [{"con_id": con_id, "ratio": 1, "action": "BUY", "exchange": "SMART"} for con_id in (CALL, PUT)]
        bag = {"symbol": "AAPL", "sec_type": "BAG", "currency": "USD", "exchange": "SMART", "legs": legs}
        peer.send("place_order", order_id=1, **BUY | bag | {"total_quantity": 2})
        await peer.until("order_status", order_id=1, status="Filled")
        rows = peer.all("execution_details", order_id=1)
        assert [row["sec_type"] for row in rows[:3]] == ["BAG", "OPT", "OPT"]
        whole, *parts = rows[:3]
        assert whole["price"] == pytest.approx(sum(part["price"] for part in parts))
        peer.send("req_positions")
        await peer.until("positions_end")
        held = {row["con_id"]: row["position"] for row in peer.all("position")}
        assert held == {CALL: 2, PUT: 2}

    scene(play, speed=SPEED)


def test_options_are_exercised_and_shares_delivered(scene: Scene) -> None:
    async def play(_: Gateway, peer: Peer) -> None:
        peer.send("place_order", order_id=1, con_id=DEEP_CALL, exchange="SMART", **BUY | {"total_quantity": 1})
        await peer.until("order_status", order_id=1, status="Filled")
        peer.send("exercise_options", request_id=9, con_id=DEEP_CALL, exchange="CBOE", exercise_action=1,
                  exercise_quantity=1)  # fmt: skip
        peer.send("req_executions", request_id=10)
        await peer.until("executions_end", request_id=10)
        rows = peer.all("execution_details", request_id=10)
        assert [(row["sec_type"], row["side"], row["shares"]) for row in rows[1:]] == [
            ("OPT", "SLD", 1), ("STK", "BOT", 100)]  # fmt: skip
        assert [row["price"] for row in rows[1:]] == [0, 130]
        for request_id, account, found in ((11, "DU1234567", 3), (12, "DU7654321", 0)):
            peer.send("req_executions", request_id=request_id, account=account)
            await peer.until("executions_end", request_id=request_id)
            assert len(peer.all("execution_details", request_id=request_id)) == found

    scene(play, speed=SPEED)


def test_an_option_ends_with_its_day_and_shares_are_delivered(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("place_order", order_id=1, con_id=DEEP_CALL, exchange="SMART", **BUY | {"total_quantity": 1})
        await peer.until("order_status", order_id=1, status="Filled")
        gateway.state.trading.run(EXPIRED_US)
        peer.send("req_positions")
        await peer.until("positions_end")
        held = {row["con_id"]: (row["position"], row["average_cost"]) for row in peer.all("position")}
        assert held == {AAPL["con_id"]: (100, 130)}

    scene(play, speed=SPEED)


def test_an_order_for_what_is_not_listed_is_refused_by_its_id(scene: Scene) -> None:
    async def play(_: Gateway, peer: Peer) -> None:
        peer.send("place_order", order_id=1, con_id=4711, exchange="SMART", **BUY)
        assert await peer.code(1) == 200
        legs = [{"con_id": con_id, "ratio": 1, "action": "BUY", "exchange": "SMART"} for con_id in (CALL, 4711)]
        peer.send("place_order", order_id=2, symbol="AAPL", sec_type="BAG", currency="USD", exchange="SMART",
                  legs=legs, **BUY)  # fmt: skip
        assert await peer.code(2) == 200

    scene(play)
