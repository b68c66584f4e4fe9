from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from capture.gateway.broker.margin import RATES, Holding, Rates, Requirement, group_of, group_requirement
from capture.gateway.broker.security import Security
from tests.gateway.broker.trading import CALL, COIN, FUTURE, NOON_US, PAIR, PUT, SHARE, D, amounts

INDEX_PUT = replace(PUT, con_id=31, symbol="SPX", details={"under_sec_type": "IND"})
FUTURE_CALL = replace(CALL, con_id=32, symbol="MES", sec_type="FOP", multiplier=D(5), under_con_id=FUTURE.con_id)


def requirement(
    held: list[Holding], prices: Mapping[int, Decimal], kind: str = "margin", rates: Rates = RATES, at_us: int = 0
) -> Requirement:
    """Return what all require, one underlying after the other."""
    total = Requirement()
    for group in dict.fromkeys(group_of(holding.security) for holding in held):
        of_group = [holding for holding in held if group_of(holding.security) == group]
        total = total.plus(group_requirement(of_group, prices.get(group), kind, rates, at_us))
    return total


def option(right: str, strike: int, expiry: str = "20261218") -> Security:
    return Security(strike * 10 + (right == "C"), "AAPL", "OPT", "USD", D(100), last_trade_date=expiry,
                    strike=D(strike), right=right, under_con_id=1)  # fmt: skip


def needed(*holdings: tuple[Security, int, str], under: str = "260", kind: str = "margin") -> tuple[Decimal, Decimal]:
    held = [Holding(security, D(quantity), D(price)) for security, quantity, price in holdings]
    return requirement(held, {1: D(under), FUTURE.con_id: D(6000)}, kind)


@pytest.mark.parametrize(("holding", "initial", "maintenance"), [
    ((SHARE, 100, "280"), "14000", "7000"),
    ((SHARE, -100, "280"), "14000", "8400"),
    ((SHARE, -100, "6"), "500", "500"),  # the floor of 5 a share
    ((SHARE, -100, "4"), "400", "400"),  # all it is worth
    ((SHARE, -100, "1"), "250", "250"),  # the floor of 2.50 a share
    ((CALL, 5, "4"), "0", "0"),  # paid in full
    ((FUTURE, 2, "6000"), "4840", "4400"),
    ((FUTURE, -2, "6000"), "4840", "4400"),
    ((replace(FUTURE, symbol="ZZ"), 2, "6000"), "6600", "6000"),
    ((FUTURE_CALL, -1, "50"), "2420", "2200"),
    ((FUTURE_CALL, 1, "50"), "250", "250"),
    ((COIN, 1, "60000"), "0", "0"),
    ((PAIR, 20000, "1.1"), "0", "0"),
])  # fmt: skip
def test_what_one_holding_requires(holding: tuple[Security, int, str], initial: str, maintenance: str) -> None:
    assert needed(holding) == (D(initial), D(maintenance))


@pytest.mark.parametrize(("held", "both"), [
    # 20 % of 260 less 10 out of the money, and the premium
    ([(option("C", 270), -1, "4")], 100 * (52 - 10 + 4)),
    # at least 10 % of the underlying, or of a put's strike
    ([(option("C", 330), -1, "0.1")], D("2610")),
    ([(option("P", 200), -1, "0.1")], D("2010")),
    # an index: 15 %
    ([(INDEX_PUT, -1, "4")], 100 * (39 - 10 + 4)),
    # verticals: what they can lose
    ([(option("C", 270), -1, "4"), (option("C", 280), 1, "2")], 1000),
    ([(option("C", 270), 1, "4"), (option("C", 280), -1, "2")], 0),
    ([(option("P", 250), -2, "4"), (option("P", 245), 2, "2")], 1000),
    # a long option that ends before covers nothing
    ([(option("C", 270), -1, "4"), (option("C", 280, "20261120"), 1, "2")], 4600),
    # a condor cannot lose on both sides
    ([(option("C", 270), -1, "4"), (option("C", 280), 1, "2"), (option("P", 250), -1, "4"), (option("P", 235), 1, "2")],
     1500),
    # a straddle: the larger side, and both premiums
    ([(option("C", 260), -1, "9"), (option("P", 260), -1, "8")], 100 * (52 + 17)),
])  # fmt: skip
def test_what_options_require_together(held: list[tuple[Security, int, str]], both: Decimal) -> None:
    assert needed(*held) == (both, both)


