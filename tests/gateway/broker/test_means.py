from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.account_values import numbers
from capture.gateway.broker.account.figures import figures
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.means import LEAST_EQUITY, NO_RATE, NO_SHORTS, TOO_LITTLE, Means, what_if
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.account.reserved import Deal
from capture.gateway.broker.fees import Fees
from tests.gateway.broker.scene import Scene
from tests.gateway.broker.trading import (
    CALL,
    COIN,
    EURO_SHARE,
    EVERY,
    FUTURE,
    NOON_US,
    PAIR,
    PUT,
    SHARE,
    D,
    amounts,
    fill,
)

HIGHER_CALL = replace(CALL, con_id=33, strike=D(280))


class Desk:
    """An account with 100,000 dollars, and what it asks its means."""

    def __init__(self, kind: str = "margin", cash: str = "100000", *positions: Position) -> None:
        self.account = Account("DU1", kind, Ledger("USD", {"USD": D(cash)}, positions), pairs=[PAIR])
        for security, price in ((SHARE, 260), (CALL, 4), (HIGHER_CALL, 2), (PUT, 4), (FUTURE, 6000), (COIN, 60_000)):
            self.account.mark(security.con_id, D(price), NOON_US)
        self.means = Means(self.account, Fees())
        self.last = 0

    def ask(self, security: Any, quantity: int, price: str, *, order: int = 0, oca: str = "") -> str:
        self.last = order or self.last + 1
        return self.means.ask(self.last, [Deal(security, D(quantity), D(price))], NOON_US, oca).reason

    @property
    def available(self) -> Decimal:
        return self.means.standing(NOON_US).available


def test_an_order_takes_half_of_its_worth_and_its_fee() -> None:
    desk = Desk()
    assert desk.ask(SHARE, 100, "260") == ""
    assert desk.available == 100_000 - 13_000 - 1


def test_working_orders_are_counted_with_the_next_one() -> None:
    desk = Desk()
    assert desk.ask(SHARE, 700, "260") == ""
    assert desk.ask(SHARE, 100, "260") == TOO_LITTLE
    assert desk.available == 100_000 - 91_000 - D("3.5")
    assert desk.ask(SHARE, 60, "260") == ""


@pytest.mark.parametrize("end", ["release", "reserve"])
def test_what_was_reserved_is_free_again_when_an_order_ends(end: str) -> None:
    desk = Desk()
    desk.ask(SHARE, 700, "260")
    if end == "release":
        desk.means.release(1)
    else:
        desk.means.reserve(1, [], NOON_US)
    assert desk.available == 100_000
    desk.means.release(1)


def test_a_part_that_is_filled_is_held_and_no_longer_reserved() -> None:
    desk = Desk()
    desk.ask(SHARE, 700, "260")
    desk.account.book(fill(SHARE, "300", "260"), D("1.5"))
    desk.means.reserve(1, [Deal(SHARE, D(400), D(260))], NOON_US)
    assert desk.available == 100_000 - 91_000 - D("3.5")


def test_a_change_that_is_refused_leaves_what_was_reserved() -> None:
    desk = Desk()
    desk.ask(SHARE, 700, "260")
    before = desk.available
    assert desk.ask(SHARE, 900, "260", order=1) == TOO_LITTLE
    assert desk.available == before
    assert desk.ask(SHARE, 600, "260", order=1) == ""
    assert desk.available == 100_000 - 78_000 - 3


def test_a_change_that_asks_for_no_more_is_borne_whatever_the_account_has_become() -> None:
    desk = Desk()
    desk.ask(SHARE, 700, "260")
    desk.ask(CALL, 5, "4")
    desk.account.ledger.deposit("USD", D(-90_000), NOON_US)
    assert desk.ask(SHARE, 700, "270", order=1) == desk.ask(SHARE, 600, "280", order=1) == ""
    assert desk.ask(CALL, 5, "3", order=2) == ""
    assert desk.ask(CALL, 5, "4", order=2) == TOO_LITTLE
    assert desk.ask(SHARE, 601, "260", order=1) == TOO_LITTLE
    assert desk.ask(SHARE, -1300, "260", order=1) == TOO_LITTLE
    assert desk.available == 10_000 - 1_500 - D("3.25") - 78_000 - 3


def test_an_order_that_only_closes_is_never_refused() -> None:
    desk = Desk("margin", "-25000", Position.held(SHARE, D(100), D(260)))
    assert desk.available < 0
    assert desk.ask(SHARE, -100, "260") == ""
    assert desk.ask(SHARE, 1, "260") == TOO_LITTLE


