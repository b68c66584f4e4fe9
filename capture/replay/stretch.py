"""A stretch of a recording: rows of several tables, and the order they have together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.schemas import TABLES, TIMESTAMP, Column, Table

from .records import Record, records

TEXT = pa.dictionary(pa.int32(), pa.string())
# What every row is ordered by, always in this order of importance: ts, recorder, seq, row.
PLACE = ("ts", "seq", "row", "recorder")

Integers = npt.NDArray[np.int64]
Turns = npt.NDArray[np.int8]


@dataclass(slots=True)
class Stretch:
    """Rows of tables, each table's in order, and `turns`: whose row comes next, by the number of the table.

    `initial` says that they tell how things stood when the replay began, `live` that they came since, in whatever time.
    """

    tables: dict[str, pa.Table]
    turns: Turns
    initial: bool = False
    live: bool = False

    @classmethod
    def of(cls, tables: Mapping[str, pa.Table], *, initial: bool = False, live: bool = False) -> "Stretch":
        """Put rows in order: of (ts, recorder, seq, row), and where all are equal of the tables as they are named."""
        encoded = {name: _encoded(rows) for name, rows in tables.items() if len(rows)}
        order = _order(list(encoded.values()))
        begins = np.cumsum([0, *(len(rows) for rows in encoded.values())])
        turns = (np.searchsorted(begins, order, side="right") - 1).astype(np.int8)
        ordered = {name: rows.take(pa.array(order[turns == number] - begins[number]))
                   for number, (name, rows) in enumerate(encoded.items())}
        return cls(ordered, turns, initial, live)

    def __len__(self) -> int:
        return len(self.turns)

    @property
    def ts_us(self) -> Integers:
        """The times of the rows in order, in microseconds since 1970."""
        found = np.empty(len(self), np.int64)
        for number, rows in enumerate(self.tables.values()):
            found[self.turns == number] = _integers(rows["ts"])
        return found

    @property
    def span_us(self) -> tuple[int, int]:
        """The times of the first and last row, in microseconds since 1970, of a stretch that has some."""
        times = [(rows["ts"][0].value, rows["ts"][-1].value) for rows in self.tables.values() if len(rows)]
        return min(first for first, _ in times), max(last for _, last in times)

    def part(self, begin: int, end: int) -> "Stretch":
        """Return the rows from one place in the order to another, of the same memory."""
        if len(self.tables) == 1:
            return Stretch({name: rows.slice(begin, end - begin) for name, rows in self.tables.items()},
                           self.turns[begin:end], self.initial, self.live)
        before, within = (np.bincount(turns, minlength=len(self.tables))
                          for turns in (self.turns[:begin], self.turns[begin:end]))
        return Stretch({name: rows.slice(before[number], within[number])
                        for number, (name, rows) in enumerate(self.tables.items())},
                       self.turns[begin:end], self.initial, self.live)

    def records(self) -> Iterator[Record]:
        """Return the rows as records, in order."""
        made = [records(TABLES[name], rows, initial=self.initial) for name, rows in self.tables.items()]
        return made[0] if len(made) == 1 else map(next, map(made.__getitem__, self.turns.tolist()))

    def wide(self, schema: pa.Schema) -> pa.RecordBatch:
        """Return the rows as one batch, in order, in the columns of `wide_schema`."""
        rows = pa.concat_tables([self._widened(name, part, schema) for name, part in self.tables.items() if len(part)])
        if len(self.tables) > 1:
            # Rows of one table stay in their order: the n-th turn of a table takes its n-th row.
            place = np.empty(len(self), np.int64)
            place[np.argsort(self.turns, kind="stable")] = np.arange(len(self))
            rows = rows.unify_dictionaries().take(pa.array(place))
        return rows.combine_chunks().to_batches()[0]

    def _widened(self, name: str, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        known: dict[str, Any] = {"table": pa.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), [name]),
                                 "initial": pa.repeat(self.initial, len(rows))}
        columns = [known[field.name] if field.name in known
                   else rows[field.name] if field.name in rows.schema.names
                   else pa.nulls(len(rows), field.type) for field in schema]
        return pa.table(columns, schema=schema)


def wide_schema(tables: Sequence[Table], columns: Sequence[str] | None = None) -> pa.Schema:
    """Return the columns of the tables together: `table`, `initial`, then each column once; texts dictionary-encoded.

    A column that a row's table does not have is null. `columns` names those wanted; a row's place is always there.
    """
    found = {column.name: column.type for table in tables for column in chosen(table, columns)}
    fields = [pa.field(name, TEXT if pa.types.is_string(kind) else kind) for name, kind in found.items()]
    first = [pa.field("table", TEXT, nullable=False), pa.field("initial", pa.bool_(), nullable=False)]
    return pa.schema([*first, *fields])


def chosen(table: Table, columns: Sequence[str] | None) -> list[Column]:
    """Return the columns of a table that are wanted, and those that its rows are ordered by, in the table's order."""
    return [column for column in table.columns if columns is None or column.name in columns or column.name in PLACE]


def _encoded(rows: pa.Table) -> pa.Table:
    """Return rows with their texts dictionary-encoded, each column by one dictionary."""
    columns = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in rows.columns]
    return pa.table(columns, names=rows.schema.names).unify_dictionaries()


def _order(tables: Sequence[pa.Table]) -> Integers:
    """Return which row is the next, counted over the tables laid end to end."""
    if not tables:
        return np.empty(0, np.int64)
    names = sorted({word for rows in tables for word in _words(rows)})
    recorders = [np.array([names.index(word) for word in _words(rows)])[_codes(rows)] for rows in tables]
    row, seq, ts = (np.concatenate([_integers(rows[key]) for rows in tables]) for key in ("row", "seq", "ts"))
    keys = [key for key in (row, seq, np.concatenate(recorders)) if key.min() != key.max()]
    # Rows come in runs that are in order already, one per instrument: sorting is little more than merging them.
    return np.lexsort((*keys, ts))


def _words(rows: pa.Table) -> list[str]:
    words: list[str] = rows["recorder"].chunk(0).dictionary.to_pylist()
    return words


def _codes(rows: pa.Table) -> Integers:
    return np.concatenate([chunk.indices.to_numpy() for chunk in rows["recorder"].chunks])


def _integers(column: pa.ChunkedArray) -> Integers:
    values: Integers = (column.cast(pa.int64()) if column.type == TIMESTAMP else column).to_numpy()
    return values
