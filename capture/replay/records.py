"""Typed records: a slotted class per table, made from its columns."""

from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pyarrow as pa

from capture.schemas import TABLES, Table
from capture.times import moment_of


class Record(tuple[Any, ...]):
    """A row of a table: a tuple whose values are attributes too, by the names of the columns.

    A time is kept as `<column>_us`, an int of microseconds since 1970 UTC; `<column>` gives it as datetime. Absent
    values are None. `table` is the row's table; `initial` says that it is from before the replay's start, part of the
    state at that moment. Each table has a class of its own, `record_class("trades")`; initial records are of a
    subclass.
    """

    __slots__ = ()
    table: ClassVar[str] = ""
    initial: ClassVar[bool] = False
    columns: ClassVar[tuple[str, ...]] = ()
    fields: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        ts: datetime
        ts_us: int
        seq: int
        row: int
        recorder: str

        def __getattr__(self, name: str) -> Any:
            """Whatever else the table has."""

    def as_dict(self) -> dict[str, Any]:
        """Return the values by column, times as datetime."""
        return {name: getattr(self, name) for name in self.columns}

    def __repr__(self) -> str:
        pairs = zip(self.fields, self, strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def __reduce__(self) -> tuple[Callable[..., "Record"], tuple[Any, ...]]:
        return _restored, (self.table, self.columns, self.initial, tuple(self))


def _restored(table: str, columns: tuple[str, ...], initial: bool, values: tuple[Any, ...]) -> Record:
    return record_class(table, columns, initial)(values)


def record_class(table: str, columns: tuple[str, ...] | None = None, initial: bool = False) -> type[Record]:
    """Return the class of a table's records: Trade, Quote, …; of some columns only, where `columns` names them."""
    return _class(table, columns or tuple(column.name for column in TABLES[table].columns), initial)


@cache
def _class(table: str, names: tuple[str, ...], initial: bool) -> type[Record]:
    if initial:
        made = _class(table, names, False)
        return type(made.__name__, (made,), {"__slots__": (), "__doc__": made.__doc__, "initial": True})
    definition = TABLES[table]
    times = [name for name in names if pa.types.is_timestamp(definition.column(name).type)]
    fields = tuple(f"{name}_us" if name in times else name for name in names)
    # The attributes of a namedtuple, without its __new__: a plain subclass of tuple is made in two thirds of the time.
    # It is held by name: of a class that nothing holds the collector empties the dictionary.
    pattern = namedtuple("_", fields)  # type: ignore[misc]  # mypy wants the names of its fields written out
    attributes: dict[str, Any] = {name: vars(pattern)[name] for name in fields}
    attributes |= {name: property(_moment(fields.index(f"{name}_us"), name)) for name in times}
    attributes |= {"__slots__": (), "__doc__": definition.meaning, "__match_args__": fields, "table": table,
                   "columns": names, "fields": fields}
    return type(table.removesuffix("s").title(), (Record,), attributes)


def _moment(place: int, name: str) -> Callable[[Record], datetime | None]:
    def moment(record: Record) -> datetime | None:
        value = record[place]
        return None if value is None else moment_of(value)

    moment.__doc__ = f"`{name}_us` as datetime, UTC."
    return moment


def records(table: Table, rows: pa.Table, *, initial: bool = False) -> Iterator[Record]:
    """Return the rows of a table as records, in order; `rows` may have fewer columns than the table."""
    made = record_class(table.name, tuple(rows.schema.names), initial)
    return map(made, zip(*map(_values, rows.columns), strict=False))


def _values(column: pa.ChunkedArray) -> Iterator[Any] | list[Any]:
    """Return a column's values: texts, numbers, None; times as microseconds. Whole columns at once, for speed."""
    if column.null_count == len(column):
        return repeat(None, len(column))
    if pa.types.is_dictionary(column.type):
        return _words(column.combine_chunks())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        return cast(list[Any], column.to_pylist())
    if not column.null_count:
        found = column.to_numpy()
        # Not of floating-point numbers: -0.0 equals 0.0, and is another one.
        is_one = found.dtype.kind != "f" and found[0] == found[-1] and bool((found == found[0]).all())
        return repeat(found[0].item(), len(found)) if is_one else _listed(found)
    values = column.fill_null(False if pa.types.is_boolean(column.type) else 0).to_numpy().astype(object)
    values[column.is_null().to_numpy()] = None
    return _listed(values)


def _words(column: pa.DictionaryArray) -> Iterator[Any] | list[Any]:
    words = column.dictionary.to_pylist()
    if len(words) == 1 and not column.null_count:
        return repeat(words[0], len(column))
    texts = np.array([*words, None], dtype=object)
    return _listed(texts[column.indices.fill_null(len(words)).to_numpy()])


def _listed(values: np.ndarray[Any, Any]) -> list[Any]:
    found: list[Any] = values.tolist()
    return found
