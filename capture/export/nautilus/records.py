"""What all kinds of records of a catalog have in common: schema and metadata, numbers and times."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.export.job import Job

from .instruments import Instrument
from .names import identity
from .numbers import Floats, largest, numbers

Flags = npt.NDArray[np.bool_]

TIMES = {"ts_event": pa.uint64(), "ts_init": pa.uint64()}  # nanoseconds since 1970


class Part(NamedTuple):
    """Rows for a file: the kind of data, an instrument's id or a type of bars, and rows with the file's metadata."""

    kind: str
    name: str
    rows: pa.RecordBatch


def record_schema(fields: Mapping[str, pa.DataType], instrument: Instrument, more_decimals: int = 0,
                  **metadata: str) -> pa.Schema:
    """Return the schema of an instrument's file; its prices have so many decimals more than the instrument."""
    return pa.schema(
        [pa.field(name, type, nullable=False) for name, type in fields.items()],
        {**metadata, "instrument_id": identity(instrument.details),
         "price_precision": str(instrument.price_decimals + more_decimals),
         "size_precision": str(instrument.size_decimals)})


class Scale:
    """Makes an instrument's numbers, and takes down which rows and digits have no place."""

    def __init__(self, job: Job, instrument: Instrument) -> None:
        self._job, self._instrument = job, instrument

    def fitting(self, rows: pa.RecordBatch, prices: Sequence[str], sizes: Sequence[str], missing: str
                ) -> pa.RecordBatch:
        """Return the rows that can be written: others have no price (`missing` says what), no size, or too large ones.
        """
        whole = _all(rows, prices, lambda price: ~np.isnan(price))
        self._job.lose(missing, int(np.count_nonzero(~whole)))
        sized = _all(rows, sizes, lambda size: size >= 0)
        self._job.lose("rows without a size", int(np.count_nonzero(whole & ~sized)))
        price_limit, size_limit = largest(self._instrument.price_decimals + 1), largest(self._instrument.size_decimals)
        small = (_all(rows, prices, lambda price: np.abs(price) <= price_limit)
                 & _all(rows, sizes, lambda size: size <= size_limit))
        self._job.lose("rows with numbers that are too large", int(np.count_nonzero(whole & sized & ~small)))
        fits = whole & sized & small
        return rows if fits.all() else rows.filter(pa.array(fits))

    def prices(self, values: Any, tolerance: float = 0.0, more_decimals: int = 0) -> pa.Array:
        """Return prices, none of them null."""
        return self._numbers(values, self._instrument.price_decimals + more_decimals, tolerance)

    def sizes(self, values: Any, tolerance: float = 0.0) -> pa.Array:
        """Return sizes, none of them null."""
        return self._numbers(values, self._instrument.size_decimals, tolerance)

    def _numbers(self, values: Any, decimals: int, tolerance: float) -> pa.Array:
        made, rounded = numbers(np.asarray(values), decimals, tolerance)
        self._job.lose("numbers that were rounded, as they need more than 9 decimals", rounded)
        return made


def times(rows: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Return `ts_event`, IB's time or where it sent none that of receipt, and `ts_init`."""
    return nanoseconds(pc.coalesce(rows["ts_event"], rows["ts"])), nanoseconds(rows["ts"])


def nanoseconds(times: pa.Array) -> pa.Array:
    """Return times since 1970."""
    return pa.array(times.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.uint64) * np.uint64(1_000))


def _all(rows: pa.RecordBatch, names: Sequence[str], holds: Callable[[Floats], Flags]) -> Flags:
    found = np.ones(len(rows), np.bool_)
    for name in names:
        found &= holds(rows[name].to_numpy(zero_copy_only=False))
    return found
