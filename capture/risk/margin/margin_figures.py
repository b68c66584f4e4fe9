"""Figures of portfolio margin as dated data: what rules and the broker publish, with source and certainty of each.

A figure holds from its date until a later row of the same key. Users override figures in a file of their own:
`capture.risk.margin.margin_file`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from capture.option_prices import Floats
from capture.risk.revaluation import MOST_LOST

from .dated import Certainty, held_on, held_or_oldest

POINTS_A_SIDE = 5  # equidistant moves down, and as many up; no move is none of them
KINDS = ("high_cap_index", "broad_index", "narrow_index", "equity")


class Figure(NamedTuple):
    """One figure from a date on. Moves, shares and offsets are fractions; money is in US dollars."""

    key: str
    value: float
    valid_from: date
    source: str
    certainty: Certainty


_RULE, _PUBLISHED, _UNVERIFIED = Certainty.RULE, Certainty.PUBLISHED, Certainty.UNVERIFIED
_INDEX_PILOT = date(2005, 7, 14)  # SEC release 34-52031 allowed it for broad indices
_ALL_PRODUCTS = date(2007, 4, 2)  # SEC releases 34-54918 and 34-54919, for stocks and narrow indices, too
_STATIC_REST = date(2015, 10, 5)
_READ = date(2026, 11, 30)  # since when they hold is not known, only that they were read then
_MOVES = "FINRA 4210(g) and Cboe 10.4, table of portfolio types; SEC releases 34-46576 and 34-54919"
_OFFSETS = "OCC's list of product groups, as pages that quote it say"
_BROKER = "IBKR knowledge base, article 3560 on risk based margin"
_NOTICE = "IBKR's notice on concentration, effective 2015-10-05"

FIGURES: tuple[Figure, ...] = (
    Figure("moves.high_cap_index.down", -0.08, _INDEX_PILOT, _MOVES, _RULE),
    Figure("moves.high_cap_index.up", 0.06, _INDEX_PILOT, _MOVES, _RULE),
    Figure("moves.broad_index.down", -0.10, _INDEX_PILOT, _MOVES, _RULE),
    Figure("moves.broad_index.up", 0.10, _INDEX_PILOT, _MOVES, _RULE),
    Figure("moves.narrow_index.down", -0.15, _ALL_PRODUCTS, _MOVES, _RULE),
    Figure("moves.narrow_index.up", 0.15, _ALL_PRODUCTS, _MOVES, _RULE),
    Figure("moves.equity.down", -0.15, _ALL_PRODUCTS, _MOVES, _RULE),
    Figure("moves.equity.up", 0.15, _ALL_PRODUCTS, _MOVES, _RULE),
    Figure("minimum.per_contract", 0.375, _INDEX_PILOT, f"FINRA 4210(g), times the multiplier, and {_BROKER}; that a "
           "long option takes no more than it is worth is recalled", _RULE),
    Figure("offsets.product.high_cap_index", 0.90, _READ, _OFFSETS, _UNVERIFIED),
    Figure("offsets.product.broad_index", 0.75, _READ, _OFFSETS, _UNVERIFIED),
    Figure("offsets.product.narrow_index", 0.90, _READ, _OFFSETS, _UNVERIFIED),
    Figure("offsets.product.equity", 0.0, _ALL_PRODUCTS, "FINRA 4210(g): issuers differ, no offset", _RULE),
    Figure("offsets.portfolio", 0.50, _READ, "OCC's list of portfolio groups, recalled", _UNVERIFIED),
    Figure("initial.us", 1.10, _READ, f"{_BROKER}: of maintenance, securities of the US", _PUBLISHED),
    Figure("initial.other", 1.25, _READ, f"{_BROKER}: of maintenance, all others", _PUBLISHED),
    Figure("volatility.shift", 0.15, _READ, f"{_BROKER} says that it is shifted; the size is ours", _UNVERIFIED),
    Figure("concentration.names", 2, _STATIC_REST, f"{_BROKER}; {_NOTICE}", _PUBLISHED),
    Figure("concentration.move", 0.30, _STATIC_REST, f"{_BROKER}; {_NOTICE}", _PUBLISHED),
    Figure("concentration.rest", 0.05, _STATIC_REST, f"{_BROKER}; {_NOTICE}; before, by beta", _PUBLISHED),
    Figure("single.down", -0.25, _READ, f"{_BROKER}: default singleton method", _PUBLISHED),
    Figure("single.up", 0.30, _READ, f"{_BROKER}: default singleton method", _PUBLISHED),
    Figure("single.small_cap", 500e6, _READ, f"{_BROKER}: the size to which small companies move", _PUBLISHED),
    Figure("single.china", 1_500e6, _READ, f"{_BROKER}: likewise where the issuer is of China", _PUBLISHED),
)  # fmt: skip


@dataclass(frozen=True)
class MarginFigures:
    """The figures of one date, with a user's own in them."""

    day: date
    by_key: Mapping[str, Figure]

    def __getitem__(self, key: str) -> float:
        return self.by_key[key].value

    def moves(self, kind: str, leverage: float = 1.0) -> Floats:
        """Return the ten moves of an underlying's price, lowest of its index first; a leveraged fund's are larger.

        A move never takes all that it is worth.
        """
        return spread_moves(self[f"moves.{kind}.down"], self[f"moves.{kind}.up"], leverage)

    def table(self) -> pa.Table:
        """Return the figures as a table: key, value, valid_from, source, certainty."""
        rows = [self.by_key[key]._asdict() for key in sorted(self.by_key)]
        return pa.Table.from_pylist(rows, FIGURE_SCHEMA)


FIGURE_SCHEMA = pa.schema([("key", pa.string()), ("value", pa.float64()), ("valid_from", pa.date32()),
                           ("source", pa.string()), ("certainty", pa.string())])  # fmt: skip


def spread_moves(down: float, up: float, leverage: float = 1.0) -> Floats:
    """Return the ten moves between the farthest ones of an index, lowest first, times a leverage."""
    steps = np.arange(1, POINTS_A_SIDE + 1) / POINTS_A_SIDE
    return np.maximum(leverage * np.concatenate((down * steps[::-1], up * steps)), -MOST_LOST)


def figures_on(day: date, own: Iterable[Figure] = ()) -> MarginFigures:
    """Return the figures that held on a day, a user's own before others; the oldest where none held yet."""
    return MarginFigures(day, held_or_oldest(day, FIGURES, _key) | held_on(day, own, _key))


def _key(figure: Figure) -> str:
    return figure.key
