"""Holdings and markets for tests of risk measures."""

from datetime import UTC, datetime
from typing import Any

from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.times import DAY_US, microseconds


def market(interest: float = 0.0, at_us: int = 0, **rates: float) -> Market:
    """Return a market in US dollars, with one rate of interest for all currencies."""
    return Market(at_us, "USD", rates, dict.fromkeys(("USD", *rates), interest))


def stock(symbol: str, position: float, price: float | None, currency: str = "USD", **more: Any) -> Holding:
    return Holding("DU1", hash(symbol) % 10_000, symbol, "STK", currency, position, price=price, **more)


def option(
    underlying: str, position: float, right: str, strike: float, price: float | None, spot: float | None,
    days: int = 30, **more: Any,
) -> Holding:
    given = {"underlying_security_type": "STK"} | more
    return Holding(
        "DU1", hash((underlying, right, strike)) % 10_000, underlying, "OPT", "USD", position, 100.0, price=price,
        underlying_symbol=underlying, underlying_price=spot, strike=strike, right=right, expiry_us=days * DAY_US,
        **given)  # fmt: skip


def future(symbol: str, position: float, price: float | None, multiplier: float, month: str = "202612",
           **more: Any) -> Holding:  # fmt: skip
    expiry = datetime.strptime(f"{month}18", "%Y%m%d").replace(tzinfo=UTC)
    return Holding("DU1", hash((symbol, month)) % 10_000, symbol, "FUT", "USD", position, multiplier, price=price,
                   expiry_us=microseconds(expiry), **more)  # fmt: skip


def future_option(of: Holding, position: float, right: str, strike: float, price: float, days: int = 30,
                  **more: Any) -> Holding:  # fmt: skip
    return Holding("DU1", hash((of.symbol, right, strike)) % 10_000, of.symbol, "FOP", of.currency, position,
                   of.multiplier, price=price, underlying_id=of.instrument_id, underlying_symbol=of.symbol,
                   underlying_price=of.price, strike=strike, right=right, expiry_us=days * DAY_US,
                   **more)  # fmt: skip
