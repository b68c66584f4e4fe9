"""Two recorders of one account: each row says whose it is, and an answer has all once, by whoever knows it latest."""

from .accounts import POSITIONS, UPDATES, AccountLake, at


def test_two_recorders_of_an_account_give_all_once_by_who_knows_it_latest(accounts: AccountLake) -> None:
    accounts.add("sessions", -500, event="opened", recorder="second")
    for name in ("main", "second"):
        accounts.asked(0, UPDATES, account="A1", recorder=name)
        accounts.asked(0, POSITIONS, account=None, recorder=name)
        accounts.asked(1, POSITIONS, "completed", recorder=name)
    for second, name in ((10, "main"), (12, "second")):
        accounts.fill(second, 100, 10.0, "a.b.01.01", recorder=name)
        accounts.fee(second + 1, "a.b.01.01", 1.0, recorder=name)
        accounts.position(second + 2, 100, average_cost=10.01, recorder=name)
        accounts.value(second + 3, "NetLiquidation", str(1000 + second), recorder=name)
        accounts.add("pnl", second + 4, None, account="A1", stream="pnl", daily=float(second), recorder=name)
    accounts.add("sessions", 18, event="closed", recorder="main")  # one of them is gone, the other goes on
    accounts.fill(20, 50, 11.0, "a.b.02.01", permanent_id=78, recorder="second")
    accounts.fee(21, "a.b.02.01", 1.0, recorder="second")
    accounts.position(22, 150, average_cost=10.3466667, recorder="second")
    assert [(row["execution_id"], row["recorder"], row["commission"]) for row in accounts.sql(
        "select * from fills(null, null)")] == [("a.b.01.01", "main", 1.0), ("a.b.02.01", "second", 1.0)]
    [held] = accounts.sql(f"select * from positions_at({at(60)})")
    assert (held["position"], held["state"], held["complete"], held["recorder"]) == (150.0, "known", True, "second")
    [net] = accounts.sql(f"select * from account_at({at(60)})")
    assert (net["number"], net["state"], net["recorder"]) == (1012.0, "known", "second")
    won = accounts.sql(f"select * from pnl_between({at(0)}, {at(60)}) order by symbol nulls first")
    assert [(row["symbol"], row["fills"], row["fees"], row["daily_reported"]) for row in won] == [
        (None, None, None, 12.0), ("AAPL", 2, 2.0, None)]
    assert accounts.sql(f"select * from account_differences({at(60)})") == []


def test_a_recorder_that_came_later_knows_no_more_than_it_heard(accounts: AccountLake) -> None:
    """The newer word counts also where it is of the recorder that is gone: then it is stale."""
    accounts.add("sessions", -500, event="opened", recorder="second")
    for name in ("main", "second"):
        accounts.asked(0, POSITIONS, account=None, recorder=name)
        accounts.position(5, 100, recorder=name)
        accounts.asked(6, POSITIONS, "completed", recorder=name)
    accounts.position(10, 130, recorder="main")
    accounts.add("sessions", 18, event="closed", recorder="main")
    [held] = accounts.sql(f"select * from positions_at({at(60)})")
    assert (held["position"], held["state"], held["recorder"]) == (130.0, "stale", "main")
