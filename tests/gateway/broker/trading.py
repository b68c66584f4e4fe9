"""Instruments and fills for tests of the broker."""

from decimal import Decimal
from itertools import count

from capture.gateway.broker.fill import REMOVED, Fill
from capture.gateway.broker.security import Security

D = Decimal
NOON_US = 1_795_608_000_000_000  # 2026-11-25T12:00Z

SHARE = Security(1, "AAPL", "STK", "USD", exchange="NASDAQ")
EURO_SHARE = Security(2, "SAP", "STK", "EUR", exchange="IBIS")
CALL = Security(3, "AAPL", "OPT", "USD", D(100), last_trade_date="20261218", strike=D(270), right="C", under_con_id=1)
PUT = Security(4, "AAPL", "OPT", "USD", D(100), last_trade_date="20261218", strike=D(250), right="P", under_con_id=1)
FUTURE = Security(5, "MES", "FUT", "USD", D(5), last_trade_date="20261218", under_con_id=99)
PAIR = Security(6, "EUR", "CASH", "USD", exchange="IDEALPRO")
COIN = Security(7, "BTC", "CRYPTO", "USD", exchange="PAXOS")
EVERY = (SHARE, EURO_SHARE, CALL, PUT, FUTURE, PAIR, COIN)

_numbers = count(1)


def fill(security: Security, quantity: str | Decimal, price: str | Decimal, execution_id: str = "",
         liquidity: int = REMOVED, at_us: int = NOON_US) -> Fill:  # fmt: skip
    """Return a fill; a quantity below zero sells."""
    signed = D(quantity)
    return Fill(execution_id or f"0000e1a5.{next(_numbers):08x}.01.01", at_us, security, 1 if signed > 0 else -1,
                abs(signed), D(price), security.exchange or "SMART", liquidity, 7001, 1, 0)  # fmt: skip


def amounts(*given: str | float) -> tuple[Decimal, ...]:
    """Return numbers as exact ones, to compare with."""
    return tuple(D(str(each)) for each in given)
