"""Margin figures as data: Regulation T, what exchanges ask for futures, and the moves of portfolio margin."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

# Of one contract: initial and maintenance, as exchanges ask overnight, rounded. Others pay a share of their worth.
FUTURES: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType({
    symbol: (Decimal(initial), Decimal(maintenance)) for symbol, initial, maintenance in (
        ("ES", "24200", "22000"), ("MES", "2420", "2200"), ("NQ", "36300", "33000"), ("MNQ", "3630", "3300"),
        ("YM", "15400", "14000"), ("MYM", "1540", "1400"), ("RTY", "9900", "9000"), ("M2K", "990", "900"),
        ("CL", "6600", "6000"), ("MCL", "660", "600"), ("GC", "22000", "20000"), ("MGC", "2200", "2000"),
        ("ZN", "2200", "2000"), ("ZB", "4400", "4000"), ("ZF", "1540", "1400"), ("ZT", "1100", "1000"),
        ("EUR", "3080", "2800"), ("M6E", "308", "280"))})  # fmt: skip

# By how much broad indices, and funds on them, are taken to fall and to rise by portfolio margin.
INDEX_MOVES: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType({
    **dict.fromkeys(("SPX", "XSP", "SPY", "VOO", "IVV", "OEX", "DJX", "DIA"), (Decimal("-0.08"), Decimal("0.06"))),
    **dict.fromkeys(("RUT", "IWM", "MID", "MDY"), (Decimal("-0.10"), Decimal("0.10")))})  # fmt: skip


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
    portfolio_initial: Decimal = Decimal("1.10")
    least_per_option: Decimal = Decimal("0.375")
    other_moves: tuple[Decimal, Decimal] = (Decimal("-0.15"), Decimal("0.15"))
    index_moves: Mapping[str, tuple[Decimal, Decimal]] = INDEX_MOVES

    def moves(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return how far an underlying is taken to fall and to rise by portfolio margin."""
        return self.index_moves.get(symbol, self.other_moves)


RATES = Rates()
