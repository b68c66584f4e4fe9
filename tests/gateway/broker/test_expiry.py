from dataclasses import replace
from decimal import Decimal

import pytest

from capture.gateway.broker.account.expiry import exercise, expire, intrinsic, is_due, settles_at_open
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.security import Security
from tests.gateway.broker.trading import CALL, FUTURE, NOON_US, PUT, SHARE, D

ID = "0000e0d5.00000001.01.01"
INDEX_CALL = replace(CALL, con_id=31, symbol="SPX", details={"trading_class": "SPX"})
FUTURE_PUT = replace(PUT, con_id=32, symbol="MES", sec_type="FOP", multiplier=D(5), strike=D(6000))


def settled(security: Security, quantity: int, price: str, underlying: Security | None = SHARE) -> Ledger:
    """A ledger with 10,000 dollars after what it held for 4 a share has ended."""
    position = Position.held(security, D(quantity), 4 * security.multiplier)
    ledger = Ledger("USD", {"USD": D(10_000)}, [position])
    for fill in expire(position, D(price), underlying, NOON_US, ID):
        ledger.book(fill, D(0))
    assert ledger.positions[security.con_id].quantity == 0
    return ledger


@pytest.mark.parametrize(("option", "quantity", "price", "shares", "cash"), [
    (CALL, 2, "280", 200, -54_000),
    (CALL, -2, "280", -200, 54_000),
    (PUT, 2, "240", -200, 50_000),
    (PUT, -2, "240", 200, -50_000),
    (CALL, 1, "270.01", 100, -27_000),
    (CALL, 1, "270.009", 0, 0),
    (CALL, -1, "270", 0, 0),
    (PUT, 1, "280", 0, 0),
])  # fmt: skip
def test_an_option_closes_at_nothing_and_shares_change_hands_at_the_strike(
    option: Security, quantity: int, price: str, shares: int, cash: int
) -> None:
    ledger = settled(option, quantity, price)
    assert ledger.cash["USD"] == 10_000 + cash
    held = ledger.positions.get(SHARE.con_id)
    assert (held.quantity if held else 0) == shares
    assert held is None or held.average_cost == option.strike
    assert ledger.realised_today()["USD"] == -400 * quantity


def test_both_executions_are_tied_and_cost_nothing() -> None:
    closed, shares = expire(Position.held(CALL, D(1), D(400)), D(280), SHARE, NOON_US, ID)
    assert (closed.execution_id, closed.price, closed.note) == (ID, D(0), "exercised")
    assert (shares.execution_id, shares.price, shares.quantity) == ("0000e0d5.00000001.02.01", D(270), D(100))


def test_the_second_leg_of_a_spread_is_exercised_without_the_means_for_it() -> None:
    ledger = Ledger("USD", {"USD": D(0)}, [Position.held(CALL, D(-1), D(400)),
                                           Position.held(replace(CALL, con_id=9, strike=D(260)), D(1), D(900))])
    for number, position in enumerate(list(ledger.positions.values())):
        for fill in expire(position, D(300), SHARE, NOON_US, f"0000e0d5.{number:08}.01.01"):
            ledger.book(fill, D(0))
    assert ledger.cash["USD"] == 1_000
    assert ledger.positions[SHARE.con_id].quantity == 0


def test_an_option_on_an_index_is_settled_in_cash() -> None:
    assert settled(INDEX_CALL, 2, "280", None).cash["USD"] == 10_000 + 2_000
    assert settled(INDEX_CALL, -2, "280", None).cash["USD"] == 10_000 - 2_000
    assert settles_at_open(INDEX_CALL)
    assert not settles_at_open(CALL)


def test_an_option_on_a_future_becomes_one_at_the_strike() -> None:
    ledger = settled(FUTURE_PUT, 3, "5900", FUTURE)
    assert ledger.positions[FUTURE.con_id].quantity == -3
    assert ledger.positions[FUTURE.con_id].futures_pnl(D(5900)) == 3 * 5 * 100
    assert ledger.cash["USD"] == 10_000


def test_a_future_closes_at_its_settlement_price() -> None:
    position = Position.held(FUTURE, D(2), D(30_000))
    (fill,) = expire(position, D(6010), None, NOON_US, ID)
    ledger = Ledger("USD", {"USD": D(0)}, [position])
    assert ledger.book(fill, D(0)).realised == 100
    assert ledger.settle_future(FUTURE.con_id, D(6010), NOON_US) == 100


def test_what_is_not_held_ends_in_nothing() -> None:
    assert expire(Position(CALL), D(280), SHARE, NOON_US, ID) == []


def test_a_part_of_a_position_is_exercised_early() -> None:
    closed, shares = exercise(Position.held(PUT, D(5), D(400)), D(2), SHARE, NOON_US, ID)
    assert (closed.signed, shares.signed, shares.price) == (Decimal(-2), Decimal(-200), PUT.strike)


@pytest.mark.parametrize(("last", "date", "due"), [
    ("20260702", "20260701", False),  # 3 July 2026 is a holiday: what would end then ends the day before
    ("20260702", "20260702", True),
    ("20260618", "20260618", True),  # likewise 19 June
    ("20260618 15:00 US/Central", "20260619", True),
    ("202606", "20260701", False),  # a month is no day
    ("", "20260701", False),
])  # fmt: skip
def test_what_ends_on_the_eve_of_a_holiday_ends_then(last: str, date: str, due: bool) -> None:
    assert is_due(replace(CALL, last_trade_date=last), date) == due


def test_how_far_an_option_is_in_the_money() -> None:
    assert [intrinsic(CALL, D(280)), intrinsic(CALL, D(260)), intrinsic(PUT, D(240))] == [10, 0, 10]
