"""What clients are told of orders, message by message, as IB tells it."""

from .scene import Scene

TAKEN = ["OO PreSubmitted", "OS PreSubmitted 0/100"]
WORKS = ["OO Submitted", "OS Submitted 0/100"]
FILLED = ["EX 100@10.01", "OO Filled", "OS Filled 100/0", "CR"]


def test_a_market_order_is_taken_and_filled_by_the_next_quote() -> None:
    scene = Scene()
    scene.place()
    assert scene.said() == TAKEN
    scene.quote(10.00, 10.01)
    assert scene.said() == FILLED


def test_a_limit_order_that_rests_becomes_submitted() -> None:
    scene = Scene()
    scene.quote(10.00, 10.01)
    scene.place("LMT", 9.99)
    assert scene.said() == TAKEN + WORKS


def test_a_partial_fill_stays_submitted_and_each_fill_has_its_commission_last() -> None:
    scene = Scene()
    scene.place("LMT", 10.01)
    scene.said()
    scene.quote(10.00, 10.01, ask_size=60)
    assert scene.said() == ["EX 60@10.01", "OO Submitted", "OS Submitted 60/40", "CR"]
    scene.quote(10.00, 10.01, ask_size=200)
    assert scene.said() == ["EX 40@10.01", "OO Filled", "OS Filled 100/0", "CR"]


def test_a_cancel_is_a_status_and_then_202() -> None:
    scene = Scene()
    one = scene.place("LMT", 9)
    scene.said()
    scene.cancel(one)
    assert scene.said() == ["OS Cancelled 0/100", "ER 202"]


def test_a_cancel_on_its_way_may_be_too_late() -> None:
    scene = Scene(latency_us=5_000_000)
    one = scene.place("LMT", 10.01)
    scene.wait(10)
    scene.said()
    scene.cancel(one)
    assert scene.said() == ["OS PendingCancel 0/100"]
    scene.quote(10.00, 10.01, ask_size=40)
    assert scene.said() == ["EX 40@10.01", "OO PendingCancel", "OS PendingCancel 40/60", "CR"]
    scene.quote(10.00, 10.01, ask_size=300)
    assert scene.said() == ["EX 60@10.01", "OO Filled", "OS Filled 100/0", "CR"]
    scene.wait(10)
    assert scene.said() == ["ER 10148"]


def test_a_stop_says_why_it_is_held_until_it_is_set_off() -> None:
    scene = Scene()
    scene.quote(10.00, 10.01)
    scene.place("STP", auxiliary_price=10.05)
    assert scene.said() == ["OO PreSubmitted", "OS PreSubmitted 0/100 trigger"]
    scene.quote(10.05, 10.06)
    scene.trade(10.06)
    assert scene.said() == WORKS
    scene.quote(10.05, 10.06)
    assert scene.said() == ["EX 100@10.06", "OO Filled", "OS Filled 100/0", "CR"]


def test_what_cannot_be_filled_at_once_ends_as_with_ib() -> None:
    scene = Scene()
    scene.place("LMT", 10, time_in_force="IOC")
    scene.place("LMT", 10, time_in_force="FOK")
    scene.said()
    scene.quote(10.00, 10.01)
    gone, killed = ["OS PendingCancel 0/100", "OS Cancelled 0/100", "ER 202"], ["OO Inactive", "OS Inactive 0/100"]
    assert scene.said() == gone + killed


def test_an_order_that_is_not_transmitted_says_nothing_at_all() -> None:
    scene = Scene()
    one = scene.place("LMT", 10.01, transmit=False)
    scene.quote(10.00, 10.01)
    assert scene.said() == []
    scene.place("LMT", 10.00, order_id=one)
    assert scene.said() == TAKEN + WORKS
