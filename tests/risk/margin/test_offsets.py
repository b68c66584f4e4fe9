"""Offsets of portfolio margin, by hand and of any groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.risk.margin.offsets import Part, gather, offset

UP = np.array([-800.0, -400.0, 300.0, 600.0])


def test_a_product_group_counts_losses_in_full_and_a_share_of_gains() -> None:
    """Long one index, short another: at the lowest point 800 lost and 600 gained, of which 90 % count: 260."""
    product = offset("broad", [Part("SPX", UP, 37.5), Part("DJX", -0.75 * UP, 75.0)], 0.9)
    assert product.changes == pytest.approx([-260, -130, 225 * -1 + 300 * 0.9, 600 * 0.9 - 450])
    assert product.loss == product.requirement == pytest.approx(260)
    assert (product.worst_point, product.minimum) == (0, 112.5)


def test_a_minimum_is_required_where_no_point_loses_more() -> None:
    hedged = Part("SPX", np.array([-20.0, 0.0, 10.0]), 75.0)
    assert (hedged.loss, hedged.requirement, hedged.worst_point) == (20, 75, 0)
    gains = Part("SPX", np.array([20.0, 0.0, 10.0]), 0.0)
    assert (gains.loss, gains.requirement, gains.worst_point) == (0, 0, None)


def test_groups_are_gathered_in_their_order_and_single_stocks_stay_alone() -> None:
    parts = [Part("SPX", UP, 0.0), Part("AAPL", UP, 0.0), Part("DJX", -UP, 0.0), Part("MSFT", -UP, 0.0)]
    found = gather(parts, {"SPX": "broad", "DJX": "broad", "AAPL": "", "MSFT": ""}, {"broad": 0.9})
    assert [part.name for part in found] == ["broad", "AAPL", "MSFT"]
    assert found[0].requirement == pytest.approx(80)
    assert sum(part.requirement for part in found[1:]) == 1400  # issuers differ: 800 and 600, without offset


CHANGES = st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=10).map(np.array)
PARTS = st.lists(st.builds(Part, st.just("any"), CHANGES, st.floats(0, 1e5)), min_size=1, max_size=6)


@given(PARTS, st.floats(0, 1))
def test_together_never_more_than_alone_and_never_below_zero(parts: list[Part], share: float) -> None:
    whole = offset("all", parts, share)
    assert 0 <= whole.requirement <= sum(part.requirement for part in parts) + 1e-6


@given(PARTS, PARTS, st.floats(0, 1), st.floats(0, 1))
def test_a_further_part_in_a_group_costs_no_more_than_it_requires_alone(
    parts: list[Part], more: list[Part], share: float, above: float
) -> None:
    """Also two levels up, where gains of the group below were lessened."""
    other = offset("other", [Part("x", -parts[0].changes, 0.0)], share)
    before = offset("all", [offset("one", parts, share), other], above).requirement
    after = offset("all", [offset("one", parts + more, share), other], above).requirement
    assert after <= before + sum(part.requirement for part in more) + 1e-5


@given(PARTS, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_requires_more(parts: list[Part], one: float, other: float) -> None:
    least, most = sorted((one, other))
    assert offset("all", parts, most).requirement <= offset("all", parts, least).requirement + 1e-6
