from typing import Any

import pytest

from capture.plot import read_units
from capture.plot.units import Units, units

from .conftest import MakeLake, instrument


@pytest.mark.parametrize(("details", "expected", "title"), [
    ({}, Units("", "units", "unit", "", 1.0, None), "price"),
    ({"security_type": "STK", "currency": "USD", "multiplier": ""},
     Units("USD", "shares", "share", "USD", 1.0, None), "price (USD)"),
    ({"security_type": "STK", "currency": "GBP", "price_magnifier": 100},
     Units("GBP/100", "shares", "share", "GBP", 0.01, None), "price (GBP/100)"),
    ({"security_type": "FUT", "currency": "USD", "multiplier": "50", "min_tick": 0.25},
     Units("points", "contracts", "contract", "USD", 50.0, 0.25), "price (points)"),
    ({"security_type": "FUT", "currency": "USD", "multiplier": "5000", "price_magnifier": 100},
     Units("points", "contracts", "contract", "USD", 50.0, None), "price (points)"),  # corn, in cents
    ({"security_type": "BOND", "currency": "USD"},
     Units("USD", "units", "unit", "USD", 0.01, None), "price (USD)"),  # in percent of par
    ({"security_type": "OPT", "currency": "USD", "multiplier": "100"},
     Units("USD", "contracts", "contract", "USD", 100.0, None), "price (USD)"),
    ({"security_type": "CASH", "ib_symbol": "EUR", "currency": "USD"},
     Units("USD", "EUR", "EUR", "USD", 1.0, None), "price (USD)"),
])  # fmt: skip
def test_units_follow_from_what_ib_says(details: dict[str, Any], expected: Units, title: str) -> None:
    assert units(details) == expected
    assert units(details).price_title == title


def test_units_are_read_by_symbol(make_lake: MakeLake) -> None:
    lake = make_lake(instruments=[instrument(security_type="FUT", multiplier="50")])
    assert read_units(lake, "AAPL").value == 50.0
    assert read_units(lake, "MSFT") == units({})
