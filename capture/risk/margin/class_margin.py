"""Class groups of portfolio margin: what all that is held on one underlying gains at each move, by rule and far out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from capture.option_prices import Floats
from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.risk.revaluation import Changes, Unpriced, changes, moving_name
from capture.risk.valuation import money_currency, rate_to, value

from .concentration import UNKNOWN, Company, Losses, largest_loss, single_moves
from .margin_figures import MarginFigures, spread_moves
from .margin_parameters import MarginParameters
from .offsets import Part
from .risk_groups import Place

POINTS = 10
NAMES = ("equity", "narrow_index")  # kinds of which the riskiest are moved far out; broad indices are among the rest
_HOME = "USD"
_SHIFTS = (0.0, -1.0, 1.0)  # of volatility, in parts of the figure
# Columns of scenarios: the ten points with each shift of volatility, then three times ten without one.
RULE, SHIFTED = slice(0, POINTS), slice(0, POINTS * len(_SHIFTS))
_FAR, _REST, _SINGLE = (slice(SHIFTED.stop + start, SHIFTED.stop + start + POINTS) for start in (0, 10, 20))


@dataclass(frozen=True, slots=True)
class ClassMargin:
    """What one class group requires by itself, in the base currency.

    `moves` are those of its index, and `changes` what it gains at each of them, then the same with volatility down and
    up. `holdings` counts what is in it, `lacking` what it has beside that and could not be priced.
    """

    place: Place
    holdings: int
    lacking: int
    moves: Floats  # (10,)
    changes: Floats  # (30,)
    minimum: float
    losses: Losses
    initial_share: float  # of maintenance, to open

    @property
    def name(self) -> str:
        """The name of the class group."""
        return self.place.class_group

    def part(self, scenarios: slice = RULE) -> Part:
        """Return what it gains in some scenarios, to be offset."""
        return Part(self.name, self.changes[scenarios], self.minimum)

    @property
    def worst_move(self) -> float | None:
        """The move of its index at which most is lost; None where nothing is lost."""
        point = self.part().worst_point
        return None if point is None else float(self.moves[point])


def class_margins(
    holdings: Sequence[Holding], parameters: MarginParameters, market: Market, companies: Mapping[str, Company]
) -> tuple[tuple[ClassMargin, ...], tuple[Unpriced, ...]]:
    """Return the class groups of holdings, in the order in which they come, and what could not be priced."""
    places = [parameters.groups.place(moving_name(holding)) for holding in holdings]
    found = changes(holdings, market, *_scenarios(places, parameters.figures, companies))
    groups: dict[str, list[int]] = {}
    for row, place in enumerate(places):
        groups.setdefault(place.class_group, []).append(row)
    classes = tuple(_class(found, rows, places[rows[0]], parameters.figures, market) for rows in groups.values())
    return classes, found.unpriced


def _scenarios(
    places: Sequence[Place], figures: MarginFigures, companies: Mapping[str, Company]
) -> tuple[Floats, Floats]:
    """Return the moves of prices and of volatilities, a row for each holding's place."""
    rows = [_moves(place, figures, companies.get(place.class_group, UNKNOWN)) for place in places]
    moves = np.array(rows).reshape(len(places), _SINGLE.stop)
    shifts = np.zeros(_SINGLE.stop)
    shifts[SHIFTED] = np.repeat(_SHIFTS, POINTS) * figures["volatility.shift"]
    return moves, np.tile(shifts, (len(places), 1))


def _moves(place: Place, figures: MarginFigures, company: Company) -> Floats:
    far, rest = figures["concentration.move"], figures["concentration.rest"]
    single = single_moves(figures, company, place.leverage) if place.kind == "equity" else np.zeros(POINTS)
    return np.concatenate((
        np.tile(figures.moves(place.kind, place.leverage), len(_SHIFTS)),
        spread_moves(-far, far, place.leverage), spread_moves(-rest, rest, place.leverage), single))  # fmt: skip


def _class(found: Changes, rows: Sequence[int], place: Place, figures: MarginFigures, market: Market) -> ClassMargin:
    priced = [row for row in rows if not found.reasons[row]]
    total = found.total(priced)
    far, rest, single = (largest_loss(total[part]) for part in (_FAR, _REST, _SINGLE))
    losses = Losses(place.class_group, far, rest, single, place.kind in NAMES)
    minimum = sum(_minimum(found.holdings[row], figures["minimum.per_contract"], market) for row in priced)
    currencies = {money_currency(found.holdings[row]) for row in rows}
    share = figures["initial.us" if currencies == {_HOME} else "initial.other"]
    return ClassMargin(place._replace(leverage=1.0), len(priced), len(rows) - len(priced), figures.moves(place.kind),
                       total[SHIFTED], minimum, losses, share)  # fmt: skip


def _minimum(holding: Holding, each: float, market: Market) -> float:
    """Return the least that an option requires, of a long one no more than it is worth; nothing for all else."""
    if not holding.is_option:
        return 0.0
    rate = rate_to(market.base_currency, money_currency(holding), market.rates) or 0.0
    least = abs(holding.position) * holding.multiplier * each
    worth = float(value([holding]).market_value[0])
    return rate * (min(least, worth) if holding.position > 0 else least)
