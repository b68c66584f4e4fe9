"""A grid of moves: every price with every volatility and every shift of rates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.risk.holding import BALANCE, Holding
from capture.risk.risk_error import RiskError

from .moves import Moves

_STILL = ("BOND", "BILL", BALANCE)  # what has a price of its own, in percent of par, and what is cash
_RELATIVE, _SHIFT = (-1.0, 100.0), (-0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Grid:
    """Relative moves of prices and volatilities, and shifts of interest rates: 0.1 is 10 %, and 0.01 is 100 bp.

    Raises RiskError for what cannot be: a price or a volatility that falls by all, a rate that moves by more than 50 %.
    """

    price_moves: Sequence[float] = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    volatility_moves: Sequence[float] = (-0.3, -0.15, 0.0, 0.15, 0.3)
    rate_moves: Sequence[float] = (-0.01, -0.005, 0.0, 0.005, 0.01)

    def __post_init__(self) -> None:
        for name, moves, (least, most) in (("price", self.price_moves, _RELATIVE), ("rate", self.rate_moves, _SHIFT),
                                           ("volatility", self.volatility_moves, _RELATIVE)):  # fmt: skip
            if not moves or not all(least < move < most for move in moves):
                raise RiskError(f"{name} moves are {list(moves)}: give one at least, and fractions between {least:g} "
                                f"and {most:g}, as 0.1 for 10 %")  # fmt: skip

    def labels(self) -> dict[str, list[float]]:
        """Return the moves of each point: prices change first, then volatilities, then rates."""
        points = [(price, volatility, rate) for rate in self.rate_moves for volatility in self.volatility_moves
                  for price in self.price_moves]  # fmt: skip
        return {name: [point[place] for point in points]
                for place, name in enumerate(("price_move", "volatility_move", "rate_move"))}  # fmt: skip

    def moves(self, holdings: Sequence[Holding]) -> Moves:
        """Return the moves of holdings: all prices move together, but for those of bonds and of cash."""
        labels = {name: np.array([values], float) for name, values in self.labels().items()}
        moved = np.array([[holding.security_type not in _STILL] for holding in holdings], float).reshape(-1, 1)
        return Moves(moved * labels["price_move"], labels["volatility_move"], labels["rate_move"],
                     np.zeros_like(labels["price_move"]))  # fmt: skip


RISK_NAVIGATOR = Grid()
