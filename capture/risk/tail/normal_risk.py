"""Value at risk by the normal distribution, beside the historical one: exposures and a covariance that can be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.risk.revaluation import Unpriced, changes, moving_name

from .covariance import Covariance, covariance, normal_deviation
from .daily_returns import DailyReturns
from .tail_risk import CONFIDENCES, ENOUGH_DAYS, TailRisk

_MOVE = 1e-3  # what exposures are measured with: so small that options are straight


@dataclass(frozen=True)
class NormalRisk:
    """Value at risk of exposures: what is gained for each whole of a move of a name, in the base currency.

    Options count by their delta alone, and rates of currencies stay. `covariance` says on how many days and names it
    rests, and how much of it was shrunk and floored; None without exposures. What is `unpriced` is in no figure.
    """

    rows: tuple[TailRisk, ...]
    exposures: dict[str, float]
    covariance: Covariance | None
    unpriced: tuple[Unpriced, ...]


def normal_risk(
    holdings: Sequence[Holding], returns: DailyReturns, market: Market, confidences: Sequence[float] = CONFIDENCES
) -> NormalRisk:
    """Return value at risk and expected shortfall by the normal distribution; a holding without returns is listed."""
    held = [holding for holding in holdings if holding.position and holding.security_type != "BALANCE"]
    known = [holding for holding in held if returns.days_of(moving_name(holding)) > 1]
    without = [Unpriced(one, f"{moving_name(one)} has no daily returns") for one in held if one not in known]
    found = changes(known, market, np.tile([-_MOVE, _MOVE], (len(known), 1)))
    exposures: dict[str, float] = {}
    for holding, (down, up), reason in zip(known, found.amounts, found.reasons, strict=True):
        if not reason:
            exposures[moving_name(holding)] = exposures.get(moving_name(holding), 0.0) + float(up - down) / (2 * _MOVE)
    unpriced = (*found.unpriced, *without)
    if not exposures:
        return NormalRisk((), {}, None, unpriced)
    matrix = covariance(np.column_stack([returns.of(name) for name in exposures]))
    deviation = normal_deviation(np.array(list(exposures.values())), matrix.matrix)
    rows = tuple(_row(confidence, deviation, matrix) for confidence in confidences)
    return NormalRisk(rows, exposures, matrix, unpriced)


def _row(confidence: float, deviation: float, matrix: Covariance) -> TailRisk:
    normal = NormalDist()
    away = normal.inv_cdf(confidence)
    shortfall = deviation * normal.pdf(away) / (1 - confidence)
    tail_days = matrix.days * (1 - confidence)
    return TailRisk(confidence, deviation * away, shortfall, matrix.days, tail_days, _label(matrix))


def _label(matrix: Covariance) -> str:
    few = f"only {matrix.days} days, {ENOUGH_DAYS} are needed" if matrix.days < ENOUGH_DAYS else ""
    many = f"{matrix.names} names and {matrix.days} days" if matrix.names >= matrix.days else ""
    return "; ".join(filter(None, (few, many)))
