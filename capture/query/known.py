"""Whether there is what a question names: a mistyped name, or a span that ends before it begins, gives silence else."""

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from capture.lake.sql_text import quoted
from capture.schemas import EVERY_TABLE
from capture.suggestion import near, unknown
from capture.wire.messages.account_requests import ACCOUNT_STREAMS
from capture.wire.messages.live_streams import TABLE_OF_STREAM

from .answer import AskedError
from .selection import Instruments, Moment, moment, symbols_and_ids

PASSING = ("history", "snapshot")  # streams that do not last: their rows are in the tables of those that do
_EVERYWHERE = ("subscriptions", "instruments")  # who is in neither was never asked for
_PACKAGE = __name__.partition(".")[0]

# Runs a query over some tables and returns its rows.
Rows = Callable[[str], Sequence[tuple[Any, ...]]]


class UnknownNameWarning(UserWarning):
    """A question names an instrument of which the lake holds nothing."""


def check_span(start: Moment | None, end: Moment | None) -> None:
    """Raise AskedError where a span ends before it begins, QueryError for a time that is none."""
    if start is not None and end is not None and (first := moment(start)) > (last := moment(end)):
        raise AskedError(f"the end {last:%Y-%m-%d %H:%M:%S} UTC is before the start {first:%Y-%m-%d %H:%M:%S} UTC: "
                         "swap them")


def check_stream(stream: str | None, table: str | None = None) -> None:
    """Raise AskedError for a stream that is none, or of which a table of market data has no rows."""
    its = [name for name, filled in TABLE_OF_STREAM.items() if filled == table]
    known = [*(its or (*TABLE_OF_STREAM, *ACCOUNT_STREAMS)), *PASSING]
    if stream is not None and stream not in known:
        meant = "; `record` calls it trades, tables all_last" if stream == "trades" else ""
        raise AskedError(unknown(f"stream of {table}" if its else "stream", stream, known) + meant)


class KnownNames:
    """The instruments that a lake has been found to know; asked only about those it was not asked about before.

    `rows` runs queries over all dates, `recent` over the last ones, where most names are found without the rest.
    """

    def __init__(self, rows: Rows, recent: Rows) -> None:
        self._rows, self._recent = rows, recent
        self._found: set[str | int] = set()

    def warn(
        self, instruments: Instruments | None, tables: Iterable[str],
        sooner: Callable[[], Iterable[tuple[Any, ...]]] = list,
    ) -> None:
        """Warn of instruments of which nothing is in `tables`, and that were never asked for. Raises QueryError.

        `sooner` gives names in the part of the tables that is asked, where most are found without the rest.
        """
        if instruments is None:
            return
        symbols, ids = symbols_and_ids(instruments)
        asked: list[str | int] = [*symbols, *ids]
        if self._found.issuperset(asked):
            return
        within = [_within(table, asked) for table in tables if "symbol" in EVERY_TABLE[table].schema.names]
        for row in sooner():
            self._found.update(one for one in row if one is not None)
            if self._found.issuperset(asked):
                break
        for rows, query in ((self._recent, _NAMES), *((self._rows, query) for query in (_NAMES, *within))):
            if not self._found.issuperset(asked):
                self._found.update(one for row in rows(query) for one in row if one is not None)
        if missing := [one for one in asked if one not in self._found]:
            names = [one for one in self._found if isinstance(one, str)]
            for one in missing:
                warnings.warn(_sentence(one, names), UnknownNameWarning, stacklevel=_depth())


_NAMES = " union ".join(f"select distinct symbol, instrument_id from {table}" for table in _EVERYWHERE)


def _within(table: str, asked: Iterable[str | int]) -> str:
    """Return the query for those of some instruments of which a table has rows."""
    symbols = ", ".join(quoted(one) for one in asked if isinstance(one, str)) or "null"
    ids = ", ".join(str(one) for one in asked if isinstance(one, int)) or "null"
    return (f'select distinct symbol, instrument_id from "{table}" where symbol in ({symbols}) '
            f"or instrument_id in ({ids})")


def _sentence(one: str | int, names: list[str]) -> str:
    if isinstance(one, int):
        return f"nothing was recorded of the contract id {one}"
    close = near(one, names)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "see the table instruments for what there is"
    return f"nothing was recorded of {one!r}; {hint}"


def _depth() -> int:
    """Return how many frames of ours lie between here and who asked, as `warnings.warn` counts them."""
    frame, depth = sys._getframe(1), 0
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
        frame, depth = frame.f_back, depth + 1
    return depth + 1
