"""Options and futures that end: at which moment, at which price, and what their holder is told."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.course.expiries import EXERCISE, LAPSE, ends_at_us
from capture.gateway.broker.course.facts import Facts
from capture.gateway.broker.fees import Fees
from capture.gateway.broker.fees.schedule import SCHEDULES
from capture.gateway.broker.security import Security
from capture.times import HOUR_US, moment_of

from .scene import SECOND_US, Scene
from .trading import CALL, FUTURE, NOON_US, PUT, SHARE, D

TODAY = "20261125"
BELL_US = NOON_US + 9 * HOUR_US  # four in the afternoon in New York
CALL_TODAY, PUT_TODAY = (replace(each, last_trade_date=TODAY) for each in (CALL, PUT))
FUTURE_TODAY = replace(FUTURE, last_trade_date=TODAY)


def holding(price: float | None, *held: tuple[Security, int], cash: int = 0, **facts: Any) -> tuple[Scene, Ledger]:
    """Return a broker whose account holds options of yesterday, and its ledger; `price` is the official close."""
    price = None if price is None else float(price)
    positions = [Position.held(security, D(quantity), D(400)) for security, quantity in held]
    ledger = Ledger("USD", {"USD": D(cash)}, positions)
    known = Facts(security=lambda con_id: SHARE if con_id == SHARE.con_id else None,
                  official_close=lambda con_id, at_us: price, price=lambda con_id, at_us: price, **facts)  # fmt: skip
    scene = Scene(till=AccountTill(Account("DU1", "margin", ledger), Fees(SCHEDULES["fixed"])), facts=known)
    for security, _ in held:
        scene.paper.expiries.watch(security, scene.at_us)
    return scene, ledger


def quantities(ledger: Ledger) -> dict[int, Decimal]:
    return {con_id: held.quantity for con_id, held in ledger.positions.items() if held.quantity}


def test_in_the_money_shares_change_hands_at_the_strike_with_two_executions_that_are_free() -> None:
    scene, ledger = holding(280, (CALL_TODAY, 1))
    scene.paper.advance(BELL_US - 1)
    assert scene.said() == []
    scene.paper.advance(BELL_US)
    told = scene.told()
    assert [(one.values["symbol"], one.values["side"], one.values["shares"], one.values["price"]) for one in told] == [
        ("AAPL", "SLD", 1, 0), ("AAPL", "BOT", 100, 270)]  # fmt: skip
    closed, shares = (one.values["execution_id"] for one in told)
    assert closed[:18] == shares[:18]
    assert quantities(ledger) == {SHARE.con_id: 100}
    assert ledger.cash["USD"] == -27_000  # without the means, and without a fee
    assert len(scene.executions()) == 2


@pytest.mark.parametrize(("price", "quantity", "left"), [
    (270.01, 1, {SHARE.con_id: 100}), (270.009, 1, {}), (300.0, -2, {SHARE.con_id: -200}), (200.0, -2, {}),
])  # fmt: skip
def test_the_official_close_decides_from_a_cent_on(price: float, quantity: int, left: dict[int, int]) -> None:
    scene, ledger = holding(price, (CALL_TODAY, quantity))
    scene.quote(250, 251)  # what it is worth before and after does not matter
    scene.paper.advance(BELL_US)
    scene.quote(260, 261)
    assert quantities(ledger) == left


def test_where_nobody_knows_the_close_a_position_stays() -> None:
    scene, ledger = holding(None, (CALL_TODAY, 1))
    scene.paper.advance(BELL_US)
    assert quantities(ledger) == {CALL.con_id: 1}


def test_what_an_index_is_under_is_settled_in_cash_at_its_opening_price() -> None:
    option = replace(CALL_TODAY, under_con_id=77, details={"trading_class": "SPX", "real_expiration_date": TODAY})
    scene, ledger = holding(0, (option, 1), official_open=lambda con_id, at_us: 280.0 if con_id == 77 else None)
    scene.paper.advance(NOON_US + 2 * HOUR_US + 45 * 60 * SECOND_US)  # a quarter of an hour after the bell
    assert not quantities(ledger)
    assert ledger.cash["USD"] == 1_000


def test_a_future_ends_at_its_last_price() -> None:
    scene, ledger = holding(6_010, (FUTURE_TODAY, 2), cash=100)
    scene.paper.advance(BELL_US)
    assert not quantities(ledger)
    assert ledger.cash["USD"] == 100 + 2 * (6_010 * 5 - 400)


def test_orders_for_what_ends_end_and_new_ones_are_refused() -> None:
    scene, _ = holding(280, cash=10_000)
    one = scene.place("LMT", 1, of=CALL_TODAY, total_quantity=1, time_in_force="GTC")
    scene.said()
    scene.paper.advance(BELL_US)
    assert scene.said() == ["OS Cancelled 0/1", "ER 202"]
    scene.at_us = BELL_US
    scene.place("LMT", 1, of=CALL_TODAY, total_quantity=1)
    assert (scene.said(), scene.statuses(one)) == (["ER 392"], ["Cancelled"])


def test_an_option_that_was_bought_today_ends_today() -> None:
    scene, ledger = holding(280, cash=10_000)
    scene.place("MKT", of=CALL_TODAY, total_quantity=1)
    scene.quote(9.9, 10, of=CALL_TODAY)
    scene.paper.advance(BELL_US)
    assert quantities(ledger) == {SHARE.con_id: 100}


@pytest.mark.parametrize(("date", "hours", "ends"), [
    ("20261127", "20261127:0930-20261127:1300", "18:00"),  # the day after Thanksgiving
    ("20260702", "", "20:00"),  # before the third of July, a holiday; hours not recorded
    ("20261125 15:00 US/Central", "20261125:0930-20261125:1600", "21:00"),
    ("202611", "", None), ("", "", None),
])  # fmt: skip
def test_the_last_moment_is_the_end_of_regular_hours(date: str, hours: str, ends: str | None) -> None:
    details = {"trading_hours": hours, "liquid_hours": hours, "time_zone_id": "US/Eastern"} if hours else {}
    found = ends_at_us(replace(CALL, last_trade_date=date, details=details))
    assert (f"{moment_of(found):%H:%M}" if found else None) == ends


# Exercise


def asked(scene: Scene, action: int = EXERCISE, quantity: int = 1, exchange: str = "AMEX", override: bool = False,
          option: Security = CALL) -> list[str]:  # fmt: skip
    scene.paper.exercise(scene.wait(), 0, 55, option, exchange, action, quantity, override)
    told = scene.told()
    return [f"{one.name} {one.values.get('code', one.values.get('shares'))}" for one in told]


def test_options_are_exercised_on_request() -> None:
    scene, ledger = holding(280, (CALL, 5))
    assert asked(scene, quantity=2) == ["execution_details 2", "execution_details 200"]
    assert quantities(ledger) == {CALL.con_id: 3, SHARE.con_id: 200}


@pytest.mark.parametrize(("wrong", "price"), [
    ({"exchange": "SMART"}, 280), ({"quantity": 6}, 280), ({"quantity": 0}, 280), ({"action": 3}, 280), ({}, 260),
    ({"option": PUT}, 280), ({}, None), ({"action": LAPSE}, 280),
])  # fmt: skip
def test_what_cannot_be_exercised_is_refused(wrong: dict[str, Any], price: float | None) -> None:
    scene, ledger = holding(price, (CALL, 5))
    assert asked(scene, **wrong) == ["error 322"]
    assert quantities(ledger) == {CALL.con_id: 5}


def test_an_override_exercises_what_is_out_of_the_money() -> None:
    scene, ledger = holding(260, (CALL, 5))
    asked(scene, override=True)
    assert quantities(ledger) == {CALL.con_id: 4, SHARE.con_id: 100}


def test_what_is_to_lapse_is_worth_nothing_in_the_end() -> None:
    scene, ledger = holding(280, (CALL_TODAY, 5))
    assert asked(scene, LAPSE, 3, override=True, option=CALL_TODAY) == []
    assert asked(scene, quantity=3, option=CALL_TODAY) == ["error 322"]
    scene.paper.advance(BELL_US)
    assert quantities(ledger) == {SHARE.con_id: 200}
