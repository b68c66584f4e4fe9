"""The answer to a query, in the form the next tool wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


class QueryError(ValueError):
    """The SQL could not be run; the text says why."""


class Answer:
    """A query's result; each method runs the query and gives it in another form. Times are UTC."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._relation.columns)

    def pl(self) -> pl.DataFrame:
        """Return a polars frame."""
        with _as_query_error():
            frame: pl.DataFrame = self._relation.pl()
            return frame

    def df(self) -> "pd.DataFrame":
        """Return a pandas frame. Raises QueryError where pandas is not installed."""
        if find_spec("pandas") is None:
            raise QueryError("pandas is not installed: pip install 'ticktape[pandas]', or use .pl() or .arrow()")
        frame: pd.DataFrame = self.arrow().to_pandas()
        return frame

    def arrow(self) -> pa.Table:
        """Return an Arrow table."""
        with _as_query_error():
            return self._relation.to_arrow_table()

    def batches(self, rows: int = 65_536) -> pa.RecordBatchReader:
        """Return a reader of Arrow batches: for answers larger than memory."""
        with _as_query_error():
            return self._relation.to_arrow_reader(rows)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return plain tuples."""
        columns = [column.to_pylist() for column in self.arrow().columns]
        return list(zip(*columns, strict=True))

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return DuckDB's own relation, to go on from."""
        return self._relation

    def __repr__(self) -> str:
        with _as_query_error():
            return str(self._relation)


@contextmanager
def _as_query_error() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(str(error)) from error
