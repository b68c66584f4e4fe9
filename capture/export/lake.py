"""A lake that can be exported too: what `capture.open_lake` gives (D117)."""

from pathlib import Path

from capture.query import Lake as QueryLake
from capture.query import open_lake as open_query_lake

from .export import export as export_of


class Lake(QueryLake):
    """A lake to ask, and to export from. Times are UTC. Use `open_lake`."""

    export = export_of


def open_lake(data: str | Path = "data") -> Lake:
    """Open the lake in a data folder. Raises LakeMissingError where there is none.

    >>> with open_lake("data") as lake:  # doctest: +SKIP
    ...     lake.sql("select symbol, count(*) from trades group by all").pl()
    ...     lake.export("trades", "aapl.parquet", "AAPL", "2026-11-20", "2026-11-21")
    """
    return open_query_lake(data, Lake)
