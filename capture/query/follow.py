"""Following a table: the rows that come, as they come, each once, whatever the roller does meanwhile.

New rows are looked for in the tape's tail, which is decoded once, and when the roller has moved on, in the few files
that it made since: asking costs as much as there is that is new, however much the lake holds.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.damage import FAULTS
from capture.lake.layout import Layout, archive_marks, day_folders, live_mark
from capture.lake.parquet_file import read_parquet
from capture.lake.sealed import sealed_through
from capture.schemas import TABLES, Table
from capture.suggestion import unknown

from .answer import QueryError, as_query_error
from .database import Database
from .explained import explained
from .selection import ORDER, symbols_and_ids
from .tail import Tail

Place = tuple[int, int]  # of a row on a tape: seq and row
_BEFORE_ALL: Place = (-1, -1)
MOST_DAYS_BACK = 7  # in which the last rows are looked for


class Follow:
    """Follows a table of the lake in a folder that `open_lake` has opened once.

    `wanted` are symbols and contract ids, all where empty; `stream` is as the tables name it. `last` returns rows that
    are there already; `poll` what came since then, or since it was called before. Raises QueryError for a table that is
    none or a file that cannot be read, and TapeError where a tape cannot be read.
    """

    def __init__(
        self, layout: Layout, table: str, wanted: Sequence[str | int] = (), stream: str | None = None
    ) -> None:
        if table not in TABLES:
            raise QueryError(unknown("table", table, TABLES))
        self.layout, self.table = layout, TABLES[table]
        self._conditions = list(_conditions(self.table, wanted, stream))
        self._tails: dict[str, Tail] = {}
        self._seen: dict[str, Place] = {}
        self._marks: dict[str, int | None] = {}

    def last(self, count: int) -> pa.Table:
        """Return the last rows by time that are there now, in order; `poll` goes on behind them."""
        for recorder in self.layout.recorders():
            self._new(recorder)
        database = Database(self.layout)
        try:
            with as_query_error(self._explain):
                return self._last(database.connection(database.views(self._tails, [self.table])), count)
        finally:
            database.close()

    def poll(self) -> pa.Table:
        """Return the rows that came since, in order of time; most often none."""
        parts = [part for recorder in self.layout.recorders() for part in self._new(recorder)]
        found = [self._chosen(part) for part in parts]
        rows = pa.concat_tables([self._empty(), *found])
        return rows.sort_by([(name, "ascending") for name in ORDER])

    def _new(self, recorder: str) -> list[pa.Table]:
        """Take note of a recorder's new rows and return them: of files that were rolled since, and of the tail."""
        tail = self._tails.setdefault(recorder, Tail(self.layout, recorder))
        first, seen = recorder not in self._marks, self._seen.get(recorder, _BEFORE_ALL)
        tail.refresh()
        before, self._marks[recorder] = self._marks.get(recorder), tail.mark
        parts = []
        if not first and tail.mark is not None and before != tail.mark:
            parts += [_after(rows, seen) for rows in self._rolled(recorder, before or 0, tail.mark)]
        if self.table.name in tail.tables:
            parts.append(_after(tail.tables[self.table.name], seen))
        self._seen[recorder] = max([seen, *map(_last_place, parts)])
        return parts

    def _rolled(self, recorder: str, begin: int, end: int) -> Iterator[pa.Table]:
        """Yield the rows of files that hold what followed marks from one on, up to another."""
        through = str(sealed_through(self.layout, self.table.name))
        for day, folder in day_folders(self.layout.live(self.table.name)).items():
            for path in folder.glob(f"{recorder}.*.parquet") if day > through else ():
                if (live := live_mark(path)) and begin <= live[1] < end:
                    yield self._read(path)
        for day, folder in day_folders(self.layout.archive(self.table.name)).items():
            for path in folder.glob(f"{recorder}.*.parquet") if day <= through else ():
                if (marks := archive_marks(path)) and marks[2] >= begin and marks[1] < end:
                    yield self._read(path)

    def _read(self, path: Path) -> pa.Table:
        try:
            rows = read_parquet(path)
        except FileNotFoundError:
            raise
        except FAULTS as error:
            raise QueryError(self._explain(error)) from error
        return rows.sort_by([("seq", "ascending"), ("row", "ascending")])

    def _explain(self, error: BaseException) -> str:
        return explained(self.layout, [self.table.name], error)

    def _chosen(self, rows: pa.Table) -> pa.Table:
        """Return the wanted ones of some rows, in the types of the table."""
        for column, values in self._conditions:
            rows = rows.filter(pc.is_in(_plain(rows[column]), pa.array(values, self.table.column(column).type)))
        columns = {name: rows[name] if name in rows.column_names else pa.nulls(len(rows), field.type)
                   for name, field in zip(self.table.schema.names, self.table.schema, strict=True)}
        return pa.table(columns).cast(self._empty().schema)

    def _empty(self) -> pa.Table:
        return pa.schema([(c.name, c.type) for c in self.table.columns]).empty_table()

    def _last(self, connection: duckdb.DuckDBPyConnection, count: int) -> pa.Table:
        conditions = [f'"{column}" in (select unnest(${column}))' for column, _ in self._conditions]
        dates = connection.sql(f'select distinct date from "{self.table.name}" order by 1 desc limit {MOST_DAYS_BACK}')
        found: list[pa.Table] = []
        for (day,) in dates.fetchall():
            where = " and ".join([f"date = date '{day}'", *conditions])
            order = ", ".join(f'"{name}" desc' for name in ORDER)
            limit = count - sum(map(len, found))
            query = f'select * exclude date from "{self.table.name}" where {where} order by {order} limit {limit}'
            rows = connection.sql(query, params=dict(self._conditions)).to_arrow_table()
            found.append(rows.cast(self._empty().schema))
            if sum(map(len, found)) >= count:
                break
        return pa.concat_tables([self._empty(), *found]).sort_by([(name, "ascending") for name in ORDER])


def _conditions(table: Table, wanted: Sequence[str | int], stream: str | None) -> Iterator[tuple[str, list[Any]]]:
    """Yield columns and the values that are wanted in them. Raises QueryError where the table lacks the column."""
    symbols, ids = symbols_and_ids(wanted)
    if symbols and ids:
        raise QueryError("name instruments by their symbols or by their contract ids, not by both")
    given: dict[str, list[Any]] = {"symbol": [*symbols], "instrument_id": [*ids], "stream": [stream] * bool(stream)}
    for column, values in given.items():
        if values and column not in table.schema.names:
            raise QueryError(f"{table.name} has no column {column} to choose by")
        if values:
            yield column, values


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _after(rows: pa.Table, seen: Place) -> pa.Table:
    """Return the rows behind a place; they are in the order of the tape."""
    seqs = rows["seq"].to_numpy()
    rest = rows.slice(int(np.searchsorted(seqs, seen[0])))
    return rest.filter(pc.or_(pc.greater(rest["seq"], seen[0]), pc.greater(rest["row"], seen[1])))


def _last_place(rows: pa.Table) -> Place:
    return (rows["seq"][-1].as_py(), rows["row"][-1].as_py()) if len(rows) else _BEFORE_ALL
