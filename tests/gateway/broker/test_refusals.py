"""Orders that may not be: IB's code on their id, nothing placed; and what is told of orders that live all the same."""

from dataclasses import replace
from typing import Any

import pytest

from capture.gateway.broker.messages import NONE_YET
from capture.gateway.broker.orders.combo_rules import COMBO_RULES
from capture.gateway.broker.orders.habits import Habits
from capture.gateway.broker.orders.order_types import TYPES
from capture.gateway.broker.orders.refusals import FIELDS, RULES, UNSUPPORTED, refusal
from capture.gateway.broker.orders.wish import Wish
from capture.gateway.broker.security import Security

from .scene import Scene, wanted
from .trading import CALL, COIN, PAIR, SHARE, D

INDEX = Security(70, "SPX", "IND", "USD")
SMALL = replace(SHARE, details={"min_size": 10, "size_increment": 10})
TRAIL = {"kind": "TRAIL", "auxiliary_price": 1.0}
STOP = {"kind": "STP", "action": "SELL", "auxiliary_price": 9.0}
ADJUSTED = STOP | {"adjusted_order_type": "TRAIL", "trigger_price": 11.0, "adjusted_stop_price": 10.5,
                   "adjusted_trailing_amount": 0.5}  # fmt: skip
BEST = {"kind": "PEG BEST", "exchange": "IBKRATS", "compete_against_best_offset": 0.01, "minimum_compete_size": 100}

CASES: list[tuple[int, dict[str, Any]]] = [
    (387, {"kind": "PEG BENCH"}), (387, {"kind": "VOL"}), (387, {"kind": "PEG STK"}), (387, {"kind": "BOX TOP"}),
    (387, {"kind": ""}), (387, {"kind": "lmt or so"}),
    (412, {"of": INDEX}),
    (321, {"action": "HOLD"}), (321, {"action": ""}),
    (434, {"total_quantity": 0}), (434, {"total_quantity": None}), (321, {"total_quantity": -1}),
    (10243, {"total_quantity": 0.5}), (10243, {"of": SMALL, "total_quantity": 15}),
    (388, {"of": replace(SHARE, details={"min_size": 10}), "total_quantity": 9}),
    (383, {"total_quantity": 1e300}), (383, {"of": COIN, "cash_quantity": 1e300, "total_quantity": 0}),
    (382, {"kind": "LMT", "limit": 1e300}), (382, STOP | {"auxiliary_price": -1e300}),
    (382, ADJUSTED | {"trigger_price": 1e9 + 1}),
    (413, {"what_if": True, "transmit": False}),
    (321, {"kind": "LMT"}), (321, {"kind": "LOC"}), (403, {"kind": "STP"}), (403, {"kind": "STP LMT", "limit": 9}),
    (158, TRAIL | {"trailing_percent": 1.0}), (158, {"kind": "TRAIL"}),
    (159, {"kind": "TRAIL", "trailing_percent": 100.0}), (159, {"kind": "TRAIL", "trailing_percent": -1.0}),
    (321, TRAIL | {"kind": "TRAIL LIMIT", "limit": 9, "limit_price_offset": 0.1}),
    (110, {"kind": "LMT", "limit": 9.995}), (110, {"kind": "STP", "auxiliary_price": 9.995}),
    (110, TRAIL | {"trail_stop_price": 9.995}),
    (113, {"kind": "MOC", "time_in_force": "GTC"}),
    (111, {"time_in_force": "AUC"}), (111, {"time_in_force": "DTC"}), (111, STOP | {"time_in_force": "OPG"}),
    (343, {"good_after_time": "soon"}), (343, {"time_in_force": "GTD", "good_till_date": "later"}),
    (334, {"time_in_force": "GTD"}),
    (146, STOP | {"trigger_method": 5}), (146, STOP | {"trigger_method": 6}),
    (321, {"oca_group": "g", "oca_type": 4}),
    (117, {"block_order": True, "total_quantity": 49}),
    (10020, {"kind": "LMT", "limit": 9, "display_size": 101}),
    (157, {"kind": "LMT", "limit": 9, "display_size": 50, "discretionary_amount": 0.1}),
    (325, {"discretionary_amount": 0.1}),
    (321, {"minimum_quantity": 101}),
    (321, ADJUSTED | {"kind": "MIT"}), (321, ADJUSTED | {"adjusted_order_type": "MKT"}),
    (361, ADJUSTED | {"trigger_price": None}), (362, ADJUSTED | {"adjusted_stop_price": None}),
    (363, ADJUSTED | {"adjusted_order_type": "STP LMT"}), (364, ADJUSTED | {"adjusted_trailing_amount": None}),
    (10297, BEST | {"not_held": False}),
    (10268, {"electronic_trade_only": True}), (10269, {"firm_quote_only": True}), (10270, {"nbbo_price_cap": 1.0}),
    (10274, {"post_to_ats": 1}), (10342, {"imbalance_only": True}),
    (442, {"algo_strategy": "Guess"}), (332, {"advisor_group": "all"}),
    *((10340, {name: 1}) for name in UNSUPPORTED),
    (10244, {"kind": "STP", "cash_quantity": 100, "total_quantity": 0, "auxiliary_price": 9.0}),
    (10244, {"of": CALL, "cash_quantity": 100, "total_quantity": 0}),
    (10293, {"of": PAIR, "cash_quantity": 100}), (10289, {"of": COIN}),
    (201, {"of": PAIR, "cash_quantity": 100, "total_quantity": 0}),  # there is no price yet
    (10149, {"order_id": -1}),
    (10006, {"parent_id": 4711}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "values"), CASES, ids=[f"{code}-{place}" for place, (code, _) in enumerate(CASES)])
