"""What is stored: every table with its columns, units, meanings and nulls. Views and docs derive from here."""

from .columns import DELTA, DICTIONARY, PLAIN, TIMESTAMP, Column
from .market import BARS, DEPTH, GREEKS, MIDPOINTS, QUOTES, TICKS, TRADES
from .pandas_later import load_pandas_later
from .reference import INSTRUMENTS
from .system import GAPS, NOTICES, SESSIONS, SUBSCRIPTIONS, UNDECODED
from .table import Table

load_pandas_later()  # here, as whatever makes Arrow's arrays has its columns from here first

MARKET_TABLES = (TRADES, QUOTES, MIDPOINTS, TICKS, DEPTH, BARS, GREEKS)
SYSTEM_TABLES = (SESSIONS, SUBSCRIPTIONS, NOTICES, UNDECODED, GAPS)
TABLES = {table.name: table for table in (*MARKET_TABLES, INSTRUMENTS, *SYSTEM_TABLES)}

__all__ = [
    "BARS",
    "DELTA",
    "DEPTH",
    "DICTIONARY",
    "GAPS",
    "GREEKS",
    "INSTRUMENTS",
    "MARKET_TABLES",
    "MIDPOINTS",
    "NOTICES",
    "PLAIN",
    "QUOTES",
    "SESSIONS",
    "SUBSCRIPTIONS",
    "SYSTEM_TABLES",
    "TABLES",
    "TICKS",
    "TIMESTAMP",
    "TRADES",
    "UNDECODED",
    "Column",
    "Table",
]
