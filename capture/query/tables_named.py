"""Which of a lake's tables a query may look into, by the words in it: views of others need not be made for it (D87)."""

import re

from capture.functions import named
from capture.schemas import EVERY_TABLE, Table

_WORD = re.compile(r"\w+")
# What looks at tables without naming them.
_ANY = re.compile(r"\b(?:show|pragma|query|query_table|information_schema|sqlite_master|(?:duckdb|pg)_\w+)\b", re.I)


def named_tables(query: str) -> list[Table]:
    """Return the tables that a query, or a research function that it calls, names."""
    words = set(_WORD.findall(" ".join([query, *(function.sql for function in named(query))]).lower()))
    return [table for name, table in EVERY_TABLE.items() if name in words]


def needed_tables(query: str) -> list[Table]:
    """Return the tables that a query may look into: all where it names none, or looks at what tables there are."""
    found = named_tables(query)
    return list(EVERY_TABLE.values()) if not found or _ANY.search(query) else found
