"""A market for tests of risk measures: Black and Scholes for options, everything else moves with its underlying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from capture.option_prices import greeks, implied_volatility
from capture.risk.holding import BALANCE, Holding
from capture.times import DAY_US, microseconds


@dataclass(frozen=True)
class PlainMarket:
    """No interest; an American option is worth what it is in the money at least."""

    now_us: int = 0
    base_currency: str = "USD"
    rates: Mapping[str, float] = field(default_factory=dict)

    def prices(
        self, holdings: Sequence[Holding], price_moves: np.ndarray, volatility_moves: np.ndarray
    ) -> tuple[np.ndarray, list[str]]:
        found = [self._one(*row) for row in zip(holdings, price_moves, volatility_moves, strict=True)]
        return np.array([prices for prices, _ in found]).reshape(price_moves.shape), [reason for _, reason in found]

    def _one(self, holding: Holding, moves: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, str]:
        nothing = np.full(len(moves), np.nan)
        if holding.security_type == BALANCE:
            return np.ones(len(moves)), ""
        if holding.price is None:
            return nothing, "no price"
        if not holding.is_option:
            return holding.price * (1 + moves), ""
        if holding.underlying_price is None or holding.expiry_us is None or holding.strike is None:
            return nothing, "no price of the underlying"
        years = np.array([(holding.expiry_us - self.now_us) / (365.25 * DAY_US)])
        spot = np.array([holding.underlying_price])
        volatility = holding.implied_volatility or implied_volatility(
            np.array([holding.price]), spot, holding.strike, years, 0.3, holding.right)[0]
        if np.isnan(volatility):
            return nothing, "no volatility"
        spots = spot * (1 + moves)
        worth = greeks(spots, holding.strike, years, volatility * (1 + shifts), holding.right).price
        inside = (spots - holding.strike) * (1 if holding.right == "C" else -1)
        return np.maximum(worth, inside) if holding.exercise == "american" else worth, ""


def stock(symbol: str, position: float, price: float | None, currency: str = "USD", **more: object) -> Holding:
    return Holding("DU1", hash(symbol) % 10_000, symbol, "STK", currency, position, price=price, **more)  # type: ignore[arg-type]


def option(
    underlying: str, position: float, right: str, strike: float, price: float | None, spot: float | None,
    days: int = 30, **more: object,
) -> Holding:
    given = {"underlying_security_type": "STK"} | more
    return Holding(
        "DU1", hash((underlying, right, strike)) % 10_000, underlying, "OPT", "USD", position, 100.0, price=price,
        underlying_symbol=underlying, underlying_price=spot, strike=strike, right=right, expiry_us=days * DAY_US,
        **given)  # type: ignore[arg-type]  # fmt: skip


def future(symbol: str, position: float, price: float | None, multiplier: float, month: str = "202612",
           **more: object) -> Holding:  # fmt: skip
    expiry = datetime.strptime(f"{month}18", "%Y%m%d").replace(tzinfo=UTC)
    return Holding("DU1", hash((symbol, month)) % 10_000, symbol, "FUT", "USD", position, multiplier, price=price,
                   expiry_us=microseconds(expiry), **more)  # type: ignore[arg-type]  # fmt: skip


def future_option(of: Holding, position: float, right: str, strike: float, price: float, days: int = 30,
                  **more: object) -> Holding:  # fmt: skip
    return Holding("DU1", hash((of.symbol, right, strike)) % 10_000, of.symbol, "FOP", of.currency, position,
                   of.multiplier, price=price, underlying_id=of.instrument_id, underlying_symbol=of.symbol,
                   underlying_price=of.price, strike=strike, right=right, expiry_us=days * DAY_US,
                   **more)  # type: ignore[arg-type]  # fmt: skip