def test_a_covered_call_requires_what_the_shares_do_and_how_far_it_is_in_the_money() -> None:
    assert needed((SHARE, 100, "260"), (option("C", 270), -1, "4")) == amounts(13000, 6500)
    assert needed((SHARE, 100, "260"), (option("C", 250), -1, "14")) == amounts(13000, 7500)
    assert needed((SHARE, 100, "260"), (option("C", 270), -2, "4")) == amounts(13000 + 4600, 6500 + 4600)


def test_a_cash_account_secures_puts_with_cash() -> None:
    assert needed((option("P", 250), -2, "4"), kind="cash") == amounts(50_000, 50_000)
    assert needed((SHARE, 100, "260"), (option("C", 270), -1, "4"), kind="cash") == amounts(0, 0)


def test_a_house_may_ask_for_more() -> None:
    strict = RATES._replace(house={"AAPL": (D(1), D(1))})
    assert requirement([Holding(SHARE, D(10), D(260))], {}, rates=strict) == Requirement(D(2600), D(2600))


def test_without_a_price_of_the_underlying_the_strike_stands_for_it() -> None:
    assert requirement([Holding(option("C", 270), D(-1), D(4))], {}) == amounts(5800, 5800)


class TestPortfolioMargin:
    """Valued a month before the options end, at a volatility that their prices imply."""

    def needed(self, *holdings: tuple[Security, int, str], under: str = "260") -> Requirement:
        held = [Holding(security, D(quantity), D(price)) for security, quantity, price in holdings]
        return requirement(held, {1: D(under)}, "portfolio", at_us=NOON_US)

    def test_shares_lose_15_percent(self) -> None:
        assert self.needed((SHARE, 100, "260")) == amounts(3900 * 1.1, 3900)
        assert self.needed((SHARE, -100, "260")) == amounts(3900 * 1.1, 3900)

    def test_a_broad_index_moves_less(self) -> None:
        fund = replace(SHARE, symbol="SPY")
        assert self.needed((fund, 100, "500")).maintenance == 4000
        assert self.needed((fund, -100, "500")).maintenance == 3000

    def test_other_indices_and_leveraged_funds_move_as_they_are_listed(self) -> None:
        fund = {symbol: replace(SHARE, symbol=symbol) for symbol in ("QQQ", "SDS", "XLK")}
        assert self.needed((fund["QQQ"], 100, "500")).maintenance == 5000
        assert self.needed((fund["SDS"], 100, "50")).maintenance == 600  # twice the 6 % that the index rises
        assert self.needed((fund["SDS"], -100, "50")).maintenance == 800
        assert self.needed((fund["XLK"], 100, "100")).maintenance == 1500

    def test_a_hedge_lowers_what_shares_require(self) -> None:
        put = option("P", 250)
        alone, hedged = self.needed((SHARE, 100, "260")), self.needed((SHARE, 100, "260"), (put, 1, "4"))
        assert D(500) < hedged.maintenance < D(1500) < alone.maintenance

    def test_a_long_option_loses_no_more_than_it_is_worth(self) -> None:
        assert D(300) < self.needed((option("C", 270), 1, "4")).maintenance <= 400

    def test_a_short_option_loses_what_the_model_says(self) -> None:
        call = option("C", 270)
        assert D(2500) < self.needed((call, -1, "4")).maintenance < D(2700)  # 299 - 270, and some time, less 4

    def test_each_contract_requires_a_little(self) -> None:
        far = option("P", 20)
        assert self.needed((far, -10, "0.0001")).maintenance == D(375)
        both = self.needed((far, 10, "0.0001"), (far, -10, "0.0001"))
        assert both.maintenance == D("375.1")  # the long ones no more than they are worth

    def test_without_a_price_of_the_underlying_all_is_at_risk(self) -> None:
        held = [Holding(option("C", 270), D(2), D(4))]
        assert requirement(held, {}, "portfolio", at_us=NOON_US).maintenance == 800

    def test_futures_and_coins_are_outside_of_it(self) -> None:
        assert self.needed((FUTURE, 1, "6000")) == amounts(2420, 2200)
        assert self.needed((COIN, 1, "60000")) == amounts(0, 0)