def test_buys_and_sells_of_one_instrument_do_not_add_up() -> None:
    desk = Desk()
    assert desk.ask(SHARE, 700, "260") == desk.ask(SHARE, -700, "260") == ""
    assert desk.available == 100_000 - 91_000 - 7


def test_of_orders_that_cancel_each_other_one_counts() -> None:
    desk = Desk("cash", "100000", Position.held(SHARE, D(100), D(260)))
    assert desk.ask(SHARE, -100, "270", oca="exit") == ""
    assert desk.ask(SHARE, -100, "250", oca="exit") == ""
    assert desk.ask(SHARE, -100, "250") == NO_SHORTS
    desk.means.release(1)
    desk.means.release(2)
    assert desk.ask(SHARE, -100, "250") == ""


def test_options_are_paid_in_full_and_cover_nothing_until_they_are_bought() -> None:
    desk = Desk()
    assert desk.ask(HIGHER_CALL, 10, "2") == ""
    assert desk.available == 100_000 - 2_000 - D("6.50")
    assert desk.ask(CALL, -10, "4") == ""
    assert desk.available == 100_000 - 2_000 + 4_000 - 46_000 - 13
    desk.account.book(fill(HIGHER_CALL, "10", "2"), D("6.50"))
    desk.means.release(1)
    assert desk.available == 100_000 - 2_000 + 4_000 - 10_000 - 13


def test_a_combination_is_weighed_by_all_its_legs_together() -> None:
    desk = Desk()
    legs = [Deal(CALL, D(-10), D(4)), Deal(HIGHER_CALL, D(10), D(2))]
    before = desk.means.standing(NOON_US)
    verdict = desk.means.ask(1, legs, NOON_US)
    assert verdict.enough
    assert before.available - verdict.after.available == 10_000 - 2_000 + 13


def test_a_cash_account_pays_in_full_and_sells_only_what_it_has() -> None:
    desk = Desk("cash")
    assert desk.ask(SHARE, 300, "260") == ""
    assert desk.available == 100_000 - 78_000 - D("1.5")
    assert desk.ask(SHARE, 100, "260") == TOO_LITTLE
    assert desk.ask(SHARE, -1, "260") == NO_SHORTS
    assert desk.ask(CALL, -1, "4") == NO_SHORTS
    desk.means.release(1)
    desk.account.book(fill(SHARE, "100", "260"), D(1))
    assert desk.ask(CALL, -1, "4") == ""
    assert desk.ask(CALL, -1, "4") == NO_SHORTS
    assert desk.ask(PUT, -2, "4") == ""
    assert desk.ask(PUT, -2, "4") == TOO_LITTLE


def test_a_cash_account_owes_in_no_currency() -> None:
    desk = Desk("cash")
    desk.account.mark(PAIR.con_id, D("1.1"), NOON_US)
    assert desk.ask(PAIR, 80_000, "1.1") == ""
    assert desk.ask(PAIR, 20_000, "1.1") == TOO_LITTLE
    assert desk.ask(PAIR, -100, "1.1", order=1) == TOO_LITTLE
    desk.means.release(1)
    assert desk.ask(EURO_SHARE, 10, "100") == TOO_LITTLE
    desk.account.ledger.deposit("EUR", D(1_100), NOON_US)
    assert desk.ask(EURO_SHARE, 10, "100") == ""


def test_a_debt_in_one_currency_for_another_takes_a_part_of_it() -> None:
    desk = Desk()
    desk.account.mark(PAIR.con_id, D("1.1"), NOON_US)
    assert desk.ask(PAIR, 1_000_000, "1.1") == ""
    assert desk.available == 100_000 - 1_000_000 * D("0.025") - 22
    assert desk.ask(PAIR, 10_000_000, "1.1") == TOO_LITTLE


def test_nothing_is_bought_in_a_currency_whose_rate_nobody_knows_but_with_what_is_there() -> None:
    desk = Desk()
    assert desk.ask(EURO_SHARE, 10, "100") == NO_RATE
    desk.account.ledger.deposit("EUR", D(600), NOON_US)
    assert desk.ask(EURO_SHARE, 10, "100") == ""


def test_too_little_equity_lends_nothing() -> None:
    desk = Desk("margin", "1900")
    assert desk.ask(SHARE, 5, "260") == ""
    assert desk.ask(SHARE, 5, "260") == LEAST_EQUITY
    desk.means.release(1)
    assert desk.ask(SHARE, -1, "260") == LEAST_EQUITY
    assert desk.ask(CALL, 1, "4") == ""


def test_a_future_takes_its_margin() -> None:
    desk = Desk()
    assert desk.ask(FUTURE, 10, "6000") == ""
    assert desk.available == 100_000 - 24_200 - D("6.20")


