"""Rows of several statements as one: what a later statement says again replaces what an earlier one said."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def latest(rows: Iterable[Row]) -> list[Row]:
    """Return of each account and key the row of the statement that was generated last, in order of time.

    In whatever order rows come, and however often the same come, the answer is the same.
    """
    found: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=_age):
        found[row["account"], row["key"]] = row
    return sorted(found.values(), key=lambda row: (row["ts"], row["account"], row["key"]))


def _age(row: Row) -> tuple[datetime, str]:
    return row["generated_ts"] or _LONG_AGO, row["statement"]
