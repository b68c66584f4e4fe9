"""Which rows of a lake are wanted, over several tables: as SQL and as Arrow's condition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.event_time import LONGEST_LAG_US, MOMENT_SQL
from capture.lake.layout import Layout
from capture.lake.sql_text import quoted
from capture.query.answer import Answer
from capture.query.selection import Instruments, symbols_and_ids
from capture.schemas import SYSTEM_TABLES, Table

from .stretch import chosen

US = timedelta(microseconds=1)
LONGEST_LAG = timedelta(microseconds=LONGEST_LAG_US)


class Asked(Protocol):
    """The lake that is asked."""

    layout: Layout

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to a query."""

    def check(self, instruments: Instruments | None, tables: Iterable[str] = ()) -> None:
        """Warn of instruments of which nothing was recorded."""

    def again(self, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Return another lake on the same files, to be asked for rows in [start, end) only where both are given."""

    def close(self) -> None:
        """Let go of the lake."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted; times in UTC, `end` not included, None for no limit.

    `shifts` says for tables whose rows are to be had in the order of events (see MOMENT_SQL) how far at most that is
    from when they came. Their `ts` is then that moment, and of all others when they came. `moments` gives the SQL of
    another one, by table, and `conditions` more of what rows have to fulfil.
    """

    tables: tuple[Table, ...]
    columns: tuple[str, ...] | None
    instruments: Instruments | None
    streams: tuple[str, ...] | None
    recorders: tuple[str, ...] | None
    start: datetime | None
    end: datetime | None
    shifts: Mapping[str, timedelta] = field(default_factory=dict)
    moments: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()

    def ts(self, table: Table) -> str:
        """Return the SQL of the moment by which a table's rows are ordered."""
        if table.name not in self.shifts:
            return "ts"
        return self.moments.get(table.name) or MOMENT_SQL[table.name]

    def day(self, table: Table) -> str:
        """Return the SQL of the UTC date of that moment."""
        return f"timezone('UTC', {self.ts(table)})::date" if table.name in self.shifts else "date"

    def rows(self, table: Table, start: datetime | None, end: datetime | None) -> str:
        """Return what an SQL query takes the rows of a table in [start, end) from, up to a condition."""
        where = self.where(table, start, end)
        if table.name not in self.shifts:
            return f'"{table.name}" where {where}'
        return f'(select * replace ({self.ts(table)} as ts) from "{table.name}" where {where}) where true'

    def where(self, table: Table, start: datetime | None, end: datetime | None) -> str:
        """Return the SQL condition for the rows of a table in [start, end)."""
        names = {column.name for column in table.columns}
        conditions = ["true", *self.conditions]
        for name, values in (("stream", self.streams), ("recorder", self.recorders)):
            if values is not None and name in names:
                conditions.append(among(name, values))
        if self.instruments is not None and "instrument_id" in names:
            conditions.append(_of_instruments(self.instruments, line=table in SYSTEM_TABLES))
        # Constants, and the date too: by them folders, files and parts of files are left out.
        shift = self.shifts.get(table.name)
        if start is not None:
            came = start - (shift or timedelta())
            conditions.append(f"ts >= timestamptz '{came}' and date >= date '{came.date()}'")
            conditions += [f"{self.ts(table)} >= timestamptz '{start}'"] if shift is not None else []
        if end is not None:
            came = end + (shift or timedelta())
            conditions.append(f"ts < timestamptz '{came}' and date <= date '{(came - US).date()}'")
            conditions += [f"{self.ts(table)} < timestamptz '{end}'"] if shift is not None else []
        return " and ".join(conditions)

    @property
    def condition(self) -> pc.Expression | None:
        """The condition for rows of market data, as in `where` but for their time, for Arrow; None for all."""
        conditions = [pc.field(name).isin(list(values)) for name, values in (("stream", self.streams),
                                                                             ("recorder", self.recorders))
                      if values is not None]
        if self.instruments is not None:
            symbols, ids = symbols_and_ids(self.instruments)
            conditions.append(pc.field("symbol").isin(pa.array(symbols, pa.string()))
                              | pc.field("instrument_id").isin(pa.array(ids, pa.int64())))
        return reduce(and_, conditions) if conditions else None

    def select(self, table: Table, start: datetime | None, end: datetime | None) -> str:
        """Return the query of the rows of a table in [start, end), in no order."""
        columns = ", ".join(f'"{column.name}"' for column in chosen(table, self.columns))
        return f"select {columns} from {self.rows(table, start, end)}"


def _of_instruments(given: Instruments, *, line: bool) -> str:
    symbols, ids = symbols_and_ids(given)
    either = [among("symbol", symbols)] if symbols else []
    either += [f"instrument_id in ({', '.join(map(str, ids))})"] if ids else []
    either += ["(symbol is null and instrument_id is null)"] if line else []
    return f"({' or '.join(either) or 'false'})"


def among(name: str, values: Sequence[str]) -> str:
    """Return the SQL condition that a column has one of some texts."""
    return f"{name} in ({', '.join(map(quoted, values))})" if values else "false"
