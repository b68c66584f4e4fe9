"""The kernel puts rows in the order that sorting gives, whatever they are and however they are given to it."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.kernel.merging import Merging, merging
from capture.replay.run_merger import RunMerger, is_merged
from capture.replay.stretch import Stretch, wide_schema
from capture.schemas import TABLES
from tests.kernel import merges

NEVER_US = np.iinfo(np.int64).max
KERNEL = merging()
pytestmark = pytest.mark.skipif(KERNEL is None, reason="there is no kernel")

VALUES: list[tuple[Callable[[pa.DataType], bool], st.SearchStrategy[Any]]] = [
    (pa.types.is_boolean, st.booleans()), (pa.types.is_floating, st.floats()),
    (pa.types.is_string, st.sampled_from(["", "a", "bb", "é"])), (pa.types.is_date32, st.dates()),
    (pa.types.is_int32, st.integers(-9, 9)), (lambda kind: True, st.integers(-(2**40), 2**40))]  # fmt: skip


@st.composite
def rows_of(draw: st.DrawFn, name: str, recorders: list[str]) -> pa.Table:
    """Rows of a table in any order, many at one moment; nulls where a column may have them."""
    count, columns = draw(st.integers(0, 20)), {}
    for column in TABLES[name].columns:
        values = next(values for fits, values in VALUES if fits(column.type))
        if column.name == "recorder":
            values = st.sampled_from(recorders)
        elif column.name in ("ts", "seq", "row"):
            values = st.integers(0, 3)
        elif draw(st.integers(0, 3)) == 0:  # the same in all rows
            values = st.just(draw(values))
        if column.nullable and draw(st.booleans()):
            values = st.one_of(st.none(), values)
        columns[column.name] = pa.array(draw(st.lists(values, min_size=count, max_size=count)), column.type)
    rows = pa.table(columns)
    texts = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in rows.columns]
    return pa.table(texts, names=rows.schema.names)


def merger(kernel: Merging | None, *names: str) -> RunMerger:
    assert kernel
    return RunMerger(kernel, {name: [column.name for column in TABLES[name].columns] for name in names})


def added(found: RunMerger, name: str, rows: pa.Table, data: st.DataObject) -> None:
    """Give rows to a merger in parts; columns of one value as that value alone, sometimes."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        columns = dict(zip(rows.schema.names, (one.combine_chunks() for one in rows.slice(begin, end - begin).columns),
                           strict=True))  # fmt: skip
        for key, column in columns.items():
            is_one = len(column) > 1 and not column.null_count and len(column.unique()) == 1
            if key not in ("ts", "seq") and is_one and data.draw(st.booleans()):
                columns[key] = column.slice(data.draw(st.integers(0, len(column) - 1)), 1)
        found.add(name, columns, end - begin)


@given(data=st.data(), most=st.integers(1, 50), recorders=st.sampled_from([["main"], ["b", "a"], ["z", "a", "m"]]))
def test_merged_rows_are_sorted_rows(data: st.DataObject, most: int, recorders: list[str]) -> None:
    names = data.draw(st.sampled_from([("quotes",), ("trades", "quotes"), ("ticks", "bars", "depth")]))
    tables = {name: data.draw(rows_of(name, recorders)) for name in names}
    found, schema = merger(KERNEL, *names), wide_schema([TABLES[name] for name in names])
    for name, rows in tables.items():
        added(found, name, rows, data)
    assert sum(found.left().values()) == sum(map(len, tables.values()))
    taken = []
    for until_us in (2, NEVER_US):
        while len(stretch := found.take(until_us, most)):
            assert len(stretch) <= most and stretch.span_us[1] < until_us
            taken.append(stretch.wide(schema))
    expected = Stretch.of(tables)
    assert found.left() == {}
    assert [batch.num_rows for batch in taken[:-1]].count(0) == 0
    rows = pa.Table.from_batches(taken, schema).to_pylist()
    sorted_ = expected.wide(schema).to_pylist() if len(expected) else []
    assert _places(rows) == _places(sorted_)
    # Rows of one place, which there are not in a lake, are in the order in which they were given.
    assert repr(rows) == repr(sorted_)


def _places(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["ts"], row["recorder"], row["seq"], row["row"], row["table"]) for row in rows]


def test_all_columns_of_market_tables_can_be_merged() -> None:
    for name in ("trades", "quotes", "depth", "ticks", "bars", "greeks", "midpoints"):
        kinds = [pa.dictionary(pa.int32(), one.type) if pa.types.is_string(one.type) else one.type
                 for one in TABLES[name].columns]  # fmt: skip
        assert all(map(is_merged, kinds)), name


def test_what_cannot_be_merged_is_known() -> None:
    others = [pa.string(), pa.list_(pa.int64()), pa.int8(), pa.dictionary(pa.int8(), pa.string())]
    assert not any(map(is_merged, others))


def test_pieces_whose_memory_begins_anywhere_are_merged() -> None:
    random = Random(7)
    assert sum(merges.check(random) for _ in range(60)) > 1_000


@pytest.mark.parametrize("runs", [1, 2, 300])
def test_any_number_of_runs_is_merged(runs: int) -> None:
    random, found = np.random.default_rng(1), merger(KERNEL, "quotes")
    times = []
    for number in range(runs):
        ts = np.sort(random.integers(0, 1_000, 40))
        times.append(ts)
        columns = {column.name: pa.nulls(40, column.type) for column in TABLES["quotes"].columns}
        columns |= {"ts": pa.array(ts).cast(pa.timestamp("us", "UTC")), "seq": pa.array(np.arange(40) + 40 * number),
                    "row": pa.array([0], pa.int32()), "recorder": pa.array(["main"]).dictionary_encode()}
        texts = {name: one.dictionary_encode() if pa.types.is_string(one.type) else one
                 for name, one in columns.items()}  # fmt: skip
        found.add("quotes", texts, 40, number)
    assert found.left() == dict.fromkeys(range(runs), 40)
    stretch = found.take(NEVER_US, 10**6)
    assert stretch.ts_us.tolist() == sorted(np.concatenate(times).tolist())
