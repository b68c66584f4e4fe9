"""What is stored: every table with its columns, units, meanings and nulls. Views and docs derive from here (D3)."""

from typing import TYPE_CHECKING, Any

from .account import ACCOUNT_VALUES, COMMISSIONS, EXECUTIONS, ORDERS, PNL, PORTFOLIO, POSITIONS
from .columns import DELTA, DICTIONARY, PLAIN, Column
from .market import BARS, DEPTH, GREEKS, MIDPOINTS, QUOTES, TICKS, TRADES
from .pandas_later import load_pandas_later
from .reference import INSTRUMENTS
from .retention import KEPT_FOR_EVER, LEAST_DAYS, RETENTION_TABLES, RETENTION_TAPE, retention_fault
from .statement import STATEMENT_ACTIONS, STATEMENT_CASH, STATEMENT_POSITIONS, STATEMENT_TRADES, STATEMENT_VALUES
from .system import GAPS, NOTICES, SESSIONS, SUBSCRIPTIONS, UNDECODED
from .table import Subject, Table
from .tables import ACCOUNT_TABLES, EVERY_TABLE, MARKET_TABLES, STATEMENT_TABLES, SYSTEM_TABLES, TABLES

if TYPE_CHECKING:
    from .arrow_types import TIMESTAMP

load_pandas_later()  # here, as whatever makes Arrow's arrays has its columns from here first


def __getattr__(name: str) -> Any:
    if name != "TIMESTAMP":  # the one name here that needs Arrow
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .arrow_types import TIMESTAMP

    return TIMESTAMP

__all__ = [
    "ACCOUNT_TABLES",
    "ACCOUNT_VALUES",
    "BARS",
    "COMMISSIONS",
    "DELTA",
    "DEPTH",
    "DICTIONARY",
    "EVERY_TABLE",
    "EXECUTIONS",
    "GAPS",
    "GREEKS",
    "INSTRUMENTS",
    "KEPT_FOR_EVER",
    "LEAST_DAYS",
    "MARKET_TABLES",
    "MIDPOINTS",
    "NOTICES",
    "ORDERS",
    "PLAIN",
    "PNL",
    "PORTFOLIO",
    "POSITIONS",
    "QUOTES",
    "RETENTION_TABLES",
    "RETENTION_TAPE",
    "SESSIONS",
    "STATEMENT_ACTIONS",
    "STATEMENT_CASH",
    "STATEMENT_POSITIONS",
    "STATEMENT_TABLES",
    "STATEMENT_TRADES",
    "STATEMENT_VALUES",
    "SUBSCRIPTIONS",
    "SYSTEM_TABLES",
    "TABLES",
    "TICKS",
    "TIMESTAMP",
    "TRADES",
    "UNDECODED",
    "Column",
    "Subject",
    "Table",
    "retention_fault",
]
