"""Open a lake and ask it in SQL: sealed days, rolled files and what is still only on the tape, as one."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from capture.lake.layout import EMPTY_DATE, EMPTY_NAME, Layout, live_mark
from capture.lake.views import belongs, prepare, quoted, view_sql
from capture.schemas import TABLES, Table

from .answer import Answer, QueryError
from .coverage import coverage
from .tail import Tail


class Lake:
    """A lake to ask. Times are UTC. Use `open_lake`.

    Every question sees all that reached the tape until it was asked.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")
        self._tails: dict[str, Tail] = {}
        self._views: dict[str, tuple[str, list[pa.Table]]] = {}

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to an SQL query over the lake's tables. Raises QueryError.

        `parameters` fill `?` or `$name` in the query.
        """
        self._refresh()
        try:
            relation = self._connection.sql(query, params=parameters)
            # A statement that is no query may have no answer of its own.
            return Answer(relation if relation is not None else self._connection.sql("select 'done' as result"))
        except duckdb.Error as error:
            raise QueryError(str(error)) from error

    def tables(self) -> list[dict[str, Any]]:
        """Return name, meaning, rows, first and last date, and bytes on disk of every table."""
        self._refresh()
        return [self._describe(table) for table in TABLES.values()]

    def gaps(
        self,
        symbols: Sequence[str] | None = None,
        stream: str | None = None,
        since: str | None = None,
        until: str | None = None,
        open_only: bool = False,
    ) -> Answer:
        """Return every gap as it stands now, oldest first, with its length in seconds (to now while it lasts).

        Narrowed down to symbols, a stream (as the tables name it), and a span of time, UTC. Raises QueryError.
        """
        return self.sql(_GAPS, {"symbols": list(symbols or []), "stream": stream, "since": since, "until": until,
                                "open_only": open_only})

    def coverage(self, symbols: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return how much trading time is covered, per symbol, stream and day; see `capture.query.coverage`."""
        return coverage(self, list(symbols or []), time.time())

    def heard_s(self) -> float:
        """Return when any recorder's line last carried something, in seconds since 1970; 0 for never."""
        return max((tail.heard_s for tail in self._tails.values()), default=0.0)

    def close(self) -> None:
        """Let go of the lake."""
        self._connection.close()

    def __enter__(self) -> "Lake":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refresh(self) -> None:
        """Make the views say what the lake holds at this moment."""
        # Position before listing: a file listed but not yet counted as rolled is left out, its rows are in the tail.
        for recorder in self.layout.recorders():
            self._tails.setdefault(recorder, Tail(self.layout, recorder)).refresh()
        for table in TABLES.values():
            self._view(table)

    def _view(self, table: Table) -> None:
        query = view_sql(table, quoted(self.layout.archive(table.name) / "*" / "*.parquet"),
                         _list(self._live_files(table)), quoted(self.layout.sealed(table.name)))
        parts = [tail.tables[table.name] for tail in self._tails.values() if table.name in tail.tables]
        before, before_parts = self._views.get(table.name, ("", []))
        if query == before and list(map(id, parts)) == list(map(id, before_parts)):
            return
        self._views[table.name] = (query, parts)
        if parts:
            name = f"tail_{table.name}"
            self._connection.register(name, pa.concat_tables([_plain(table, part) for part in parts]))
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            query += f"\nunion all by name select {columns}, cast(ts as date) as date from {name}"
        self._connection.execute(f'create or replace temp view "{table.name}" as {query}')

    def _live_files(self, table: Table) -> list[Path]:
        folder = self.layout.live(table.name)
        rolled = {recorder: tail.mark for recorder, tail in self._tails.items()}
        found = [folder / f"date={EMPTY_DATE}" / EMPTY_NAME]
        for path in folder.glob("date=*/*.parquet"):
            named = live_mark(path)
            if named and (rolled.get(named[0]) is None or named[1] < (rolled[named[0]] or 0)):
                found.append(path)
        return found

    def _describe(self, table: Table) -> dict[str, Any]:
        count, first, last = self._connection.sql(
            f'select count(*), min(date), max(date) from "{table.name}"').fetchall()[0]
        size = sum(path.stat().st_size for folder in (self.layout.live(table.name), self.layout.archive(table.name))
                   for path in folder.glob("date=*/*.parquet") if path.name != EMPTY_NAME)
        return {"table": table.name, "meaning": table.meaning, "version": table.version, "rows": count,
                "first_date": first, "last_date": last, "size_bytes": size}


_GAPS = """
select instrument_id, symbol, stream, gap_id, state, from_ts, to_ts,
       epoch(coalesce(to_ts, now()) - from_ts) as lasted_s, reason, code, rows_restored, recorder
from (select * from gaps qualify row_number() over (partition by gap_id order by seq desc, "row" desc) = 1)
where ($symbols = [] or symbol in (select unnest($symbols)))
  and ($stream is null or stream = $stream)
  and ($since is null or coalesce(to_ts, now()) > cast($since as timestamptz))
  and ($until is null or from_ts < cast($until as timestamptz))
  and (not $open_only or state = 'open')
order by from_ts, gap_id
"""


def open_lake(data: str | Path = "data") -> Lake:
    """Open the lake in a data folder. Raises LakeMissingError where there is none.

    >>> with open_lake("data") as lake:  # doctest: +SKIP
    ...     lake.sql("select symbol, count(*) from trades group by all").pl()
    """
    layout = Layout(Path(data))
    layout.require()
    if not all(layout.sealed(name).exists() for name in TABLES) or not belongs(layout):
        prepare(layout)
    return Lake(layout)


def _list(paths: Iterable[Path]) -> str:
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def _plain(table: Table, rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(column.name, column.type) for column in table.columns]))
