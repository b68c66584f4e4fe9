import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.risk.pricing.bonds import bond_price, bond_yield


@pytest.mark.parametrize(("yield_", "years", "coupon", "price"), [
    (0.0, 10, 3.0, 130.0), (0.05, 1, 0.0, 95.1229), (0.04, 10, 4.0, 100.0), (0.05, 10, 4.0, 92.1306),
])  # fmt: skip
def test_a_price_is_what_is_paid_back_and_coupons_at_a_yield(
    yield_: float, years: float, coupon: float, price: float
) -> None:
    assert float(bond_price(yield_, years, coupon)) == pytest.approx(price, abs=1e-4)


@given(st.floats(-0.2, 1.0), st.floats(0.01, 40), st.floats(0, 15))
def test_a_price_leads_back_to_its_yield(yield_: float, years: float, coupon: float) -> None:
    price = float(bond_price(yield_, years, coupon))
    again = float(bond_price(bond_yield(price, years, coupon), years, coupon))
    assert again == pytest.approx(price, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("price", [-1.0, 1e9])
def test_a_price_that_no_yield_gives_has_none(price: float) -> None:
    assert math.isnan(bond_yield(price, 5, 3.0))
