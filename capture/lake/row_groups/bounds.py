"""What row groups hold: bounds of symbol, contract id and time of each, by which those of an instrument are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from capture.lake.parquet_file import statistics_of
from capture.times import microseconds

Integers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Ends = tuple[Any, Any]  # the least and the greatest value

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_TEXTS = ("", "\U0010ffff")  # before and behind every symbol
_NUMBERS = (_LEAST, _MOST)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of some instruments, by symbol or contract id (both None for all), in [`start_us`, `end_us`)."""

    symbols: Sequence[str] | None = None
    ids: Sequence[int] | None = None
    start_us: int = _LEAST
    end_us: int = _MOST


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest value in each of some row groups, in their order, and how many rows each has.

    Where a file says nothing of a column every value lies within; where all values are null none does.
    """

    first_symbol: Texts
    last_symbol: Texts
    first_id: Integers
    last_id: Integers
    first_us: Integers
    last_us: Integers
    rows: Integers

    def holding(self, wanted: Wanted) -> Integers:
        """Return the numbers of the row groups that may hold rows that are wanted."""
        in_time = (self.last_us >= wanted.start_us) & (self.first_us < wanted.end_us)
        if wanted.symbols is None and wanted.ids is None:
            return np.flatnonzero(in_time)
        named = np.zeros(len(self.rows), bool)
        for symbol in wanted.symbols or ():
            named |= (self.first_symbol <= symbol) & (self.last_symbol >= symbol)
        for number in wanted.ids or ():
            named |= (self.first_id <= number) & (self.last_id >= number)
        return np.flatnonzero(in_time & named)


def bounds_of(metadata: pq.FileMetaData) -> Bounds:
    """Return what a footer says of each row group. Raises ValueError where it contradicts itself."""
    count = metadata.num_row_groups
    symbols, ids, times = (_column(metadata, name, everything) for name, everything in (
        ("symbol", _TEXTS), ("instrument_id", _NUMBERS), ("ts", _NUMBERS)))
    rows = [metadata.row_group(number).num_rows for number in range(count)]
    first_symbol, last_symbol = (np.array([one[end] for one in symbols], object) for end in (0, 1))
    first_id, last_id, first_us, last_us = (
        np.array([one[end] for one in of], np.int64) for of in (ids, times) for end in (0, 1))
    return Bounds(first_symbol, last_symbol, first_id, last_id, first_us, last_us, np.array(rows, np.int64))


def _column(metadata: pq.FileMetaData, name: str, everything: Ends) -> list[Ends]:
    """Return least and greatest of a column in each row group; `everything` where nothing is said of it."""
    names, count = metadata.schema.names, metadata.num_row_groups
    if name not in names:
        return [everything] * count
    return [_ends(statistics_of(metadata, number, names.index(name)), metadata.row_group(number).num_rows, everything)
            for number in range(count)]


def _ends(found: Any, rows: int, everything: Ends) -> Ends:
    if found is None or not found.has_min_max:
        return everything[::-1] if found is not None and found.null_count == rows else everything
    least, greatest = found.min, found.max
    return (microseconds(least), microseconds(greatest)) if isinstance(least, datetime) else (least, greatest)
