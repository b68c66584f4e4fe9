"""Attributes that change how an order works: discretion, least sizes, stops that become other orders."""

from typing import Any

import pytest

from .scene import Scene
from .trading import D


def test_discretion_reaches_beyond_the_limit_and_the_rest_keeps_its_place() -> None:
    scene = Scene()
    scene.quote(9.90, 10.10)
    one = scene.place("LMT", 9.95, discretionary_amount=0.1)
    scene.quote(9.90, 10.06)
    assert scene.order(one).filled == 0
    scene.quote(9.90, 10.05, ask_size=40)
    assert scene.filled(one) == [(D(40), D("10.05"))]
    assert scene.order(one).limit == 9.95
    scene.quote(9.90, 10.04, ask_size=100)
    assert scene.statuses(one) == ["Filled"]


def test_all_or_none_waits_until_all_is_there() -> None:
    scene = Scene()
    one = scene.place("LMT", 10, all_or_none=True)
    scene.quote(9.99, 10, ask_size=99)
    assert scene.order(one).filled == 0
    scene.quote(9.99, 10, ask_size=100)
    assert scene.filled(one) == [(D(100), D(10))]


def test_a_least_quantity_is_for_the_first_fill() -> None:
    scene = Scene()
    one = scene.place("LMT", 10, minimum_quantity=50)
    scene.quote(9.99, 10, ask_size=49)
    assert scene.order(one).filled == 0
    scene.quote(9.98, 9.99, ask_size=60)
    assert scene.order(one).filled == 60
    scene.quote(9.99, 10, ask_size=10)
    assert scene.order(one).filled == 70


STOP: dict[str, Any] = {"kind": "STP", "action": "SELL", "auxiliary_price": 9.50, "trigger_price": 10.50,
                        "adjusted_stop_price": 10.20, "trigger_method": 4}  # fmt: skip


@pytest.mark.parametrize(("adjusted", "word", "stop", "limit"), [
    ({"adjusted_order_type": "STP"}, "STP", 10.20, None),
    ({"adjusted_order_type": "STP LMT", "adjusted_stop_limit_price": 10.10}, "STP LMT", 10.20, 10.10),
    ({"adjusted_order_type": "TRAIL", "adjusted_trailing_amount": 0.20}, "TRAIL", 10.31, None),
    ({"adjusted_order_type": "TRAIL", "adjusted_trailing_amount": 1.0, "adjustable_trailing_unit": 1}, "TRAIL",
     10.4049, None),
])  # fmt: skip
def test_a_stop_becomes_another_once_the_market_has_come_so_far(
    adjusted: dict[str, Any], word: str, stop: float, limit: float | None
) -> None:
    scene = Scene()
    one = scene.place(**STOP | adjusted)
    scene.quote(10.40, 10.41)
    assert (scene.order(one).type.word, scene.order(one).stop) == ("STP", 9.50)
    scene.said()
    scene.quote(10.50, 10.51)
    order = scene.order(one)
    assert (order.type.word, order.values["limit_price"]) == (word, limit)
    assert order.stop == pytest.approx(stop)
    told = scene.told()
    assert {each.values["order_type"] for each in told if each.name == "open_order"} == {word}
    scene.quote(9.90, 9.91)
    scene.quote(9.90, 9.91)
    if limit is None:
        assert scene.filled(one) == [(D(100), D("9.9"))]
    else:
        assert scene.order(one).status == "Submitted"


def test_an_adjusted_stop_that_is_reached_first_goes_as_it_is() -> None:
    scene = Scene()
    one = scene.place(**STOP | {"adjusted_order_type": "STP"})
    scene.quote(9.45, 9.50)
    scene.quote(9.45, 9.50)
    assert scene.filled(one) == [(D(100), D("9.45"))]


def test_a_trailing_stop_tells_each_step() -> None:
    scene = Scene()
    one = scene.place("TRAIL", action="SELL", auxiliary_price=0.5, trigger_method=4)
    scene.said()
    for bid in (10.0, 10.2, 10.1, 10.3):
        scene.quote(bid, bid + 0.01)
    stops = [each.values["trail_stop_price"] for each in scene.told() if each.name == "open_order"]
    assert stops == pytest.approx([9.51, 9.71, 9.81])
    assert scene.order(one).stop == pytest.approx(9.81)


@pytest.mark.parametrize(("given", "limit"), [
    ({"limit_price_offset": 0.1, "trail_stop_price": 9.5}, 9.4), ({"limit": 9.3, "trail_stop_price": 9.5}, 9.3),
])  # fmt: skip
def test_a_trailing_limit_stands_off_its_stop(given: dict[str, Any], limit: float) -> None:
    scene = Scene()
    one = scene.place("TRAIL LIMIT", action="SELL", auxiliary_price=0.5, trigger_method=4, **given)
    scene.quote(9.60, 9.61)
    scene.quote(9.49, 9.50)
    assert scene.order(one).limit == pytest.approx(limit)
    scene.quote(9.45, 9.46)
    assert scene.statuses(one) == ["Filled"]
