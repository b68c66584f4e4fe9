from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from capture.risk.margin.margin_parameters import parameters_on
from capture.risk.margin.portfolio_margin import portfolio_margin
from capture.risk.revaluation import changes
from capture.risk.stress.grid import Grid
from capture.risk.stress.repricing import stress
from tests.risk.stress.held import MARKET, PORTFOLIO, option

MOVES = np.array([-0.15, 0.0, 0.12])


def test_margin_and_stress_price_by_the_same_model() -> None:
    held = [each for each in PORTFOLIO if each.security_type not in ("BOND", "CASH")]
    priced = [replace(each, price=each.price or 20.0) for each in held]
    moves = np.broadcast_to(MOVES, (len(priced), 3))
    found = changes(priced, MARKET, moves)
    assert found.unpriced == ()
    without = [replace(each, price=None) if each.is_option else each for each in priced]
    assert found.amounts == pytest.approx(stress(without, Grid(tuple(MOVES), (0.0,), (0.0,)), MARKET).gains, abs=1e-6)


def test_each_holding_may_move_by_itself_in_price_and_volatility() -> None:
    pair = [option(price=20.0), option(right="P", price=20.0)]
    moves, shifts = np.array([[0.1, -0.1], [0.05, 0.2]]), np.array([[0.0, 0.3], [-0.2, 0.3]])
    found = changes(pair, MARKET, moves, shifts)
    for row, column in np.ndindex(2, 2):
        alone = stress([pair[row]], Grid((float(moves[row, column]),), (float(shifts[row, column]),), (0.0,)), MARKET)
        assert found.amounts[row, column] == pytest.approx(alone.gains[0, 0])


def test_what_has_no_price_is_without_one_in_margin_too() -> None:
    lacking = option(spot=None, price=3.0)
    found = portfolio_margin([lacking, *PORTFOLIO[:2]], parameters_on(date(2026, 11, 23)), MARKET)
    assert [(each.holding, each.reason) for each in found.unpriced] == [(lacking, "no price of the underlying")]
    assert found.maintenance > 0
