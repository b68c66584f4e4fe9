"""Following a table: its last rows, then those that come, as they come, each once."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.layout import Layout
from capture.schemas import TABLES, Table
from capture.suggestion import unknown

from .answer import QueryError, as_query_error
from .database import Database
from .explained import explained
from .new_rows import NewRows, empty
from .selection import ORDER, symbols_and_ids

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
        self._new = NewRows(layout, [table])

    def last(self, count: int) -> pa.Table:
        """Return the last rows by time that are there now, in order; `poll` goes on behind them."""
        self._new.begin()
        database = Database(self.layout)
        try:
            with as_query_error(self._explain):
                return self._last(database.connection(database.views(self._new.tails, [self.table])), count)
        finally:
            database.close()

    def poll(self) -> pa.Table:
        """Return the rows that came since, in order of time; most often none."""
        rows = self._chosen(self._new.poll().get(self.table.name, empty(self.table)))
        return rows.sort_by([(name, "ascending") for name in ORDER])

    def _explain(self, error: BaseException) -> str:
        return explained(self.layout, [self.table.name], error)

    def _chosen(self, rows: pa.Table) -> pa.Table:
        """Return the wanted ones of some rows."""
        for column, values in self._conditions:
            rows = rows.filter(pc.is_in(rows[column], pa.array(values, self.table.column(column).type)))
        return rows

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
            found.append(rows.cast(empty(self.table).schema))
            if sum(map(len, found)) >= count:
                break
        return pa.concat_tables([empty(self.table), *found]).sort_by([(name, "ascending") for name in ORDER])


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
