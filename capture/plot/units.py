"""What an instrument's prices, sizes and profits are counted in."""

from dataclasses import dataclass
from typing import Any

from capture.query import LakeReader
from capture.risk.valuation import quote_units

_POINTS = ("FUT", "FOP", "IND", "CONTFUT")  # whose prices are an index's or a contract's points
_ONE = {"STK": "share", "FUT": "contract", "OPT": "contract", "FOP": "contract", "CONTFUT": "contract",
        "CRYPTO": "coin"}  # fmt: skip
_LATEST = """
select security_type, ib_symbol, currency, price_magnifier, multiplier, min_tick from instruments
where symbol = $symbol order by ts desc, seq desc, "row" desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Units:
    """Units of an instrument, empty text where nothing is known of it.

    `price` is what prices are in: a currency, a part of it ("GBP/100"), or points. `one` is what is traded ("share",
    "contract"), `size` many of it. `value` is how many units of `currency` one of it gains when its price rises by 1:
    IB's multiplier by how prices are quoted (`capture.risk.valuation`). `tick` is the smallest step of its price, None
    where unknown.
    """

    price: str
    size: str
    one: str
    currency: str
    value: float
    tick: float | None

    @property
    def price_title(self) -> str:
        """What an axis of prices is called."""
        return f"price ({self.price})" if self.price else "price"


def read_units(lake: LakeReader, symbol: str) -> Units:
    """Return the units of an instrument, as IB last described it."""
    found = lake.sql(_LATEST, {"symbol": symbol}).arrow().to_pylist()
    return units(found[0] if found else {})


def units(details: dict[str, Any]) -> Units:
    """Return the units of a row of `instruments`, or of an empty one."""
    kind, currency = details.get("security_type") or "", details.get("currency") or ""
    magnifier = details.get("price_magnifier") or 1
    size = one = str(details.get("ib_symbol") or "units")
    if kind != "CASH":
        one = _ONE.get(kind, "unit")
        size = f"{one}s"
    price = currency if magnifier == 1 or not currency else f"{currency}/{magnifier}"
    value = float(details.get("multiplier") or 1) / quote_units(kind, currency, magnifier)
    return Units("points" if kind in _POINTS else price, size, one, currency, value, details.get("min_tick"))
