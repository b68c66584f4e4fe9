"""SPAN of one commodity and of several: from risk arrays and deltas to scan risk, spreads and the requirement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.option_prices import Floats

from .span_figures import ANY_MONTH, CommoditySpread, Leg, MonthSpread
from .span_scenarios import SCENARIOS, TWINS


@dataclass(frozen=True)
class Commodity:
    """All that is held of one commodity, in one currency.

    `changes` is what it gains in each of the sixteen scenarios, shares of extreme ones in it. `deltas` are how many
    futures it moves like, by contract month. `short_options` is what the minimum of its short options comes to, in
    money, and `option_value` what its options are worth.
    """

    name: str
    changes: Floats  # (16,)
    deltas: Mapping[str, float] = field(default_factory=dict)
    short_options: float = 0.0
    option_value: float = 0.0

    @property
    def delta(self) -> float:
        """How many futures all of it moves like."""
        return sum(self.deltas.values())

    @property
    def worst(self) -> int:
        """The scenario, from 0, in which most is lost."""
        return int(self.changes.argmin())

    @property
    def scan_risk(self) -> float:
        """The largest loss in any scenario, 0 where nothing is lost."""
        return max(float(-self.changes.min()), 0.0)

    @property
    def price_risk(self) -> float:
        """What of the scan risk is of price alone, for one future of its delta; 0 without a delta.

        As SPAN has it: the mean of the worst scenario and its twin, in which volatility goes the other way, less the
        mean of the two in which the price does not move.
        """
        if not self.delta:
            return 0.0
        scenarios = -(self.changes[self.worst] + self.changes[TWINS[self.worst]]) / 2
        standing = -(self.changes[0] + self.changes[1]) / 2
        return max(float(scenarios - standing), 0.0) / abs(self.delta)


@dataclass(frozen=True, slots=True)
class CommodityMargin:
    """What one commodity requires, in its currency, and what that is made of."""

    name: str
    changes: Floats
    worst: int
    scan_risk: float
    month_spreads: float
    commodity_credit: float
    short_option_minimum: float
    option_value: float

    @property
    def requirement(self) -> float:
        """Scan risk and charges less credits, or the minimum of short options where that is more."""
        return max(self.scan_risk + self.month_spreads - self.commodity_credit, self.short_option_minimum, 0.0)


def span_arrays(
    commodities: Sequence[Commodity],
    month_spreads: Sequence[MonthSpread] = (),
    commodity_spreads: Sequence[CommoditySpread] = (),
) -> list[CommodityMargin]:
    """Return what commodities require, in their order."""
    assert all(commodity.changes.shape == (len(SCENARIOS),) for commodity in commodities), "sixteen scenarios"
    credits_ = _credits({commodity.name: commodity for commodity in commodities}, commodity_spreads)
    return [
        CommodityMargin(
            one.name, one.changes, one.worst, one.scan_risk,
            month_charge(one.deltas, [row for row in month_spreads if row.commodity == one.name]),
            min(credits_.get(one.name, 0.0), one.scan_risk), one.short_options, one.option_value)
        for one in commodities]  # fmt: skip


def month_charge(deltas: Mapping[str, float], spreads: Sequence[MonthSpread]) -> float:
    """Return what the spreads between months cost that deltas form, rows in their order; each delta counts once."""
    left, charge = dict(deltas), 0.0
    for row in sorted(spreads, key=lambda row: row.near == ANY_MONTH):
        formed = _form_any(left) if row.near == ANY_MONTH else _form(left, row.near, row.far)
        charge += formed * row.charge
    return charge


def _form(left: dict[str, float], near: str, far: str) -> float:
    """Take the spreads between two months off what is left; return how many."""
    first, second = left.get(near, 0.0), left.get(far, 0.0)
    if first * second >= 0:
        return 0.0
    formed = min(abs(first), abs(second))
    left[near], left[far] = first - np.copysign(formed, first), second - np.copysign(formed, second)
    return formed


def _form_any(left: dict[str, float]) -> float:
    """Return how many spreads all that is left forms; none of it is left."""
    long = sum(delta for delta in left.values() if delta > 0)
    short = -sum(delta for delta in left.values() if delta < 0)
    left.clear()
    return min(long, short)


def _credits(commodities: Mapping[str, Commodity], spreads: Sequence[CommoditySpread]) -> dict[str, float]:
    """Return what spreads between commodities save each of them, rows in their order; each delta counts once."""
    left = {name: commodity.delta for name, commodity in commodities.items()}
    saved = dict.fromkeys(commodities, 0.0)
    for row in spreads:
        formed = _formed(left, row.legs)
        for leg in row.legs if formed else ():
            saved[leg.commodity] += formed * abs(leg.futures) * commodities[leg.commodity].price_risk * row.credit
            left[leg.commodity] -= np.copysign(formed * leg.futures, left[leg.commodity])
    return saved


def _formed(left: Mapping[str, float], legs: tuple[Leg, Leg]) -> float:
    """Return how many spreads deltas form: both legs on the sides that the row has, or both on the others."""
    counts = [left.get(leg.commodity, 0.0) / leg.futures for leg in legs]
    return min(map(abs, counts)) if counts[0] * counts[1] > 0 else 0.0