def test_an_order_that_may_not_be_never_was(code: int, values: dict[str, Any]) -> None:
    scene = Scene()
    scene.place(**values)
    assert scene.said() == [f"ER {code}"]
    assert scene.paper.orders.open() == []
    assert scene.place() == 2 - (values.get("order_id", 0) != 0)  # the id is free, and the next order is taken
    assert scene.said()[0].startswith("OO")


def test_each_rule_is_tried() -> None:
    of_combinations_and_conditions = {10058, 314, 350, 356, 358, 359, 360, 147, 148}
    assert {rule.code for rule in RULES} - {code for code, _ in CASES} == of_combinations_and_conditions


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_about_some_fields_holds_where_these_are_empty(kind: str) -> None:
    for price in (None, 9.0):
        values = wanted(order_type=kind, limit_price=price, auxiliary_price=price)
        wish = Wish(values, SHARE, lambda price: 0.01)
        assert not any(values.get(name) for name in FIELDS)
        assert not [rule for rule in RULES if rule.about and rule.broken(wish)]


LOOKED_AT: set[str] = set()
FIELD_OF = {"type": "order_type", "size": "total_quantity"}  # what a wish makes of a field


class Watched(Wish):
    """A wish that notes at which fields a rule looks."""

    def __getattribute__(self, name: str) -> Any:
        LOOKED_AT.update({FIELD_OF[name]} if name in FIELD_OF else ())
        found = super().__getattribute__(name)
        return WatchedValues(found) if name == "values" else found


class WatchedValues(dict[str, Any]):
    """Values that note which of them were asked for."""

    def __getitem__(self, name: str) -> Any:
        LOOKED_AT.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        LOOKED_AT.add(name)
        return super().get(name, default)


def wish_of(make: type[Wish] = Wish, **case: Any) -> Wish:
    """Return what a case of the tables below and above wants."""
    kind, limit, of = case.pop("kind", "MKT"), case.pop("limit", None), case.pop("of", SHARE)
    values = wanted(order_type=kind, limit_price=limit, **case)
    made: Wish = make(values, of, lambda price: 0.01 if made.values["exchange"] else 0.05)
    return made


def test_a_rule_looks_only_at_the_fields_that_it_names() -> None:
    """Else a change of one of them would go unseen."""
    usual = [{"kind": kind, "limit": 9, "auxiliary_price": 1.0} for kind in TYPES]
    cases = [*(case for _, case in CASES), *ALLOWED, *usual]
    for wish in (wish_of(Watched, **case) for case in cases):
        for rule in (rule for rule in RULES if rule not in COMBO_RULES):  # which are never left out
            LOOKED_AT.clear()
            is_broken = rule.broken(wish)
            assert {*rule.about, *rule.also} >= LOOKED_AT, rule
            if is_broken:  # those behind may rely on this one
                break


def test_a_change_is_refused_as_a_new_order_would_be() -> None:
    """Only the rules about what it changes are looked at."""
    for before in (wish_of(**case) for case in ALLOWED if case.get("of") is not COIN):
        assert refusal(before) is None
        for case in (case for _, case in CASES if "of" not in case):
            after = wish_of(**case)
            assert refusal(after, after.changed(before.values)) == refusal(after), (before.values, case)


