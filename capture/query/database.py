"""An in-memory DuckDB where each question has its own views (D86): over sealed days, rolled files, tails of tapes."""

import os
import threading
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from capture.functions import LAST_HEARD, creations, named, needs_helpers
from capture.lake.digest import WHOLE, Digest, nothing, read_digest, rows_of
from capture.lake.kept import is_same, read_kept
from capture.lake.layout import EMPTY_DATE, LakeStateError, Layout, archive_marks, day_folders, live_mark
from capture.lake.row_groups.footers import Footers
from capture.lake.row_groups.group_index import GroupIndex
from capture.lake.sealed import sealed_through
from capture.lake.sql_text import columns_sql, paths_sql, quoted
from capture.lake.state import SealedDays, archived_through, position_fault
from capture.lake.views import failing_query, fault_of, statement_query, view_sql
from capture.schemas import STATEMENT_TABLES, TABLES, Table

from .listing import Listing
from .tail import Tail
from .tail_rows import held

SETTINGS = {
    "TimeZone": "'UTC'",
    # Footers are kept from query to query: files never change, and of a changed one DuckDB sees the time.
    "parquet_metadata_cache": "true",
    # Of files DuckDB guesses too few rows, and would then compare each row of an as-of join with all of the other
    # side (D93).
    "asof_loop_join_threshold": "0",
    "autoinstall_known_extensions": "false",  # a question that names a URL would write to the user's own folders
    "python_enable_replacements": "false",  # a name in a query is that of a table, not of a variable of ours
    # The last: some functions of a SELECT change settings too, and by them write logs and profiles to any file.
    "lock_configuration": "true",
}


ALL_DATES = date.min, date.max


class Limit(NamedTuple):
    """How much memory questions may take, and the folder that takes what is more: made when it is needed."""

    memory_mib: int
    spill: Path


class View(NamedTuple):
    """A table at some moment: the query for what is read from files, rows that are in tails only, and what is kept of
    files that the query leaves out, both with the `date` of each row; None for none.
    """

    table: Table
    query: str
    tail: pa.Table | None
    kept: pa.Table | None = None


class Found(NamedTuple):
    """The files that hold rows of a table at some moment, and rows that are in tails only, or kept of other files.

    The latter are held as `TailRows` holds them.
    """

    table: Table
    files: list[Path]
    tail: list[pa.Table]


class _Sources(NamedTuple):
    """What the rows of a table come from: up to which date it is sealed, files of later dates, and archive files of
    which the rows are in a tail too.
    """

    through: date
    live: list[Path]
    late: list[Path]


