"""An in-memory DuckDB with a view of each table: over sealed days, rolled files and the tails of tapes."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.functions import creations, named, needs_helpers
from capture.lake.layout import EMPTY_DATE, EMPTY_NAME, Layout, archive_marks, live_mark
from capture.lake.sealed import sealed_through
from capture.lake.sql import columns_sql, paths_sql, quoted
from capture.lake.views import failing_query, fault_of, view_sql
from capture.schemas import TABLES, TIMESTAMP, Table

from .listing import Listing
from .tail import Tail

DAY = timedelta(days=1)
SETTINGS = {
    "TimeZone": "'UTC'",
    # Footers are kept from query to query: files never change, and of a changed one DuckDB sees the time.
    "parquet_metadata_cache": "true",
    # Of files DuckDB guesses too few rows, and would then compare each row of an as-of join with all of the other side.
    "asof_loop_join_threshold": "0",
}


class Limit(NamedTuple):
    """How much memory questions may take, and the folder that takes what is more: made when it is needed."""

    memory_mib: int
    spill: Path


class Database:
    """The tables of a lake, as its files and tails are when `refresh` is called. Times are UTC."""

    def __init__(self, layout: Layout, limit: Limit | None = None) -> None:
        self.layout = layout
        self._connection = duckdb.connect()
        limits = {} if limit is None else {"memory_limit": f"'{limit.memory_mib}MiB'",
                                           "temp_directory": quoted(limit.spill)}
        for name, value in (SETTINGS | limits).items():
            self._connection.execute(f"set global {name} = {value}")
        self._views: dict[str, str] = {}
        self._tails: dict[str, tuple[list[pa.Table], pa.Table]] = {}  # parts of tails, and a view's rows made of them
        self._functions: set[str] = set()
        self._archive = {name: Listing(layout.archive(name)) for name in TABLES}
        self._sealed: dict[str, tuple[int, date]] = {}  # when a table's file was written that says so, and the date

    def refresh(self, tails: dict[str, Tail], tables: Iterable[Table] = tuple(TABLES.values())) -> None:
        """Make the views of tables say what files and tails, by recorder, hold at this moment."""
        for table in tables:
            self._view(table, tails)

    def cursor(self, query: str = "") -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to this database: its answers are read beside those of others.

        It has the research functions that the query names: making all of them takes longer than most queries.
        """
        if needs_helpers(query) and not self._functions:
            self._make("helpers", *creations())
        for function in named(query):
            if function.name not in self._functions:
                self._make(function.name, function.creation)
        return self._connection.cursor()

    def of_days(
        self, table: Table, tails: dict[str, Tail], first: date, last: date
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own that sees of a table what files and tails hold from one date to another.

        A query through it costs the same however many days there are besides: nobody lists their folders.
        """
        days = [first + DAY * number for number in range((last - first).days + 1)]
        query = self._query(table, tails, paths_sql(self._archive[table.name].files(days)))
        connection = self._connection.cursor()
        tail = self._tail_sql(table, tails)
        if tail:  # its own, as files and tail belong together: the view of all may be another when this is read
            connection.register(_tail_name(table), self._tails[table.name][1])
        connection.execute(f'create temp view "{table.name}" as {query}{tail}')
        return connection

    def _make(self, name: str, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement)
        self._functions.add(name)

    def close(self) -> None:
        """Let go of the database; answers that were asked for may still be read."""
        self._connection.close()

    def _view(self, table: Table, tails: dict[str, Tail]) -> None:
        query = self._query(table, tails, paths_sql(self._archive[table.name].files()))
        tail = self._tail_sql(table, tails)
        if self._views.get(table.name) == query + tail:
            return
        self._views[table.name] = query + tail
        create = f'create or replace view "{table.name}" as '
        if fault := fault_of(self._connection, self.layout, table, create + query + tail):
            self._connection.execute(create + failing_query(self._connection, table, fault))
            del self._views[table.name]  # to be tried again: what cannot be read may be mended by then

    def _query(self, table: Table, tails: dict[str, Tail], archive: str) -> str:
        """Return the query for what files hold; `archive` is the SQL for those of sealed days."""
        through = self._sealed_through(table)
        query = view_sql(table, archive, paths_sql(self._live_files(table, tails, through)), f"date '{through}'")
        if late := self._late_files(table, tails, through):
            query = query.replace(f"date <= date '{through}'", f"date <= date '{through}' and filename not in {late}")
        return query

    def _tail_sql(self, table: Table, tails: dict[str, Tail]) -> str:
        """Return what adds the rows of tails to a query, and have them under a name."""
        parts = [tail.tables[table.name] for tail in tails.values() if table.name in tail.tables]
        if not parts:
            return ""
        name = _tail_name(table)
        known = self._tails.get(table.name)
        if known is None or list(map(id, parts)) != list(map(id, known[0])):
            rows = pa.concat_tables([_plain(table, part) for part in parts])
            self._connection.from_arrow(rows).create_view(name, replace=True)
            self._tails[table.name] = parts, rows
        return f"\nunion all by name select {columns_sql(table)}, cast(ts as date) as date from {name}"

    def _sealed_through(self, table: Table) -> date:
        written_ns = self.layout.sealed(table.name).stat().st_mtime_ns
        known = self._sealed.get(table.name)
        if known is None or known[0] != written_ns:
            self._sealed[table.name] = known = written_ns, sealed_through(self.layout, table.name)
        return known[1]

    def _live_files(self, table: Table, tails: dict[str, Tail], through: date) -> list[Path]:
        """Return the files of dates that are not sealed and hold what is in no tail."""
        folder = self.layout.live(table.name)
        found = [folder / f"date={EMPTY_DATE}" / EMPTY_NAME]
        for day in folder.glob("date=*"):
            if day.name > f"date={through}":
                found += [path for path in day.glob("*.parquet") if _is_rolled(live_mark(path), tails)]
        return found

    def _late_files(self, table: Table, tails: dict[str, Tail], through: date) -> str:
        """Return as an SQL list the archive files of which the rows are in a tail too; empty where there are none.

        They are published before the rolled position moves on, with rows that came once their date was sealed.
        """
        end = pa.scalar(through + DAY).cast(TIMESTAMP)
        found: list[Path] = []
        for tail in tails.values():
            if (part := tail.tables.get(table.name)) is None or not pc.less(pc.min(part["ts"]), end).as_py():
                continue
            late = part["ts"].filter(pc.less(part["ts"], end))
            for day in pc.unique(late.cast(pa.date32())).to_pylist():
                folder = self.layout.archive(table.name) / f"date={day}"
                found += [path for path in folder.glob("*.parquet")
                          if (marks := archive_marks(path)) and not _is_rolled(marks[:2], tails)]
        return f"({', '.join(quoted(path) for path in found)})" if found else ""


def _is_rolled(named: tuple[str, int] | None, tails: dict[str, Tail]) -> bool:
    """Return whether a file, by recorder and first mark, holds rows that are in no tail; False for other files."""
    if named is None:
        return False
    tail = tails.get(named[0])
    return tail is None or tail.mark is None or named[1] < tail.mark


def _tail_name(table: Table) -> str:
    return f"tail_{table.name}"


def _plain(table: Table, rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(column.name, column.type) for column in table.columns]))