ALLOWED: list[dict[str, Any]] = [
    {"kind": "MIDPRICE"}, {"kind": "pegmid"}, {"kind": "TRAILLMT", "limit": 9, "auxiliary_price": 1.0}, ADJUSTED,
    {"kind": "MKT", "time_in_force": "OPG"}, BEST | {"not_held": True}, {"kind": "LMT", "limit": -1},
    {"of": COIN, "action": "SELL", "total_quantity": 0.5}, {"action": "SSHORT"}, {"block_order": True},
]  # fmt: skip


@pytest.mark.parametrize("values", ALLOWED)
def test_what_may_be(values: dict[str, Any]) -> None:
    scene = Scene()
    of = replace(COIN, details={"size_increment": "0.0001"}) if values.get("of") is COIN else SHARE
    scene.place(**values | {"of": of})
    assert [word for word in scene.said() if word.startswith("ER")] == []


# Ids


def test_an_id_is_new_or_of_an_order_that_is_open() -> None:
    scene = Scene()
    scene.place(order_id=5)
    scene.place(order_id=4)
    scene.cancel(5)
    scene.place(order_id=5)
    scene.cancel(5)
    scene.cancel(9)
    filled = scene.place(order_id=6)
    scene.quote(9.99, 10)
    scene.place(order_id=filled)
    scene.cancel(filled)
    told = [one.values for one in scene.told() if one.name == "error"]
    assert [one["code"] for one in told] == [103, 202, 103, 10148, 10147, 104, 10148]
    assert [one["message"] for one in told if one["code"] in (10147, 10148)] == [
        "OrderId 5 that needs to be cancelled can not be cancelled, state: Cancelled.",
        "OrderId 9 that needs to be cancelled is not found.",
        "OrderId 6 that needs to be cancelled can not be cancelled, state: Filled."]  # fmt: skip


def test_the_same_id_of_two_clients_are_two_orders_and_neither_is_the_others() -> None:
    scene = Scene()
    one, other = scene.place("LMT", 9), scene.place("LMT", 8, client=1)
    assert one == other
    scene.cancel(2, client=1)
    scene.cancel(other, client=1)
    assert [order.client_id for order in scene.paper.orders.open()] == [0]
    assert scene.said(client=1)[-3:] == ["ER 10147", "OS Cancelled 0/100", "ER 202"]


def test_an_order_is_taken_with_nothing_written_as_it_is_told() -> None:
    """A client that is back changes an order with every value that it was told of it."""
    scene = Scene()
    told: dict[str, Any] = NONE_YET | {"account": "DU1234567", "right": "?", "strike": 0.0}
    one = scene.place("LMT", 8, symbol="")
    scene.place("LMT", 9, order_id=one, **told)
    assert not [said for said in scene.said() if said.startswith("ER")]
    assert scene.order(one).limit == 9


@pytest.mark.parametrize("zero", [None, 0.0])
def test_an_order_that_is_made_smaller_as_it_is_told_keeps_its_place(zero: float | None) -> None:
    """IB tells 0 for a price that there is not."""
    scene = Scene()
    scene.quote(9.99, 10.01)
    one = scene.place("LMT", 9.99)
    scene.quote(9.99, 10.01)
    scene.trade(9.99, 100)
    scene.quote(9.99, 10.01, bid_size=50)
    scene.place("LMT", 9.99, order_id=one, total_quantity=60, auxiliary_price=zero)
    scene.trade(9.99, 40)
    assert scene.order(one).filled == 40


# Changes


@pytest.mark.parametrize(("code", "change"), [
    (105, {"action": "SELL"}), (105, {"of": CALL}), (105, {"account": "DU7654321"}), (110, {"limit": 9.995}),
    (329, {"kind": "STP", "auxiliary_price": 11.0}), (10341, {"parent_id": 1}), (10326, {"oca_group": "new"}),
    (434, {"total_quantity": 0}), (10340, {"scale_table": "x"}),
])  # fmt: skip
def test_a_change_that_may_not_be_leaves_the_order_as_it_was(code: int, change: dict[str, Any]) -> None:
    scene = Scene()
    scene.place("LMT", 8)
    one = scene.place("LMT", 9, account="DU1234567", outside_regular_hours=True)
    before = dict(scene.order(one).values)
    scene.said()
    changed: dict[str, Any] = {"kind": "LMT", "limit": 9.5, "order_id": one}
    scene.place(**changed | change)
    assert scene.said() == [f"ER {code}"]
    order = scene.order(one)
    assert (order.values, order.status, order.limit, list(order.changes)) == (before, "Submitted", 9, [])


