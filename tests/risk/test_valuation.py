import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from capture.risk.holding import AMERICAN, BALANCE, EUROPEAN, Holding, exercise_style
from capture.risk.valuation import (
    entry_price,
    mark,
    money_currency,
    net_liquidation,
    quote_unit,
    quote_units,
    unit_value,
    value,
)


def holding(security_type: str = "STK", position: float = 1, price: float | None = 100.0, **fields: Any) -> Holding:
    return Holding(**{"account": "DU1", "instrument_id": 1, "symbol": "X", "security_type": security_type,
                      "currency": "USD", "position": position, "price": price, **fields})


def worth(one: Holding) -> float:
    return float(value([one]).market_value[0])


@pytest.mark.parametrize(("one", "expected"), [
    (holding("STK", 100, 251.30), 25_130.0),
    (holding("STK", -100, 251.30), -25_130.0),
    (holding("OPT", -2, 4.15, multiplier=100, strike=250.0, right="C"), -830.0),
    (holding("BOND", 1_000, 99.732), 997.32),
    (holding("BILL", 100_000, 98.5), 98_500.0),
    (holding("STK", 1, 4_294, currency="GBP", price_magnifier=100), 42.94),
    (holding("STK", 1, 4_294, currency="GBX"), 42.94),
    (holding("STK", 10, 25_000, currency="ZAc"), 2_500.0),
    (holding("STK", 10, 3_150, currency="ILA"), 315.0),
    (holding("FUT", 1, 230.25, multiplier=40_000, price_magnifier=100), 92_100.0),  # cattle, in cents a pound
    (holding("FUT", 2, 5_000, multiplier=50), 500_000.0),  # what it stands for
    (holding(BALANCE, -1_234.5, None, currency="EUR", symbol="EUR"), -1_234.5),
])  # fmt: skip
def test_a_price_becomes_money_in_one_place(one: Holding, expected: float) -> None:
    assert worth(one) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("currency", "magnifier", "expected"), [
    ("GBP", 100, ("GBP", 100)), ("GBX", 100, ("GBP", 100)), ("GBX", 1, ("GBP", 100)), ("ZAC", 1, ("ZAR", 100)),
    ("ILA", 1, ("ILS", 100)), ("USD", 1, ("USD", 1)), ("USD", 0, ("USD", 1)),
])  # fmt: skip
def test_pence_are_pence_by_whatever_word_and_once(currency: str, magnifier: int, expected: tuple[str, int]) -> None:
    assert quote_unit(currency, magnifier) == expected
    assert money_currency(holding(currency=currency)) == expected[0]


@pytest.mark.parametrize(("security_type", "currency", "magnifier", "units"), [
    ("STK", "USD", 1, 1), ("STK", "GBP", 100, 100), ("STK", "GBX", 1, 100), ("BOND", "USD", 1, 100),
    ("BOND", "GBP", 100, 10_000), ("BAG", "USD", 1, 1),
])  # fmt: skip
def test_quote_units_are_those_of_the_currency_and_of_par(
    security_type: str, currency: str, magnifier: int, units: int
) -> None:
    assert quote_units(security_type, currency, magnifier) == units


@pytest.mark.parametrize(("one", "expected"), [
    (holding("FUT", 1, average_cost=147_732.37, multiplier=100), 1_477.3237),  # gold
    (holding("FUT", 1, average_cost=92_102.5, multiplier=40_000, price_magnifier=100), 230.25625),  # cattle, in cents
    (holding("OPT", -1, average_cost=412.5, multiplier=100), 4.125),
    (holding("BOND", 1_000, average_cost=0.99732), 99.732),
    (holding("STK", 1, average_cost=42.94, currency="GBP", price_magnifier=100), 4_294.0),
    (holding("STK", 1, average_cost=0.0), 0.0),
    (holding("STK", 1, average_cost=-1.5), -1.5),
    (holding("STK", 1), None),  # transferred in: its cost is not known, and no price of that day stands for it
])  # fmt: skip
def test_an_entry_price_is_the_average_cost_in_quote_units(one: Holding, expected: float | None) -> None:
    assert entry_price(one) == (expected if expected is None else pytest.approx(expected))


def test_futures_and_pairs_count_nothing_beside_the_cash_that_holds_their_gains() -> None:
    values = value([holding("FUT", 1, 5_000, multiplier=50), holding("CASH", 10_000, 1.1)])
    assert values.market_value.tolist() == [250_000, 11_000]
    assert values.net_liquidation.tolist() == [0, 0]


def test_at_another_price_what_futures_gained_counts() -> None:
    moved = value([holding("FUT", -1, 5_000, multiplier=50), holding("STK", 10)], np.array([[5_010, 4_990], [99, 101]]))
    assert moved.net_liquidation.tolist() == [[-500, 500], [990, 1_010]]


