from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.broker.fees import NO_FEES, Fees, OrderFees
from capture.gateway.broker.fees.schedule import SCHEDULES, Charge, Commission
from capture.gateway.broker.fill import ADDED, Fill
from capture.gateway.broker.security import Security
from capture.times import DAY_US, EPOCH, microseconds
from tests.gateway.broker.trading import CALL, COIN, EURO_SHARE, FUTURE, NOON_US, PAIR, SHARE, D, fill

BITCOIN_FUTURE = replace(FUTURE, con_id=8, symbol="MBT")
YEN_PAIR = Security(9, "USD", "CASH", "JPY")


@pytest.mark.parametrize(("security", "quantity", "price", "fee"), [
    (CALL, "26", "0.38", "16.90"),
    (SHARE, "1000", "0.25", "2.50"),  # the cap of 1 %
    (SHARE, "100", "280", "1"),
    (SHARE, "1000", "280", "5"),
    (SHARE, "10", "1", "0.10"),  # the cap is below the minimum, and stands
    (SHARE, "0.0001", "280", "0.00028"),
    (CALL, "1", "0.38", "1"),
    (CALL, "10", "0.10", "6.50"),
    (CALL, "10", "0.07", "5"),
    (CALL, "10", "0.04", "2.50"),
    (FUTURE, "1", "6000", "0.62"),
    (BITCOIN_FUTURE, "1", "60000", "2.01"),
    (replace(FUTURE, symbol="ES"), "2", "6000", "4.50"),
    (replace(FUTURE, symbol="ZZ"), "1", "60", "2.25"),
    (PAIR, "20000", "1.1", "2"),
    (PAIR, "1000000", "1.1", "22"),
    (YEN_PAIR, "10000", "150", "300"),
    (COIN, "1", "60000", "108"),
    (COIN, "0.01", "60000", "1.75"),
    (EURO_SHARE, "100", "200", "10"),
])  # fmt: skip
def test_what_an_order_costs_on_the_fixed_schedule(security: Security, quantity: str, price: str, fee: str) -> None:
    assert Fees("fixed").charge(fill(security, quantity, price))[0] == D(fee)
    assert Fees("fixed").estimate(security, D(quantity), D(price), NOON_US) == D(fee)


@pytest.mark.parametrize(("security", "quantity", "price", "liquidity", "fee"), [
    (SHARE, "1000", "280", 2, D("3.5") + D("0.2") + 3 + D("3.5") * D("0.000735")),
    (SHARE, "1000", "280", ADDED, D("3.5") + D("0.2") - 2 + D("3.5") * D("0.000735")),
    (CALL, "10", "0.38", 2, D("6.70")),
    (FUTURE, "1", "6000", 2, D("0.62")),
])  # fmt: skip
def test_what_an_order_costs_on_the_tiered_schedule(
    security: Security, quantity: str, price: str, liquidity: int, fee: Decimal
) -> None:
    assert Fees("tiered").charge(fill(security, quantity, price, liquidity=liquidity))[0] == fee


def test_regulators_charge_where_they_are_asked_for_and_from_their_dates_on() -> None:
    old_us, new_us = (microseconds(EPOCH.replace(year=year, month=6)) for year in (2024, 2026))
    fees = Fees("fixed", regulatory=True)
    beside = D("0.166") + D("0.048")
    assert fees.charge(fill(SHARE, "-1000", "100", at_us=old_us))[0] == 5 + beside + D("2.78")
    assert fees.charge(fill(SHARE, "-1000", "100", at_us=new_us))[0] == 5 + beside
    assert fees.charge(fill(SHARE, "1000", "100", at_us=new_us))[0] == 5 + D("0.048")
    assert fees.charge(fill(SHARE, "-100000", "100", at_us=new_us))[0] == 500 + D("8.30") + D("4.8")


def in_parts(fees: Fees, fills: list[Fill]) -> list[Decimal]:
    so_far, charged = NO_FEES, []
    for each in fills:
        fee, so_far = fees.charge(each, so_far)
        charged.append(fee)
    return charged


def test_the_minimum_is_taken_once_per_order_on_its_first_fill() -> None:
    assert in_parts(Fees(), [fill(SHARE, "50", "280")] * 5) == [1, 0, 0, 0, D("0.25")]


def test_the_cap_of_an_order_is_lifted_by_its_later_fills() -> None:
    assert in_parts(Fees(), [fill(SHARE, "10", "5"), fill(SHARE, "10", "5"), fill(SHARE, "80", "5")]) == [
        D("0.5"), D("0.5"), 0]  # fmt: skip


def test_orders_pay_their_minimum_each() -> None:
    fees = Fees()
    assert [fees.charge(fill(SHARE, "50", "280"))[0] for _ in range(2)] == [1, 1]


def test_the_volume_of_a_month_lowers_the_rate_of_what_is_beyond_a_tier_and_ends_with_it() -> None:
    fees = Fees("tiered")
    assert fees.charge(fill(FUTURE_ES, "900", "6000"))[1].commission == D("765")
    assert fees.charge(fill(FUTURE_ES, "200", "6000"))[1].commission == 85 + 65
    before = fees.snapshot()
    assert fees.charge(fill(FUTURE_ES, "100", "6000"))[1].commission == 65
    assert fees.charge(fill(FUTURE_ES, "10", "6000", at_us=NOON_US + 30 * DAY_US))[1].commission == D("8.5")
    fees.restore(before)
    assert fees.charge(fill(FUTURE_ES, "8900", "6000"))[1].commission == 8900 * D("0.65")
    assert fees.charge(fill(FUTURE_ES, "1", "6000"))[1].commission == D("0.45")


FUTURE_ES = replace(FUTURE, symbol="ES")


def test_an_estimate_adds_to_no_volume() -> None:
    fees = Fees("tiered")
    fees.estimate(FUTURE_ES, D(30_000), D(6000), NOON_US)
    assert fees.charge(fill(FUTURE_ES, "1", "6000"))[1].commission == D("0.85")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([SHARE, CALL, FUTURE, PAIR, COIN, EURO_SHARE]), st.decimals("0.01", "500", places=2),
       st.lists(st.decimals("0.0001", "500", places=4), min_size=1, max_size=20), st.sampled_from(list(SCHEDULES)))
def test_parts_of_an_order_cost_what_the_whole_does_and_never_give_back(
    security: Security, price: Decimal, quantities: list[Decimal], schedule: str
) -> None:
    parts = [fill(security, quantity, price) for quantity in quantities]
    charged = in_parts(Fees(schedule), parts)
    whole = Fees(schedule).charge(fill(security, sum(quantities, D(0)), price))[0]
    assert all(fee >= 0 for fee in charged)
    assert abs(sum(charged) - whole) < D("1e-15")


def test_every_row_of_the_schedules_is_reached_by_some_trade() -> None:
    """A row that a later one always hides is a mistake in the table."""
    for name, schedule in SCHEDULES.items():
        rows: tuple[Commission | Charge, ...] = (*schedule.commissions, *schedule.charges)
        for row in rows:
            security = Security(1, row.symbols[0] if row.symbols else "?", row.product or "BAG", row.currency or "XXX")
            on = max(row.valid_from, date(2000, 1, 1))
            on_us = microseconds(EPOCH.replace(year=on.year, month=on.month, day=on.day))
            trade = fill(security, "1", "1", at_us=on_us)
            fees = Fees(name, regulatory=True)
            assert fees.charge(trade)[1] != OrderFees()
            assert row in (lambda found: (found[0], *found[1]))(next(iter(fees._rows.values())))
