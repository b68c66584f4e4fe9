"""An answer whose rows are read without SQL; DuckDB comes in where it is asked for, or where they are many."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from capture.query.answer import Answer

if TYPE_CHECKING:
    import duckdb
    import polars as pl


class DirectAnswer(Answer):
    """Rows that `read` returns, or None where they may be too many: then, and for DuckDB's own relation, `relate` gives
    the relation of the same rows.
    """

    def __init__(
        self, columns: Sequence[str], read: Callable[[], pa.Table | None],
        relate: Callable[[], "duckdb.DuckDBPyRelation"], explain: Callable[[BaseException], str],
    ) -> None:
        self._columns, self._read, self._relate, self._explain = columns, read, relate, explain

    @cached_property
    def _relation(self) -> "duckdb.DuckDBPyRelation":  # type: ignore[override]  # made when it is needed
        with self.explained():
            return self._relate()

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    def pl(self) -> "pl.DataFrame":
        """Return a polars frame."""
        if (rows := self._read()) is None:
            return super().pl()
        import polars as pl  # late, as most questions need none

        with self.explained():
            frame = pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def arrow(self) -> pa.Table:
        """Return an Arrow table."""
        rows = self._read()
        return super().arrow() if rows is None else rows

    def _first(self, rows: int) -> pa.Table:
        found = self._read()
        return super()._first(rows) if found is None else found.slice(0, rows)
