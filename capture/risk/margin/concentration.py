"""The broker's floors under portfolio margin: the riskiest names far out, and a single stock under stress."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from capture.option_prices import Floats

from .margin_figures import MarginFigures, spread_moves


@dataclass(frozen=True, slots=True)
class Company:
    """What stress of a single stock has to know of its issuer; None is not known."""

    market_value: float | None = None  # of all its shares, in US dollars
    is_chinese: bool = False


class Losses(NamedTuple):
    """What one class group loses at most, in the base currency: far out, as one of the rest, and alone under stress."""

    name: str
    far: float
    rest: float
    single: float
    is_name: bool  # whether it may be one of the riskiest: a stock, or a fund that is not broad


class Floor(NamedTuple):
    """An amount below which a requirement does not go, and the class groups that it is of."""

    amount: float
    names: tuple[str, ...]


def concentration(losses: Sequence[Losses], figures: MarginFigures) -> Floor:
    """Return what is lost with the riskiest names far out, each in its worse direction, and all else a little."""
    by_risk = sorted((one for one in losses if one.is_name and one.far > 0), key=lambda one: (-one.far, one.name))
    riskiest = {one.name for one in by_risk[: int(figures["concentration.names"])]}
    amount = sum(one.far if one.name in riskiest else one.rest for one in losses)
    return Floor(amount, tuple(one.name for one in by_risk if one.name in riskiest))


def single_stock(losses: Sequence[Losses]) -> Floor:
    """Return what the worst single stock loses under stress."""
    worst = max(losses, key=lambda one: one.single, default=None)
    return Floor(worst.single, (worst.name,)) if worst and worst.single > 0 else Floor(0.0, ())


def single_moves(figures: MarginFigures, company: Company, leverage: float = 1.0) -> Floats:
    """Return the moves of one stock, or of a fund on it, under stress: of a small company up to the size for such ones.

    That is our reading of what the broker publishes, which is one sentence. Where its size is not known it is large.
    """
    size = figures["single.china" if company.is_chinese else "single.small_cap"]
    growth = size / company.market_value - 1 if company.market_value else 0.0
    return spread_moves(figures["single.down"], max(figures["single.up"], growth), leverage)


def largest_loss(changes: Floats) -> float:
    """Return the largest loss at any of several moves, 0 where nothing is lost."""
    return max(float(-np.min(changes, initial=0.0)), 0.0)


UNKNOWN = Company()
