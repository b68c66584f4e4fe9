"""What SPAN is reckoned with, as dated data: scan ranges of futures, charges and credits of spreads.

Exchanges publish these every day; what is here are round figures of the day that each row names, for an estimate.
What the broker asked for lately, recorded from what-if orders, is better: `capture.risk.observed_rates`.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from .dated import Certainty, Row, held_on, held_or_oldest

ANY_MONTH = ""
INITIAL_SHARE = 1.10  # of maintenance, which exchanges ask of who is no member
_ROUND = "what CME Group asks for outright positions over night, rounded"
_OURS = "a round figure of ours, no exchange's word"
_BEGUN = date(2025, 10, 1)


class ScanRange(NamedTuple):
    """How far one future is moved: money of one contract of this multiplier, and a part of its volatility.

    `short_option_minimum` is money for each short option. `symbols` are contracts of the same commodity, of any size;
    `month` is the contract month that the row is of, as 202612, or empty for all.
    """

    commodity: str
    price: float
    multiplier: float
    currency: str = "USD"
    volatility: float = 0.25
    short_option_minimum: float = 0.0
    month: str = ANY_MONTH
    symbols: tuple[str, ...] = ()
    valid_from: date = _BEGUN
    source: str = _ROUND
    certainty: Certainty = Certainty.UNVERIFIED

    @property
    def points(self) -> float:
        """The range in price units of the future."""
        return self.price / self.multiplier


class MonthSpread(NamedTuple):
    """What one spread between months of a commodity costs; months are empty for any two."""

    commodity: str
    charge: float
    near: str = ANY_MONTH
    far: str = ANY_MONTH
    valid_from: date = _BEGUN
    source: str = _OURS
    certainty: Certainty = Certainty.UNVERIFIED


class Leg(NamedTuple):
    """One side of a spread between commodities: so many futures; those of different sign offset."""

    commodity: str
    futures: float


class CommoditySpread(NamedTuple):
    """A share of both legs' price risk that a spread between commodities saves; rows are used in their order."""

    legs: tuple[Leg, Leg]
    credit: float
    valid_from: date = _BEGUN
    source: str = _OURS
    certainty: Certainty = Certainty.UNVERIFIED


SMALL_SIZE = 0.1  # of the contract that a commodity is named after: CME's micro futures
# Commodity, what one contract asks to be held, its multiplier, a minimum for short options, and its small size.
_OUTRIGHT = (
    ("ES", 22_000, 50, 50, "MES"), ("NQ", 33_000, 20, 50, "MNQ"), ("YM", 14_000, 5, 50, "MYM"),
    ("RTY", 9_000, 50, 50, "M2K"), ("CL", 6_000, 1_000, 30, "MCL"), ("GC", 20_000, 100, 30, "MGC"),
    ("ZN", 2_000, 1_000, 10, ""), ("ZB", 4_000, 1_000, 10, ""), ("ZF", 1_400, 1_000, 10, ""),
    ("ZT", 1_000, 2_000, 10, ""), ("EUR", 2_800, 125_000, 10, "M6E"))  # fmt: skip
SCAN_RANGES: tuple[ScanRange, ...] = tuple(
    ScanRange(commodity, price, multiplier, short_option_minimum=minimum, symbols=(commodity, *small.split()))
    for commodity, price, multiplier, minimum, small in _OUTRIGHT)  # fmt: skip
# Money that one contract of each symbol asks to be held.
OUTRIGHTS: Mapping[str, float] = {
    **{commodity: price for commodity, price, *_ in _OUTRIGHT},
    **{small: SMALL_SIZE * price for _, price, _, _, small in _OUTRIGHT if small}}  # fmt: skip
MONTH_SPREADS: tuple[MonthSpread, ...] = (
    MonthSpread("ES", 600), MonthSpread("NQ", 1_000), MonthSpread("YM", 500), MonthSpread("RTY", 400),
    MonthSpread("CL", 900), MonthSpread("GC", 300), MonthSpread("ZN", 300), MonthSpread("ZB", 500),
    MonthSpread("ZF", 200), MonthSpread("ZT", 200), MonthSpread("EUR", 100))  # fmt: skip
COMMODITY_SPREADS: tuple[CommoditySpread, ...] = (
    CommoditySpread((Leg("ES", 1), Leg("YM", -2)), 0.80), CommoditySpread((Leg("ES", 1), Leg("NQ", -1)), 0.70),
    CommoditySpread((Leg("ES", 1), Leg("RTY", -2)), 0.65), CommoditySpread((Leg("ZB", 1), Leg("ZN", -2)), 0.65),
    CommoditySpread((Leg("ZN", 1), Leg("ZF", -1)), 0.70), CommoditySpread((Leg("ZF", 1), Leg("ZT", -1)), 0.60),
)  # fmt: skip


@dataclass(frozen=True)
class SpanFigures:
    """The figures of one day."""

    ranges: tuple[ScanRange, ...]
    month_spreads: tuple[MonthSpread, ...]
    commodity_spreads: tuple[CommoditySpread, ...]

    def range_of(self, symbol: str, month: str = ANY_MONTH) -> ScanRange | None:
        """Return the scan range of a contract's month, else of all months; None where nobody gave one."""
        of_symbol = [row for row in self.ranges if symbol == row.commodity or symbol in row.symbols]
        exact = [row for row in of_symbol if month and row.month == month]
        return next(iter(exact or [row for row in of_symbol if row.month == ANY_MONTH]), None)


def span_figures_on(
    day: date,
    ranges: Iterable[ScanRange] = (),
    month_spreads: Iterable[MonthSpread] = (),
    commodity_spreads: Iterable[CommoditySpread] = (),
) -> SpanFigures:
    """Return the rows that held on a day, those given before those that are here; the oldest where none held yet."""
    return SpanFigures(
        _rows(day, ranges, SCAN_RANGES, lambda row: (row.commodity, row.month)),
        _rows(day, month_spreads, MONTH_SPREADS, lambda row: (row.commodity, row.near, row.far)),
        _rows(day, commodity_spreads, COMMODITY_SPREADS, lambda row: row.legs),
    )


def _rows(day: date, own: Iterable[Row], listed: Iterable[Row], key: Callable[[Row], Hashable]) -> tuple[Row, ...]:
    first = held_on(day, own, key)
    return (*first.values(), *(row for name, row in held_or_oldest(day, listed, key).items() if name not in first))
