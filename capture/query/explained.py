"""Why a query failed: what was asked is wrong, or a file of the lake cannot be read, and then which."""

import re
from collections.abc import Iterable

import duckdb

from capture.functions import FUNCTIONS
from capture.lake.damage import damage
from capture.lake.layout import Layout

# What a query fails with that is wrong itself.
_ASKED_WRONG = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
# What else may come of a wrong query: where it speaks of how data are stored, a file may be the reason.
_ASKED_OR_DAMAGED = (duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.ConversionException,
                     duckdb.NotImplementedException)  # fmt: skip
_OF_STORAGE = re.compile(
    r"parquet|corrupt|compress|snappy|zstd|gzip|lz4|brotli|thrift|protocol|magic|footer|metadata|header|\bpage|dictionary"
    r"|encod|decod|delta_|\brle\b|bit-?pack|bit-?width|varint|buffer|\bbytes?\b|utf-?8|unicode|block size|row group",
    re.IGNORECASE)


def may_be_damage(error: BaseException) -> bool:
    """Return whether a query may have failed as a file cannot be read, and not because of what was asked."""
    text = str(error)
    if isinstance(error, _ASKED_WRONG):
        return ".parquet" in text
    return not isinstance(error, _ASKED_OR_DAMAGED) or _OF_STORAGE.search(text) is not None


def explained(layout: Layout, names: Iterable[str], error: BaseException) -> str:
    """Return what the error of a query says, or which file of the tables that it names cannot be read, if that is why.
    """
    return (damage(layout, names) if may_be_damage(error) else None) or str(error)


def hint(query: str, text: str) -> str:
    """Return what helps with an error of a query where that is known, on a line of its own; else nothing."""
    return _quotes_hint(query, text) or _function_hint(text)


def _function_hint(text: str) -> str:
    """Return how a function is asked that was taken for a table; nothing elsewhere."""
    found = re.search(r"Table with name (\w+) does not exist", text)
    function = found and FUNCTIONS.get(found[1].lower())
    return f"\n{function.name} is a function: from {function.signature}" if function else ""


def _quotes_hint(query: str, text: str) -> str:
    """Return what helps where a text that stands without its quotes was taken for a column; nothing elsewhere."""
    found = re.search(r'Referenced column "([^"]+)" not found', text)
    bare = found and re.search(rf'=\s*"?{re.escape(found[1])}\b', query)
    return f"\nA text stands in single quotes: '{found[1]}'" if found and bare else ""
