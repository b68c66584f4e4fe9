"""When orders work, and when they end by themselves: sessions, times in force, auctions, and hours of their own."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from capture.gateway.broker.course.good_till import last_day
from capture.gateway.broker.orders.order import Leg
from capture.times import HOUR_US, MINUTE_US

from .scene import BAG, SECOND_US, Scene
from .trading import FUTURE, NOON_US, SHARE

DETAILS = {
    "time_zone_id": "US/Eastern",
    "trading_hours": "20261125:0400-20261125:2000;20261126:CLOSED;20261127:0400-20261127:1700",
    "liquid_hours": "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300",
}
LISTED = replace(SHARE, details=DETAILS, local_symbol="AAPL")
NO_EXTENDED = replace(SHARE, details=DETAILS | {"trading_hours": DETAILS["liquid_hours"]})
OPEN_US, CLOSE_US = NOON_US + 5 * HOUR_US // 2, NOON_US + 9 * HOUR_US  # half past nine and four in New York
EVENING_US = NOON_US + 13 * HOUR_US
FRIDAY_US = OPEN_US + 48 * HOUR_US
TAKEN = ["OO PreSubmitted", "OS PreSubmitted 0/100"]


def at(moment_us: int, scene: Scene) -> Scene:
    """Let it be a moment, and forget what was said by then."""
    scene.paper.advance(moment_us)
    scene.at_us = moment_us
    scene.said()
    return scene


def placed(moment_us: int = NOON_US, kind: str = "LMT", limit: float | None = 9.0, **values: Any) -> tuple[Scene, int]:
    scene = at(moment_us, Scene())
    return scene, scene.place(kind, limit, of=values.pop("of", LISTED), **values)


def test_before_the_open_an_order_waits_for_it_and_399_says_until_when() -> None:
    scene, one = placed()
    told = scene.told()
    assert [each.name for each in told] == ["open_order", "order_status", "error"]
    assert told[2].values["code"] == 399
    assert told[2].values["message"] == (
        "Order Message:\nBUY 100 AAPL\nWarning: your order will not be placed at the exchange until "
        "20261125 09:30:00 US/Eastern")  # fmt: skip
    scene.quote(8.9, 9.0)
    assert scene.order(one).filled == 0
    assert at(OPEN_US, scene).statuses(one) == ["Submitted"]


def test_outside_regular_hours_only_those_work_that_say_so() -> None:
    scene, one = placed(outside_regular_hours=True)
    assert scene.statuses(one) == ["Submitted"]
    scene.quote(8.9, 9.0)
    assert scene.statuses(one) == ["Filled"]


@pytest.mark.parametrize(("kind", "limit", "values"), [
    ("MKT", None, {}), ("MTL", None, {}), ("MOC", None, {}), ("LOC", 9.0, {}), ("LMT", 9.0, {"time_in_force": "OPG"}),
    ("LMT", 9.0, {"of": NO_EXTENDED}),
])  # fmt: skip
def test_where_it_does_not_apply_outside_is_cleared_with_2109_and_the_order_lives(
    kind: str, limit: float | None, values: dict[str, Any]
) -> None:
    scene, one = placed(OPEN_US + HOUR_US, kind, limit, outside_regular_hours=True, **values)
    told = scene.told()
    assert [each.values.get("code") for each in told[:2]] == [2109, None]
    assert not told[1].values["outside_regular_hours"]
    assert scene.statuses(one)[0] in ("PreSubmitted", "Submitted")


def test_a_change_whose_flag_is_cleared_is_warned_too() -> None:
    scene, one = placed(OPEN_US + HOUR_US, of=NO_EXTENDED)
    scene.said()
    scene.place("LMT", 8.5, of=NO_EXTENDED, order_id=one, outside_regular_hours=True)
    assert scene.said()[0] == "ER 2109"


def test_futures_work_as_long_as_they_trade() -> None:
    scene, one = placed(of=replace(FUTURE, details=DETAILS))
    assert scene.statuses(one) == ["Submitted"]


@pytest.mark.parametrize(("values", "moment_us"), [
    ({}, CLOSE_US), ({"outside_regular_hours": True}, EVENING_US),
    ({"time_in_force": "GTD", "good_till_date": "20261125 11:00:00 US/Eastern"}, NOON_US + 4 * HOUR_US),
    ({"time_in_force": "GTD", "good_till_date": "20261125-16:00:00"}, NOON_US + 4 * HOUR_US),
])  # fmt: skip
def test_when_an_order_ends_by_itself(values: dict[str, Any], moment_us: int) -> None:
    scene, one = placed(OPEN_US + HOUR_US, **values)
    at(moment_us - 1, scene)
    assert scene.statuses(one) == ["Submitted"]
    scene.paper.advance(moment_us)
    assert scene.said() == ["OS Cancelled 0/100", "ER 202"]
    assert scene.paper.reports.completed_order(scene.order(one))["completed_status"] == "Expired"


PAST: dict[str, Any] = {"time_in_force": "GTD", "good_till_date": "20261125 09:00:00 US/Eastern"}


def test_an_order_that_is_good_until_a_moment_that_is_past_is_refused() -> None:
    scene, one = placed(OPEN_US + HOUR_US, **PAST)
    assert scene.said() == ["ER 334"]
    assert scene.paper.orders.find(0, one) is None


def test_a_change_to_a_moment_that_is_past_leaves_the_order_as_it_was() -> None:
    scene, one = placed(OPEN_US + HOUR_US)
    scene.said()
    scene.place("LMT", 9.0, of=LISTED, order_id=one, **PAST)
    assert scene.said() == ["ER 334"]
    assert scene.statuses(one) == ["Submitted"]
    assert scene.order(one).values["time_in_force"] == "DAY"


def test_what_is_filled_stays_filled_when_the_rest_ends() -> None:
    scene, one = placed(OPEN_US + HOUR_US, time_in_force="GTD", good_till_date="20261125 11:00:00 US/Eastern")
    other = scene.place("LMT", 8.0, of=LISTED)
    scene.quote(8.9, 9.0, ask_size=40)
    at(CLOSE_US - 1, scene)
    assert scene.statuses(one, other) == ["Cancelled", "Submitted"]
    assert scene.order(one).filled == 40
    assert scene.order(one).remaining == 60


def test_good_till_cancelled_is_held_over_the_night_and_works_again() -> None:
    scene, one = placed(OPEN_US + HOUR_US, time_in_force="GTC")
    scene.paper.advance(CLOSE_US)
    assert scene.said()[-3:] == ["ER 399", "OO PreSubmitted", "OS PreSubmitted 0/100"]
    assert scene.order(one).held
    scene.at_us = CLOSE_US
    scene.quote(8.9, 9.0)
    assert scene.order(one).filled == 0
    at(FRIDAY_US, scene).quote(8.9, 9.0)
    assert scene.statuses(one) == ["Filled"]


@pytest.mark.parametrize("force", ["GTC", "GTD"])
def test_what_lives_over_the_night_does_not_fill_before_the_next_open(force: str) -> None:
    scene, one = placed(OPEN_US + HOUR_US, time_in_force=force, good_till_date="20261215-12:00:00")
    at(CLOSE_US + HOUR_US, scene).quote(8.9, 9.0)
    assert scene.order(one).filled == 0
    at(FRIDAY_US, scene).quote(8.9, 9.0)
    assert scene.statuses(one) == ["Filled"]


@pytest.mark.parametrize(("placed_on", "ends_on"), [
    ("2026-11-25", "2027-03-31"), ("2026-01-01", "2026-06-30"), ("2026-12-31", "2027-03-31"),
    ("2026-02-10", "2026-06-30"), ("2027-07-01", "2027-12-31"), ("2027-01-04", "2027-06-30"),
    ("2026-08-01", "2026-12-31"), ("2028-06-30", "2028-09-29"),
])  # fmt: skip
def test_good_till_cancelled_ends_with_the_last_weekday_of_the_next_quarter(placed_on: str, ends_on: str) -> None:
    assert str(last_day(date.fromisoformat(placed_on))) == ends_on


def test_good_till_cancelled_ends_by_itself_and_a_change_renews_it() -> None:
    scene, one = placed(OPEN_US + HOUR_US, time_in_force="GTC")
    end_us = NOON_US + (126 * 24 + 16) * HOUR_US  # the first midnight of April in New York
    first = scene.order(one).closes_us
    at(end_us - 80 * 24 * HOUR_US, scene)  # in January
    scene.place("LMT", 8.5, of=LISTED, order_id=one, time_in_force="GTC")
    at(end_us, scene)
    assert (first, scene.order(one).is_done) == (end_us, False)
    at(end_us + 91 * 24 * HOUR_US, scene)
    assert scene.statuses(one) == ["Cancelled"]
    assert scene.paper.reports.completed_order(scene.order(one))["auto_cancel_date"] == "20270701 00:00:00 US/Eastern"


def test_an_order_for_later_waits_until_then() -> None:
    scene, one = placed(OPEN_US + HOUR_US, good_after_time="20261125 11:00:00 US/Eastern")
    assert scene.said() == TAKEN
    scene.quote(8.9, 9.0)
    assert scene.order(one).filled == 0
    assert at(NOON_US + 4 * HOUR_US, scene).statuses(one) == ["Submitted"]


@pytest.mark.parametrize(("change", "ends_us"), [
    ({"time_in_force": "GTC"}, None),
    ({"time_in_force": "GTD", "good_till_date": "20261125 15:00:00 US/Eastern"}, NOON_US + 8 * HOUR_US),
    ({"outside_regular_hours": True}, EVENING_US), ({}, CLOSE_US),
])  # fmt: skip
def test_a_changed_time_in_force_counts(change: dict[str, Any], ends_us: int | None) -> None:
    scene, one = placed(OPEN_US + HOUR_US, time_in_force="GTD", good_till_date="20261125 12:00:00 US/Eastern")
    scene.place("LMT", 9.0, of=LISTED, order_id=one, **change)
    at((ends_us or FRIDAY_US) - 1, scene)
    assert not scene.order(one).is_done
    at(ends_us or FRIDAY_US + HOUR_US, scene)
    assert scene.order(one).is_done is (ends_us is not None)


def test_a_changed_hour_to_begin_counts() -> None:
    scene, one = placed(OPEN_US + HOUR_US, good_after_time="20261125 12:00:00 US/Eastern")
    scene.place("LMT", 9.0, of=LISTED, order_id=one, good_after_time="20261125 13:00:00 US/Eastern")
    assert at(NOON_US + 5 * HOUR_US + MINUTE_US, scene).order(one).held
    assert at(NOON_US + 6 * HOUR_US + MINUTE_US, scene).statuses(one) == ["Submitted"]
    scene, one = placed(OPEN_US + HOUR_US, good_after_time="20261125 12:00:00 US/Eastern")
    scene.place("LMT", 9.0, of=LISTED, order_id=one)
    assert scene.statuses(one) == ["Submitted"]


def test_an_order_that_is_let_out_of_regular_hours_by_a_change_works_at_once() -> None:
    scene, one = placed()
    scene.place("LMT", 9.0, of=LISTED, order_id=one, outside_regular_hours=True)
    assert scene.statuses(one) == ["Submitted"]
    scene.place("LMT", 9.0, of=LISTED, order_id=one)
    assert scene.statuses(one) == ["PreSubmitted"]
    scene.quote(8.9, 9.0)
    assert scene.order(one).filled == 0


@pytest.mark.parametrize(("kind", "limit", "print_at", "filled"), [
    ("MOC", None, 9.5, 100), ("LOC", 9.6, 9.5, 100), ("LOC", 9.4, 9.5, 0),
])  # fmt: skip
def test_orders_for_the_close_fill_by_its_print(kind: str, limit: float | None, print_at: float, filled: int) -> None:
    scene, one = placed(OPEN_US + HOUR_US, kind, limit)
    scene.quote(8.9, 9.0)
    scene.trade(9.0)
    assert scene.order(one).filled == 0
    at(CLOSE_US + SECOND_US, scene).trade(print_at, 5_000)
    assert scene.order(one).filled == filled
    at(CLOSE_US + HOUR_US, scene)
    assert scene.statuses(one) == ["Filled" if filled else "Cancelled"]


def test_orders_for_the_open_fill_by_its_print() -> None:
    scene, one = placed(kind="MKT", limit=None, time_in_force="OPG")
    scene.quote(8.9, 9.0)
    at(OPEN_US, scene).trade(9.2, 5_000)
    assert float(scene.order(one).average_price) == 9.2


def test_a_market_order_to_limit_rests_at_the_price_of_its_first_fill() -> None:
    scene, one = placed(OPEN_US + HOUR_US, "MTL", None)
    scene.quote(8.9, 9.0, ask_size=40)
    assert (scene.order(one).limit, scene.statuses(one)) == (9.0, ["Submitted"])
    scene.quote(8.9, 9.1)
    assert scene.order(one).filled == 40


def test_an_order_on_its_way_meets_what_is_there_when_it_comes() -> None:
    scene = at(OPEN_US + HOUR_US, Scene(latency_us=3 * SECOND_US))
    one = scene.place("MKT", of=LISTED)
    scene.quote(8.9, 9.0)
    assert scene.order(one).filled == 0
    scene.wait(3)
    scene.quote(9.1, 9.2)
    assert float(scene.order(one).average_price) == 9.2


def test_over_night_an_order_is_presubmitted_and_at_the_next_open_submitted_again() -> None:
    scene, one = placed(OPEN_US, time_in_force="GTC")
    at(CLOSE_US, scene)
    assert scene.statuses(one) == ["PreSubmitted"]
    scene.paper.advance(FRIDAY_US)
    assert scene.said()[-1] == "OS Submitted 0/100"


def test_a_combination_ends_with_the_day_of_its_legs() -> None:
    scene = at(OPEN_US, Scene())
    legs = [Leg(replace(LISTED, con_id=con_id), 1, side, "SMART") for con_id, side in ((31, 1), (32, -1))]
    one = scene.place("LMT", 1.0, of=BAG, legs=legs)
    scene.paper.advance(CLOSE_US)
    assert scene.statuses(one) == ["Cancelled"]
    late = at(CLOSE_US + SECOND_US, Scene())
    late.place("LMT", 1.0, of=BAG, legs=legs)
    assert late.said() == [*TAKEN, "ER 399"]
