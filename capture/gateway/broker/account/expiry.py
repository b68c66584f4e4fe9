"""Expiry and exercise: what becomes of an option or a future that ends, as executions without commission."""

from dataclasses import replace
from decimal import Decimal

from capture.gateway.broker.fill import BUY, SELL, Fill
from capture.gateway.broker.security import Security

from .position import NOTHING, Position

IN_THE_MONEY = Decimal("0.01")  # from here on an option is exercised by itself
_AT_THE_OPEN = ("SPX", "NDX", "RUT", "VIX")  # classes that are settled at the opening prices of their last day


def is_due(security: Security, date: str) -> bool:
    """Return whether an instrument has traded for the last time once a day, written 20261218, is over."""
    last = security.last_trade_date[:8]
    return len(last) == 8 and last <= date


def settles_at_open(security: Security) -> bool:
    """Return whether an option is settled at the opening of its last day, and not at the official close."""
    return security.is_option and security.details.get("trading_class") in _AT_THE_OPEN


def intrinsic(option: Security, price: Decimal) -> Decimal:
    """Return how far an option is in the money at a price of its underlying; zero if it is not."""
    inside = price - option.strike if option.right == "C" else option.strike - price
    return max(inside, NOTHING)


def expire(
    position: Position, price: Decimal, underlying: Security | None, at_us: int, execution_id: str
) -> list[Fill]:
    """Return what closes a position that ends, at the official price of its underlying, or its own settlement price.

    An option closes at 0; in the money, `underlying` changes hands at the strike, by an execution whose id is tied to
    the first. Without an `underlying` that can be had, as of an index, it closes at what it is worth. A future closes
    at `price`. Nobody has to be able to afford it, and there is no fee.
    """
    security = position.security
    if not position.quantity:
        return []
    if not security.is_option:
        return [_close(position, position.quantity, price, at_us, execution_id, "expired")]
    inside = intrinsic(security, price)
    if inside < IN_THE_MONEY:
        return [_close(position, position.quantity, NOTHING, at_us, execution_id, "expired")]
    if underlying is None:
        return [_close(position, position.quantity, inside, at_us, execution_id, "settled in cash")]
    return exercise(position, abs(position.quantity), underlying, at_us, execution_id)


def exercise(position: Position, quantity: Decimal, underlying: Security, at_us: int, execution_id: str) -> list[Fill]:
    """Return what becomes of so many options that are exercised, or assigned where they are short."""
    option = position.security
    assert option.is_option and NOTHING < quantity <= abs(position.quantity)
    held = 1 if position.quantity > 0 else -1
    word = "exercised" if held > 0 else "assigned"
    closed = _close(position, held * quantity, NOTHING, at_us, execution_id, word)
    shares = quantity * option.multiplier / underlying.multiplier
    side = BUY if (option.right == "C") == (held > 0) else SELL
    return [closed, replace(closed, execution_id=tied(execution_id), security=underlying, side=side, quantity=shares,
                            price=option.strike, exchange=underlying.exchange)]  # fmt: skip


def tied(execution_id: str) -> str:
    """Return the id of the execution that belongs to another: its third part is one higher."""
    front, part, last = execution_id.rsplit(".", 2)
    return f"{front}.{int(part) + 1:02}.{last}"


def _close(position: Position, quantity: Decimal, price: Decimal, at_us: int, execution_id: str, note: str) -> Fill:
    security = position.security
    side = SELL if quantity > 0 else BUY
    return Fill(execution_id, at_us, security, side, abs(quantity), price, security.exchange, 0, 0, 0, 0, note=note)
