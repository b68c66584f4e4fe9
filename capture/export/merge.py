"""Several sequences of rows, each in order of time, as one."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa


def merged(sequences: Iterable[Iterable[pa.RecordBatch]], by: str = "ts") -> Iterator[pa.RecordBatch]:
    """Yield the rows of several sequences of batches, which have the same columns, in order of one of these.

    Holds one batch of each sequence. Rows of the same time come in any order, but those of one sequence in its own.
    """
    waiting = [_Waiting(iter(sequence), by) for sequence in sequences]
    while waiting := [one for one in waiting if one.fill()]:
        # All that comes later is not before the least of the last times.
        until = min(one.last for one in waiting)
        parts = [part for part in (one.take(until) for one in waiting) if len(part)]
        yield parts[0] if len(parts) == 1 else _sorted(parts, by)


class _Waiting:
    """A sequence, and what was read of it and not yet yielded."""

    def __init__(self, batches: Iterator[pa.RecordBatch], by: str) -> None:
        self._batches, self._by = batches, by
        self._rows: pa.RecordBatch | None = None
        self._times = np.empty(0, np.int64)

    def fill(self) -> bool:
        """Read if nothing waits; return whether something does."""
        while not len(self._times) and (rows := next(self._batches, None)) is not None:
            self._rows, self._times = rows, _times(rows, self._by)
        return len(self._times) > 0

    @property
    def last(self) -> int:
        """The last time of what waits."""
        return int(self._times[-1])

    def take(self, until: int) -> pa.RecordBatch:
        """Return what waits up to a time, that included, and let go of it."""
        assert self._rows is not None
        count = int(np.searchsorted(self._times, until, side="right"))
        taken, self._rows, self._times = self._rows.slice(0, count), self._rows.slice(count), self._times[count:]
        return taken


def _times(rows: pa.RecordBatch, by: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = rows[by].cast(pa.int64()).to_numpy(zero_copy_only=False)
    return values


def _sorted(parts: list[pa.RecordBatch], by: str) -> pa.RecordBatch:
    order = np.argsort(np.concatenate([_times(part, by) for part in parts]), kind="stable")
    rows = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()[0]
    return rows.take(pa.array(order))
