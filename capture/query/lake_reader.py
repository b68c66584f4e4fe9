"""Open a lake and ask it in SQL: sealed days, rolled files and what is still only on the tape, as one."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb
import pyarrow as pa

from capture.functions import FUNCTIONS
from capture.functions.books import MOST_POSITIONS
from capture.lake.damage import damage
from capture.lake.layout import LakeStateError, Layout
from capture.lake.pruned import kept_s
from capture.lake.views import readable
from capture.query.books.book_snapshots import book as book_of
from capture.query.books.book_snapshots import book_snapshots as book_snapshots_of
from capture.query.covered.account_coverage import account_coverage
from capture.query.covered.coverage import coverage
from capture.query.covered.instrument_days import InstrumentDays
from capture.schemas import EVERY_TABLE, MARKET_TABLES, TABLES, Subject, Table
from capture.suggestion import unknown
from capture.tape import TapeError
from capture.wire.messages.live_streams import LIVE_STREAMS

from .account.shown_accounts import check_accounts
from .answer import Answer, AskedError, QueryError, as_query_error, public
from .arguments import call_sql
from .database import Found, Limit, Shared, View
from .direct.asked_rows import Asked, asked_rows
from .direct.direct_answer import DirectAnswer
from .direct.direct_functions import Reading, computed, read_by, takes
from .direct.direct_rows import DirectRows
from .explained import explained, hint
from .held.computed import add_computed
from .held.risk_questions import RiskQuestions
from .known import KnownNames, check_span, check_stream
from .listing import size_bytes
from .selection import GAPS, Instruments, Moment, date_span, dates_of, days, moment, selection, symbols_and_ids
from .statement import enclosed
from .tables import Tables
from .tables_named import named_tables, needed_tables
from .tail import Tail

T = TypeVar("T")

# Whose rows there may be of an instrument though nothing says who asked for it.
_OF_INSTRUMENTS = (*(table.name for table in MARKET_TABLES), "gaps")

_NAMED = (Subject.MARKET, Subject.ACCOUNT)  # rows of which name an instrument that need not have been asked for

LOOKS = 3  # at a lake whose state moves, before it counts as damaged
# Rows of so many days are found by the names of their folders, without listing those of all others.
MOST_DAYS = timedelta(days=31)
RECENT_DAYS = 7  # of which the names of instruments are looked for first


class LakeReader(Tables, RiskQuestions):
    """A lake to ask. Times are UTC. Use `capture.open_lake`.

    Every question sees all that reached the tape until it was asked. Any number of threads may ask one lake.
    """

    def __init__(
        self, layout: Layout, limit: Limit | None = None, only: Sequence[date] | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.layout = layout
        self._limit = limit
        self._only = only  # dates of which files are looked at, None for all
        self._closed = False
        self._shared = shared or Shared(layout, limit)
        self._holds = shared is None  # and lets go of it when it is closed
        self._tails, self._database, self._lock = self._shared.tails, self._shared.database, self._shared.lock
        self._known = KnownNames(lambda query: self.sql(query).rows(), self._recent)

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to an SQL query over the lake's tables. Raises QueryError, also where a file is damaged.

        `parameters` fill `?` or `$name` in the query. It is one query: nothing can be created, changed, set or written
        by it, though it may read other files than the lake's.
        """
        statement = enclosed(query)
        if isinstance(parameters, str | bytes):
            raise AskedError(f"parameters are a list or a dict, not {parameters!r:.60}: write [{parameters!r:.60}]")
        connection = self._asked(needed_tables(query), query)
        add_computed(self, connection, query)
        explain = partial(self._explain, query)
        with as_query_error(explain):
            return Answer(connection.sql(statement, params=parameters), explain)

    def rows(
        self,
        table: str,
        instruments: Instruments | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        columns: Sequence[str] | None = None,
        stream: str | None = None,
    ) -> Answer:
        """Return rows of a table in order of time, of some instruments (symbols or contract ids) in [start, end).

        Times are dates, whose midnight UTC is meant, or say their zone: "2026-11-20", "2026-11-20T09:30-05:00",
        datetime.date, datetime with tzinfo. Nothing is read before the answer is asked for a form: `.pl()`, `.df()`,
        `.arrow()`, `.duckdb()`. Raises QueryError for a table, column or time that is none.
        """
        if table not in TABLES:
            raise QueryError(unknown("table", table, TABLES))
        check_span(start, end)
        check_stream(stream, table)
        query, parameters = selection(TABLES[table], instruments, start, end, columns, stream)
        asked = asked_rows(TABLES[table], instruments, start, end, columns, stream)
        found, _ = self._found({table: date_span(start, end)})
        explain = partial(self._explain, query)
        direct = DirectRows(found[table], asked, self._shared.footers, explain)
        self._known.warn(instruments, [table], direct.names)

        def relate() -> duckdb.DuckDBPyRelation:
            connection = self._database.connection([self._database.of_files(direct.narrowed())])
            return connection.sql(query, params=parameters)

        if len(set(asked.columns)) < len(asked.columns):  # SQL has names of its own for what is there twice
            with as_query_error(explain):
                return Answer(relate(), explain)
        return DirectAnswer(asked.columns, direct.read, relate, explain)

    def book(  # rebuilt in Python, which gives what the SQL function of that name gives, sooner
        self, symbols: Instruments | None, at: Moment | None = None, *, levels: float = MOST_POSITIONS,
        of_stream: str | None = None, recorded_by: str | None = None,
    ) -> Answer:
        """Return the books of instruments at a moment (default: now)."""
        return book_of(self.sql, symbols, at, levels=int(levels), of_stream=of_stream, recorded_by=recorded_by,
                       heard=self.heard)

    def book_snapshots(
        self, symbols: Instruments | None, start: Moment | None = None, end: Moment | None = None, *,
        every: str | timedelta | None = "1 second", levels: int = 10,
        of_stream: str | None = None, recorded_by: str | None = None,
    ) -> Answer:
        """Return the best levels of books at many moments."""
        return book_snapshots_of(self.sql, symbols, start, end, every=every, levels=levels, of_stream=of_stream,
                                 recorded_by=recorded_by, heard=self.heard)

    # In full, for `help`.
    book.__doc__, book_snapshots.__doc__ = book_of.__doc__, book_snapshots_of.__doc__

    def call(self, name: str, *arguments: Any) -> Answer:
        """Return the rows of a research function, by values of all its parameters in their order.

        Raises QueryError for a value of another kind, KeyError for a function that is none. Warns of unknown symbols.
        """
        query = call_sql(FUNCTIONS[name], arguments)
        given = dict(zip((one.name for one in FUNCTIONS[name].parameters), arguments, strict=True))
        check_span(given.get("start"), given.get("end"))
        check_accounts(self.sql, given.get("accounts"))
        tables = [table.name for table in named_tables(query) if table.subject in _NAMED]
        if not takes(name, given):
            self.check(given.get("symbols"), tables)
            return self.sql(query)
        reading = Reading(*self._found(read_by(name, given)), time.time(), self._direct)
        self._known.warn(given["symbols"], tables, reading.names(given))
        columns = [column for column, _ in FUNCTIONS[name].returns]
        return DirectAnswer(columns, lambda: computed(name, reading, given), lambda: self.sql(query).duckdb(),
                            partial(self._explain, query))

    def check(self, instruments: Instruments | None, tables: Iterable[str] = _OF_INSTRUMENTS) -> None:
        """Warn (UnknownNameWarning) of instruments of which nothing was recorded. Raises QueryError.

        Those of whom nothing says that they were asked for are looked for in `tables`: rows may be there all the same.
        """
        self._known.warn(instruments, tables)

    def tables(self) -> list[dict[str, Any]]:
        """Return name, meaning, rows, first and last date, and bytes on disk of every table. Raises QueryError."""
        return [self._describe(table) for table in EVERY_TABLE.values()]

    def gaps(
        self,
        instruments: Instruments | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        stream: str | None = None,
        open_only: bool = False,
    ) -> Answer:
        """Return every gap as it stands now, oldest first, with its length in seconds (to now while it lasts).

        Narrowed down to instruments, to what lies in [start, end) in part at least, and to a stream as the tables name
        it. Raises QueryError.
        """
        symbols, ids = symbols_and_ids(instruments or [])
        check_span(start, end)
        check_stream(stream)
        self.check(instruments or None)
        since, until = (None if at is None else moment(at) for at in (start, end))
        return self.sql(GAPS, {"symbols": symbols, "ids": ids, "stream": stream, "since": since, "until": until,
                                "open_only": open_only})

    def coverage(
        self, instruments: str | Sequence[str] | None = None, start: Moment | None = None, end: Moment | None = None, *,
        streams: Iterable[str] = LIVE_STREAMS,
    ) -> list[dict[str, Any]]:
        """Return how much trading time in [start, end) is covered, by instrument, stream and day.

        See `capture.query.covered.coverage`. Warns of unknown symbols. Raises QueryError for a time or a span that is
        none.
        """
        check_span(start, end)
        self.check(instruments or None)
        span_s = tuple(None if at is None else moment(at).timestamp() for at in (start, end))
        instrument_days = InstrumentDays(self._of_dates, self._kept_days if self._only is None else None)
        several = [instruments] if isinstance(instruments, str) else list(instruments or [])
        return coverage(self._rows, instrument_days, several, self.heard(), time.time(), kept_s(self.layout),
                        (span_s[0], span_s[1]), streams)

    def account_coverage(self) -> list[dict[str, Any]]:
        """Return how much is covered of the time since each account stream was wanted. Raises QueryError."""
        return account_coverage(self._rows, self.heard(), time.time())

    def _rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.sql(query, parameters).arrow().to_pylist()
        return rows

    def heard(self) -> dict[str, float]:
        """Return when each recorder's line last carried something, in seconds since 1970; 0 for never."""
        with self._lock:
            self._refresh()
            return self._heard()

    def heard_s(self) -> float:
        """Return when any recorder's line last carried something, in seconds since 1970; 0 for never."""
        return max(self.heard().values(), default=0.0)

    def again(self, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Return another lake on the same files, which lives on when this one is closed.

        Where it is only to be asked for rows in [start, end), it does not look at the files of other dates, of which
        there may be thousands.
        """
        found = self._other(start, end, self._shared if self._shared.hold() else None)
        found._holds = True
        return found

    def within(self, start: datetime | None, end: datetime | None) -> Self:
        """Return this lake as it is to be asked for rows in [start, end) only, as `again` does; closed with this."""
        return self._other(start, end, self._shared)

    def _other(self, start: datetime | None, end: datetime | None, shared: Shared | None) -> Self:
        if start is None or end is None or end - start > MOST_DAYS:
            return type(self)(self.layout, self._limit, self._only, shared)
        return type(self)(self.layout, self._limit, days(*dates_of(start, end)), shared)

    def limited(self, memory_mib: int, spill: Path) -> Self:
        """Return another lake on the same files, whose questions take less memory; a folder takes what is more."""
        return type(self)(self.layout, Limit(memory_mib, spill))

    def close(self) -> None:
        """Let go of the lake."""
        self._closed = True
        if self._holds:
            self._holds = False
            self._shared.let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __dir__(self) -> list[str]:
        return public(super().__dir__())

    def __repr__(self) -> str:
        return f"<lake in {self.layout.root}>"

    def _asked(
        self, tables: Iterable[Table], query: str = "", days: Iterable[date] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection for a query that sees tables, of some dates or all, as the lake is at this moment."""
        days = self._only if days is None else days
        tables, days = list(tables), None if days is None else list(days)
        with self._lock:
            views, heard = self._views(tables, days), self._heard()
        with as_query_error(str):
            return self._database.connection(views, query, heard)

    def _found(self, spans: Mapping[str, tuple[date, date]]) -> tuple[dict[str, Found], dict[str, float]]:
        """Return what the lake holds of tables at this moment, each of dates from one to another, and when each
        recorder was last heard. Raises QueryError.
        """
        def look() -> dict[str, Found]:
            return {name: self._database.found(
                TABLES[name], self._tails, span, self._only if span[1] - span[0] > MOST_DAYS else days(*span))
                for name, span in spans.items()}

        with self._lock:
            return self._looked(look), self._heard()

    def _direct(self, found: Found, asked: Asked) -> DirectRows:
        return DirectRows(found, asked, self._shared.footers, partial(self._explain, f'from "{found.table.name}"'))

    def _of_dates(
        self, query: str, parameters: Mapping[str, Any], table: str, dates: Collection[date] | None
    ) -> pa.Table:
        """Return the rows of a query over a table, of some dates or all. Raises QueryError."""
        few = None if dates is None or len(dates) > MOST_DAYS.days else sorted(dates)
        connection, explain = self._asked([TABLES[table]], days=few), partial(self._explain, query)
        with as_query_error(explain):
            return Answer(connection.sql(query, params=parameters), explain).arrow()

    def _kept_days(self, table: str) -> tuple[pa.Table, set[date]]:
        with self._lock:
            return self._looked(lambda: self._database.local_days(TABLES[table], self._tails))

    def _recent(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the last sealed dates, and those that are not sealed yet."""
        tables = needed_tables(query)
        with self._lock:
            last = sorted({day for table in tables for day in self._database.last_days(table, RECENT_DAYS)})
        connection = self._asked(tables, days=last)
        with as_query_error(partial(self._explain, query)):
            return connection.sql(query).fetchall()

    def _heard(self) -> dict[str, float]:
        return {recorder: tail.heard_s for recorder, tail in self._tails.items()}

    def _views(self, tables: list[Table], days: list[date] | None) -> list[View]:
        return self._looked(lambda: self._database.views(self._tails, tables, days))

    def _looked(self, look: Callable[[], T]) -> T:
        """Return what a look at tails and files gives, once they are read up to now. Raises QueryError."""
        if self._closed:
            raise AskedError(f"the lake in {self.layout.root} is closed: ask within `with open_lake(…) as lake:`, or "
                             "open it once more")
        for left in reversed(range(LOOKS)):
            self._refresh()
            try:
                return look()
            except LakeStateError as error:  # or something was sealed and rolled just now
                if not left:
                    raise QueryError(str(error)) from error
        raise AssertionError

    def _refresh(self) -> None:
        """Decode what came since the last question. Raises QueryError, OSError."""
        # Position before listing: a file listed but not yet counted as rolled is left out, its rows are in the tail.
        try:
            for recorder in self.layout.recorders():
                self._tails.setdefault(recorder, Tail(self.layout, recorder)).refresh()
        except (OSError, pa.ArrowException) as error:
            self._tails.clear()  # to begin anew: what they had read of the tape is half decoded
            # Decoding looks into files for what history restores.
            if isinstance(error, LakeStateError):
                raise QueryError(str(error)) from error
            if not isinstance(error, TapeError) and (text := damage(self.layout)):
                raise QueryError(text) from error
            raise

    def _explain(self, query: str, error: BaseException) -> str:
        text = explained(self.layout, [table.name for table in named_tables(query)], error)
        return f"{text}{hint(query, text)}"

    def _describe(self, table: Table) -> dict[str, Any]:
        """Return what there is of a table: of files of which rows are kept they are counted without opening these."""
        query = f'select count(*), min(date), max(date) from "{table.name}"'
        with self._lock:
            view, kept, files = self._looked(lambda: self._database.counted(table, self._tails))
        explain = partial(self._explain, query)
        with as_query_error(explain):
            [(count, first, last)] = self._database.connection([view]).sql(query).fetchall()
        dates = [day for day, rows in kept.items() if rows] + [day for day in (first, last) if day]
        return {"table": table.name, "meaning": table.meaning, "version": table.version,
                "rows": count + sum(kept.values()), "first_date": min(dates, default=None),
                "last_date": max(dates, default=None), "size_bytes": sum(map(size_bytes, files))}


AnyReader = TypeVar("AnyReader", bound=LakeReader)


def open_reader(data: str | Path, kind: type[AnyReader]) -> AnyReader:
    """Open the lake in a data folder for a reader of some kind. Raises LakeMissingError where there is none, AskedError
    for what names no folder.

    Nothing has to be written there: a lake on a read-only disk, or of another user, is read as it is.
    """
    if not isinstance(data, str | PathLike):
        raise AskedError(f"{data!r:.60} names no folder: give the path of a data folder, such as \"data\", as text or "
                         "pathlib.Path")
    layout = Layout(Path(data))
    layout.require()
    return kind(readable(layout))
