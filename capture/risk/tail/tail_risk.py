"""The tail of a history of gains and losses: value at risk and expected shortfall, and how much they rest on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from capture.option_prices import Floats

CONFIDENCES = (0.95, 0.99, 0.995)
ENOUGH_DAYS = 250
_EXACT = 9  # digits: 500 × (1 − 0.99) is 5, and not a little more


class TailRisk(NamedTuple):
    """What was lost at worst on the worst days, as money above zero; NaN without a single day.

    On `tail_days` of the `days`, in a share of 1 − `confidence`, at least `value_at_risk` was lost. Their mean is
    `expected_shortfall`. `label` says what is wrong with the figures, and is empty where nothing is.
    """

    confidence: float
    value_at_risk: float
    expected_shortfall: float
    days: int
    tail_days: float
    label: str


def tail_risk(changes: Floats, confidences: Sequence[float] = CONFIDENCES) -> list[TailRisk]:
    """Return value at risk and expected shortfall of daily changes of worth, at each confidence.

    Days that are NaN are left out and never count as days on which nothing happened. With days in order of loss,
    value at risk is the loss of the day that ends the tail: the fifth worst of 500 at 99 %. Expected shortfall is the
    mean of the tail, the last day in part: unlike value at risk it never grows by putting portfolios together.
    A gain in the tail is a value at risk below zero.
    """
    losses = np.sort(-changes[~np.isnan(changes)])[::-1]
    return [_at(losses, confidence) for confidence in confidences]


def _at(losses: Floats, confidence: float) -> TailRisk:
    assert 0 < confidence < 1, "a confidence is between 0 and 1"
    tail = round(len(losses) * (1 - confidence), _EXACT)
    if not len(losses):
        return TailRisk(confidence, float("nan"), float("nan"), 0, 0.0, "no days")
    count = max(int(np.ceil(tail)), 1)
    weights = np.ones(count)
    weights[-1] = tail - (count - 1)
    shortfall = float(losses[:count] @ weights / weights.sum())
    return TailRisk(confidence, float(losses[count - 1]), shortfall, len(losses), tail, _label(len(losses), tail))


def _label(days: int, tail: float) -> str:
    few = f"only {days} days, {ENOUGH_DAYS} are needed" if days < ENOUGH_DAYS else ""
    short = "the tail is less than one day: the worst day stands for it" if tail < 1 else ""
    return "; ".join(filter(None, (few, short)))
