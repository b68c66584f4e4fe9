"""Conditions: when each kind holds, how they are joined, and what is refused."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from capture.gateway.broker.course.facts import Facts
from capture.gateway.kept.account_records import order_of, order_record
from capture.wire.messages.order_conditions import EXECUTION, MARGIN, PERCENT_CHANGE, PRICE, TIME, VOLUME

from .scene import SECOND_US, Scene
from .trading import CALL, EURO_SHARE, FUTURE, NOON_US, SHARE

OTHER = EURO_SHARE
HOURS = {"trading_hours": "20261125:0400-20261125:2000;20261126:CLOSED", "time_zone_id": "US/Eastern",
         "liquid_hours": "20261125:0930-20261125:1600;20261126:CLOSED"}  # fmt: skip
BELL_US = NOON_US + 9_000 * SECOND_US  # half past nine in New York


def condition(kind: int, connector: str = "a", **values: Any) -> dict[str, Any]:
    return {"kind": kind, "connector": connector, "is_more": True} | values


def price(at: float, is_more: bool = True, method: int = 2, connector: str = "a") -> dict[str, Any]:
    return condition(PRICE, connector, price=at, con_id=OTHER.con_id, exchange="SMART", trigger_method=method,
                     is_more=is_more)  # fmt: skip


def waiting(scene: Scene, *conditions: dict[str, Any], **values: Any) -> int:
    return scene.place("LMT", 10.0, conditions=list(conditions), **values)


def is_in(scene: Scene, order_id: int) -> bool:
    return scene.statuses(order_id) == ["Submitted"]


def test_an_order_waits_for_the_price_of_another_instrument() -> None:
    scene = Scene()
    one = waiting(scene, price(50))
    assert OTHER.con_id in set(scene.paper.orders.watched())
    scene.quote(9.98, 9.99)
    assert scene.filled(one) == []
    scene.trade(49.99, of=OTHER)
    assert not is_in(scene, one)
    scene.trade(50, of=OTHER)
    assert is_in(scene, one)
    scene.quote(9.98, 9.99)
    assert scene.statuses(one) == ["Filled"]
    assert OTHER.con_id not in set(scene.paper.orders.watched())


@pytest.mark.parametrize(("method", "happens"), [
    (1, ["quote 50", "quote 51"]), (2, ["trade 50"]), (3, ["trade 50", "trade 50"]), (4, ["quote 50"]),
    (7, ["quote 50"]), (7, ["trade 50"]), (8, ["quote 49.99"]),
])  # fmt: skip
def test_a_price_holds_by_its_trigger_method(method: int, happens: list[str]) -> None:
    scene = Scene()
    one = waiting(scene, price(50, method=method))
    for what in happens:
        assert not is_in(scene, one)
        word, number = what.split()
        if word == "trade":
            scene.trade(float(number), of=OTHER)
        else:
            scene.quote(float(number), float(number) + 0.02, of=OTHER)
    assert is_in(scene, one)


def test_a_price_that_falls() -> None:
    scene = Scene()
    one = waiting(scene, price(50, is_more=False))
    scene.trade(50.01, of=OTHER)
    assert not is_in(scene, one)
    scene.trade(50, of=OTHER)
    assert is_in(scene, one)


def test_what_held_once_must_hold_beside_the_others() -> None:
    scene = Scene(facts=Facts(volume=lambda con_id, at_us: 2_000))
    one = waiting(scene, price(50), condition(VOLUME, volume=1_000, con_id=SHARE.con_id, exchange="SMART"))
    scene.trade(50, of=OTHER)
    scene.trade(49, of=OTHER)
    scene.trade(10)
    assert not is_in(scene, one)
    scene.trade(50, of=OTHER)
    assert is_in(scene, one)


@pytest.mark.parametrize(("connectors", "held", "answer"), [
    ("aa", "110", False), ("aa", "111", True), ("oo", "001", True), ("ao", "110", True), ("ao", "100", False),
    ("oa", "100", True), ("oa", "010", False), ("oa", "011", True),
])  # fmt: skip
def test_and_binds_closer_than_or(connectors: str, held: str, answer: bool) -> None:
    scene = Scene()
    conditions = [price(20, is_more=is_met == "1", connector=word)
                  for is_met, word in zip(held, connectors + "a", strict=True)]  # fmt: skip
    one = waiting(scene, *conditions)
    scene.trade(30, of=OTHER)
    assert is_in(scene, one) is answer


def test_a_moment() -> None:
    scene = Scene()
    one = waiting(scene, condition(TIME, time="20261125-12:01:00"))
    scene.wait(58)
    assert not is_in(scene, one)
    scene.wait(1)
    assert is_in(scene, one)
    before = waiting(scene, condition(TIME, time="20261125-13:00:00", is_more=False))
    assert is_in(scene, before)


def test_a_volume_of_the_day_and_a_change_since_yesterday() -> None:
    volumes: Iterator[float] = iter([999, 1_000])
    facts = Facts(volume=lambda con_id, at_us: next(volumes), previous_close=lambda con_id, at_us: 40.0)
    scene = Scene(facts=facts)
    volume = waiting(scene, condition(VOLUME, volume=1_000, con_id=OTHER.con_id, exchange="SMART"))
    up = waiting(scene, condition(PERCENT_CHANGE, change_percent=2.5, con_id=OTHER.con_id, exchange="SMART"))
    down = waiting(scene, condition(PERCENT_CHANGE, change_percent=-2.5, con_id=OTHER.con_id, exchange="SMART",
                                    is_more=False))  # fmt: skip
    scene.trade(40.9, of=OTHER)
    assert [is_in(scene, each) for each in (volume, up, down)] == [False, False, False]
    scene.trade(41, of=OTHER)
    assert [is_in(scene, each) for each in (volume, up, down)] == [True, True, False]
    scene.trade(39, of=OTHER)
    assert is_in(scene, down)


def test_figures_that_nobody_knows_hold_nothing() -> None:
    scene = Scene()
    volume = waiting(scene, condition(VOLUME, volume=0, con_id=OTHER.con_id, exchange="SMART"))
    change = waiting(scene, condition(PERCENT_CHANGE, change_percent=-99, con_id=OTHER.con_id, exchange="SMART"))
    margin = waiting(scene, condition(MARGIN, percent=0))
    scene.trade(40, of=OTHER)
    scene.wait(5)
    assert not any(is_in(scene, each) for each in (volume, change, margin))


def test_a_margin_cushion_is_looked_at_every_second() -> None:
    cushion = {"now": 29.0}
    scene = Scene(facts=Facts(cushion=lambda at_us: cushion["now"]))
    one = waiting(scene, condition(MARGIN, percent=30))
    scene.wait(3)
    assert not is_in(scene, one)
    cushion["now"] = 31.0
    scene.wait(1)
    assert is_in(scene, one)


def test_an_execution_of_an_instrument() -> None:
    scene = Scene()
    one = waiting(scene, condition(EXECUTION, sec_type="STK", exchange="SMART", symbol=OTHER.symbol))
    scene.place("MKT", of=SHARE)
    scene.quote(10.50, 10.51)
    assert not is_in(scene, one)
    scene.place("MKT", of=OTHER)
    scene.quote(50, 51, of=OTHER)
    assert is_in(scene, one)


def test_conditions_may_cancel_an_order() -> None:
    scene = Scene()
    one = waiting(scene, price(50), conditions_cancel_order=True)
    assert is_in(scene, one)
    scene.trade(50, of=OTHER)
    assert scene.statuses(one) == ["Cancelled"]


@pytest.mark.parametrize("ignores", [False, True])
def test_outside_of_regular_hours_conditions_count_only_where_the_order_says_so(ignores: bool) -> None:
    share = replace(SHARE, details=HOURS)
    scene = Scene()
    one = waiting(scene, price(50), of=share, outside_regular_hours=True, conditions_ignore_regular_hours=ignores)
    scene.trade(50, of=OTHER)
    assert is_in(scene, one) is ignores
    scene.wait(9_000)
    scene.trade(50, of=OTHER)
    assert is_in(scene, one)


def test_a_moment_before_the_bell_counts_with_the_bell() -> None:
    share = replace(SHARE, details=HOURS)
    scene = Scene()
    one = waiting(scene, condition(TIME, time="20261125-12:01:00"), of=share, outside_regular_hours=True)
    scene.paper.advance(BELL_US - 1)
    assert not is_in(scene, one)
    scene.paper.advance(BELL_US)
    assert is_in(scene, one)


def test_changed_conditions_are_watched_in_place_of_the_old() -> None:
    scene = Scene()
    one = waiting(scene, price(50))
    waiting(scene, price(60), order_id=one)
    scene.trade(55, of=OTHER)
    assert not is_in(scene, one)
    waiting(scene, order_id=one)
    assert is_in(scene, one)


def test_conditions_that_have_held_need_not_hold_again_after_a_restart() -> None:
    scene, after = Scene(), Scene()
    met, waits = waiting(scene, price(50)), waiting(scene, price(60))
    scene.trade(55, of=OTHER)
    known = {SHARE.con_id: SHARE}
    for order in scene.paper.orders.open():
        after.paper.resume(order_of(order_record(order)["order"], known, {}), after.wait(), False, False)
    assert after.statuses(met, waits) == ["Submitted", "PreSubmitted"]
    after.trade(60, of=OTHER)
    assert is_in(after, waits)


@pytest.mark.parametrize(("code", "make"), [
    (148, lambda scene: scene.place("STP", auxiliary_price=9, conditions=[price(50)])),
    (148, lambda scene: scene.place("MKT", conditions=[price(50)], conditions_cancel_order=True)),
    (147, lambda scene: waiting(scene, price(50) | {"con_id": 0})),
    (147, lambda scene: waiting(scene, price(50) | {"price": None})),
    (147, lambda scene: waiting(scene, price(50) | {"con_id": CALL.con_id})),
    (147, lambda scene: waiting(scene, condition(EXECUTION, sec_type="STK", exchange="", symbol=""))),
    (146, lambda scene: waiting(scene, price(50, method=5))),
    (343, lambda scene: waiting(scene, condition(TIME, time="tomorrow"))),
    (321, lambda scene: waiting(scene, price(50, connector="x"))),
])  # fmt: skip
def test_wrong_conditions_are_refused(code: int, make: Callable[[Scene], object]) -> None:
    scene = Scene(facts=Facts(knows=lambda con_id, at_us: con_id in (OTHER.con_id, FUTURE.con_id)))
    make(scene)
    assert scene.said() == [f"ER {code}"]
    assert scene.paper.orders.open() == []