def test_a_what_if_changes_nothing_and_says_what_an_order_would() -> None:
    desk = Desk()
    before = numbers(figures(desk.account))
    answer = what_if(desk.account, Fees(), [Deal(SHARE, D(100), D(260))], NOON_US)
    assert answer.before == amounts(0, 0, 100_000)
    assert answer.change == amounts(13_000, 6_500, -1)
    assert answer.after == tuple(b + c for b, c in zip(answer.before, answer.change, strict=True))
    assert answer.commission == 1
    assert numbers(figures(desk.account)) == before
    assert not desk.account.ledger.executions


@pytest.mark.parametrize("kind, limit", [("MKT", None), ("LMT", 210), ("LMT", 310), ("STP LMT", 310)])
def test_a_what_if_is_priced_by_the_market_and_not_by_its_limit(kind: str, limit: float | None) -> None:
    till = AccountTill(Account("DU1", "margin", Ledger("USD", {"USD": D(100_000)})), Fees())
    till.account.mark(SHARE.con_id, D(260), NOON_US)
    scene = Scene(till=till)
    scene.place(kind, limit, auxiliary_price=305 if kind == "STP LMT" else None, what_if=True)
    told = next(one.values for one in scene.told() if one.name == "open_order")
    changes = [told[f"{name}_change"] for name in ("initial_margin", "maintenance_margin", "equity_with_loan")]
    assert [float(each) for each in changes] == [13_000, 6_500, -1]


def test_what_covers_an_option_can_not_be_sold_without_the_means_for_what_is_left() -> None:
    spread = Position.held(CALL, D(20), D(400)), Position.held(HIGHER_CALL, D(-20), D(200))
    desk = Desk("margin", "10000", *spread)
    assert desk.ask(CALL, -20, "4", order=1) == TOO_LITTLE
    assert desk.ask(HIGHER_CALL, 20, "2", order=2) == ""
    assert desk.ask(CALL, -20, "4", order=1) == ""
    rich = Desk("margin", "1000000", *spread)
    assert rich.ask(CALL, -20, "4") == ""


def test_a_cash_account_keeps_the_shares_that_cover_its_calls() -> None:
    desk = Desk("cash", "10000", Position.held(SHARE, D(150), D(260)), Position.held(CALL, D(-1), D(400)))
    assert desk.ask(SHARE, -50, "260") == ""
    assert desk.ask(SHARE, -1, "260") == NO_SHORTS


def test_a_snapshot_brings_back_what_is_reserved() -> None:
    desk = Desk()
    desk.ask(SHARE, 700, "260")
    account, reserved, before = desk.account.snapshot(), desk.means.snapshot(), desk.available
    for _ in range(2):
        desk.means.release(1)
        desk.ask(CALL, 10, "4", order=8)
        desk.account.book(fill(FUTURE, "3", "6000"), D(2))
        desk.account.restore(account)
        desk.means.restore(reserved)
        assert desk.available == before


STEPS = st.lists(
    st.tuples(st.sampled_from(["fill", "mark", "ask", "oca", "release"]), st.sampled_from(EVERY), st.integers(1, 6),
              st.integers(-40, 40).filter(bool), st.integers(1, 300)), max_size=40)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["margin", "cash", "portfolio"]), STEPS)
def test_what_is_reckoned_step_by_step_is_what_is_reckoned_at_once(kind: str, steps: list[Any]) -> None:
    desk = Desk(kind)
    desk.account.mark(PAIR.con_id, D("1.1"), NOON_US)
    for what, security, order, quantity, price in steps:
        if what == "fill":
            desk.account.book(fill(security, D(quantity), D(price)), D(1))
        elif what == "mark" and security is not PAIR:
            desk.account.mark(security.con_id, D(price), NOON_US)
        elif what == "release":
            desk.means.release(order)
        else:
            desk.ask(security, quantity, str(price), order=order, oca="one" if what == "oca" else "")
        available, anew = desk.available, Means(desk.account, Fees())
        anew.restore(desk.means.snapshot())
        assert near(anew.standing(NOON_US).available, available)
    for order in range(1, 7):
        desk.means.release(order)
    known = numbers(figures(desk.account))
    assert near(desk.available, known["AvailableFunds"])
    assert not desk.means._reserved._working


def near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < D("1e-9")


def test_many_orders_are_weighed_as_quickly_as_few() -> None:
    desk = Desk("margin", "100000000")
    for number in range(20_000):
        desk.ask(SHARE, 1 if number % 2 else -1, "260")
    assert desk.available == 100_000_000 - 10_000 * 130 - 20_000
