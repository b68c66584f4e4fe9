"""Research functions: SQL table macros over a lake's views, as data (D90). Views, lakes and docs derive from here."""

import re

from .bars import BARS
from .books import BOOKS
from .calendar import CALENDAR
from .coverage import COVERAGE
from .day_changes import DAY_CHANGES
from .differences import DIFFERENCES
from .fills import FILLS
from .function import Function, Kind, Parameter
from .helpers import HELPERS, creations
from .ledger import LEDGER
from .level1 import LEVEL1
from .order_lives import ORDER_LIVES
from .order_quality import ORDER_QUALITY
from .positions import POSITIONS
from .prices import PRICES
from .profits import PROFITS
from .rows import ROWS
from .sql_pieces import LAST_HEARD
from .statement import STATEMENTS

# In the order in which they can be made: a function may call those before it.
FUNCTIONS: dict[str, Function] = {
    one.name: one for one in (
        *ROWS, *BARS, *PRICES, *CALENDAR, *COVERAGE, *BOOKS, *LEVEL1, *FILLS, *STATEMENTS, *POSITIONS, *ORDER_LIVES,
        *LEDGER, *PROFITS, *DAY_CHANGES, *DIFFERENCES, *ORDER_QUALITY)}

_WORD = re.compile(r"\w+")
_HELPERS = frozenset(head.partition("(")[0] for head in HELPERS)


def statements() -> list[str]:
    """Return the SQL that makes all functions in the current schema of a connection, which must have the views."""
    return [*creations(), *(function.creation for function in FUNCTIONS.values())]


def named(query: str) -> list[Function]:
    """Return the functions that a query may call, and those that they call, in the order to make them in."""
    words, wanted = set(_WORD.findall(query.lower())), []
    for function in reversed(FUNCTIONS.values()):
        if function.name in words:
            wanted.append(function)
            words.update(_WORD.findall(function.sql))
    return wanted[::-1]


def needs_helpers(query: str) -> bool:
    """Return whether a query may call a scalar macro of the functions, or a function."""
    return not (_HELPERS | FUNCTIONS.keys()).isdisjoint(_WORD.findall(query.lower()))


__all__ = ["FUNCTIONS", "LAST_HEARD", "Function", "Kind", "Parameter", "creations", "named", "needs_helpers",
           "statements"]
