"""Exposure by groups: figures by hand, and what every way of telling apart has in common."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.risk.exposure import GROUPS, NO_DELTA, UnitGreeks, exposure
from capture.risk.holding import BALANCE, Holding
from capture.risk.pricing.market import Market
from capture.risk.risk_error import RiskError

MARKET = Market(1_795_446_000_000_000, "USD", {"EUR": 1.25, "GBP": 1.5})
STOCK = Holding("A", 1, "AAPL", "STK", "USD", 100.0, price=200.0, sector="Technology", beta=1.5)
PENCE = Holding("A", 2, "VOD", "STK", "GBP", -1000.0, price=80.0, price_magnifier=100, sector="Communications")
FUTURE = Holding("B", 3, "ESZ6", "FUT", "USD", -1.0, multiplier=50.0, price=5000.0, underlying_symbol="ES", beta=1.0)
CALL = Holding("A", 4, "AAPL C", "OPT", "USD", 2.0, multiplier=100.0, price=5.0, underlying_symbol="AAPL",
               underlying_price=200.0, strike=200.0, right="C", sector="Technology",
               expiry_us=1_797_000_000_000_000)  # fmt: skip
OF_CALL = UnitGreeks(0.5, 0.02, 0.3, -0.1, "computed")
PAIR = Holding("A", 5, "EUR.USD", "CASH", "USD", 1000.0, price=1.25)
EUROS = Holding("A", 0, "EUR", BALANCE, "EUR", 400.0)


def rows(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["group"]: row for row in table.to_pylist()}


def test_options_count_as_the_share_of_their_underlying_that_moves_them() -> None:
    found = rows(exposure([STOCK, CALL], [None, OF_CALL], MARKET))
    assert found.keys() == {"AAPL"}
    row = found["AAPL"]
    assert row["long"] == row["net"] == 100 * 200 + 2 * 100 * 0.5 * 200
    assert row["market_value"] == 100 * 200 + 2 * 100 * 5
    assert row["delta"] == pytest.approx(400) and row["gamma"] == pytest.approx(2 * 100 * 0.02 * 2**2)
    assert row["vega"] == pytest.approx(60) and row["theta"] == pytest.approx(-20)
    assert row["beta_weighted"] == 100 * 200 * 1.5 and row["without_beta"] == 1


def test_pence_and_futures_are_money_in_the_base_currency() -> None:
    found = rows(exposure([PENCE, FUTURE], [None, None], MARKET, "class"))
    assert found["STK"]["short"] == pytest.approx(-1000 * 0.80 * 1.5)
    assert found["FUT"]["net"] == -50 * 5000 and found["FUT"]["gross"] == 50 * 5000


def test_by_currency_what_is_worth_something_in_it_counts() -> None:
    found = rows(exposure([STOCK, CALL, FUTURE, PENCE, EUROS], [None, OF_CALL, None, None, None], MARKET, "currency"))
    assert found["USD"]["net"] == 100 * 200 + 2 * 100 * 5 and found["USD"]["holdings"] == 3
    assert found["GBP"]["net"] == pytest.approx(-1000 * 0.80 * 1.5) and found["EUR"]["net"] == pytest.approx(500)


def test_a_pair_is_in_the_balances_of_its_account_where_these_are_known() -> None:
    alone = rows(exposure([PAIR], [None], MARKET, "currency"))
    assert alone["EUR"]["net"] == pytest.approx(1250) and alone["USD"]["net"] == pytest.approx(-1250)
    assert rows(exposure([PAIR, EUROS], [None, None], MARKET, "currency")).keys() == {"EUR"}
    assert rows(exposure([PAIR, EUROS], [None, None], MARKET, "class")).keys() == {"CASH"}


@pytest.mark.parametrize(("holding", "why"), [
    (replace(STOCK, price=None), "no price"), (replace(STOCK, currency="JPY"), "no rate for JPY"), (CALL, NO_DELTA)])
def test_what_is_not_known_is_named_and_counted(holding: Holding, why: str) -> None:
    row = rows(exposure([holding, STOCK], [None, None], MARKET, "account"))["A"]
    assert (row["unpriced"], row["holdings"], row["net"]) == (1, 2, 20_000)
    assert row["reasons"] == [f"{holding.symbol}: {why}"]


def test_an_option_without_the_price_of_its_underlying_is_named() -> None:
    row = rows(exposure([replace(CALL, underlying_price=None)], [OF_CALL], MARKET))["AAPL"]
    assert row["unpriced"] == 1 and row["net"] == 0


def test_an_unknown_way_of_telling_apart_lists_those_there_are() -> None:
    with pytest.raises(RiskError, match="sector, currency, class, underlying, expiry, account"):
        exposure([STOCK], [None], MARKET, "colour")


POSITIONS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(st.sampled_from([STOCK, PENCE, FUTURE, CALL]), POSITIONS), max_size=12))
def test_however_it_is_told_apart_the_sums_are_the_same(drawn: list[tuple[Holding, float]]) -> None:
    held = [replace(holding, position=position) for holding, position in drawn]
    greeks = [OF_CALL if holding.is_option else None for holding in held]
    sums = []
    for by in GROUPS.keys() - {"currency"}:
        table = exposure(held, greeks, MARKET, by).to_pylist()
        assert all(row["gross"] >= abs(row["net"]) * (1 - 1e-12) for row in table)
        sums.append([sum(row[name] for row in table) for name in ("net", "gross", "vega", "holdings")])
    assert all(one == pytest.approx(sums[0], abs=1e-3) for one in sums)


def test_what_has_no_sector_is_told_by_its_kind() -> None:
    kinds = {"FUT": "", "CASH": "", "FUND": "", "BOND": "", "STK": "", "OPT": "IND"}
    holdings = [Holding("A", place, kind, kind, "USD", 1.0, price=1.0, underlying_security_type=under)
                for place, (kind, under) in enumerate(kinds.items())]  # fmt: skip
    groups = set(exposure(holdings, [None] * len(holdings), MARKET, "sector")["group"].to_pylist())
    assert groups == {"not known", *(f"no sector: {word}" for word in (
        "futures", "currencies", "funds", "bonds", "indices"))}  # fmt: skip
