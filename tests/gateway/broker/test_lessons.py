"""What users of other simulators, and of IB itself, ran into: each lesson by its number, and where it is tried.

Numbers are those of part A of the field lessons. Those about a gateway's restart and its accounts are tried where these
are; here are the broker's.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from capture.gateway.broker.orders.order import Leg
from capture.gateway.broker.orders.order_types import TYPES
from capture.gateway.trading import tick
from capture.times import HOUR_US

from .scene import BAG, Scene
from .test_hours import DETAILS, OPEN_US, at
from .trading import CALL, NOON_US, PUT, SHARE, D

LESSONS: Mapping[str, tuple[str, ...]] = {
    "A3 a modify left two orders under one id": (
        "test_interventions.test_a_twin_lives_on_when_its_order_id_is_cancelled",),
    "A4 an execution before any open order": (
        "test_interventions.test_an_execution_can_come_before_any_open_order",
        "test_lessons.test_an_execution_names_its_order_whatever_the_client_knows_of_it"),
    "A5 a warning taken for an end": (
        "test_refusals.test_a_preset_time_in_force_is_told_where_the_gateway_has_that_habit_and_the_order_lives",
        "test_refusals.test_an_algorithm_works_as_a_plain_order_and_that_is_said"),
    "A6 a cancel that nobody answered": ("test_lessons.test_every_request_is_answered_at_once",
                                         "test_refusals.test_an_id_is_new_or_of_an_order_that_is_open"),
    "A8 fills at yesterday's close": ("test_lessons.test_a_quote_of_yesterday_fills_nothing",),
    "A9 two orders that took the same size": ("test_lessons.test_what_one_order_took_is_not_there_for_the_next",),
    "A10 partial fills that were never booked": ("test_lessons.test_whatever_happens_executions_are_what_was_filled",),
    "A11 a stranger's cancel put the order in front": (
        "test_matching.test_fills_are_those_of_a_slow_and_obvious_matcher",),
    "A12 buys filled by prints of buyers": ("test_lessons.test_only_prints_of_the_other_side_fill_what_rests",),
    "A14 a cancel that overtook the market": ("test_sequences.test_a_cancel_on_its_way_may_be_too_late",
                                              "test_refusals.test_a_change_that_comes_too_late_is_104"),
    "A15 one step that reached stop and target": (
        "test_brackets.test_of_stop_and_target_that_one_quote_reaches_the_stop_is_first",
        "test_brackets.test_an_entry_into_a_gap_sets_its_stop_off_at_once"),
    "A16 a held child that was not found": ("test_brackets.test_a_child_that_is_held_takes_changes_and_cancels",),
    "A17 the end of a partly filled order": ("test_hours.test_what_is_filled_stays_filled_when_the_rest_ends",),
    "A18 changes that switched a flag": ("test_refusals.test_each_change_is_noted_field_by_field",),
    "A19 a tick that was too fine": ("test_lessons.test_the_step_is_that_of_the_orders_exchange_at_its_own_price",
                                     "test_combos.test_the_step_of_prices_is_a_cent_and_of_options_on_an_index_five"),
    "A20 prices of four legs": ("test_combos.test_what_combinations_may_not_have",),
    "A21 fees times legs": ("test_fees.test_what_an_order_costs_on_the_fixed_schedule",),
    "A22 a minimum per fill": ("test_fees.test_the_minimum_is_taken_once_per_order_on_its_first_fill",),
    "A23 orders that reserved nothing": ("test_means.test_working_orders_are_counted_with_the_next_one",
                                         "test_means.test_what_was_reserved_is_free_again_when_an_order_ends"),
    "A24 an assignment at a market price": (
        "test_expiries.test_in_the_money_shares_change_hands_at_the_strike_with_two_executions_that_are_free",
        "test_expiry.test_the_second_leg_of_a_spread_is_exercised_without_the_means_for_it"),
    "A25 expiries on the eve of a holiday": ("test_expiries.test_the_last_moment_is_the_end_of_regular_hours",
                                             "test_expiries.test_the_official_close_decides_from_a_cent_on"),
    "A26 an exercise at SMART": ("test_expiries.test_what_cannot_be_exercised_is_refused",),
    "A29 when an order ends that is good until it is cancelled": (
        "test_hours.test_good_till_cancelled_ends_by_itself_and_a_change_renews_it",
        "test_hours.test_good_till_cancelled_ends_with_the_last_weekday_of_the_next_quarter"),
    "A31 an order that ended without a word": (
        "test_sequences.test_an_order_that_is_not_transmitted_says_nothing_at_all",),
    "A32 a combination that could not be changed": (
        "test_combos.test_the_legs_cannot_be_changed_but_the_price_can",),
    "A33 fills outside of what traded": (
        "test_matching.test_after_every_event_fills_add_up_and_are_of_what_was_there",
        "test_lessons.test_whatever_happens_executions_are_what_was_filled"),
    "A34 nothing to try while markets are closed": ("test_scripts.test_all_words_are_read",),
}  # fmt: skip


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_lesson_is_tried(lesson: str) -> None:
    for name in LESSONS[lesson]:
        module, function = name.split(".")
        assert callable(getattr(import_module(f"tests.gateway.broker.{module}"), function))


def test_an_execution_names_its_order_whatever_the_client_knows_of_it() -> None:
    scene = Scene()
    scene.place(order_reference="mine")
    scene.place(of=BAG, legs=[Leg(CALL, 1, 1, "SMART"), Leg(PUT, 1, 1, "SMART")], order_reference="both")
    for of in (SHARE, CALL, PUT):
        scene.quote(9.99, 10, 500, 500, of=of)
    told = [one.values for one in scene.told() if one.name == "execution_details"]
    assert [(one["order_id"], one["order_reference"]) for one in told] == [
        (1, "mine"), (2, "both"), (2, "both"), (2, "both")]  # fmt: skip
    assert [one["permanent_id"] for one in told] == [scene.order(one["order_id"]).permanent_id for one in told]


def test_a_quote_of_yesterday_fills_nothing() -> None:
    listed = replace(SHARE, details=DETAILS)
    scene = Scene(at_us=NOON_US - 24 * HOUR_US)
    scene.quote(8.9, 9.0)
    at(OPEN_US + 1_000_000, scene)
    market, limit = scene.place(of=listed), scene.place("LMT", 9.0, of=listed)
    scene.wait(60)
    assert scene.executions() == []
    scene.quote(9.4, 9.5)
    assert (scene.filled(market), scene.filled(limit)) == ([(D(100), D("9.5"))], [])


def test_what_one_order_took_is_not_there_for_the_next() -> None:
    scene = Scene()
    one, other = scene.place(), scene.place("LMT", 10.00)
    scene.quote(9.99, 10.00, ask_size=120)
    scene.quote(9.98, 10.00, ask_size=120)  # the same size, not a new one
    assert [scene.order(each).filled for each in (one, other)] == [100, 20]


@pytest.mark.parametrize(("action", "limit"), [("BUY", 9.99), ("SELL", 10.01)])
def test_only_prints_of_the_other_side_fill_what_rests(action: str, limit: float) -> None:
    scene = Scene()
    scene.quote(9.99, 10.01, 50, 50)
    one = scene.place("LMT", limit, action=action)
    others = 10.01 if action == "BUY" else 9.99
    scene.trade(others, 1_000)  # by those who want the same as the order
    scene.trade(10.00, 1_000)  # nobody knows by whom
    assert scene.order(one).filled == 0
    scene.trade(limit, 90)
    assert scene.order(one).filled == 40


class Rules:
    """A feed that knows market rules: 5 cents, and of the second 10 cents from 3 dollars on."""

    def market_rule(self, rule_id: int, at_us: int) -> list[tuple[float, float]]:
        return {1: [(0.0, 0.05)], 2: [(0.0, 0.05), (3.0, 0.10)]}[rule_id]


@pytest.mark.parametrize(("exchange", "price", "step"), [
    ("SMART", 2.95, 0.05), ("SMART", 3.0, 0.10), ("SMART", -3.0, 0.10), ("CBOE", 3.0, 0.05), ("ISE", 3.0, 0.10),
])  # fmt: skip
def test_the_step_is_that_of_the_orders_exchange_at_its_own_price(exchange: str, price: float, step: float) -> None:
    details = {"valid_exchanges": "SMART,CBOE,ISE", "market_rule_ids": "2,1,2", "min_tick": 0.05}
    feed: Any = Rules()
    assert tick(feed, 0, replace(CALL, details=details, exchange=exchange), price) == step


# Whatever happens

PRICES = st.integers(980, 1_020).map(lambda cents: cents / 100)
PARTS = replace(SHARE, details={"size_increment": "0.0001"})
OFTEN_NONE = [0] * 8
ORDERS = st.fixed_dictionaries({
    "kind": st.sampled_from(sorted(TYPES)), "limit": PRICES, "auxiliary_price": PRICES,
    "total_quantity": st.sampled_from([0.0001, 0.5, 1, 7, 100]), "action": st.sampled_from(["BUY", "SELL"]),
    "time_in_force": st.sampled_from(["DAY", "GTC", "IOC", "FOK"]), "all_or_none": st.sampled_from([*OFTEN_NONE, 1]),
    "oca_group": st.sampled_from(["", "", "g"]), "oca_type": st.sampled_from([1, 2, 3]),
    "discretionary_amount": st.sampled_from([0.0, 0.0, 0.05]), "parent_id": st.sampled_from([*OFTEN_NONE, 1, 2]),
    "order_id": st.sampled_from([*OFTEN_NONE, 1, 2, 3]), "transmit": st.sampled_from([True, True, True, False]),
    "trigger_method": st.sampled_from([0, 1, 3, 4, 7, 8])})  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("place"), ORDERS), st.tuples(st.just("cancel"), st.integers(1, 4)),
    st.tuples(st.just("quote"), st.tuples(PRICES, st.sampled_from([0.0001, 3, 50]), st.sampled_from([0.3, 5, 80]))),
    st.tuples(st.just("trade"), st.tuples(PRICES, st.sampled_from([0.0001, 3, 50]))))  # fmt: skip


def play(scene: Scene, what: str, how: Any) -> None:
    if what == "place":
        values = dict(how)
        kind = TYPES[values["kind"]]
        if kind.trigger == "trail":
            values |= {"auxiliary_price": 0.1}
        if kind.peg is not None:
            values |= {"auxiliary_price": 0.01}
        if kind.word != "LMT":
            values |= {"discretionary_amount": 0.0}
        if kind.closes:
            values |= {"time_in_force": "DAY"}
        if kind.limit != "must":
            values |= {"limit": None}
        scene.place(of=PARTS, **values)
    elif what == "cancel":
        scene.cancel(how)
    elif what == "quote":
        price, bid_size, ask_size = how
        scene.quote(price, price + 0.01, bid_size, ask_size, of=PARTS)
    else:
        price, size = how
        scene.trade(price, size, of=PARTS)


@settings(max_examples=50, deadline=None)
@given(st.lists(STEPS, min_size=8, max_size=30), st.sampled_from([0, 1_500_000]))
def test_whatever_happens_executions_are_what_was_filled(steps: list[tuple[str, Any]], latency_us: int) -> None:
    scene = Scene(latency_us=latency_us)
    prices = {0.0}
    for what, how in steps:
        play(scene, what, how)
        if what == "quote":
            prices |= {how[0], how[0] + 0.01}
        elif what == "trade":
            prices.add(how[0])
        orders = [*scene.paper.orders.open(), *scene.paper.orders.done]
        for order in orders:
            mine = [one.fill for one in scene.executions() if one.fill.permanent_id == order.permanent_id]
            assert sum((fill.quantity for fill in mine), Decimal(0)) == order.filled <= order.quantity
            assert all(min(prices - {0.0}) - 1e-9 <= float(fill.price) <= max(prices) + 1e-9 for fill in mine)
            assert order.is_done or order.status != "Filled"
        assert len({order.permanent_id for order in orders}) == len(orders)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=20))
def test_every_request_is_answered_at_once(steps: list[tuple[str, Any]]) -> None:
    scene = Scene()
    for what, how in steps:
        scene.said()
        play(scene, what, how)
        if what == "cancel" or (what == "place" and how["transmit"]):
            assert scene.said()


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=8, max_size=25), st.integers(1, 7), st.sampled_from([0, 1_500_000]))
def test_what_is_told_does_not_depend_on_how_time_is_cut(
    steps: list[tuple[str, Any]], pieces: int, latency_us: int
) -> None:
    whole, cut = Scene(latency_us=latency_us), Scene(latency_us=latency_us)
    for what, how in steps:
        play(whole, what, how)
        for _ in range(pieces):
            cut.paper.advance(cut.paper.now_us + 1_000_000 // (pieces + 1))
        play(cut, what, how)
    assert whole.told() == cut.told()
