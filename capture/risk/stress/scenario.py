"""A scenario: moves under one name, of all prices or of some, of volatility by tenor, of rates and currencies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.risk.holding import BALANCE, Holding
from capture.risk.pricing.market import Market
from capture.risk.valuation import money_currency

from .moves import Moves

DAYS = 365
PAIR = "CASH"
_NO_PRICE_MOVE = ("BOND", "BILL", BALANCE, PAIR)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Moves under a name; all are fractions, 0.1 for 10 %.

    What moves a holding's price is the first of these that there is: its underlying's or own symbol in `underlying`,
    its sector in `sector`, its beta times `beta`, else `price`. Currency pairs move by `currency` alone. `volatility`
    has relative moves by days to expiry, linear between and flat beyond them. `rates` are shifts by currency, "" for
    all others. `currency` is how much more one of a currency is worth in the base currency.
    """

    name: str
    about: str = ""
    price: float = 0.0
    beta: float | None = None
    underlying: Mapping[str, float] = field(default_factory=dict)
    sector: Mapping[str, float] = field(default_factory=dict)
    volatility: Mapping[float, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    currency: Mapping[str, float] = field(default_factory=dict)

    def price_move(self, holding: Holding) -> float | None:
        """Return how the price of what moves a holding moves; None where it would need a beta that it has not."""
        named = [self.underlying[name] for name in (holding.moved_by, holding.symbol) if name in self.underlying]
        if named:
            return named[0]
        if holding.security_type in _NO_PRICE_MOVE:
            return 0.0
        if holding.sector in self.sector:
            return self.sector[holding.sector]
        if self.beta is None:
            return self.price
        return None if holding.beta is None else max(holding.beta * self.beta, -0.99)

    def volatility_move(self, days: float) -> float:
        """Return how the volatility of what expires in so many days moves."""
        if not self.volatility:
            return 0.0
        tenors = sorted(self.volatility)
        return float(np.interp(days, tenors, [self.volatility[tenor] for tenor in tenors]))

    def rate_move(self, currency: str) -> float:
        """Return how the interest rates of a currency shift."""
        return self.rates.get(currency, self.rates.get("", 0.0))


def unheld(scenarios: Sequence[Scenario], holdings: Sequence[Holding]) -> list[tuple[str, list[str]]]:
    """Return the scenarios that name symbols, sectors or currencies of which nothing is held, each with these."""
    symbols = {name for holding in holdings for name in (holding.moved_by, holding.symbol)}
    sectors = {holding.sector for holding in holdings}
    currencies = {money_currency(holding) for holding in holdings} | {
        holding.symbol.split(".")[0] for holding in holdings if holding.security_type == PAIR}  # fmt: skip
    found = [(one.name, sorted({*one.underlying.keys() - symbols, *one.sector.keys() - sectors,
                                *one.currency.keys() - currencies})) for one in scenarios]  # fmt: skip
    return [(name, words) for name, words in found if words]


def scenario_moves(scenarios: Sequence[Scenario], holdings: Sequence[Holding], market: Market) -> Moves:
    """Return the moves of holdings in each scenario.

    A pair of currencies moves with them only in an account that has no balances: where it has, these are its legs.
    """
    shape = (len(holdings), len(scenarios))
    price, volatility, rate, currency = (np.zeros(shape) for _ in range(4))
    with_balances = {holding.account for holding in holdings if holding.security_type == BALANCE}
    reasons = {}
    for row, holding in enumerate(holdings):
        days = market.years_to(holding.expiry_us) * DAYS if holding.expiry_us is not None else 0.0
        for place, scenario in enumerate(scenarios):
            move = scenario.price_move(holding)
            if move is None:
                reasons[row, place] = f"no beta, which the scenario {scenario.name!r} moves it by"
            is_pair = holding.security_type == PAIR
            price[row, place] = _pair_move(scenario, holding, market, with_balances) if is_pair else move or 0.0
            volatility[row, place] = scenario.volatility_move(days)
            rate[row, place] = scenario.rate_move(money_currency(holding))
            currency[row, place] = _currency_move(scenario, money_currency(holding), market)
    return Moves(price, volatility, rate, currency, reasons)


def _currency_move(scenario: Scenario, currency: str, market: Market) -> float:
    return 0.0 if currency == market.base_currency else scenario.currency.get(currency, 0.0)


def _pair_move(scenario: Scenario, holding: Holding, market: Market, with_balances: set[str]) -> float:
    if holding.symbol in scenario.underlying:
        return scenario.underlying[holding.symbol]
    if holding.account in with_balances:
        return 0.0
    bought = _currency_move(scenario, holding.symbol.split(".")[0], market)
    return (1 + bought) / (1 + _currency_move(scenario, money_currency(holding), market)) - 1
