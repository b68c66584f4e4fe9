"""A replay that goes on with what comes: where the past ends on each tape, and what follows it (D132)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import duckdb
import pyarrow as pa

from capture.decode.event_time import MOMENT_SQL
from capture.query.database import set_all
from capture.query.new_rows import NewRows, there
from capture.schemas import TABLES

from .row_filter import LONGEST_LAG, Asked, Wanted
from .stretch import Stretch

POLL_INTERVAL_S = 0.1


class Came:
    """Rows that came, to be asked by the words that choose them of the past."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        set_all(self._connection)

    def take(self, table: str, rows: pa.Table) -> None:
        """Let rows be those of a table, instead of those of any before."""
        self._connection.register("came", rows)
        self._connection.execute(f'create or replace temp view "{table}" as '
                                 "select *, timezone('UTC', ts)::date as date from came")

    def sql(self, query: str) -> pa.Table:
        """Return the answer to an SQL query over the table that was given last."""
        return self._connection.sql(query).to_arrow_table()

    def close(self) -> None:
        """Let go of the rows."""
        self._connection.close()


class Following:
    """What comes to a lake from the moment on at which this is made: make it before the past is read.

    `past` leaves of rows those that were there then, and `stretches` gives all others: each row is one or the other,
    by its place on the tape of its recorder, whatever its time is.
    """

    def __init__(self, lake: Asked, wanted: Wanted, *, by_event: bool) -> None:
        shifts = {table.name: LONGEST_LAG for table in wanted.tables if by_event and table.name in MOMENT_SQL}
        self._wanted = replace(wanted, shifts=shifts)
        self._new = NewRows(lake.layout, [table.name for table in wanted.tables])
        self._new.begin()

    def past(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Return of the rows that were read of the past, by table, those that were there at the beginning."""
        began = self._new.began(self._new.cut)
        return {name: there(rows, self._new.cut, began) for name, rows in tables.items()}

    def stretches(self) -> Iterator[Stretch]:
        """Yield what comes, for ever: rows of a poll in their order; nothing, ten times a second, where nothing comes.

        Raises QueryError and TapeError as the lake does.
        """
        with closing(Came()) as came:
            while True:
                found = {name: self._chosen(came, name, rows) for name, rows in self._new.poll().items()}
                stretch = Stretch.of(found, live=True)
                if not len(stretch):
                    time.sleep(POLL_INTERVAL_S)
                yield stretch

    def _chosen(self, came: Came, name: str, rows: pa.Table) -> pa.Table:
        """Return the wanted rows and columns."""
        came.take(name, rows)
        return came.sql(self._wanted.select(TABLES[name], self._wanted.start, None))
