"""All stored tables by name, and those of each subject."""

from .account import ACCOUNT_VALUES, COMMISSIONS, EXECUTIONS, ORDERS, PNL, PORTFOLIO, POSITIONS
from .market import BARS, DEPTH, GREEKS, MIDPOINTS, QUOTES, TICKS, TRADES
from .reference import INSTRUMENTS
from .system import GAPS, NOTICES, SESSIONS, SUBSCRIPTIONS, UNDECODED
from .table import Subject

_ALL = (TRADES, QUOTES, MIDPOINTS, TICKS, DEPTH, BARS, GREEKS,
        INSTRUMENTS,
        ACCOUNT_VALUES, PORTFOLIO, POSITIONS, PNL, ORDERS, EXECUTIONS, COMMISSIONS,
        SESSIONS, SUBSCRIPTIONS, NOTICES, UNDECODED, GAPS)  # fmt: skip
TABLES = {table.name: table for table in _ALL}
MARKET_TABLES = tuple(table for table in _ALL if table.subject is Subject.MARKET)
ACCOUNT_TABLES = tuple(table for table in _ALL if table.subject is Subject.ACCOUNT)
SYSTEM_TABLES = tuple(table for table in _ALL if table.subject is Subject.LINE)
