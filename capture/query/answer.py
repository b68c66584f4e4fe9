"""The answer to a query, in the form the next tool wants."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from .html import MOST_ROWS, html_table

if TYPE_CHECKING:
    # Late, as most questions need neither and both take their time.
    import pandas as pd
    import polars as pl


class QueryError(ValueError):
    """The SQL could not be run; the text says why."""


class AskedError(QueryError):
    """A question names what cannot be: the text says what can."""


class NotYetRecordedError(AskedError):
    """A question is about a moment before the first row that could answer it."""


class Answer:
    """A query's result; each method runs the query and gives it in another form. Times are UTC.

    Raises QueryError where running it fails; `explain` returns what an error says.
    """

    def __init__(self, relation: duckdb.DuckDBPyRelation, explain: Callable[[BaseException], str] = str) -> None:
        self._relation, self._explain = relation, explain

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._relation.columns)

    def pl(self) -> "pl.DataFrame":
        """Return a polars frame."""
        with self.explained():
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
        with self.explained():
            return self._relation.to_arrow_table()

    def batches(self, rows: int = 65_536) -> pa.RecordBatchReader:
        """Return a reader of Arrow batches: for answers larger than memory."""
        if not isinstance(rows, int) or rows < 1:
            raise QueryError(f"batches of {rows!r} rows cannot be made: give a whole number from 1 on")
        with self.explained():
            reader = self._relation.to_arrow_reader(rows)
        return pa.RecordBatchReader.from_batches(reader.schema, self._explained(reader))

    def _explained(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except (OSError, pa.ArrowException) as error:  # whatever fails comes as one of these through Arrow's interface
            raise QueryError(self._explain(error)) from error

    def rows(self) -> list[tuple[Any, ...]]:
        """Return plain tuples."""
        table = self.arrow()
        with self.explained():  # such as text of a damaged file that is none
            columns = [column.to_pylist() for column in table.columns]
        return list(zip(*columns, strict=True))

    def explained(self) -> AbstractContextManager[None]:
        """Return a context in which what fails, also by the relation of `duckdb`, is a QueryError that says why."""
        return as_query_error(self._explain)

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return DuckDB's own relation, to go on from."""
        return self._relation

    def __repr__(self) -> str:
        with self.explained():
            return str(self._relation)

    def _repr_html_(self) -> str:
        """Return the first rows as a table, as notebooks show it."""
        with self.explained():
            return html_table(self._first(MOST_ROWS + 1))

    def _first(self, rows: int) -> pa.Table:
        return self._relation.limit(rows).to_arrow_table()

    def __dir__(self) -> list[str]:
        return public(super().__dir__())


def public(names: Iterable[str]) -> list[str]:
    """Return those names that are anybody's to use: what a notebook offers to complete."""
    return [name for name in names if not name.startswith("_")]


@contextmanager
def as_query_error(explain: Callable[[BaseException], str]) -> Iterator[None]:
    """Raise QueryError, with what `explain` returns, in place of what running a query raises."""
    try:
        yield
    except QueryError as error:  # of a relation made from this one, whose errors nobody explained
        raise QueryError(explain(error.__cause__ or error)) from error
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError) as error:
        raise QueryError(explain(error)) from error
