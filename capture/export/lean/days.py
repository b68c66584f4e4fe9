"""Bars of local days, which is what LEAN's days are: made of bars of hours, which lie in one day everywhere."""

from collections.abc import Callable, Iterator
from typing import cast

import polars as pl
import pyarrow as pa

from capture.export import source
from capture.export.job import Job
from capture.export.row_writer import Rows

_KEYS = ("ts", "symbol", "instrument_id")
# How a column of hours becomes one of a day, by the last word of its name.
_MADE: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "open": lambda column: column.drop_nulls().first(),
    "high": pl.Expr.max,
    "low": pl.Expr.min,
    "close": lambda column: column.drop_nulls().last(),
    "volume": lambda column: pl.when(column.is_not_null().any()).then(column.sum()),
}


def local_days(job: Job, zone_of: Callable[[int], str]) -> Rows:
    """Return a bar per instrument and day in its time zone: ts (UTC) is when that begins, and there are prices, volume.

    Raises QueryError as `source.bars` does. Days of all time are in memory, 100 bytes each.
    """
    hours = source.bars(job.part(every="1 hour"))
    names = [name for name in hours.schema.names if name in _KEYS or _word(name) in _MADE]
    schema = pa.schema([hours.schema.field(name) for name in names])
    return Rows(schema, _days(hours.batches, schema, zone_of))


def _days(hours: Iterator[pa.RecordBatch], schema: pa.Schema, zone_of: Callable[[int], str]
          ) -> Iterator[pa.RecordBatch]:
    parts = []
    for batch in hours:
        frame = cast(pl.DataFrame, pl.from_arrow(batch.select(schema.names))).with_columns(pl.col("symbol").cast(str))
        for some in frame.partition_by("instrument_id", maintain_order=True):
            begins = pl.col("ts").dt.convert_time_zone(zone_of(some["instrument_id"][0])).dt.truncate("1d")
            parts.append(_folded(some.with_columns(begins.dt.convert_time_zone("UTC"))))
    if not parts:
        return
    days = _folded(pl.concat(parts)).sort("ts", "symbol", "instrument_id").to_arrow()
    for batch in days.combine_chunks().to_batches(source.BATCH_ROWS):
        texts = batch["symbol"].cast(pa.string()).dictionary_encode()
        yield pa.RecordBatch.from_arrays([texts if name == "symbol" else batch[name].cast(schema.field(name).type)
                                          for name in schema.names], schema=schema)


def _folded(bars: pl.DataFrame) -> pl.DataFrame:
    """Return one bar for all of an instrument that have the same ts, in order."""
    columns = [_MADE[_word(name)](pl.col(name)).alias(name) for name in bars.columns if name not in _KEYS]
    return bars.group_by("ts", "instrument_id", maintain_order=True).agg(pl.col("symbol").first(), *columns).select(
        bars.columns)


def _word(name: str) -> str:
    return name.rpartition("_")[2]
