"""Holdings and a market for tests of stress."""

from typing import Any

from capture.risk.holding import BALANCE, EUROPEAN, Holding
from capture.risk.pricing.market import Market
from capture.times import DAY_US

NOW_US = 1_795_446_000_000_000  # 2026-11-23T15:00Z
MARKET = Market(NOW_US, "USD", {"EUR": 1.1, "GBP": 1.25, "JPY": 0.0065}, {"USD": 0.04, "EUR": 0.02, "GBP": 0.03})


def held(symbol: str = "AAPL", security_type: str = "STK", position: float = 1, **fields: Any) -> Holding:
    given = {"account": "DU1", "instrument_id": 1, "symbol": symbol, "security_type": security_type, "currency": "USD",
             "position": position, "price": 100.0}  # fmt: skip
    return Holding(**{**given, **fields})


def option(
    strike: float = 100.0, right: str = "C", days: float = 30, position: float = 1, spot: float | None = 100.0,
    volatility: float | None = 0.3, **fields: Any,
) -> Holding:
    return held(**{"symbol": f"AAPL {days:g}{right}{strike:g}", "security_type": "OPT", "position": position,
                   "multiplier": 100.0, "price": None, "underlying_symbol": "AAPL", "underlying_security_type": "STK",
                   "underlying_id": 265598, "underlying_price": spot, "strike": strike, "right": right,
                   "expiry_us": NOW_US + round(days * DAY_US), "implied_volatility": volatility, **fields})  # fmt: skip


PORTFOLIO = [
    held(position=100, sector="Technology", beta=1.2, instrument_id=265598),
    held("VOD", position=1_000, currency="GBP", price_magnifier=100, price=72.5, sector="Communications", beta=0.7),
    option(position=-2, price=3.6, sector="Technology", beta=1.2),
    option(90.0, "P", 120, 3, dividends=((NOW_US + 40 * DAY_US, 0.25),), sector="Technology", beta=1.2),
    option(5_000.0, "P", 60, 1, spot=5_100.0, symbol="SPX P5000", underlying_symbol="SPX", exercise=EUROPEAN,
           underlying_security_type="IND", underlying_id=416904, dividend_yield=0.013, volatility=0.18, beta=1.0),
    option(5_100.0, "C", 6.5 / 24, -1, spot=5_100.0, symbol="ES C5100", security_type="FOP", underlying_symbol="ES",
           underlying_security_type="FUT", underlying_id=495512563, multiplier=50.0, volatility=0.15, beta=1.0),
    held("ESZ6", "FUT", 2, price=5_110.0, multiplier=50.0, underlying_symbol="ES", beta=1.0),
    held("EUR.USD", "CASH", 20_000, price=1.1),
    held("US-T", "BOND", 10_000, price=98.5, coupon=4.0, expiry_us=NOW_US + 3_650 * DAY_US),
    held("BTC", "CRYPTO", 0.5, price=90_000.0, beta=2.0),
]
CASH = held("EUR", BALANCE, -5_000, currency="EUR", price=None, instrument_id=0)
