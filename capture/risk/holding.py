"""A holding: one position of one account with all that valuation, stress and margin have to know of it."""

import re
from dataclasses import dataclass

AMERICAN, EUROPEAN = "american", "european"
BALANCE = "BALANCE"  # no word of IB's: cash of one currency, with its name as symbol and as currency

# Options on indices are European, but for these classes; those on futures are American, but for those of these forms:
# weekly and end-of-month ones on stock indices, and those on currencies that CME calls European.
_AMERICAN_INDEX_CLASSES = ("OEX",)
_EUROPEAN_FUTURE_CLASSES = re.compile(
    r"EW[1-5]?|E[1-5][A-E]|QNE|QN[1-5]|Q[1-5][A-E]|RTM|R[1-5][A-E]|YM[1-5]|Y[1-5][A-E]|EUU|GBU|JPU|ADU|CAU|CHU|NEU|MPU"
)


@dataclass(frozen=True, slots=True)
class Holding:
    """One position of one account.

    Prices are in quote units, as the exchange shows them: pence for London, percent of par for bonds, cents for cattle;
    `capture.risk.valuation` alone makes money of them. Moments are microseconds since 1970, UTC. None is not known.
    Dividends, strikes and prices of an underlying are in the quote units of that underlying.
    """

    account: str
    instrument_id: int  # IB's conId; 0 for a balance of cash
    symbol: str
    security_type: str  # IB's word: STK, OPT, FOP, FUT, CASH, BOND, FUND, CFD, …; or BALANCE
    currency: str
    position: float  # below zero is short; of bonds their face value, of balances the amount
    multiplier: float = 1.0
    price_magnifier: int = 1  # quote units in one of the currency: 100 where prices are in pence
    trading_class: str = ""
    root: str = ""  # IB's symbol of futures and options: ES of ESZ6; empty where it is the symbol

    price: float | None = None
    price_ts_us: int | None = None
    price_source: str = ""  # mid, last, close, …; empty without a price
    average_cost: float | None = None  # IB's: of one unit of position in money, multiplier in it; None where unknown

    underlying_id: int | None = None
    underlying_symbol: str = ""
    underlying_security_type: str = ""
    underlying_price: float | None = None

    strike: float | None = None
    right: str = ""  # C or P; empty for what is no option
    expiry_us: int | None = None  # when it settles, or a bond matures; None for what does not expire
    exercise: str = AMERICAN  # or european; see exercise_style
    settlement_price: float | None = None  # of the underlying of an option that has expired
    implied_volatility: float | None = None  # a fraction a year
    volatility_source: str = ""
    dividends: tuple[tuple[int, float], ...] = ()  # of the underlying: ex moment in microseconds, cash of one share
    dividend_yield: float = 0.0  # of the underlying, a fraction a year, beside dividends; cost of borrowing is in it

    coupon: float | None = None  # of a bond, percent a year; 0 for bills; None where unknown

    sector: str = ""  # IB's industry, a scheme of its own; empty for funds, futures and currencies
    industry: str = ""  # IB's category within it
    beta: float | None = None  # to the index that the caller measured it against
    reason_unpriced: str = ""  # why the caller has no price, or no definition, of it

    @property
    def is_option(self) -> bool:
        """Whether it has a strike and a right."""
        return self.right in ("C", "P") and self.strike is not None

    @property
    def moved_by(self) -> str:
        """The symbol whose moves move it: that of its underlying, or its own."""
        return self.underlying_symbol or self.symbol


def exercise_style(security_type: str, underlying_security_type: str, trading_class: str) -> str:
    """Return how an option is exercised by its kind and class; American where that is not known."""
    if security_type == "FOP":
        return EUROPEAN if _EUROPEAN_FUTURE_CLASSES.fullmatch(trading_class) else AMERICAN
    is_on_index = underlying_security_type == "IND"
    return EUROPEAN if is_on_index and trading_class not in _AMERICAN_INDEX_CLASSES else AMERICAN
