"""Where sorted rows are cut into row groups: an instrument's lie in few of them, and beside few others (D146)."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.parquet_file import ROW_GROUP_ROWS

# A symbol of so many rows has row groups of its own, of which fewer would bloat the file.
OWN_ROWS = 10_000
# Symbols of fewer rows share one, which ends with a symbol once it has so many rows, or within one at the most.
SHARED_ROWS, SHARED_MOST_ROWS = 20_000, 40_000


def groups(batches: Iterable[pa.RecordBatch], symbol: str | None) -> Iterator[pa.Table]:
    """Yield sorted rows put together to row groups, by a column of symbols that they are sorted by; None for none."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        if count >= ROW_GROUP_ROWS:
            rows = pa.Table.from_batches(waiting)
            ends = cuts(_ends(rows, symbol), is_whole=False)
            yield from _parts(rows, ends)
            rest = rows.slice(ends[-1] if ends else 0)
            waiting, count = rest.to_batches(), len(rest)
    if count:
        rows = pa.Table.from_batches(waiting)
        yield from _parts(rows, cuts(_ends(rows, symbol), is_whole=True))


def cuts(ends: list[int], *, is_whole: bool) -> list[int]:
    """Return where row groups end, given where symbols do; more rows of the last symbol may come where not `is_whole`.

    All rows belong to a group where it is whole; else what is behind the last cut is not decided yet.
    """
    found = [0]
    first = 0  # row of the symbol
    for end in ends:
        while end - found[-1] > (most := ROW_GROUP_ROWS if found[-1] >= first else SHARED_MOST_ROWS):
            found.append(found[-1] + most)
        is_over = is_whole or end != ends[-1]
        if is_over and end - found[-1] >= (OWN_ROWS if found[-1] >= first else SHARED_ROWS):
            found.append(end)
        first = end
    if is_whole and ends and found[-1] < ends[-1]:
        found.append(ends[-1])
    return found[1:]


def _ends(rows: pa.Table, symbol: str | None) -> list[int]:
    """Return the row behind the last one of each symbol."""
    if symbol is None or not len(rows):
        return [len(rows)]
    codes = pc.dictionary_encode(rows[symbol].combine_chunks(), null_encoding="encode").indices.to_numpy()
    return [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(rows)]


def _parts(rows: pa.Table, ends: list[int]) -> Iterator[pa.Table]:
    for begin, end in zip([0, *ends], ends, strict=False):
        yield rows.slice(begin, end - begin)
