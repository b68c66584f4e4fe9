"""An in-memory DuckDB with a view of each table: over sealed days, rolled files and the tails of tapes."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.layout import EMPTY_DATE, EMPTY_NAME, Layout, archive_marks, live_mark
from capture.lake.sealed import sealed_through
from capture.lake.sql import columns_sql, paths_sql, quoted
from capture.lake.views import failing_query, fault_of, view_sql
from capture.schemas import TABLES, TIMESTAMP, Table

from .tail import Tail

DAY = timedelta(days=1)


class Database:
    """The tables of a lake, as its files and tails are when `refresh` is called. Times are UTC."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._connection = duckdb.connect()
        self._connection.execute("set global TimeZone = 'UTC'")
        self._views: dict[str, tuple[str, list[pa.Table]]] = {}
        self._sealed: dict[str, tuple[int, date]] = {}  # when a table's file was written that says so, and the date

    def refresh(self, tails: dict[str, Tail]) -> None:
        """Make the views say what files and tails, by recorder, hold at this moment."""
        for table in TABLES.values():
            self._view(table, tails)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to this database: its answers are read beside those of others."""
        return self._connection.cursor()

    def close(self) -> None:
        """Let go of the database; answers that were asked for may still be read."""
        self._connection.close()

    def _view(self, table: Table, tails: dict[str, Tail]) -> None:
        parts = [tail.tables[table.name] for tail in tails.values() if table.name in tail.tables]
        through = self._sealed_through(table)
        query = view_sql(table, quoted(self.layout.archive(table.name) / "*" / "*.parquet"),
                         paths_sql(self._live_files(table, tails, through)), f"date '{through}'")
        if late := self._late_files(table, tails, through):
            query = query.replace(f"date <= date '{through}'", f"date <= date '{through}' and filename not in {late}")
        before, before_parts = self._views.get(table.name, ("", []))
        if query == before and list(map(id, parts)) == list(map(id, before_parts)):
            return
        made = query
        if parts:
            name = f"tail_{table.name}"
            rows = pa.concat_tables([_plain(table, part) for part in parts])
            self._connection.from_arrow(rows).create_view(name, replace=True)
            made += f"\nunion all by name select {columns_sql(table)}, cast(ts as date) as date from {name}"
        self._views[table.name] = (query, parts)
        create = f'create or replace view "{table.name}" as '
        if fault := fault_of(self._connection, self.layout, table, create + made):
            self._connection.execute(create + failing_query(self._connection, table, fault))
            del self._views[table.name]  # to be tried again: what cannot be read may be mended by then

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


def _plain(table: Table, rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(column.name, column.type) for column in table.columns]))
