"""Regulation T of what a real account holds: examples that Cboe published, by hand."""

import pytest

from capture.gateway.broker.margin.strategy_margin import strategy_margin
from capture.risk.holding import Holding
from tests.risk.markets import future, option, stock

RATES = {"EUR": 1.2, "GBP": 1.5}


def required(*holdings: Holding) -> tuple[float, float]:
    found = strategy_margin(holdings, "USD", RATES, 0)
    assert found.unpriced == ()
    return found.initial, found.maintenance


# "Margin Requirement Examples for Sample Options-based Positions", Cboe 2007: what is published is less the premium.
@pytest.mark.parametrize(("held", "premium", "published"), [
    (option("IBM", -100, "C", 100, 1.68, 97.73), 16_800, 172_760),
    (option("IBM", -100, "P", 100, 3.18, 97.73), 31_800, 195_460),
    (option("SPX", -100, "C", 1460, 21.66, 1451.19, underlying_security_type="IND"), 216_600, 2_088_685),
    (option("SPX", -100, "P", 1460, 22.55, 1451.19, underlying_security_type="IND"), 225_500, 2_176_785),
], ids=["stock call", "stock put", "index call", "index put"])  # fmt: skip
def test_naked_options_that_cboe_published(held: Holding, premium: float, published: float) -> None:
    assert required(held) == pytest.approx((published + premium, published + premium))


def test_stocks_and_futures_by_hand() -> None:
    assert required(stock("A", 100, 50.0)) == (2500, 1250)
    assert required(stock("A", -100, 50.0)) == (2500, 1500)
    assert required(future("ES", 1, 5000.0, 50)) == (24_200, 22_000)


def test_pence_are_not_pounds_and_other_currencies_come_in_the_base_currency() -> None:
    """B21: 1,000 at 400 pence are 4,000 pounds, 6,000 dollars."""
    assert required(stock("VOD", 1000, 400.0, "GBP", price_magnifier=100)) == (3000, 1500)
    assert required(stock("A", 100, 50.0, "EUR")) == (3000, 1500)


def test_options_are_covered_by_the_shares_of_their_underlying() -> None:
    shares = stock("A", 100, 50.0)
    call = option("A", -1, "C", 55, 1.0, 50.0, underlying_id=shares.instrument_id)
    assert required(shares, call) == required(shares)


def test_what_has_no_price_or_rate_is_listed_and_cash_is_no_position() -> None:
    held = [stock("A", 1, None), stock("B", 1, 1.0, "JPY"), Holding("DU1", 0, "EUR", "BALANCE", "EUR", 100.0)]
    found = strategy_margin(held, "USD", RATES, 0)
    assert [one.reason for one in found.unpriced] == ["no price", "no rate for JPY"]
    assert found.maintenance == found.initial == 0
    assert "estimate" in found.note
