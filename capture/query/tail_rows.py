"""Rows of a table that only grow, in few pieces, as questions take them (D145)."""

from functools import cache

import pyarrow as pa

from capture.decode.merge_rows import merged
from capture.schemas import DICTIONARY, TABLES

PIECE_ROWS = 122_880  # the most that pieces are joined to: joining larger ones takes longer than most questions
WORD = pa.dictionary(pa.int32(), pa.string())
DATE = pa.field("date", pa.date32())


class TailRows:
    """Rows of a table, in the order in which they are added.

    `pieces` have the columns of the table, those of few texts dictionary-encoded, and the `date` of each row: nothing
    of a row that is here is worked out again, however many questions there are. A piece never changes.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self.pieces: tuple[pa.Table, ...] = ()
        self.count = 0  # of all rows that ever were added

    def add(self, rows: pa.Table) -> None:
        """Add rows behind the others; there may be none, where history gave nothing that was not there.

        The last pieces are joined where they are no longer than what comes behind them, so that a row is copied as
        often as the number of rows can be halved, and there are as many pieces.
        """
        if not len(rows):
            return
        pieces = [*self.pieces, held(self._table, rows)]
        first, count = len(pieces) - 1, len(pieces[-1])
        while first and (before := len(pieces[first - 1])) <= 2 * count and before + count <= PIECE_ROWS:
            first, count = first - 1, before + count
        joined = pieces[first:] if first == len(pieces) - 1 else [merged(pieces[first:]).combine_chunks()]
        self.pieces, self.count = (*pieces[:first], *joined), self.count + len(rows)

    def let_go(self, count: int) -> None:
        """Let go of all rows but the last so many."""
        pieces, held = list(self.pieces), sum(map(len, self.pieces))
        while pieces and held - len(pieces[0]) >= count:
            held -= len(pieces.pop(0))
        if held > count:
            pieces[0] = pieces[0].slice(held - count)
        self.pieces = tuple(pieces)


def held(table: str, rows: pa.Table) -> pa.Table:
    """Return rows of a table, by its name, as tails hold them."""
    schema = held_schema(table)
    dates = rows["ts"].cast(DATE.type)
    columns = [_as_type(dates if field.name == DATE.name else rows[field.name], field.type) for field in schema]
    return pa.table(columns, schema=schema)


@cache
def held_schema(table: str) -> pa.Schema:
    """Return the columns that rows of a table, by its name, have in a tail."""
    return pa.schema([*((column.name, WORD if column.encoding == DICTIONARY and pa.types.is_string(column.type)
                         else column.type) for column in TABLES[table].columns), DATE])


def _as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    return column.dictionary_encode().cast(kind) if kind == WORD and column.type == pa.string() else column.cast(kind)
