"""Changes of orders field by field, and what fills cost against recorded quotes, by hand."""

from collections.abc import Callable

import pytest

from .accounts import AccountLake


def test_each_field_that_its_owner_changes_is_a_row(accounts: AccountLake) -> None:
    accounts.order(0, "PendingSubmit", None)
    accounts.order(1, "Submitted")
    accounts.order(2, "Submitted", limit_price=11.0, total_quantity=50.0)
    accounts.order(3, "Submitted", limit_price=11.0, total_quantity=50.0, outside_regular_hours=True)
    for second, stop in ((1, 9.0), (2, 9.5)):  # IB moves it
        accounts.order(second, "PreSubmitted", 78, order_type="TRAIL", trail_stop_price=stop, limit_price=stop)
    found = accounts.lake.sql("select permanent_id, field, before, now from order_changes(null, null)").rows()
    assert found == [(77, "limit_price", "10.0", "11.0"), (77, "total_quantity", "100.0", "50.0"),
                     (77, "outside_regular_hours", None, "true")]
    assert accounts.lake.sql("select permanent_id, modifications from order_lives(null, null)").rows() == [
        (77, 2), (78, 0)]


def by_ticks(lake: AccountLake, second: float, bid: float, ask: float) -> None:
    """Add level 1, a tick for each side, as options have it."""
    for tick_type, price in ((1, bid), (2, ask)):
        lake.add("ticks", second, stream="ticks", tick_type=tick_type, tick_name="BID" if tick_type == 1 else "ASK",
                 price=price)


@pytest.mark.parametrize("told", [AccountLake.quote, by_ticks])
def test_slippage_is_against_the_quote_at_submission_and_the_middle_at_arrival(
    accounts: AccountLake, told: Callable[[AccountLake, float, float, float], None]
) -> None:
    for second, bid, ask in ((0, 9.0, 10.0), (5, 10.0, 10.5), (7, 10.0, -1.0), (9, 10.5, 11.0)):
        told(accounts, second, bid, ask)
    accounts.order(6, "PendingSubmit")
    accounts.order(8, "Submitted")
    accounts.fill(10, 100, 10.75, "a.b.01.01")
    accounts.order(10, "Submitted", 78, action="SELL")
    accounts.fill(11, -50, 10.25, "a.b.02.01", permanent_id=78)
    accounts.order(500, "Submitted", 79)
    accounts.fill(501, 10, 10.0, "a.b.03.01", permanent_id=79)
    found = accounts.lake.sql("select permanent_id, slippage_quote, slippage_mid, cost from order_slippage(null, null)")
    assert found.rows() == [
        (77, pytest.approx(0.25), pytest.approx(0.5), pytest.approx(50.0)),
        (78, pytest.approx(0.25), pytest.approx(0.5), pytest.approx(25.0)), (79, None, None, None)]
