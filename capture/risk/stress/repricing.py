"""Stress: what each holding and all of them gain at every point of a grid, or in every scenario, in one currency."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from capture.option_prices import Floats
from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.risk.pricing.option_worth import QUICK
from capture.risk.pricing.options import Places
from capture.risk.valuation import KINDS, Counts, money_currency, rate_to, unit_value, value

from .grid import Grid
from .moves import MODEL, MovedPrices, moved_prices
from .scenario import Scenario, scenario_moves

SCENARIO = "scenario"


@dataclass(frozen=True)
class Stress:
    """What holdings gain at each point: points are those of a grid, or named scenarios.

    `labels` say of each point what moves there: price_move, volatility_move and rate_move, or scenario. `prices` and
    `gains`, (holdings, points), are in quote units and in the base currency, NaN where there are none; `values` are
    what the gains are measured from. `reasons` has a text for each holding, empty where it is priced, and
    `point_reasons` more for single points.
    """

    holdings: tuple[Holding, ...]
    base_currency: str
    labels: dict[str, list[Any]]
    prices: Floats
    gains: Floats
    values: Floats
    ways: tuple[str, ...]
    reasons: tuple[str, ...]
    point_reasons: dict[tuple[int, int], str]

    @cached_property
    def table(self) -> pa.Table:
        """Each holding at each point, those without a price too.

        Columns: account, instrument_id, symbol, security_type, currency, what moves, price (quote units), gain and
        value (base currency; value is what it counts now), way (how it is priced), reason (null where it is priced).
        """
        count = self.gains.shape[1]
        rows = np.repeat(np.arange(len(self.holdings)), count)
        points = np.tile(np.arange(count), len(self.holdings))
        names = {name: [getattr(holding, name) for holding in self.holdings]
                 for name in ("account", "instrument_id", "symbol", "security_type", "currency")}  # fmt: skip
        return pa.table({
            **{name: _spread(values, rows) for name, values in names.items()},
            **{name: _spread(values, points) for name, values in self.labels.items()},
            "price": _numbers(self.prices), "gain": _numbers(self.gains),
            "value": _numbers(np.repeat(self.values, count)), "way": _spread(list(self.ways), rows),
            "reason": self._reasons()})  # fmt: skip

    @cached_property
    def totals(self) -> pa.Table:
        """What all holdings gain at each point, and how many of them are in it.

        Columns: what moves, gain (base currency), priced, unpriced (holdings).
        """
        is_there = np.isfinite(self.gains)
        return pa.table({
            **{name: pa.array(values) for name, values in self.labels.items()},
            "gain": pa.array(np.nansum(self.gains, axis=0), pa.float64()),
            "priced": pa.array(is_there.sum(axis=0), pa.int64()),
            "unpriced": pa.array((~is_there).sum(axis=0), pa.int64())})  # fmt: skip

    @property
    def worst(self) -> dict[str, Any]:
        """The row of `totals` with the greatest loss, the first of equal ones."""
        rows: list[dict[str, Any]] = self.totals.to_pylist()
        return min(rows, key=lambda row: row["gain"])

    @cached_property
    def unpriced(self) -> pa.Table:
        """Holdings without a price: account, instrument_id, symbol, security_type, position, points, reason.

        `points` is at how many of the points it is lacking.
        """
        count = self.gains.shape[1]
        found = [(row, count, reason) for row, reason in enumerate(self.reasons) if reason]
        single: dict[tuple[int, str], int] = {}
        for (row, _), reason in self.point_reasons.items():
            if not self.reasons[row]:
                single[row, reason] = single.get((row, reason), 0) + 1
        found += [(row, points, reason) for (row, reason), points in single.items()]
        columns = {name: pa.array([getattr(self.holdings[row], name) for row, _, _ in found], kind)
                   for name, kind in (("account", pa.string()), ("instrument_id", pa.int64()), ("symbol", pa.string()),
                                      ("security_type", pa.string()), ("position", pa.float64()))}  # fmt: skip
        return pa.table({**columns, "points": pa.array([points for _, points, _ in found], pa.int64()),
                         "reason": pa.array([reason for _, _, reason in found], pa.string())})  # fmt: skip

    def _reasons(self) -> pa.Array:
        """Return the reason of each row of `table`."""
        texts: list[str | None] = [reason or None for reason in self.reasons]
        where = np.repeat(np.arange(len(texts)), self.gains.shape[1])
        for (row, point), reason in self.point_reasons.items():
            if not self.reasons[row]:
                where[row * self.gains.shape[1] + point] = len(texts)
                texts.append(reason)
        return _spread(texts, where, pa.string())


def _spread(values: Sequence[Any], places: Places, kind: pa.DataType = None) -> pa.Array:
    return pa.array(values, kind).take(pa.array(places))


def _numbers(values: Floats) -> pa.Array:
    flat = values.reshape(-1)
    return pa.array(flat, pa.float64(), mask=np.isnan(flat))


def stress(
    holdings: Sequence[Holding], moves: Grid | Sequence[Scenario], market: Market, method: str = QUICK
) -> Stress:
    """Price holdings anew at each point of a grid, or in each scenario.

    An option's volatility stays with its strike where the underlying moves. What it gains is the difference of a
    model's prices, and never more than its price can fall. What has no price is listed, and counted at each point.
    Raises RiskError where the method needs what is not installed.
    """
    of = moves.moves(holdings) if isinstance(moves, Grid) else scenario_moves(moves, holdings, market)
    labels = moves.labels() if isinstance(moves, Grid) else {SCENARIO: [scenario.name for scenario in moves]}
    moved = moved_prices(holdings, of, market, method)
    rates = np.array([rate_to(market.base_currency, money_currency(holding), market.rates) or np.nan
                      for holding in holdings], float)[:, None]  # fmt: skip
    begun, prices = _quoted(holdings, moved)
    with_costs = [_with_cost(holding) for holding in holdings]
    before, after = (value(with_costs, each).net_liquidation for each in (begun[:, None], prices))
    gains = after * rates * (1 + of.currency) - before * rates
    for row, point in of.reasons:
        gains[row, point] = prices[row, point] = np.nan
    reasons = tuple(reason or ("" if np.isfinite(rate) else f"no rate for {money_currency(holding)}")
                    for reason, rate, holding in zip(moved.reasons, rates[:, 0], holdings, strict=True))  # fmt: skip
    return Stress(tuple(holdings), market.base_currency, labels, prices, gains, (before * rates)[:, 0], moved.ways,
                  reasons, dict(of.reasons))  # fmt: skip


def _quoted(holdings: Sequence[Holding], moved: MovedPrices) -> tuple[Floats, Floats]:
    """Return prices now and at each point: the market's own, moved by as much as the model's."""
    own = np.array([np.nan if holding.price is None else holding.price for holding in holdings], float)
    is_model = np.array([way == MODEL for way in moved.ways], bool)
    begun = np.where(is_model & np.isfinite(own) & np.isfinite(moved.now), own, moved.now)
    prices = begun[:, None] + (moved.prices - moved.now[:, None])
    return begun, np.where(is_model[:, None], np.maximum(prices, 0.0), prices)


def _with_cost(holding: Holding) -> Holding:
    """Return what counts by its gain, and whose cost is not known, as if it were bought at its price."""
    counts = KINDS.get(holding.security_type, (0, Counts.VALUE))[1]
    if counts is not Counts.GAIN or holding.average_cost is not None or holding.price is None:
        return holding
    return replace(holding, average_cost=holding.price * unit_value(holding))
