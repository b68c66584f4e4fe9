"""Runs of rows of every kind of column, merged by the kernel and sorted by numpy: both must give the same."""

from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from capture.kernel.merging import merging
from capture.replay.run_merger import RunMerger
from capture.replay.stretch import Stretch

TIME = pa.timestamp("us", "UTC")
NEVER_US = np.iinfo(np.int64).max


def check(random: Random) -> int:
    """Merge some pieces of two tables, a part at a time; return how many rows."""
    kernel = merging()
    assert kernel, "the kernel is there"
    pieces = [(name, _piece(random)) for name in ("quotes", "trades") for _ in range(random.randrange(4))]
    names = _piece(random).schema.names
    merger = RunMerger(kernel, {"quotes": names, "trades": names})
    for number, (name, rows) in enumerate(pieces):
        merger.add(name, {key: _shortened(random, key, rows[key]) for key in names}, len(rows), number)
    taken: list[tuple[str, Any]] = []
    for until_us in (random.randrange(40), NEVER_US):
        while len(stretch := merger.take(until_us, random.choice((1, 9, 1_000)))):
            taken += _told(stretch)
    expected = Stretch.of({name: pa.Table.from_batches([one for other, one in pieces if other == name])
                           for name in ("quotes", "trades") if any(other == name for other, _ in pieces)})  # fmt: skip
    assert repr(taken) == repr(_told(expected))
    return len(taken)


def _piece(random: Random) -> pa.RecordBatch:
    """Return rows, many of them at one moment, whose buffers begin anywhere."""
    count, skipped = random.randrange(40), random.randrange(9)
    size = count + skipped

    def some(values: list[Any], kind: pa.DataType, *, nulls: bool = True) -> pa.Array:
        given = [*values, None] if nulls and random.random() < 0.5 else values
        made = pa.array([random.choice(given) for _ in range(size)], kind)
        return made.dictionary_encode() if pa.types.is_string(kind) else made

    times = pa.array(sorted(random.randrange(40) for _ in range(size)), pa.int64()).cast(TIME)
    return pa.record_batch({
        "ts": times, "seq": some([1, 2, 3], pa.int64(), nulls=False), "row": some([0, 1], pa.int32(), nulls=False),
        "recorder": some(random.choice((["main"], ["b", "a"])), pa.string(), nulls=False),
        "wide": some([1.5, -0.0, float("nan")], pa.float64()), "narrow": some([7, 8], pa.int32()),
        "bit": some([True, False], pa.bool_()), "text": some(random.choice((["x"], ["", "y", "zz"])), pa.string()),
    }).slice(skipped)  # fmt: skip


def _shortened(random: Random, name: str, column: pa.Array) -> pa.Array:
    """Return one value where it stands for all, sometimes."""
    is_one = len(column) > 1 and not column.null_count and len({repr(value) for value in column.to_pylist()}) == 1
    return column.slice(random.randrange(len(column)), 1) if is_one and name not in ("ts", "seq") else column


def _told(stretch: Stretch) -> list[tuple[str, Any]]:
    """Return the rows of a stretch in order, each with the name of its table."""
    rows = [(name, iter(table.to_pylist())) for name, table in stretch.tables.items()]
    return [(rows[turn][0], next(rows[turn][1])) for turn in stretch.turns.tolist()]
