"""A sealed day read from its archive files a batch of each row group at a time, and put in order by the kernel (D152).

What a row group has of one instrument is in order of time: of each that holds rows of a moment a batch is held, and one
more that was read ahead, which is taken when that is half used up. Row groups of several instruments are held whole.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from capture.kernel.merging import Merging
from capture.lake.damage import FAULTS
from capture.lake.parquet_file import ROW_GROUPS, says
from capture.query.answer import QueryError
from capture.schemas import TABLES
from capture.times import microseconds

from .archive_sweep import HELD_ROWS, NEVER_US, Choice, Group, most_at_once
from .run_merger import RunMerger, is_merged
from .stretch import Stretch

# Rows that are read of a group at once: few enough to stay in the processor's cache with those of other groups.
MOST_BATCH_ROWS, LEAST_BATCH_ROWS = 32_768, 1_024


@dataclass(slots=True)
class Course:
    """A row group that is being read: what of it is the same throughout, its batches, and the one that comes.

    All its rows before `read_us` are there: microseconds since 1970.
    """

    group: Group
    constants: dict[str, pa.Array]
    batches: Iterator[pa.RecordBatch]
    coming: Future[pa.RecordBatch | None]
    in_order: bool
    read_us: int


def suits(choice: Choice) -> bool:
    """Return whether the kernel can put rows of these columns in order."""
    return all(is_merged(pa.dictionary(pa.int32(), column.type) if pa.types.is_string(column.type) else column.type)
               for table, names in choice.columns.items() for column in TABLES[table].columns if column.name in names)


def merged_sweep(
    kernel: Merging, groups: Sequence[Group], choice: Choice, stretch_rows: int, mends: str
) -> Iterator[Stretch]:
    """Yield the chosen rows of row groups, which come by their first moment, in order, at most so many at a time.

    Raises QueryError where a file cannot be read: which, why, and what `mends` it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="replay-batches") as reader:
        try:
            yield from _Sweep(kernel, reader, groups, choice, mends).stretches(stretch_rows)
        finally:
            reader.shutdown(cancel_futures=True)


class _Sweep:
    """The row groups that are read, a batch of each ahead in a thread, and those still to come."""

    def __init__(
        self, kernel: Merging, reader: ThreadPoolExecutor, groups: Sequence[Group], choice: Choice, mends: str
    ) -> None:
        self._reader = reader
        self._merger = RunMerger(kernel, choice.columns)
        self._choice, self._mends = choice, mends
        self._coming = list(reversed(groups))
        self._courses: dict[int, Course] = {}
        open_at_once = max(1, most_at_once([(group, 1) for group in groups]))
        self._batch_rows = min(MOST_BATCH_ROWS, max(LEAST_BATCH_ROWS, HELD_ROWS // open_at_once))

    def stretches(self, most_rows: int) -> Iterator[Stretch]:
        begun = 0
        while self._coming or self._courses or self._merger.left():
            begun = self._open(begun)
            self._fill(self._batch_rows // 2)
            until_us = self._until_us()
            taken = 0
            while len(stretch := self._merger.take(until_us, most_rows)):
                taken += len(stretch)
                yield stretch
            if not taken:  # more rows of one moment than a batch holds
                self._fill(None)

    def _until_us(self) -> int:
        """Return up to which moment all rows are there."""
        return min([course.read_us for course in self._courses.values()]
                   + [microseconds(self._coming[-1].first) if self._coming else NEVER_US])

    def _open(self, begun: int) -> int:
        """Begin with the row groups that hold rows of before those that are read; `begun` is how many were."""
        while self._coming and microseconds(self._coming[-1].first) <= min(
            (course.read_us for course in self._courses.values()), default=NEVER_US
        ):
            group = self._coming.pop()
            constants = _constants(group, self._choice)
            in_order = _is_in_order(group)
            names = [name for name in self._choice.read_of(group) if name not in constants]
            batches = group.file.iter_batches(self._batch_rows if in_order else group.rows, row_groups=[group.number],
                                              columns=names, use_threads=False)  # fmt: skip
            coming = self._reader.submit(next, batches, None)
            self._courses[begun] = Course(group, constants, batches, coming, in_order, 0)
            self._read(begun)
            begun += 1
        return begun

    def _fill(self, least_rows: int | None) -> None:
        """Read of groups of which fewer rows are left; where that is None, of those that hold up all others."""
        left = self._merger.left()
        until_us = self._until_us()
        for number, course in list(self._courses.items()):
            is_short = left.get(number, 0) < least_rows if least_rows is not None else course.read_us == until_us
            if is_short:
                self._read(number)

    def _read(self, number: int) -> None:
        """Read the next rows of a group; let go of it behind the last one."""
        course = self._courses[number]
        try:
            batch = course.coming.result()
        except FAULTS as error:
            raise QueryError(f"{course.group.path} cannot be read: {error}; {self._mends}") from error
        if batch is None:
            del self._courses[number]
            return
        course.coming = self._reader.submit(next, course.batches, None)
        course.read_us = batch["ts"][-1].value if course.in_order else NEVER_US
        rows = self._choice.among(course.group, pa.Table.from_batches([batch]))
        for part in rows.to_batches():
            columns = dict(zip(part.schema.names, part.columns, strict=True)) | course.constants
            self._merger.add(course.group.table, columns, len(part), number)


def most_held(groups: Sequence[Group]) -> int:
    """Return how many rows are held at once of row groups that are held whole."""
    return most_at_once([(group, 0 if _is_in_order(group) else group.rows) for group in groups])


def _constants(group: Group, choice: Choice) -> dict[str, pa.Array]:
    """Return the columns of which statistics say that all rows of a group have one value, each as that value."""
    if choice.condition is not None or group.rows == 1:
        return {}
    schema = group.file.schema_arrow
    return {name: _of_one(known.min, schema.field(name).type) for name in choice.columns[group.table]
            if name not in ("ts", "seq") and (known := _known(group, name))}


def _of_one(value: object, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return pa.array([value], kind)
    return pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([value], kind.value_type))


def _known(group: Group, name: str) -> pq.Statistics | None:
    """Return what statistics say of a column that has one value; None where it may have several, or none."""
    field = group.file.schema_arrow.get_field_index(name)
    known = group.file.metadata.row_group(group.number).column(field).statistics
    # Floating-point numbers are left out: a column may hold what no statistics tell, such as -0.0 and NaN.
    if known is None or not known.has_min_max or known.null_count or isinstance(known.min, float):
        return None
    return known if known.min == known.max else None


def _is_in_order(group: Group) -> bool:
    """Return whether a group is in order of time: what its table is sorted by before that is the same throughout.

    Files of late rows are not sorted: what history gave stands there in the order in which it came.
    """
    key = TABLES[group.table].sort_key
    is_sorted = "ts" in key and says(group.file.metadata, ROW_GROUPS)
    return is_sorted and all(_known(group, name) for name in key[: key.index("ts")])
