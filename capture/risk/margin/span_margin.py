"""Margin of futures and of options on them, estimated by SPAN's sixteen scenarios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.option_prices import Floats
from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.risk.revaluation import MOST_LOST, ON_FUTURES, Changes, Unpriced, changes
from capture.risk.valuation import money_currency, quote_unit, rate_to, value
from capture.times import moment_of

from .margin_parameters import MarginParameters
from .span import Commodity, CommodityMargin, span_arrays
from .span_figures import INITIAL_SHARE, MonthSpread, ScanRange, SpanFigures
from .span_scenarios import PRICES, SCENARIOS, SHARES, VOLATILITIES

ESTIMATE = ("an estimate: exchanges publish risk arrays every day, and the broker asks for more where it sees more; "
            "without charges for delivery months")  # fmt: skip
_UP, _DOWN = (2, 3), (4, 5)  # scenarios in which the price moves by a third of its range
_BETWEEN = PRICES[_UP[0]] - PRICES[_DOWN[0]]

COMMODITY_SCHEMA = pa.schema([
    ("commodity", pa.string()), ("changes", pa.list_(pa.float64())), ("worst_scenario", pa.int64()),
    *((name, pa.float64()) for name in ("scan_risk", "month_spreads", "commodity_credit", "short_option_minimum",
                                        "requirement", "option_value"))])  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpanMargin:
    """What futures and options on them require, estimated, in the base currency.

    `option_value` is what the options are worth, which is in the account's worth and not taken off the requirement.
    What is `unpriced` is in no figure.
    """

    currency: str
    commodities: tuple[CommodityMargin, ...]
    maintenance: float
    initial: float
    option_value: float
    unpriced: tuple[Unpriced, ...]
    note: str = ESTIMATE

    def table(self) -> pa.Table:
        """Return a row for each commodity, in the columns of `COMMODITY_SCHEMA`; scenarios are counted from 1."""
        return pa.Table.from_pylist([{
            "commodity": one.name, "changes": one.changes, "worst_scenario": one.worst + 1 if one.scan_risk else None,
            "scan_risk": one.scan_risk, "month_spreads": one.month_spreads, "commodity_credit": one.commodity_credit,
            "short_option_minimum": one.short_option_minimum, "requirement": one.requirement,
            "option_value": one.option_value} for one in self.commodities], COMMODITY_SCHEMA)  # fmt: skip


def span(holdings: Sequence[Holding], parameters: MarginParameters, market: Market) -> SpanMargin:
    """Return what the futures among holdings, and options on them, require; all else is left out."""
    held = [holding for holding in holdings if holding.position and holding.security_type in ON_FUTURES]
    ranges = [_range(holding, parameters.span) for holding in held]
    faults = [_fault(*pair) for pair in zip(held, ranges, strict=True)]
    known = [holding for holding, fault in zip(held, faults, strict=True) if not fault]
    rows = [row for row, fault in zip(ranges, faults, strict=True) if row and not fault]
    moves = np.array([_moves(*pair) for pair in zip(known, rows, strict=True)]).reshape(len(known), len(SCENARIOS))
    shifts = np.array([VOLATILITIES * row.volatility for row in rows]).reshape(moves.shape)
    found = changes(known, market, moves, shifts)
    commodities = _commodities(found, rows, market)
    margins = span_arrays(commodities, _charges(parameters.span, rows, market), parameters.span.commodity_spreads)
    maintenance = sum(one.requirement for one in margins)
    missing = tuple(Unpriced(holding, fault) for holding, fault in zip(held, faults, strict=True) if fault)
    return SpanMargin(market.base_currency, tuple(margins), maintenance, maintenance * INITIAL_SHARE,
                      sum(one.option_value for one in margins), (*found.unpriced, *missing))  # fmt: skip


def _range(holding: Holding, figures: SpanFigures) -> ScanRange | None:
    return figures.range_of(holding.root or holding.symbol, "" if holding.is_option else _month(holding))


def _fault(holding: Holding, row: ScanRange | None) -> str:
    """Return why the scenarios cannot be made for a holding, empty where they can."""
    if row is None:
        return f"no scan range for {holding.root or holding.symbol}: write a [[scan_range]] of it"
    price = _future_price(holding)
    if price is None:
        return "no price of its future"
    return "" if price > 0 else f"the price of its future is {price:g}, and a scan is of a price above 0"


def _future_price(holding: Holding) -> float | None:
    return holding.underlying_price if holding.is_option else holding.price


def _month(holding: Holding) -> str:
    """Return the month in which a contract ends; empty where that is not known."""
    return "" if holding.expiry_us is None else moment_of(holding.expiry_us).strftime("%Y%m")


def _moves(holding: Holding, row: ScanRange) -> Floats:
    """Return by what part the price of the future moves in each scenario."""
    points = row.points * quote_unit(holding.currency, holding.price_magnifier)[1]
    return np.maximum(PRICES * points / (_future_price(holding) or np.nan), -MOST_LOST)


def _commodities(found: Changes, rows: Sequence[ScanRange], market: Market) -> list[Commodity]:
    """Return what is held of each commodity, in the order in which they come, of holdings that have a price."""
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if not found.reasons[place]:
            groups.setdefault(row.commodity, []).append(place)
    months = {holding.instrument_id: _month(holding) for holding in found.holdings if not holding.is_option}
    return [_commodity(name, found, places, rows, months, market) for name, places in groups.items()]


def _commodity(
    name: str, found: Changes, places: Sequence[int], rows: Sequence[ScanRange], months: Mapping[int, str],
    market: Market,
) -> Commodity:  # fmt: skip
    deltas: dict[str, float] = {}
    minimum = worth = 0.0
    for place in places:
        holding, row, amounts = found.holdings[place], rows[place], found.amounts[place]
        rate = rate_to(market.base_currency, money_currency(holding), market.rates) or 0.0
        month = months.get(holding.underlying_id or 0, _month(holding)) if holding.is_option else _month(holding)
        slope = amounts[list(_UP)].mean() - amounts[list(_DOWN)].mean()
        deltas[month] = deltas.get(month, 0.0) + float(slope) / (_BETWEEN * row.price * rate)
        if holding.is_option:
            size = abs(min(holding.position, 0.0)) * holding.multiplier / row.multiplier
            minimum += size * row.short_option_minimum * rate
            worth += float(value([holding]).market_value[0]) * rate
    return Commodity(name, found.total(places) * SHARES, deltas, minimum, worth)


def _charges(figures: SpanFigures, rows: Sequence[ScanRange], market: Market) -> list[MonthSpread]:
    rates = {row.commodity: rate_to(market.base_currency, row.currency, market.rates) or 0.0 for row in rows}
    return [row._replace(charge=row.charge * rates[row.commodity])
            for row in figures.month_spreads if row.commodity in rates]  # fmt: skip

