"""From one day to the next: what an account is worth, how what it holds is defined, and what of it expired."""

from datetime import timedelta
from typing import Any

import pytest

from .accounts import POSITIONS, UPDATES, AccountLake, at
from .conftest import NOON

DAY_S = 86_400.0
OPTION: dict[str, Any] = {"security_type": "OPT", "ib_symbol": "MSFT", "multiplier": "100", "strike": 400.0,
                          "right": "C", "trading_class": "MSFT", "last_trade_date": "20261120"}  # fmt: skip


def found(lake: AccountLake, second: float, *kinds: str) -> list[tuple[Any, ...]]:
    return lake.lake.sql(f"select symbol, kind, ib, ours, why from account_differences({at(second)}) "
                         f"where kind in {kinds or ('worth_change', 'definition', 'expired', 'position')}").rows()


def worth(lake: AccountLake, second: float, net: float, cash: float, **balances: tuple[float, float]) -> None:
    """Add what IB says an account is worth, and its balances of other currencies with their rates."""
    lake.value(second, "NetLiquidation", str(net))
    lake.value(second, "TotalCashBalance", str(cash), "BASE")
    for currency, (amount, rate) in {"USD": (cash, 1.0), **balances}.items():
        lake.value(second, "CashBalance", str(amount), currency)
        lake.value(second, "ExchangeRate", str(rate), currency)


@pytest.fixture
def asked(accounts: AccountLake) -> AccountLake:
    """An account of which values and positions are asked for, and known to be empty."""
    accounts.asked(-30, UPDATES, account="A1")
    accounts.asked(-30, POSITIONS, account=None)
    accounts.asked(-29, POSITIONS, "completed")
    return accounts


def test_what_positions_won_explains_how_worth_changed(asked: AccountLake) -> None:
    worth(asked, 0, 2000, 2000)
    asked.fill(100, 100, 10.0, "a.b.01.01")
    asked.fee(101, "a.b.01.01", 1.0)
    asked.position(101, 100, average_cost=10.01)
    asked.quote(DAY_S - 5, 11.9, 12.1)
    worth(asked, DAY_S - 1, 2199, 999)
    [row] = asked.sql(f"select * from worth_change({at(DAY_S)})")
    assert (row["change"], row["profit"], row["cash_moved"], row["unexplained"]) == (199.0, 199.0, 0.0, 0.0)
    assert (row["worth_start"], row["worth_end"], row["currency"]) == (2000.0, 2199.0, "USD")


def test_a_jump_of_worth_that_nothing_explains_is_told(asked: AccountLake) -> None:
    """Prices in pence that are taken for pounds, as of an instrument of which nobody has the definition."""
    pence = {"currency": "GBP", "ib_symbol": "VOD"}
    asked.position(-20, 100, average_cost=42.0, **pence)
    asked.quote(-10, 4199, 4201)
    worth(asked, 0, 4200, 0, GBP=(0.0, 1.0))
    asked.quote(DAY_S - 5, 4299, 4301)
    worth(asked, DAY_S - 1, 4300, 0, GBP=(0.0, 1.0))
    assert found(asked, DAY_S) == [(None, "worth_change", 100.0, 10_000.0, "unexplained")]
    asked.close()
    asked._lake = None
    asked.add("instruments", -25, price_magnifier=100, multiplier=None, currency="GBP")
    [row] = asked.lake.worth_change(NOON + timedelta(days=1)).arrow().to_pylist()
    assert row["unexplained"] == 0.0, "one valuation for all: where it knows the unit, nothing is unexplained"


def test_cash_that_moved_and_rates_of_exchange_are_no_jump(asked: AccountLake) -> None:
    worth(asked, 0, 2100, 2100, EUR=(1000.0, 1.1))
    worth(asked, DAY_S - 1, 7200, 7200, EUR=(1000.0, 1.2))
    assert found(asked, DAY_S) == [(None, "worth_change", 5100.0, pytest.approx(100.0), "cash moved")]
    [row] = asked.sql(f"select * from worth_change({at(DAY_S)})")
    assert (row["currency_gain"], row["cash_moved"]) == (pytest.approx(100.0), pytest.approx(5000.0))