def test_a_cfd_counts_what_it_gained_since_it_was_bought() -> None:
    known, unknown = value([holding("CFD", 10, average_cost=95.0), holding("CFD", 10)]).net_liquidation
    assert known == 50
    assert math.isnan(unknown)


def test_parts_of_an_account_are_its_net_liquidation() -> None:
    held = [
        holding(BALANCE, 52_310.25, None, symbol="USD"),  # the day's gain of the future is in it
        holding(BALANCE, -1_000, None, symbol="GBP", currency="GBP"),
        holding("STK", 100, 4_294, currency="GBP", price_magnifier=100),
        holding("FUT", 1, 5_000, multiplier=50),
        holding("OPT", -2, 4.15, multiplier=100, strike=250.0, right="C"),
        holding("BOND", 1_000, 99.732),
    ]
    found = net_liquidation(held, {"GBP": 1.25}, "USD")
    assert found.amount == pytest.approx(52_310.25 - 1_250 + 100 * 42.94 * 1.25 - 830 + 997.32, abs=0.01)
    assert (found.source, found.difference, found.lacking) == ("own sum", None, ())


def test_what_was_reported_goes_before_the_own_sum_which_checks_it_and_says_how_old_its_prices_are() -> None:
    held = [holding("STK", 10, 100, price_ts_us=7_000), holding("STK", 10, 50, price_ts_us=5_000)]
    found = net_liquidation(held, {}, "USD", reported=1_490.0)
    assert (found.amount, found.source, found.own_sum, found.difference) == (1_490.0, "reported", 1_500.0, 10.0)
    assert found.oldest_price_ts_us == 5_000


@pytest.mark.parametrize(("one", "reason"), [
    (holding(price=None), "no price"),
    (holding("BAG"), "nobody knows how to value the security type 'BAG'"),
    (holding(reason_unpriced="no definition", price=None), "no definition"),
    (holding(currency="CHF"), "no rate for CHF"),
    (holding("CFD"), "no average cost"),
])  # fmt: skip
def test_what_has_no_value_is_listed_with_the_reason(one: Holding, reason: str) -> None:
    found = net_liquidation([one, holding("STK", 2, 50)], {}, "USD")
    assert found.lacking == ((one, reason),)
    assert found.own_sum == 100


@pytest.mark.parametrize(("sides", "expected"), [
    ((9.0, 11.0, 9.5, 8.0), (10.0, "mid")),
    ((9.0, -1.0, 9.5, 8.0), (9.5, "last")),
    ((-1.0, 11.0, None, 8.0), (8.0, "close")),
    ((0.0, 11.0, -1.0, 8.0), (8.0, "close")),
    ((11.0, 9.0, 9.5, 8.0), (9.5, "last")),
    ((-37.65, -37.61, None, None), (-37.63, "mid")),
    ((-1.0, -1.0, None, 0.0), (None, "")),
    ((math.nan, 11.0, None, None), (None, "")),
])  # fmt: skip
def test_a_side_that_is_none_enters_no_mark(sides: tuple[Any, ...], expected: tuple[float | None, str]) -> None:
    price, source = mark(*sides)
    assert source == expected[1]
    assert price == (None if expected[0] is None else pytest.approx(expected[0]))


def test_nothing_is_minus_zero() -> None:
    values = value([holding("STK", -1, 0.0), holding("FUT", -1, 5.0)])
    assert np.signbit(values.market_value).tolist() == [False, True]
    assert not np.signbit(values.net_liquidation).any()


@pytest.mark.parametrize(("kind", "on", "trading_class", "style"), [
    ("OPT", "STK", "AAPL", AMERICAN), ("OPT", "IND", "SPXW", EUROPEAN), ("OPT", "IND", "OEX", AMERICAN),
    ("OPT", "IND", "XEO", EUROPEAN), ("OPT", "", "AAPL", AMERICAN), ("FOP", "FUT", "ES", AMERICAN),
    ("FOP", "FUT", "EW3", EUROPEAN), ("FOP", "FUT", "E2A", EUROPEAN), ("FOP", "FUT", "LO", AMERICAN),
])  # fmt: skip
def test_how_an_option_is_exercised(kind: str, on: str, trading_class: str, style: str) -> None:
    assert exercise_style(kind, on, trading_class) == style


def test_what_moves_a_holding_is_its_underlying_or_itself() -> None:
    option = holding("OPT", strike=100.0, right="P", underlying_symbol="SPY")
    assert (option.moved_by, option.is_option) == ("SPY", True)
    assert (holding().moved_by, holding().is_option) == ("X", False)
    assert unit_value(replace(option, multiplier=100)) == 100
