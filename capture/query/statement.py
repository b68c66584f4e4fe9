"""The one query that an SQL text has to be: a SELECT around it gives its rows, so nothing else is run by it (D88)."""

import re

import duckdb

from .answer import QueryError, as_query_error

# Words of the options alone: what is explained stands behind them, within the SELECT.
_EXPLAIN = re.compile(r"explain\b\s*(?:analyze\b\s*|\([\w\s,]*\)\s*)?(?=\S)", re.IGNORECASE)


class NotOneQueryError(QueryError):
    """The text is no query, or more than one; or it is a statement that does more than to give rows."""

    def __init__(self) -> None:
        super().__init__("this takes one query: select, from, with, pivot, describe, show, summarize, or explain before"
                         " one of them; it cannot create, change, set or write anything. `ticktape sql` writes an "
                         "answer to a file with -o FILE; in Python .arrow() and .pl() give it to other tools")


def enclosed(query: str) -> str:
    """Return the statement that gives a query's rows by a SELECT around it.

    What the query is follows from that alone: a statement that does more than to give rows is no part of a SELECT.
    Raises NotOneQueryError, and QueryError for what is no SQL at all.
    """
    if not isinstance(query, str):
        raise QueryError(f"{query!r:.60} is no query: give SQL as a text")
    try:
        text = _bare(query)
    except UnicodeEncodeError as error:
        raise QueryError(f"the query holds {query[error.start]!a}, which is half a character: leave it out") from None
    explain = found.group() if (found := _EXPLAIN.match(text)) else ""
    text = text.removeprefix(explain)
    with as_query_error(str):
        count = len(duckdb.extract_statements(text))
    # By itself too: else it might end the SELECT, and begin another statement.
    whole = f"{explain} select * from (\n{text}\n)".lstrip()
    if count != 1 or not _is_sql(whole):
        raise NotOneQueryError
    return whole


def _is_sql(text: str) -> bool:
    try:
        duckdb.extract_statements(text)
    except duckdb.Error:
        return False
    return True


def _bare(query: str) -> str:
    """Return a query without the comments around it, and without the semicolons at its end."""
    data = query.encode()
    tokens = duckdb.tokenize(query)  # by their places in bytes
    ends = [*(at for at, _ in tokens), len(data)][1:]
    kept = [(at, end) for (at, kind), end in zip(tokens, ends, strict=False)
            if kind != duckdb.token_type.comment and data[at : at + 1] != b";"]
    return data[kept[0][0] : kept[-1][1]].decode().rstrip() if kept else ""