def test_a_position_that_came_without_a_fill_is_why_worth_jumped(asked: AccountLake) -> None:
    worth(asked, 0, 2000, 2000)
    asked.fill(50, 10, 10.0, "a.b.01.01")
    asked.fee(51, "a.b.01.01", 0.0)
    asked.position(80, 10, average_cost=10.0)
    asked.position(DAY_S - 60, 500, average_cost=30.0)
    asked.quote(DAY_S - 5, 9.9, 10.1)
    worth(asked, DAY_S - 1, 6900, 1900)
    assert found(asked, DAY_S) == [
        (None, "worth_change", 4900.0, 0.0, "transfer"), ("AAPL", "position", 500.0, 10.0, "transfer")]


def test_without_a_price_or_a_day_before_worth_is_not_compared(asked: AccountLake) -> None:
    worth(asked, 100, 2000, 2000)
    asked.position(150, 100, average_cost=10.0)
    worth(asked, DAY_S + 100, 99_000, 2000)
    assert asked.lake.sql(f"from worth_change({at(200)})").rows() == []
    [row] = asked.sql(f"select * from worth_change({at(DAY_S + 120)})")
    assert (row["unpriced"], row["unexplained"]) == (1, None)
    assert found(asked, DAY_S + 120) == []


def test_an_adjusted_option_keeps_its_id_and_what_changed_is_told(asked: AccountLake) -> None:
    asked.add("instruments", -25, "MSFT", underlying_id=272093, underlying_symbol="MSFT", **OPTION)
    asked.position(-20, 5, "MSFT", **OPTION)
    asked.position(600, 5, "MSFT", **OPTION | {"multiplier": "100.0"})  # the same number
    asked.position(DAY_S, 5, "MSFT", **OPTION | {"multiplier": "10", "trading_class": "MSFT1"})
    asked.add("instruments", DAY_S + 60, "MSFT", underlying_id=99, underlying_symbol="MSFT",
              **OPTION | {"multiplier": "10", "trading_class": "MSFT1"})  # fmt: skip
    changes = asked.sql("select attribute, before, after, source from definition_changes('2026-11-18', '2026-11-20')")
    assert [tuple(row.values()) for row in changes] == [
        ("multiplier", "100.0", "10.0", "positions"), ("trading_class", "MSFT", "MSFT1", "positions"),
        ("underlying_id", "272093", "99", "instruments")]
    told = [("MSFT", "definition", 10.0, 100.0, "corporate action"), ("MSFT", "definition", None, None,
            "corporate action"), ("MSFT", "definition", 99.0, 272093.0, "corporate action")]  # fmt: skip
    assert found(asked, DAY_S + 600, "definition") == told
    assert found(asked, 4 * DAY_S + 600, "definition") == [], "it is told for three days"


def test_what_is_not_held_may_be_defined_anew(asked: AccountLake) -> None:
    asked.add("instruments", 0, "MSFT", multiplier="100")
    asked.add("instruments", 60, "MSFT", multiplier="10")
    assert asked.lake.definition_changes("2026-11-18", "2026-11-20").rows() == []


def test_an_expired_option_is_overdue_after_two_business_days(asked: AccountLake) -> None:
    """It expires on Friday the 20th; on Wednesday the 25th it is overdue."""
    asked.position(-20, 5, "MSFT", **OPTION)
    days = [(day, *(row[-1] for row in found(asked, (day - 18) * DAY_S, "expired"))) for day in (20, 24, 25)]
    assert days == [(20,), (24, "expired, not yet removed"), (25, "expired, not removed in time")]
    [row] = asked.lake.positions("2026-11-23T12:00Z").arrow().to_pylist()
    assert str(row["expired_ts"]) == "2026-11-21 05:00:00+00:00"
    assert asked.lake.positions("2026-11-20T12:00Z").arrow().to_pylist()[0]["expired_ts"] is None


def test_an_expired_option_that_ib_took_out_is_no_transfer(asked: AccountLake) -> None:
    asked.fill(0, 5, 1.0, "a.b.01.01", symbol="MSFT", **OPTION)
    asked.position(1, 5, "MSFT", **OPTION)
    asked.position(4 * DAY_S, 0, "MSFT", **OPTION)
    assert found(asked, 4 * DAY_S + 60, "position") == [("MSFT", "position", 0.0, 5.0, "expired")]
