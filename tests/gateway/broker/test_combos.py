"""Combinations: priced and filled by the quotes of their legs, all at once or not at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from capture.gateway.broker.orders.order import Leg

from .scene import BAG, Scene
from .trading import CALL, PUT, SHARE, D

STRADDLE = [Leg(CALL, 1, 1, "SMART"), Leg(PUT, 2, 1, "SMART")]
SPREAD = [Leg(CALL, 1, 1, "SMART"), Leg(PUT, 1, -1, "SMART")]
FOUR = [Leg(replace(CALL, con_id=30 + place), 1, 1 - 2 * (place % 2), "SMART") for place in range(4)]


def quoted(scene: Scene, call: tuple[float, float] = (4.0, 4.2), put: tuple[float, float] = (3.0, 3.1),
           size: float = 10) -> None:  # fmt: skip
    scene.quote(*call, size, size, of=CALL)
    scene.quote(*put, size, size, of=PUT)


def combo(scene: Scene, kind: str = "LMT", limit: float | None = None, legs: list[Leg] = STRADDLE, size: float = 3,
          **values: Any) -> int:  # fmt: skip
    return scene.place(kind, limit, of=BAG, legs=legs, total_quantity=size, **values)


def test_all_legs_fill_at_once_at_the_net_price_of_their_quotes() -> None:
    scene = Scene()
    one = combo(scene, limit=10.40)
    scene.said()
    scene.quote(4.0, 4.2, 10, 10, of=CALL)
    assert scene.said() == []
    scene.quote(3.0, 3.1, 10, 10, of=PUT)
    assert scene.said() == ["EX 3@10.4", "EX 3@4.2", "EX 6@3.1", "OO Filled", "OS Filled 3/0", "CR", "CR"]
    assert scene.order(one).average_price == D("10.4")


def test_the_legs_have_ids_of_five_parts_and_the_combination_is_named_as_one() -> None:
    scene = Scene()
    combo(scene, "MKT")
    quoted(scene)
    bag, call, put = scene.executions()
    assert [one.details["sec_type"] for one in (bag, call, put)] == ["BAG", "OPT", "OPT"]
    assert len(bag.fill.execution_id.split(".")) == 4
    front = bag.fill.execution_id.rpartition(".")[0]
    assert [one.fill.execution_id for one in (call, put)] == [f"{front}.0{leg}.01" for leg in (1, 2)]
    assert (bag.commission, bool(call.commission)) == ({}, True)
    assert {one.details["permanent_id"] for one in (bag, call, put)} == {scene.order(1).permanent_id}


def test_how_much_fills_is_up_to_the_leg_of_which_least_is_shown() -> None:
    scene = Scene()
    one = combo(scene, limit=10.40, size=9)
    quoted(scene, size=7)
    assert scene.order(one).filled == 3  # six puts are enough for three
    scene.quote(3.0, 3.1, 7, 7, of=PUT)
    assert scene.order(one).filled == 3  # the seventh put is no pair
    scene.quote(3.0, 3.1, 16, 16, of=PUT)
    assert scene.order(one).filled == 7  # and of the calls four were left
    last = scene.executions()[-2:]
    assert [(each.details["cumulative_quantity"], each.details["average_price"]) for each in last] == [
        (7, D("4.2")), (14, D("3.1"))]  # fmt: skip


def test_a_credit_is_a_price_below_zero() -> None:
    scene = Scene()
    one = combo(scene, limit=-0.50, legs=[Leg(CALL, 1, -1, "SMART"), Leg(PUT, 1, 1, "SMART")])
    quoted(scene)  # 3.10 paid and 4.00 got
    assert scene.order(one).average_price == D("-0.9")


def test_who_sells_a_combination_sells_its_legs() -> None:
    scene = Scene()
    combo(scene, "MKT", legs=SPREAD, action="SELL")
    quoted(scene)
    assert [(one.fill.side, one.fill.price) for one in scene.executions()] == [
        (-1, D("0.9")), (-1, D(4)), (1, D("3.1"))]  # fmt: skip


def test_a_limit_out_of_reach_waits_and_no_leg_fills_alone() -> None:
    scene = Scene()
    one = combo(scene, limit=10.30)
    quoted(scene)
    quoted(scene, call=(4.0, 4.1))
    assert scene.order(one).average_price == D("10.3")


def test_a_side_without_a_quote_fills_nothing() -> None:
    scene = Scene()
    one = combo(scene, "MKT")
    quoted(scene, put=(3.0, float("nan")))
    assert scene.statuses(one) == ["PreSubmitted"]


@pytest.mark.parametrize(("force", "status", "filled"), [("IOC", "Cancelled", 2), ("FOK", "Inactive", 0)])
def test_at_once_or_not_at_all(force: str, status: str, filled: int) -> None:
    scene = Scene()
    one = combo(scene, limit=10.40, time_in_force=force)
    quoted(scene, size=5)
    assert scene.statuses(one) == [status]
    assert scene.order(one).filled == filled


def test_own_orders_for_a_leg_and_for_the_whole_share_what_is_shown() -> None:
    scene = Scene()
    scene.place("MKT", of=PUT, total_quantity=15)
    one = combo(scene, "MKT", size=10)
    scene.quote(4.0, 4.2, 20, 20, of=CALL)
    scene.quote(3.0, 3.1, 20, 20, of=PUT)
    assert scene.order(one).filled == 2


def test_a_stop_on_a_combination_looks_at_its_net_price() -> None:
    scene = Scene()
    one = combo(scene, "STP", auxiliary_price=10.90)
    quoted(scene)
    assert scene.order(one).why_held == "trigger"
    quoted(scene, call=(5.0, 5.2))
    assert scene.statuses(one) == ["Submitted"]
    quoted(scene, call=(5.0, 5.2))
    assert scene.order(one).average_price == D("11.4")


def test_the_step_of_prices_is_a_cent_and_of_options_on_an_index_five() -> None:
    for under, limits in (("STK", {10.42: [], 10.425: ["ER 110"]}), ("IND", {10.45: [], 10.42: ["ER 110"]})):
        of = [replace(leg, security=replace(leg.security, details={"under_sec_type": under})) for leg in STRADDLE]
        for limit, told in limits.items():
            scene = Scene()
            combo(scene, limit=limit, legs=of)
            assert [word for word in scene.said() if word.startswith("ER")] == told


LOOSE = [{"tag": "NonGuaranteed", "value": "1"}]
PRICES = [{"price": 4.2}, {"price": 3.1}]


@pytest.mark.parametrize(("told", "make"), [
    (10058, lambda scene: combo(scene, limit=1, leg_prices=PRICES)),
    (0, lambda scene: combo(scene, limit=1, leg_prices=PRICES, combo_parameters=LOOSE)),
    (10058, lambda scene: combo(scene, limit=1, legs=FOUR, leg_prices=PRICES * 2, combo_parameters=LOOSE)),
    (0, lambda scene: combo(scene, limit=1, legs=FOUR)),
    (356, lambda scene: combo(scene, limit=1, oca_group="g", oca_type=3)),
    (359, lambda scene: combo(scene, limit=1, oca_group="g", oca_type=1, combo_parameters=LOOSE)),
    (0, lambda scene: combo(scene, limit=1, oca_group="g", oca_type=3, combo_parameters=LOOSE)),
    (358, lambda scene: combo(scene, limit=1, parent_id=scene.place("LMT", 9))),
    (360, lambda scene: combo(scene, limit=1, what_if=True)),
    (350, lambda scene: combo(scene, limit=1, minimum_quantity=2)),
    (314, lambda scene: combo(scene, limit=1, legs=[Leg(CALL, 0, 1, "SMART"), STRADDLE[1]])),
])  # fmt: skip
def test_what_combinations_may_not_have(told: int, make: Callable[[Scene], int]) -> None:
    scene = Scene()
    make(scene)
    assert [word for word in scene.said() if word.startswith("ER")] == ([f"ER {told}"] if told else [])


def test_the_legs_cannot_be_changed_but_the_price_can() -> None:
    scene = Scene()
    one = combo(scene, limit=9)
    scene.said()
    combo(scene, limit=10.40, legs=SPREAD, order_id=one)
    combo(scene, limit=10.40, order_id=one)
    assert scene.said() == ["ER 105", "OO Submitted", "OS Submitted 0/3"]
    quoted(scene)
    assert scene.statuses(one) == ["Filled"]


def test_a_combination_may_hold_shares() -> None:
    scene = Scene()
    combo(scene, "MKT", legs=[Leg(SHARE, 100, 1, "SMART"), Leg(CALL, 1, -1, "SMART")])
    scene.quote(270, 270.1, 1_000, 1_000)
    scene.quote(4.0, 4.2, 10, 10, of=CALL)
    assert scene.executions()[0].fill.price == D("27006")
