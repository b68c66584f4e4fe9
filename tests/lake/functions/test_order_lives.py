"""Orders: under the id that IB gives them for good, from the first that was seen of them to their end."""

from typing import Any

from .accounts import ALL_OPEN_ORDERS, AccountLake, at

SHOWN = ("select permanent_id, status, state, filled, acknowledge_s, first_fill_s, modifications "
         "from order_lives(null, null)")  # fmt: skip


def test_a_life_from_submission_to_its_end(accounts: AccountLake) -> None:
    accounts.order(0, "PendingSubmit", None)
    accounts.order(1, "PreSubmitted")
    accounts.order(2, "Submitted")
    accounts.order(3, "Submitted", limit_price=11.0)
    accounts.fill(5, 40, 11.0, "a.b.01.01")
    accounts.status(5, "Submitted", 40, 60)
    accounts.fill(6, 60, 10.5, "a.b.02.01")
    accounts.order(6, "Filled", limit_price=11.0)
    accounts.status(6, "Filled", 100, 0)
    accounts.fee(7, "a.b.01.01", 1.0)
    [row] = accounts.lake.orders().arrow().to_pylist()
    assert (row["permanent_id"], row["state"], row["filled"], row["average_price"], row["acknowledge_s"],
            row["first_fill_s"], row["modifications"], row["limit_price"], row["commission"], row["fees_missing"]) == (
        77, "done", 100.0, 10.7, 1.0, 5.0, 1, 11.0, None, 1)
    assert (row["ended_ts"] - row["submitted_ts"]).total_seconds() == 6.0
    [before] = accounts.lake.orders(None, "2026-11-18T12:00:05.5Z").arrow().to_pylist()
    assert (before["state"], before["filled"], before["ended_ts"]) == ("open", 40.0, None)


def test_an_order_known_by_executions_alone_is_there_and_becomes_one_with_what_comes_later(
    accounts: AccountLake,
) -> None:
    accounts.fill(1, 100, 10.0, "a.b.01.01")
    accounts.fill(1, 100, 10.0, "a.b.02.01", permanent_id=78)
    accounts.order(9, "Filled", message="completed_order", order_id=0, client_id=None, total_quantity=0.0)
    found = accounts.lake.sql(SHOWN).rows()
    assert found == [(78, None, "executed", 100.0, None, None, 0), (77, "Filled", "done", 100.0, None, None, 0)]


def test_what_remains_of_an_order_follows_from_its_end_where_no_status_says_it(accounts: AccountLake) -> None:
    ended: dict[str, Any] = {"message": "completed_order", "order_id": 0, "client_id": None}
    accounts.status(0, "Submitted", 0, 100)
    accounts.order(1, "Filled", total_quantity=0.0, filled=100.0, **ended)
    accounts.status(0, "Submitted", 10, 90, 78, order_id=6)
    accounts.order(1, "Cancelled", 78, filled=30.0, **ended)
    accounts.order(1, "Cancelled", 79, filled=0.0, **ended)
    accounts.status(0, "Submitted", 10, 90, 80, order_id=7)
    accounts.order(1, "Cancelled", 80, total_quantity=0.0, filled=10.0, **ended)  # of an amount of money
    found = accounts.lake.sql("select permanent_id, remaining from order_lives(null, null) order by 1").rows()
    assert found == [(77, 0.0), (78, 70.0), (79, 100.0), (80, 90.0)]


def test_an_order_id_that_is_used_again_is_another_order(accounts: AccountLake) -> None:
    accounts.order(0, "PendingSubmit", None)
    accounts.order(1, "Cancelled", 77)
    accounts.order(10, "PendingSubmit", None)
    accounts.order(11, "Submitted", 78)
    accounts.order(12, "Submitted", 79, client_id=4)
    assert [row[:3] for row in accounts.lake.sql(SHOWN).rows()] == [
        (77, "Cancelled", "done"), (78, "Submitted", "open"), (79, "Submitted", "open")]


def test_a_fill_after_a_cancel_counts_and_inactive_may_revive(accounts: AccountLake) -> None:
    accounts.order(0, "Submitted")
    accounts.status(1, "Cancelled", 0, 100)
    accounts.fill(2, 30, 10.0, "a.b.01.01")
    accounts.order(0, "Inactive", 78)
    accounts.order(5, "Submitted", 78)
    assert [row[:4] for row in accounts.lake.sql(SHOWN).rows()] == [
        (77, "Cancelled", "done", 30.0), (78, "Submitted", "open", 0.0)]


def test_what_was_there_before_has_no_time_of_submission(accounts: AccountLake) -> None:
    accounts.asked(0, ALL_OPEN_ORDERS)
    accounts.order(1, "Submitted")
    accounts.asked(2, ALL_OPEN_ORDERS, "completed")
    accounts.asked(12, ALL_OPEN_ORDERS)
    accounts.order(13, "Submitted")
    accounts.order(13, "Submitted", 78)  # since the answer before
    accounts.asked(14, ALL_OPEN_ORDERS, "completed")
    accounts.asked(24, ALL_OPEN_ORDERS)
    accounts.order(25, "Submitted", 78)
    accounts.asked(26, ALL_OPEN_ORDERS, "completed")
    accounts.order(27, "Submitted", 79)
    found = accounts.lake.sql("select permanent_id, uncertain_s, submitted_ts is null, state "
                              "from order_lives(null, null)").rows()  # fmt: skip
    assert found == [(77, None, True, "gone"), (78, 11.0, False, "open"), (79, 0.0, False, "open")]


def test_of_a_combination_only_the_whole_counts_and_only_the_legs_cost(accounts: AccountLake) -> None:
    accounts.order(0, "Submitted", security_type="BAG")
    accounts.fill(1, 2, 1.5, "a.b.01.01", security_type="BAG")
    for leg, shares in ((1, 2), (2, -2)):
        accounts.fill(1, shares, 10.0, f"a.b.01.{leg:02}.01", symbol="MSFT")
        accounts.fee(2, f"a.b.01.{leg:02}.01", 0.65)
    [row] = accounts.lake.orders().arrow().to_pylist()
    assert (row["filled"], row["average_price"], row["fills"], row["commission"]) == (2.0, 1.5, 1, 1.3)


def test_orders_of_a_line_that_was_lost_are_stale(accounts: AccountLake) -> None:
    accounts.order(0, "Submitted")
    accounts.add("sessions", 10, event="closed")
    assert accounts.lake.sql(SHOWN).rows()[0][2] == "stale"
    assert accounts.lake.sql(f"select state from order_lives(null, {at(9)})").rows() == [("open",)]
