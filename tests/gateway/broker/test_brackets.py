"""Orders with a parent: when they work, for how much, and when they end."""

from typing import Any

from .scene import Scene
from .trading import D


def bracket(scene: Scene, limit: float = 10.00, size: float = 100, **last: Any) -> tuple[int, int, int]:
    """Place a purchase with a target above and a stop below it."""
    parent = scene.place("LMT", limit, transmit=False, total_quantity=size)
    child: dict[str, Any] = {"action": "SELL", "total_quantity": size, "parent_id": parent}
    target = scene.place("LMT", 10.50, transmit=False, **child)
    return parent, target, scene.place("STP", auxiliary_price=9.50, **child, **last)


def held(scene: Scene, order_id: int) -> list[str]:
    """Return why an order is held, as its client was told."""
    return [str(one.values["why_held"]) for one in scene.paper.reports.take()
            if one.name == "order_status" and one.values["order_id"] == order_id]  # fmt: skip


def test_nothing_is_said_of_a_bracket_before_its_last_order_is_there() -> None:
    scene = Scene()
    parent = scene.place("LMT", 10, transmit=False)
    scene.place("LMT", 11, action="SELL", parent_id=parent, transmit=False)
    assert scene.said() == []
    scene.place("STP", auxiliary_price=9.50, action="SELL", parent_id=parent)
    assert scene.said() == ["OO PreSubmitted", "OS PreSubmitted 0/100", "OO Submitted", "OS Submitted 0/100",
                            "OO PreSubmitted", "OS PreSubmitted 0/100 child",
                            "OO PreSubmitted", "OS PreSubmitted 0/100 child,trigger"]  # fmt: skip


def test_children_are_a_group_named_after_the_parent() -> None:
    scene = Scene()
    parent, target, stop = bracket(scene)
    name = str(scene.order(parent).permanent_id)
    told = [one.values for one in scene.told() if one.name == "open_order" and one.values["order_id"] != parent]
    groups = {(one["order_id"], one["oca_group"], one["oca_type"]) for one in told}
    assert groups == {(target, name, 3), (stop, name, 3)}


def test_children_work_once_the_parent_is_filled() -> None:
    scene = Scene()
    parent, target, stop = bracket(scene)
    scene.quote(9.98, 10.00)
    assert scene.statuses(parent, target, stop) == ["Filled", "Submitted", "PreSubmitted"]
    assert held(scene, stop)[-2:] == ["child,trigger", "trigger"]
    scene.quote(9.40, 9.41)
    scene.trade(9.40)
    scene.quote(9.39, 9.41)
    assert scene.statuses(parent, target, stop) == ["Filled", "Cancelled", "Filled"]
    assert scene.filled(stop) == [(D(100), D("9.39"))]


def test_a_parent_that_is_filled_in_part_keeps_its_children_waiting_until_it_is_done() -> None:
    scene = Scene()
    parent, target, stop = bracket(scene)
    scene.quote(9.98, 10.00, ask_size=40)
    assert scene.order(target).why_held == "child"
    scene.cancel(parent)
    assert [scene.order(each).quantity for each in (target, stop)] == [40, 40]
    assert scene.statuses(parent, target, stop) == ["Cancelled", "Submitted", "PreSubmitted"]


def test_children_end_with_a_parent_that_did_not_fill() -> None:
    scene = Scene()
    orders = bracket(scene)
    scene.cancel(orders[0])
    assert scene.statuses(*orders) == ["Cancelled"] * 3


def test_a_bracket_that_was_never_sent_ends_with_its_parent() -> None:
    scene = Scene()
    parent = scene.place("LMT", 10, transmit=False)
    child = scene.place("LMT", 11, action="SELL", parent_id=parent, transmit=False)
    scene.cancel(parent)
    assert scene.statuses(parent, child) == ["Cancelled", "Cancelled"]


def test_the_end_of_a_child_leaves_the_parent_unless_it_says_otherwise() -> None:
    for says, status in ((False, "Submitted"), (True, "Cancelled")):
        scene = Scene()
        parent, _, stop = bracket(scene, auto_cancel_parent=says)
        scene.cancel(stop)
        assert scene.statuses(parent) == [status]


def test_a_child_that_is_held_takes_changes_and_cancels() -> None:
    scene = Scene()
    parent, target, stop = bracket(scene)
    scene.said()
    scene.place("LMT", 10.40, order_id=target, action="SELL", parent_id=parent)
    assert scene.said() == ["OO PreSubmitted", "OS PreSubmitted 0/100 child"]
    scene.cancel(stop)
    assert scene.said() == ["OS Cancelled 0/100", "ER 202"]
    scene.quote(9.98, 10.00)
    assert scene.order(target).limit == 10.40


def test_an_entry_into_a_gap_sets_its_stop_off_at_once() -> None:
    scene = Scene()
    parent, target, stop = bracket(scene, limit=9.60)
    scene.quote(9.30, 9.31)  # below the stop already: no price after this one has to cross it
    scene.trade(9.31)
    assert scene.statuses(parent) == ["Filled"]
    scene.quote(9.29, 9.31)
    assert scene.statuses(target, stop) == ["Cancelled", "Filled"]


def test_of_stop_and_target_that_one_quote_reaches_the_stop_is_first() -> None:
    scene = Scene()
    _, target, stop = bracket(scene)
    scene.quote(9.98, 10.00)
    scene.quote(9.40, 9.41)
    scene.trade(9.45)  # sets the stop off
    scene.quote(10.60, 10.61)
    assert scene.statuses(target, stop) == ["Cancelled", "Filled"]


def test_a_child_cannot_get_another_parent_and_needs_one_that_is_there() -> None:
    scene = Scene()
    parent, target, _ = bracket(scene)
    other = scene.place("LMT", 9)
    scene.said()
    scene.place("LMT", 10.50, order_id=target, action="SELL", parent_id=other)
    scene.place("LMT", 10.50, order_id=target, action="SELL", parent_id=99)
    scene.place("LMT", 10.50, action="SELL", parent_id=98)
    assert scene.said() == ["ER 10341", "ER 135", "ER 10006"]
    assert scene.order(target).parent is scene.order(parent)


def test_a_late_child_is_for_what_its_parent_filled() -> None:
    scene = Scene(latency_us=500_000)
    parent, target, stop = bracket(scene)
    scene.quote(9.98, 10.00)
    assert [scene.order(each).quantity for each in (parent, target, stop)] == [100, 100, 100]
    late = scene.place("LMT", 10.70, action="SELL", parent_id=parent, total_quantity=300)
    assert scene.order(late).quantity == 100
