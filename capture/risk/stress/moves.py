"""Moves of the market, and what every holding's price is after them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.option_prices import Floats
from capture.risk.holding import BALANCE, Holding
from capture.risk.pricing.bonds import bond_price, bond_yield
from capture.risk.pricing.market import Market
from capture.risk.pricing.option_terms import NOT_YET_REMOVED, OptionTerms, is_live_option, option_terms, settled_price
from capture.risk.pricing.option_worth import QUICK, price
from capture.risk.pricing.options import Options, Places, join
from capture.risk.valuation import KINDS, OF_PAR, unpriced_reason

MODEL, SETTLED, LINEAR, YIELD, CASH = "model", NOT_YET_REMOVED, "linear", "yield", "cash"


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves of shape (holdings, points), or (1, points) where all holdings have the same.

    `price` is relative, of the price of what moves a holding; `volatility` is relative, `rate` is added to interest
    rates. `currency` is relative, of what one of a holding's currency is worth in the base currency. `reasons` say why
    a holding, by its row, has no move at a point.
    """

    price: Floats
    volatility: Floats
    rate: Floats
    currency: Floats
    reasons: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert len({each.shape[1] for each in (self.price, self.volatility, self.rate, self.currency)}) == 1


@dataclass(frozen=True, slots=True)
class MovedPrices:
    """Prices in quote units, (holdings, points), NaN where there is none; `now` is that where nothing moves.

    Those of options are a model's. `ways` says how each holding is priced, `reasons` why not, empty where it is.
    """

    prices: Floats
    now: Floats
    ways: tuple[str, ...]
    reasons: tuple[str, ...]


def moved_prices(holdings: Sequence[Holding], moves: Moves, market: Market, method: str = QUICK) -> MovedPrices:
    """Return what each holding's price is after each move."""
    terms = option_terms(holdings, market)
    count = moves.price.shape[1]
    prices, now = np.full((len(holdings), count), np.nan), np.full(len(holdings), np.nan)
    ways, reasons = [], []
    for row, holding in enumerate(holdings):
        way, reason = _way(holding, market), ""
        if way == MODEL:
            reason = holding.reason_unpriced or _unknown_kind(holding) or terms.reasons[row]
        else:
            now[row], prices[row], reason = _plain(holding, way, moves, row, market)
        ways.append(way)
        reasons.append(reason)
    _price_options(prices, now, terms, moves, method)
    nothing = [bool(reason) for reason in reasons]
    prices[nothing] = now[nothing] = np.nan
    return MovedPrices(prices, now, tuple(ways), tuple(reasons))


def _way(holding: Holding, market: Market) -> str:
    if holding.is_option:
        return MODEL if is_live_option(holding, market) else SETTLED
    if holding.security_type == BALANCE:
        return CASH
    return YIELD if KINDS.get(holding.security_type, (0,))[0] == OF_PAR else LINEAR


def _unknown_kind(holding: Holding) -> str:
    return "" if holding.security_type in KINDS else unpriced_reason(holding)


def _plain(holding: Holding, way: str, moves: Moves, row: int, market: Market) -> tuple[float, Floats | float, str]:
    """Return the price of what is no living option, now and after moves, and why it has none."""
    if way == SETTLED:
        settled, reason = settled_price(holding)
        return settled, settled, holding.reason_unpriced or reason
    reason = unpriced_reason(holding)
    if reason or way == CASH:
        return 1.0, 1.0, reason
    now = holding.price or 0.0
    moved = now * (1 + _row(moves.price, row))
    if way == LINEAR:
        return now, moved, ""
    shift = _row(moves.rate, row)
    if not shift.any():
        return now, moved, ""
    ratio, reason = _bond_ratio(holding, now, shift, market)
    return now, moved * ratio, reason


def _bond_ratio(holding: Holding, now: float, shift: Floats, market: Market) -> tuple[Floats | float, str]:
    if holding.expiry_us is None or holding.coupon is None:
        return 1.0, "no coupon or maturity, without which its price at other rates is not known"
    years = market.years_to(holding.expiry_us)
    if years <= 0:
        return 1.0, ""
    own = bond_yield(now, years, holding.coupon)
    if np.isnan(own):
        return 1.0, "its price has no yield between -50 and 200 %"
    return bond_price(own + shift, years, holding.coupon) / now, ""


def _row(values: Floats, row: int) -> Floats:
    moves: Floats = values[row if len(values) > 1 else 0]
    return moves


def _price_options(prices: Floats, now: Floats, terms: OptionTerms, moves: Moves, method: str) -> None:
    """Fill in prices of options: one walk for each volatility and rate gives those at all prices of the underlying."""
    if not len(terms.rows):
        return
    first = np.zeros(len(terms.options), np.int64)
    first[terms.places[::-1]] = terms.rows[::-1]
    worth = np.full((len(terms.options), prices.shape[1]), np.nan)
    for job in _joined(_jobs(terms, moves, first)):
        found = price(job.options, job.spots, method)
        worth[job.places, job.points] = found
    base = price(terms.options, terms.spots[None], method)[0]
    prices[terms.rows], now[terms.rows] = worth[terms.places], base[terms.places]


@dataclass(frozen=True, slots=True)
class _Job:
    """Options at one volatility and rate each, and at which points they are worth what they are at each of `spots`."""

    options: Options
    spots: Floats  # (points, options)
    places: Places  # of options in their terms
    points: Places  # in the shape of spots


def _jobs(terms: OptionTerms, moves: Moves, first: Places) -> Iterator[_Job]:
    """Yield a job for each volatility and rate of those options that have the same ones at all points."""
    price_moves = _rows(moves.price, first)
    for places, volatility, rate in _patterns(moves, first):
        pairs, which = np.unique(np.stack([volatility, rate]), axis=1, return_inverse=True)
        for number in range(pairs.shape[1]):
            points = np.flatnonzero(which.reshape(-1) == number)
            options = terms.options.take(places)
            moved = options.at_volatility(options.volatility * (1 + pairs[0, number])).at_rate_shift(pairs[1, number])
            spots = terms.spots[places] * (1 + price_moves[np.ix_(places, points)].T)
            yield _Job(moved, spots, places, np.broadcast_to(points[:, None], spots.shape))


def _patterns(moves: Moves, first: Places) -> Iterator[tuple[Places, Floats, Floats]]:
    """Yield which options have the same volatilities and rates at all points, and these."""
    if len(moves.volatility) == len(moves.rate) == 1:
        yield np.arange(len(first)), moves.volatility[0], moves.rate[0]
        return
    both = np.hstack([_rows(moves.volatility, first), _rows(moves.rate, first)])
    patterns, which = np.unique(both, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        volatility, rate = np.split(pattern, 2)
        yield np.flatnonzero(which.reshape(-1) == number), volatility, rate


def _rows(values: Floats, rows: Places) -> Floats:
    return values[rows] if len(values) > 1 else np.broadcast_to(values, (len(rows), values.shape[1]))


def _joined(jobs: Iterator[_Job]) -> Iterator[_Job]:
    """Yield jobs with as many points as one, so that many options are priced at once."""
    by_count: dict[int, list[_Job]] = {}
    for job in jobs:
        by_count.setdefault(len(job.spots), []).append(job)
    for same in by_count.values():
        yield _Job(join([job.options for job in same]), *(
            np.concatenate([getattr(job, name) for job in same], axis=-1) for name in ("spots", "places", "points")))
