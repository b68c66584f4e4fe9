"""Executions, each once: over repeats, reconnects, recorders and clients; corrected, taken back, of combinations."""

from .accounts import AccountLake

COLUMNS = "select execution_id, quantity, price, commission, value from fills(null, null)"


def test_an_execution_that_comes_again_is_there_once(accounts: AccountLake) -> None:
    accounts.fill(1, 100, 10.0, "a.b.01.01")
    accounts.fill(50, 100, 10.0, "a.b.01.01", request_id=9)  # asked for after a reconnect
    accounts.fill(60, 100, 10.0, "a.b.01.01", recorder="second")
    accounts.fee(2, "a.b.01.01", 1.0)
    accounts.fee(51, "a.b.01.01", 1.0)
    assert accounts.lake.sql(COLUMNS).rows() == [("a.b.01.01", 100.0, 10.0, 1.0, 1000.0)]


def test_a_correction_replaces_and_a_bust_removes(accounts: AccountLake) -> None:
    accounts.fill(1, 100, 10.0, "a.b.01.01")
    accounts.fill(2, -50, 11.0, "a.b.02.01")
    accounts.fill(3, 100, 10.5, "a.b.01.02")
    accounts.fill(3, 100, 10.0, "a.b.01.01")  # the old one told again, later
    accounts.fill(4, 0, 11.0, "a.b.02.02", side="SLD")
    assert accounts.lake.sql("select execution_id, price, corrected from fills(null, null)").rows() == [
        ("a.b.01.02", 10.5, True)]
    assert accounts.lake.sql("select execution_id, shares from fills(null, null, with_busted := true)").rows() == [
        ("a.b.01.02", 100.0), ("a.b.02.02", 0.0)]


def test_a_correction_of_a_correction_counts_by_number_not_by_text(accounts: AccountLake) -> None:
    for number in range(1, 12):
        accounts.fill(20 - number, 100, 10.0 + number, f"a.b.01.{number:02}")
    assert accounts.lake.sql("select execution_id, price from fills(null, null)").rows() == [("a.b.01.11", 21.0)]


def test_a_commission_is_null_until_it_is_reported_and_a_rebate_is_one(accounts: AccountLake) -> None:
    for number in range(1, 5):
        accounts.fill(number, 100, 10.0, f"a.b.0{number}.01")
    accounts.fee(5, "a.b.01.01", None)  # IB sent -1: not known yet
    accounts.fee(5, "a.b.02.01", -0.35)
    accounts.fee(5, "a.b.03.01", None)
    accounts.fee(6, "a.b.03.01", 1.5)
    accounts.fee(7, "a.b.03.01", None)
    assert [fee for _, _, _, fee, _ in accounts.lake.sql(COLUMNS).rows()] == [None, -0.35, 1.5, None]


def test_two_accounts_may_use_one_pattern_of_ids(accounts: AccountLake) -> None:
    accounts.fill(1, 100, 10.0, "a.b.01.01")
    accounts.fill(1, 30, 10.0, "a.b.01.02", account="A2")
    found = accounts.lake.fills().arrow().to_pylist()
    assert [(row["account"], row["quantity"]) for row in found] == [("A1", 100.0), ("A2", 30.0)]
    assert [row["account"] for row in accounts.lake.fills(accounts=["A2"]).arrow().to_pylist()] == ["A2"]


def test_of_a_combination_the_whole_and_its_legs_are_told_apart(accounts: AccountLake) -> None:
    accounts.fill(1, 2, 1.5, "a.b.01.01", security_type="BAG")
    for leg, shares in ((1, 2), (2, -2)):
        accounts.fill(1, shares, 10.0, f"a.b.01.{leg:02}.01", symbol="MSFT")
    accounts.fill(2, 5, 9.0, "a.b.02.01", permanent_id=78)
    accounts.fill(3, 5, 9.0, "a.b.03.01.01", permanent_id=79)  # a leg whose whole was missed
    found = accounts.lake.sql("select execution_id, combo, value from fills(null, null)").rows()
    assert found == [("a.b.01.01", "bag", None), ("a.b.01.01.01", "leg", 20.0), ("a.b.01.02.01", "leg", -20.0),
                     ("a.b.02.01", None, 45.0), ("a.b.03.01.01", "leg", 45.0)]


def test_times_are_ib_s_where_they_can_be_read(accounts: AccountLake) -> None:
    from .conftest import NOON

    accounts.fill(100, 1, 10.0, "a.b.01.01", ts_event=NOON)  # came late, as it was asked for
    accounts.fill(50, 2, 10.0, "a.b.02.01")
    found = accounts.lake.sql("select quantity, epoch(filled_ts - timestamptz '2026-11-18 12:00:00+00') "
                              "from fills(null, null)").rows()  # fmt: skip
    assert found == [(1.0, 0.0), (2.0, 50.0)]
    assert len(accounts.lake.fills("2026-11-18T12:00:10Z", "2026-11-18T12:01Z").rows()) == 1


def test_money_is_pounds_where_prices_are_pence_and_holds_the_multiplier(accounts: AccountLake) -> None:
    accounts.add("instruments", -500, "MSFT", price_magnifier=100, multiplier="")
    accounts.fill(1, 10, 4294.0, "a.b.01.01", symbol="MSFT", currency="GBP")
    accounts.fill(2, 10, 4294.0, "a.b.02.01", currency="GBp")
    accounts.fill(3, 2, 5000.25, "a.b.03.01", symbol="ESZ6", security_type="FUT", multiplier="50")
    accounts.fill(4, 1000, 99.732, "a.b.04.01", security_type="BOND")
    accounts.fill(5, 1, 2.0, "a.b.05.01", security_type="OPT")  # nobody says its multiplier
    accounts.fill(6, 1, 2.0, "a.b.06.01", security_type="NEW")
    found = accounts.lake.sql("select round(value, 9), currency from fills(null, null)").rows()
    assert found == [(429.4, "GBP"), (429.4, "GBP"), (500025.0, "USD"), (997.32, "USD"), (None, "USD"), (None, "USD")]
