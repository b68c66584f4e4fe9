"""Rows that are asked for, from the row groups that may hold them and from what is on tapes only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from capture.lake.damage import FAULTS
from capture.lake.parquet_file import CHECKSUMS, says
from capture.lake.row_groups.bounds import Wanted
from capture.lake.row_groups.footers import Footers, Part
from capture.lake.row_groups.group_index import ReplacedError
from capture.query.answer import QueryError
from capture.query.database import Found
from capture.query.tail_rows import WORD, held_schema
from capture.schemas import Table

from .asked_rows import Asked, chosen, of_instruments
from .time_order import in_time

MOST_ROWS = 2_000_000  # of the row groups that are read: of more, DuckDB sorts what memory does not hold
NAMES = ("symbol", "instrument_id")


class DirectRows:
    """Rows that are asked for, of the files and tails that were there when they were. Raises QueryError.

    `explain` returns what an error of reading says.
    """

    def __init__(
        self, found: Found, asked: Asked, footers: Footers, explain: Callable[[BaseException], str]
    ) -> None:
        self._found, self._asked, self._footers, self._explain = found, asked, footers, explain

    def read(self) -> pa.Table | None:
        """Return the rows in order of time, in the plain types of their columns; None where they may be too many."""
        schema = pa.schema([(name, self._asked.table.column(name).type) for name in self._asked.columns])
        with self._explained():
            rows = self._held()
            return None if rows is None else rows.select(schema.names).cast(schema)

    def held(self) -> pa.Table | None:
        """Return the same rows as `read` does, their texts dictionary-encoded."""
        with self._explained():
            rows = self._held()
            if rows is None:
                return None
            schema = held_schema(self._asked.table.name)
            return rows.select(self._asked.columns).cast(pa.schema([schema.field(one) for one in self._asked.columns]))

    def names(self) -> Iterator[tuple[str | None, int | None]]:
        """Yield symbol and contract id of rows of the instruments that are asked for, at whatever time of those dates.
        """
        with self._explained():
            for rows in self._batches(self._parts(self._any_time), set(NAMES)):
                mask = of_instruments(rows, self._any_time)
                mine = rows if mask is None else chosen(rows, mask)
                yield from set(zip(*(mine[name].to_pylist() for name in NAMES), strict=True))

    def narrowed(self) -> Found:
        """Return what was found, but for files in which no row that is asked for can be; all where that is not known.
        """
        try:
            return self._found._replace(files=[part.path for part in self._parts(self._asked.wanted)])
        except FAULTS:
            return self._found  # asking it says which file is damaged

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            raise error if isinstance(error, QueryError) else QueryError(self._explain(error)) from error

    @property
    def _any_time(self) -> Wanted:
        return Wanted(self._asked.wanted.symbols, self._asked.wanted.ids)

    def _parts(self, wanted: Wanted) -> list[Part]:
        return list(self._footers.parts(self._found.files, wanted))

    def _held(self) -> pa.Table | None:
        parts = self._parts(self._asked.wanted)
        count = sum(part.metadata.row_group(group).num_rows for part in parts for group in part.groups)
        if count > MOST_ROWS:
            return None
        # What is in tails, or kept of other files, may be of any recorder.
        several = bool(self._found.tail) or len({part.path.name.partition(".")[0] for part in parts}) > 1
        names = {*self._asked.needed, *self._asked.columns} | ({"recorder"} if several else set())
        runs = [mine for rows in self._batches(parts, names) if len(mine := self._asked.among(rows))]
        schema = pa.schema([field for field in held_schema(self._asked.table.name) if field.name in names])
        return in_time(runs, schema, several=several)

    def _batches(self, parts: list[Part], names: set[str]) -> Iterator[pa.RecordBatch]:
        """Yield what is read of the columns, as tails hold them: by row group and piece of a tail."""
        schema = pa.schema([field for field in held_schema(self._asked.table.name) if field.name in names])
        for part in parts:
            yield from self._of_file(part, schema)
        for piece in self._found.tail:
            yield from piece.select(schema.names).to_batches()

    def _of_file(self, part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            yield from _rows_of(part, self._asked.table, schema)
        except ReplacedError:  # compacted just now: nothing was read of it yet, and it holds the same rows
            for now in self._footers.parts([part.path], self._any_time):
                yield from _rows_of(now, self._asked.table, schema)


def _rows_of(part: Part, table: Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of row groups; columns that came in a later version than these rows are null.

    Raises OSError, ValueError and what Arrow raises for what is damaged.
    """
    stored = part.metadata.schema.names
    missing = [field.name for field in schema if field.name not in stored]
    if unknown := [name for name in missing if table.column(name).since == 1]:
        raise ValueError(f"{part.path} has no column {unknown[0]}")
    words = [field.name for field in schema if field.type == WORD]
    with part.opened(read_dictionary=words) as file:
        rows = file.read_row_groups(part.groups, columns=[name for name in schema.names if name in stored],
                                    use_threads=False)
    for batch in rows.to_batches():
        columns = [pa.nulls(len(batch), field.type) if field.name in missing else _typed(batch[field.name], field.type)
                   for field in schema]
        found = pa.RecordBatch.from_arrays(columns, schema=schema)
        if not says(part.metadata, CHECKSUMS):
            found.validate(full=True)  # nothing else shows that a text is none
        yield found


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column in a type; files of earlier versions have narrower numbers."""
    return column if column.type == kind else column.cast(kind)