def test_each_change_is_noted_field_by_field() -> None:
    scene = Scene()
    one = scene.place("LMT", 9, outside_regular_hours=True)
    scene.place("LMT", 9.5, order_id=one, outside_regular_hours=True)
    scene.place("LMT", 9.5, order_id=one, time_in_force="GTC")
    assert [dict(change.fields) for change in scene.order(one).changes] == [
        {"limit_price": (9.0, 9.5)},
        {"time_in_force": ("DAY", "GTC"), "outside_regular_hours": (True, False)}]  # fmt: skip


def test_a_limit_order_may_become_a_market_order() -> None:
    scene = Scene()
    one = scene.place("LMT", 9)
    scene.place("MKT", order_id=one)
    scene.quote(9.99, 10)
    assert scene.statuses(one) == ["Filled"]


def test_a_change_down_to_what_is_filled_ends_the_order() -> None:
    scene = Scene()
    one = scene.place("LMT", 10)
    scene.quote(9.99, 10, ask_size=40)
    scene.place("LMT", 10, order_id=one, total_quantity=40)
    assert scene.statuses(one) == ["Cancelled"]
    assert scene.order(one).filled == 40


def test_nothing_can_be_changed_once_a_cancel_is_on_its_way() -> None:
    scene = Scene(latency_us=3_000_000)
    one = scene.place("LMT", 9)
    scene.wait(5)
    scene.cancel(one)
    scene.said()
    scene.place("LMT", 9.5, order_id=one)
    assert scene.said() == ["ER 2102"]


def test_a_change_that_comes_too_late_is_104() -> None:
    scene = Scene(latency_us=3_000_000)
    one = scene.place("LMT", 10)
    scene.wait(5)
    scene.place("LMT", 10.5, order_id=one)
    scene.quote(9.99, 10)
    scene.said()
    scene.wait(5)
    assert scene.said() == ["ER 104"]


# What lives


def test_an_algorithm_works_as_a_plain_order_and_that_is_said() -> None:
    scene = Scene()
    one = scene.place("LMT", 10, algo_strategy="Adaptive", algo_parameters=[{"tag": "adaptivePriority", "value": "x"}])
    assert scene.said()[0] == "ER 399"
    scene.quote(9.99, 10)
    assert scene.statuses(one) == ["Filled"]


def test_a_preset_time_in_force_is_told_where_the_gateway_has_that_habit_and_the_order_lives() -> None:
    scene = Scene(habits=Habits(tells_preset_force=True))
    one = scene.place("LMT", 10)
    first, second, _ = scene.told()[:3]
    assert (first.values["code"], second.values["time_in_force"]) == (10349, "DAY")
    scene.quote(9.99, 10)
    assert scene.statuses(one) == ["Filled"]
    quiet = Scene()
    quiet.place("LMT", 10)
    assert not any(word.startswith("ER") for word in quiet.said())


def test_shares_that_cannot_be_borrowed_are_looked_for() -> None:
    scene = Scene(habits=Habits(not_locatable=frozenset({"AAPL"})))
    one = scene.place("MKT", action="SELL")
    assert scene.said() == ["ER 404", "OO PreSubmitted", "OS PreSubmitted 0/100 locate"]
    scene.quote(9.99, 10)
    assert scene.order(one).filled == 0
    scene.cancel(one)
    assert scene.statuses(one, scene.place("MKT")) == ["Cancelled", "PreSubmitted"]


def test_money_buys_as_many_as_it_is_worth() -> None:
    scene = Scene()
    scene.quote(1.09, 1.10, 1_000_000, 1_000_000, of=PAIR)
    whole = replace(PAIR, details={"size_increment": 1})
    market = scene.place("MKT", of=whole, cash_quantity=1_000, total_quantity=0)
    limited = scene.place("LMT", 1.0, of=whole, cash_quantity=1_000, total_quantity=0)
    sold = scene.place("MKT", of=PAIR, cash_quantity=109, total_quantity=0, action="SELL")
    assert [scene.order(each).quantity for each in (market, limited, sold)] == [D(909), D(1_000), D(100)]


def test_what_would_be_is_said_and_nothing_is_placed() -> None:
    scene = Scene()
    scene.place("LMT", 9, what_if=True)
    assert scene.said() == ["OO PreSubmitted"]
    assert scene.paper.orders.open() == []
