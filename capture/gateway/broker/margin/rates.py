"""Margin figures as data: Regulation T, what exchanges ask for futures, and the moves of portfolio margin."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from capture.risk.margin.margin_figures import figures_on
from capture.risk.margin.risk_groups import FUNDS, LISTED, Fund
from capture.risk.margin.span_figures import INITIAL_SHARE, OUTRIGHTS

_FIGURES = figures_on(date.max)


def _decimal(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))


# Of one contract: initial and maintenance, as exchanges ask overnight, rounded. Others pay a share of their worth.
FUTURES: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType({
    symbol: (_decimal(INITIAL_SHARE * price), _decimal(price)) for symbol, price in OUTRIGHTS.items()})  # fmt: skip


def _farthest(fund: Fund) -> tuple[Decimal, Decimal]:
    moves = _FIGURES.moves(LISTED.place(fund.symbol).kind, fund.leverage)
    return _decimal(min(moves)), _decimal(max(moves))


# By how much indices, and funds on them, are taken to fall and to rise by portfolio margin.
INDEX_MOVES: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType({fund.symbol: _farthest(fund) for fund in FUNDS})
_EQUITY = _decimal(_FIGURES["moves.equity.down"]), _decimal(_FIGURES["moves.equity.up"])


class Rates(NamedTuple):
    """What margin is reckoned with. Rates are shares of a worth; `house` has initial and maintenance by symbol."""

    initial: Decimal = Decimal("0.50")
    maintenance: Decimal = Decimal("0.25")
    short: Decimal = Decimal("0.30")
    cheap: Decimal = Decimal("5")  # a short share below this price pays `cheap_floor`, or all it is worth
    cheap_floor: Decimal = Decimal("2.50")
    short_floor: Decimal = Decimal("5")
    option: Decimal = Decimal("0.20")
    index_option: Decimal = Decimal("0.15")
    option_least: Decimal = Decimal("0.10")
    futures: Mapping[str, tuple[Decimal, Decimal]] = FUTURES
    other_futures: tuple[Decimal, Decimal] = (Decimal("0.11"), Decimal("0.10"))
    house: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType({})
    currency: Decimal = Decimal("0.025")  # of what is owed in one currency and held in another
    least_equity: Decimal = Decimal("2000")  # below this, nothing is lent
    portfolio_initial: Decimal = _decimal(_FIGURES["initial.us"])
    least_per_option: Decimal = _decimal(_FIGURES["minimum.per_contract"])
    other_moves: tuple[Decimal, Decimal] = _EQUITY
    index_moves: Mapping[str, tuple[Decimal, Decimal]] = INDEX_MOVES

    def moves(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return how far an underlying is taken to fall and to rise by portfolio margin."""
        return self.index_moves.get(symbol, self.other_moves)


RATES = Rates()