class Database:
    """The tables of a lake, as its files and tails are at some moment. Times are UTC.

    Views are taken by one thread at a time; connections are made and asked in any.
    """

    def __init__(
        self, layout: Layout, limit: Limit | None = None, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Make a database for a lake; `more` are settings besides, which a question cannot change either."""
        self.layout = layout
        limits = {} if limit is None else {"memory_limit": f"'{limit.memory_mib}MiB'",
                                           "temp_directory": quoted(limit.spill)}
        self._settings = {**limits, **more, **SETTINGS}
        self._opened: duckdb.DuckDBPyConnection | None = None  # once a question needs it: many are answered without
        self._opening = threading.Lock()
        self._functions: set[str] = set()
        self._making = threading.Lock()  # of functions
        self._archive = {name: Listing(folder, layout.rowless(folder), partial(read_kept, layout, name))
                         for name, folder in ((name, layout.archive(name)) for name in TABLES)}
        self._days = SealedDays(layout)
        self._sealed: dict[str, tuple[int, date]] = {}  # when a table's file was written that says so, and the date
        self._digests: dict[str, tuple[os.stat_result, Digest]] = {}  # the file of each, and what is in it

    def views(
        self, tails: Mapping[str, Tail], tables: Iterable[Table], days: Iterable[date] | None = None
    ) -> list[View]:
        """Return what files and tails, by recorder, hold of tables at this moment: of some dates, or of all.

        Of some dates it costs the same however many days there are besides: nobody lists their folders. Raises
        LakeStateError where what is said to be sealed and rolled contradicts the files: by damage, or as it moved
        between reading the one and listing the other.
        """
        wanted = None if days is None else list(days)
        return [self._view(table, tails, wanted) for table in tables]

    def _view(self, table: Table, tails: Mapping[str, Tail], days: list[date] | None) -> View:
        """Return what files and tails hold of a table; of all dates, what is kept of files is not read from them."""
        if table.name in STATEMENT_TABLES:
            return View(table, statement_query(self.layout, table), None)
        files, tail = self._archive[table.name].files(days), self._tail(table, tails)
        left, kept = (files, None) if days is not None else self._kept(table, tails, files)
        return View(table, self._query(table, tails, files, left), tail, kept)

    def _kept(
        self, table: Table, tails: Mapping[str, Tail], archive: list[Path]
    ) -> tuple[list[Path], pa.Table | None]:
        """Return the archive files of which no rows are kept, and the rows that are kept of the others, if any."""
        if table.name not in WHOLE or not (digest := self._digest(table)).files:
            return archive, None
        through = self._sealed_through(table)
        kept = {path for path in archive if _day(path) <= str(through) and _is_same(path, digest)
                and _is_rolled(_first_mark(path), tails)}
        names: dict[str, set[str]] = {}
        for path in kept:
            names.setdefault(_day(path), set()).add(path.name)
        return [path for path in archive if path not in kept], rows_of(digest, names)

    def found(
        self, table: Table, tails: Mapping[str, Tail], span: tuple[date, date], days: Iterable[date] | None = None
    ) -> Found:
        """Return what files and tails hold of a table at this moment, of the dates from one to another.

        Nobody lists other folders than those of `days`, where they are given. Raises LakeStateError as `views` does.
        """
        archive = self._archive[table.name].files(days)
        through, live, late = self._sources(table, tails, archive)
        left, kept = self._kept(table, tails, archive) if span == ALL_DATES else (archive, None)
        sealed = [path for path in left if _day(path) <= str(through) and path not in late]
        first, last = max(str(span[0]), EMPTY_DATE), str(span[1])
        files = [path for path in (*sealed, *live) if first <= _day(path) <= last and _day(path) != EMPTY_DATE]
        return Found(table, files, [*([] if kept is None else [held(table.name, kept)]), *self._pieces(table, tails)])

    def of_files(self, found: Found) -> View:
        """Return a view of what was found, which sees no other file."""
        rowless = self.layout.rowless(self.layout.live(found.table.name))
        query = view_sql(found.table, paths_sql([rowless, *found.files]), paths_sql([rowless]), f"date '{date.max}'")
        return View(found.table, query, pa.concat_tables(found.tail) if found.tail else None)

    def local_days(self, table: Table, tails: Mapping[str, Tail]) -> tuple[pa.Table, set[date]]:
        """Return what is kept of the days of a table of market data (see capture.lake.local_days), and the UTC dates
        whose rows may be others than when that was kept. Raises LakeStateError as `views` does.
        """
        digest, through = self._digest(table), self._sealed_through(table)
        self._days.require(table.name, through)
        there: dict[str, list[Path]] = {}
        for path in self._archive[table.name].files():
            if f"date={EMPTY_DATE}" < path.parent.name <= f"date={through}":
                there.setdefault(_day(path), []).append(path)
        changed = {day for day in there.keys() | digest.files.keys()
                   if {path.name for path in there.get(day, ())} != digest.files.get(day, {}).keys()
                   or not all(_is_same(path, digest) for path in there[day])}
        changed |= {day for day in day_folders(self.layout.live(table.name)) if day > str(through)}
        tail = self._tail(table, tails)
        of_tail = [] if tail is None else pc.unique(tail["date"]).to_pylist()
        return digest.rows, {*map(date.fromisoformat, changed), *of_tail}

    def _digest(self, table: Table) -> Digest:
        """Return what is kept of the rows of a table's archive files, read anew only where it was written anew."""
        try:
            written = self.layout.digest(table.name).stat()
        except OSError:
            return nothing(table.name)
        known = self._digests.get(table.name)
        if known is None or not os.path.samestat(known[0], written) or known[0].st_mtime_ns != written.st_mtime_ns:
            self._digests[table.name] = known = written, read_digest(self.layout, table.name)
        return known[1]

    def last_days(self, table: Table, count: int) -> list[date]:
        """Return the last so many dates in the archive of a table, oldest first."""
        return self._archive[table.name].days()[-count:] if table.name in TABLES else []

    def counted(self, table: Table, tails: Mapping[str, Tail]) -> tuple[View, dict[date, int], list[Path]]:
        """Return what is known of how many rows a table has, by date, a view of all that has to be counted yet, and
        the files behind both. Raises LakeStateError as `views` does.
        """
        if table.name in STATEMENT_TABLES:
            return View(table, statement_query(self.layout, table), None), {}, [self.layout.statement_rows(table.name)]
        files = self._archive[table.name].files()
        through = self._sealed_through(table)
        kept = {path: rows for path, rows in self._archive[table.name].kept_rows(files).items()
                if path.parent.name <= f"date={through}" and _is_rolled(_first_mark(path), tails)}
        query = self._query(table, tails, files, [path for path in files if path not in kept])
        rows: dict[date, int] = {}
        for path, count in kept.items():
            day = date.fromisoformat(_day(path))
            rows[day] = rows.get(day, 0) + count
        folders = day_folders(self.layout.live(table.name)).values()
        live = [path for folder in folders for path in folder.glob("*.parquet")]
        return View(table, query, self._tail(table, tails)), rows, [*files, *live]

    def connection(
        self, views: Iterable[View], query: str = "", heard: Mapping[str, float] = MappingProxyType({})
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for a query, with views that nobody else sees: nothing changes them later.

        It has the research functions that the query names: making all of them takes longer than most queries. They need
        to know when each recorder last heard anything, in seconds since 1970, 0 for never.
        """
        connection = self._connection().cursor()
        for view in views:
            self._show(connection, view)
        if not needs_helpers(query):
            return connection
        connection.execute(f"create temp view {LAST_HEARD} as {_heard_query(heard)}")
        with self._making:
            self._make(connection, "helpers", creations())
            for function in named(query):
                self._make(connection, function.name, [function.creation])
        return connection

    def close(self) -> None:
        """Let go of the database: answers whose batches are being read may be read on, others not."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._opened is None:
                opened = duckdb.connect()
                set_all(opened, self._settings)
                self._opened = opened
            return self._opened

    def _show(self, connection: duckdb.DuckDBPyConnection, view: View) -> None:
        query = view.query
        if view.tail is not None:
            name = f"tail_{view.table.name}"
            connection.register(name, view.tail)
            query += f"\nunion all by name select {columns_sql(view.table)}, date from {name}"
        if view.kept is not None:
            name = f"kept_{view.table.name}"
            connection.register(name, view.kept)
            query += f"\nunion all by name select {columns_sql(view.table)}, date from {name}"
        create = f'create temp view "{view.table.name}" as '
        if fault := fault_of(connection, self.layout, view.table, create + query):
            connection.execute(create + failing_query(view.table, fault))

    def _make(self, connection: duckdb.DuckDBPyConnection, name: str, statements: Iterable[str]) -> None:
        if name not in self._functions:
            for statement in statements:
                connection.execute(statement)
            self._functions.add(name)

    def _query(
        self, table: Table, tails: Mapping[str, Tail], archive: list[Path], wanted: list[Path] | None = None
    ) -> str:
        """Return the query for what files hold; `archive` are those of sealed days, all of them wanted or some."""
        sources = self._sources(table, tails, archive)
        return view_sql(table, paths_sql(archive if wanted is None else wanted), paths_sql(sources.live),
                        f"date '{sources.through}'", without=_list_sql(sources.late))

    def _sources(self, table: Table, tails: Mapping[str, Tail], archive: list[Path]) -> _Sources:
        """Return where rows come from, `archive` files besides. Raises LakeStateError as `views` does."""
        through = self._sealed_through(table)
        self._days.require(table.name, through)
        last = archived_through(archive)
        for recorder, tail in tails.items():
            if tail.mark is not None and (fault := position_fault(self.layout, recorder, tail.mark, last)):
                raise LakeStateError(fault)
        return _Sources(through, self._live_files(table, tails, through), self._late_files(table, tails, through))

    def _tail(self, table: Table, tails: Mapping[str, Tail]) -> pa.Table | None:
        """Return the rows of a table in tails, with the `date` of each."""
        pieces = self._pieces(table, tails)
        return pa.concat_tables(pieces) if pieces else None

    def _pieces(self, table: Table, tails: Mapping[str, Tail]) -> list[pa.Table]:
        return [piece for tail in tails.values() for piece in tail.pieces(table.name)]

    def _sealed_through(self, table: Table) -> date:
        try:
            written_ns = self.layout.sealed(table.name).stat().st_mtime_ns
        except FileNotFoundError:
            return sealed_through(self.layout, table.name)
        known = self._sealed.get(table.name)
        if known is None or known[0] != written_ns:
            self._sealed[table.name] = known = written_ns, sealed_through(self.layout, table.name)
        return known[1]

    def _live_files(self, table: Table, tails: Mapping[str, Tail], through: date) -> list[Path]:
        """Return the files of dates that are not sealed and hold what is in no tail."""
        folder = self.layout.live(table.name)
        found = [self.layout.rowless(folder)]
        for day, of_day in day_folders(folder).items():
            if day > str(through):
                found += [path for path in of_day.glob("*.parquet") if _is_rolled(live_mark(path), tails)]
        return found

    def _late_files(self, table: Table, tails: Mapping[str, Tail], through: date) -> list[Path]:
        """Return the archive files of which the rows are in a tail too.

        They are published before the rolled position moves on, with rows that came once their date was sealed.
        """
        found: list[Path] = []
        pieces = self._pieces(table, tails)
        late = (piece["date"] for piece in pieces if pc.min(piece["date"]).as_py() <= through)
        for day in {day for dates in late for day in pc.unique(dates).to_pylist() if day <= through}:
            folder = self.layout.archive(table.name) / f"date={day}"
            found += [path for path in folder.glob("*.parquet")
                      if (marks := archive_marks(path)) and not _is_rolled(marks[:2], tails)]
        return found


def _list_sql(paths: Iterable[Path]) -> str:
    """Return paths as an SQL list; nothing where there are none."""
    return f"({found})" if (found := ", ".join(map(quoted, paths))) else ""


def set_all(connection: duckdb.DuckDBPyConnection, settings: Mapping[str, str] = SETTINGS) -> None:
    """Give the database of a connection its settings."""
    for name, value in settings.items():
        connection.execute(f"set global {name} = {value}")


def _heard_query(heard: Mapping[str, float]) -> str:
    rows = [f"({quoted(recorder)}, make_timestamp({round(at_s * 1e6)}) at time zone 'UTC')"
            for recorder, at_s in heard.items() if at_s]
    return (f"from (values {', '.join(rows)}) heard(recorder, ts)" if rows else
            "select null::varchar as recorder, null::timestamptz as ts where false")


def _day(path: Path) -> str:
    return path.parent.name.removeprefix("date=")


def _first_mark(path: Path) -> tuple[str, int] | None:
    marks = archive_marks(path)
    return None if marks is None else marks[:2]


def _is_same(path: Path, digest: Digest) -> bool:
    """Return whether an archive file is the one whose rows a digest holds."""
    file = digest.files.get(_day(path), {}).get(path.name)
    return file is not None and is_same(path, file)


def _is_rolled(named: tuple[str, int] | None, tails: Mapping[str, Tail]) -> bool:
    """Return whether a file, by recorder and first mark, holds rows that are in no tail; False for other files."""
    if named is None:
        return False
    tail = tails.get(named[0])
    return tail is None or tail.mark is None or named[1] < tail.mark


class Shared:
    """What lakes on the same files have in common: tails of tapes and a database, closed with the last of them."""

    def __init__(self, layout: Layout, limit: Limit | None) -> None:
        self.tails: dict[str, Tail] = {}
        self.database = Database(layout, limit)
        self.footers = Footers(GroupIndex(layout))
        self.lock = threading.Lock()  # of tails, and of what the database knows of files
        self._users = 1

    def hold(self) -> bool:
        """Keep it open for one more; False where it is closed already."""
        with self.lock:
            self._users += bool(self._users)
            return bool(self._users)

    def let_go(self) -> None:
        """Close it where nobody else holds it."""
        with self.lock:
            self._users -= 1
            if not self._users:
                self.database.close()
