"""Which rows of a table are asked for, and which of some that were read are these."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.lake.row_groups.bounds import Wanted
from capture.query.selection import Instruments, Moment, moment, symbols_and_ids
from capture.schemas import Table
from capture.times import microseconds

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows of a table that are `wanted`, of a stream or of all (None), with some columns in an order."""

    table: Table
    wanted: Wanted
    columns: tuple[str, ...]
    stream: str | None = None

    @property
    def needed(self) -> set[str]:
        """The columns by which rows are chosen, and put in their order in time but for the recorder."""
        by = {"symbol": self.wanted.symbols, "instrument_id": self.wanted.ids, "stream": self.stream}
        return {"ts", "seq", "row"} | {name for name, values in by.items() if values}

    def among(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return those of some rows that are asked for; texts are dictionary-encoded, and `ts` is never null."""
        mask = of_instruments(rows, self.wanted)
        if self.stream is not None:
            mask = _and(mask, _in_texts(rows["stream"], [self.stream]))
        times = microseconds_of(rows["ts"])
        if len(times) and (times.min() < self.wanted.start_us or times.max() >= self.wanted.end_us):
            mask = _and(mask, (times >= self.wanted.start_us) & (times < self.wanted.end_us))
        return rows if mask is None else chosen(rows, mask)


def asked_rows(
    table: Table, instruments: Instruments | None, start: Moment | None, end: Moment | None,
    columns: Sequence[str] | None, stream: str | None,
) -> Asked:
    """Return which rows are asked for, in [start, end). Raises QueryError for an instrument or a time that is none."""
    symbols, ids = (None, None) if instruments is None else symbols_and_ids(instruments)
    bounds = {name: microseconds(moment(at)) for name, at in (("start_us", start), ("end_us", end)) if at is not None}
    names = columns or [column.name for column in table.columns]
    return Asked(table, Wanted(symbols, ids, **bounds), tuple(names), stream)


def of_instruments(rows: pa.RecordBatch, wanted: Wanted) -> Mask | None:
    """Return which rows are of the instruments that are wanted; None for all of them."""
    if wanted.symbols is None and wanted.ids is None:
        return None
    mask = np.zeros(len(rows), bool)
    if wanted.symbols:
        mask |= _in_texts(rows["symbol"], wanted.symbols)
    if wanted.ids:
        ids = rows["instrument_id"]
        mask |= np.isin(ids.fill_null(0).to_numpy(), wanted.ids) & ids.is_valid().to_numpy(zero_copy_only=False)
    return mask


def chosen(rows: pa.RecordBatch, mask: Mask) -> pa.RecordBatch:
    """Return the rows of a mask, without copying them where they lie side by side."""
    places = np.flatnonzero(mask)
    if not len(places):
        return rows.slice(0, 0)
    first, last = int(places[0]), int(places[-1])
    return rows.slice(first, len(places)) if last - first + 1 == len(places) else rows.filter(pa.array(mask))


def microseconds_of(times: pa.Array) -> npt.NDArray[np.int64]:
    """Return times, of which none is null, as microseconds since 1970."""
    numbers: npt.NDArray[np.int64] = times.cast(pa.int64()).to_numpy()
    return numbers


def _in_texts(column: pa.DictionaryArray, texts: Collection[str]) -> Mask:
    codes = [code for code, text in enumerate(column.dictionary.to_pylist()) if text in texts]
    indices = column.indices.fill_null(-1).to_numpy()
    found: Mask = indices == codes[0] if len(codes) == 1 else np.isin(indices, codes)
    return found


def _and(mask: Mask | None, other: Mask) -> Mask:
    return other if mask is None else mask & other
