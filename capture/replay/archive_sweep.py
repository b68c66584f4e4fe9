"""A sealed day read straight from its archive files, in order of time: each row group is decoded once (D96).

Archive files are sorted by instrument, so what happened at one moment lies in many places of a file, and a query for a
few minutes of a day decodes most of it. A sweep reads row groups in order of their first moment, and lets go of the
rows before the first moment of the next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import and_
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.lake.damage import FAULTS
from capture.lake.layout import Layout
from capture.lake.parquet_file import parquet_file, statistics_of
from capture.query.answer import QueryError
from capture.schemas import TIMESTAMP, Table
from capture.times import microseconds

Integers = npt.NDArray[np.int64]

FILTERED = ("symbol", "instrument_id", "stream", "recorder")  # columns that rows are chosen by
NEVER_US = np.iinfo(np.int64).max
HELD_ROWS = 4_000_000  # the most that are in memory at once; a day that needs more is not swept


@dataclass(frozen=True, slots=True)
class Group:
    """A row group of a file: what statistics say of it."""

    table: str
    path: Path
    file: pq.ParquetFile
    number: int
    rows: int
    first: datetime
    last: datetime


@dataclass(slots=True)
class Held:
    """Rows of a group in order of time, and how many of them were given away."""

    table: str
    rows: pa.Table
    ts_us: Integers
    given: int = 0

    def ready(self, horizon_us: int) -> Integers:
        """Return the times of the rows before a moment that are left."""
        return self.ts_us[self.given : np.searchsorted(self.ts_us, horizon_us)]

    def until(self, horizon_us: int) -> pa.Table:
        """Give away the rows before a moment that are left."""
        begin = self.given
        self.given = int(np.searchsorted(self.ts_us, horizon_us))
        return self.rows.slice(begin, self.given - begin)


def groups_of(
    layout: Layout, tables: Mapping[Table, int], day: date, start: datetime, end: datetime,
    symbols: Sequence[str] | None = None,
) -> list[Group] | None:
    """Return the row groups of a day's archive that may hold rows in [start, end), by their first moment.

    `tables` says how many rows each table has on that day: None where files hold another number, as the day is not
    sealed or rows of it are still on a tape, or where files are of an older version.
    """
    found: list[Group] = []
    for table, rows in tables.items():
        paths = sorted((layout.archive(table.name) / f"date={day}").glob("*.parquet"))
        texts = [column.name for column in table.columns if pa.types.is_string(column.type)]
        try:
            files = [parquet_file(path, read_dictionary=texts, memory_map=True) for path in paths]
            there = sum(file.metadata.num_rows for file in files)
            if there != rows or any(not _is_current(file, table) for file in files):
                return None
            found += [group for path, file in zip(paths, files, strict=True)
                      for group in _groups(table, path, file, symbols)]
        except FAULTS:
            return None  # the query that reads it instead says which file is damaged
    return sorted((one for one in found if one.last >= start and one.first < end), key=lambda one: one.first)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows and columns, by table, are wanted: those in [start, end) that fulfil a condition on FILTERED."""

    start: datetime
    end: datetime
    columns: Mapping[str, Sequence[str]]
    condition: pc.Expression | None = None

    def read_of(self, group: Group) -> list[str]:
        """Return the columns that are to be read of a group."""
        columns = self.columns[group.table]
        return list({*columns, *FILTERED}) if self.condition is not None else list(columns)

    def among(self, group: Group, rows: pa.Table) -> pa.Table:
        """Return of rows that were read of a group those that are wanted."""
        conditions = [] if self.condition is None else [self.condition]
        if group.first < self.start:
            conditions.append(pc.field("ts") >= pa.scalar(self.start, TIMESTAMP))
        if group.last >= self.end:
            conditions.append(pc.field("ts") < pa.scalar(self.end, TIMESTAMP))
        return rows.filter(reduce(and_, conditions)) if conditions else rows


def sweep(groups: Sequence[Group], choice: Choice, stretch_rows: int, mends: str) -> Iterator[dict[str, pa.Table]]:
    """Yield the chosen rows by table, each time those up to a moment, about `stretch_rows`; by instrument in no order.

    Raises QueryError where a file cannot be read: which, why, and what `mends` it.
    """
    held: list[Held] = []
    for place, group in enumerate(groups):
        held += _read(group, choice, mends)
        is_last = place + 1 == len(groups)
        horizon_us = NEVER_US if is_last else microseconds(groups[place + 1].first)
        ready = np.concatenate([one.ready(horizon_us) for one in held]) if held else np.empty(0, np.int64)
        if len(ready) >= stretch_rows or is_last:
            cuts_us = np.unique(np.sort(ready, kind="stable")[stretch_rows::stretch_rows]).tolist()
            for cut_us in (*cuts_us, horizon_us):
                yield _given(held, cut_us, choice.columns)
            held = [one for one in held if one.given < len(one.ts_us)]


def _given(held: Sequence[Held], until_us: int, tables: Iterable[str]) -> dict[str, pa.Table]:
    parts = {table: [one.until(until_us) for one in held if one.table == table] for table in tables}
    return {table: pa.concat_tables(rows) for table, rows in parts.items() if rows}


def _groups(table: Table, path: Path, file: pq.ParquetFile, symbols: Sequence[str] | None) -> Iterator[Group]:
    names = file.schema_arrow.names
    ts, symbol = names.index("ts"), names.index("symbol") if "symbol" in names else None
    for number in range(file.metadata.num_row_groups):
        described = file.metadata.row_group(number)
        if symbols is not None and symbol is not None:
            known = statistics_of(file.metadata, number, symbol)
            if known.has_min_max and not any(known.min <= one <= known.max for one in symbols):
                continue
        times = statistics_of(file.metadata, number, ts)
        yield Group(table.name, path, file, number, described.num_rows, times.min, times.max)


def _read(group: Group, choice: Choice, mends: str) -> list[Held]:
    try:
        rows = group.file.read_row_group(group.number, columns=choice.read_of(group))
    except FAULTS as error:
        raise QueryError(f"{group.path} cannot be read: {error}; {mends}") from error
    rows = choice.among(group, rows).select(choice.columns[group.table])
    if not len(rows):
        return []
    ts_us = rows["ts"].cast(pa.int64()).to_numpy()
    if (np.diff(ts_us) < 0).any():  # several instruments, one after the other
        order = np.argsort(ts_us, kind="stable")
        rows, ts_us = rows.take(pa.array(order)), ts_us[order]
    return [Held(group.table, rows, ts_us)]


def _is_current(file: pq.ParquetFile, table: Table) -> bool:
    return bool(file.schema_arrow.names == table.schema.names
                and file.metadata.metadata.get(b"ticktape.version") == str(table.version).encode())


def most_at_once(groups: Iterable[tuple[Group, int]]) -> int:
    """Return how much is held of groups that overlap one moment, at the most, given how much each of them takes."""
    edges = sorted((edge for one, size in groups for edge in ((one.first, -size), (one.last, size))))
    return int(max(np.cumsum([-size for _, size in edges]), default=0))
