"""All stored tables by name, those of each subject, and those that no tape gives."""

from collections import ChainMap

from .account import ACCOUNT_VALUES, COMMISSIONS, EXECUTIONS, ORDERS, PNL, PORTFOLIO, POSITIONS
from .market import BARS, DEPTH, GREEKS, MIDPOINTS, QUOTES, TICKS, TRADES
from .reference import INSTRUMENTS
from .statement import STATEMENT_ACTIONS, STATEMENT_CASH, STATEMENT_POSITIONS, STATEMENT_TRADES, STATEMENT_VALUES
from .system import GAPS, NOTICES, SESSIONS, SUBSCRIPTIONS, UNDECODED
from .table import Subject

_ALL = (TRADES, QUOTES, MIDPOINTS, TICKS, DEPTH, BARS, GREEKS,
        INSTRUMENTS,
        ACCOUNT_VALUES, PORTFOLIO, POSITIONS, PNL, ORDERS, EXECUTIONS, COMMISSIONS,
        SESSIONS, SUBSCRIPTIONS, NOTICES, UNDECODED, GAPS)  # fmt: skip
_OF_STATEMENTS = (STATEMENT_TRADES, STATEMENT_CASH, STATEMENT_ACTIONS, STATEMENT_POSITIONS, STATEMENT_VALUES)
TABLES = {table.name: table for table in _ALL}  # what tapes give
STATEMENT_TABLES = {table.name: table for table in _OF_STATEMENTS}  # what IB's statements give
EVERY_TABLE = ChainMap(STATEMENT_TABLES, TABLES)  # those of tapes first; it has what is added to either
MARKET_TABLES = tuple(table for table in _ALL if table.subject is Subject.MARKET)
ACCOUNT_TABLES = tuple(table for table in _ALL if table.subject is Subject.ACCOUNT)
SYSTEM_TABLES = tuple(table for table in _ALL if table.subject is Subject.LINE)
