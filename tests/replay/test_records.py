"""Records: every table has a class, every value comes back as it was stored."""

import gc
import pickle
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.replay import Record, Stretch, record_class, wide_schema
from capture.schemas import TABLES, TICKS, TIMESTAMP, TRADES, Subject, Table
from capture.times import EPOCH

EACH = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
# Drawn by a generator of Python's: Hypothesis takes a second for a row of fifty columns.
VALUES: dict[pa.DataType, Callable[[random.Random], Any]] = {
    TIMESTAMP: lambda chance: EPOCH + timedelta(microseconds=chance.choice([-1, 0, 1, 9**16])),
    pa.string(): lambda chance: chance.choice(["", "AAPL", "é|\"x", "a\nb"]),
    pa.float64(): lambda chance: chance.choice([0.0, -0.5, 1e300, chance.random()]),
    pa.bool_(): lambda chance: chance.random() < 0.5,
    pa.int32(): lambda chance: chance.choice([0, -1, 2**31 - 1, -(2**31)]),
    pa.int64(): lambda chance: chance.choice([0, -1, 2**63 - 1, -(2**63)]),
    pa.binary(): lambda chance: chance.randbytes(chance.randrange(5)),
}
SEEDS = st.integers(0, 2**32)


def rows_of(table: Table, seed: int) -> list[dict[str, Any]]:
    """Return some rows; every other column that may hold nulls does, of these some nothing else."""
    chance = random.Random(seed)
    nulls = {column.name: chance.choice([0, 0, 0.5, 1]) if column.nullable else 0 for column in table.columns}
    return [{column.name: None if chance.random() < nulls[column.name] else VALUES[column.type](chance)
             for column in table.columns} for _ in range(chance.randint(1, 8))]


@EACH
@given(seed=SEEDS)
@settings(max_examples=20)
def test_every_value_comes_back(table: Table, seed: int) -> None:
    rows = rows_of(table, seed)
    records = list(Stretch.of({table.name: pa.Table.from_pylist(rows, table.schema)}).records())
    ordered = sorted(rows, key=lambda row: (row["ts"], row["recorder"], row["seq"], row["row"]))
    assert [record.as_dict() for record in records] == ordered
    assert all(type(record) is record_class(table.name) for record in records)


@given(seed=SEEDS)
def test_a_wide_batch_holds_rows_of_several_tables(seed: int) -> None:
    tables = {table.name: (table, rows_of(table, seed + at)) for at, table in enumerate((TRADES, TICKS))}
    made = Stretch.of({name: pa.Table.from_pylist(rows, table.schema) for name, (table, rows) in tables.items()})
    wide = made.wide(wide_schema([TRADES, TICKS]))
    both = [{"table": name, "initial": False} | row for name, (_, rows) in tables.items() for row in rows]
    both.sort(key=lambda row: (row["ts"], row["recorder"], row["seq"], row["row"]))
    assert wide.to_pylist() == [{name: row.get(name) for name in wide.schema.names} for row in both]
    assert [record.as_dict() for record in made.records()] == [
        {name: value for name, value in row.items() if name not in ("table", "initial")} for row in both]


@pytest.mark.parametrize("of_accounts", [False, True])
def test_tables_agree_on_the_types_of_columns_they_share(of_accounts: bool) -> None:
    """Those of accounts among themselves: a position is a row of a book to the one, a quantity to the other."""
    types: dict[str, set[pa.DataType]] = {}
    for table in (table for table in TABLES.values() if (table.subject is Subject.ACCOUNT) == of_accounts):
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.type)
    assert [name for name, kinds in types.items() if len(kinds) > 1] == []


@EACH
def test_a_table_has_a_class_with_its_columns(table: Table) -> None:
    made = record_class(table.name)
    assert made is record_class(table.name, tuple(column.name for column in table.columns))
    assert made.columns == tuple(table.schema.names)
    assert made.__doc__ == table.meaning
    assert not hasattr(made(()), "__dict__")
    state = record_class(table.name, initial=True)
    assert issubclass(state, made)
    assert (made.initial, state.initial) == (False, True)


@EACH
def test_a_class_is_made_whole_whenever_the_collector_works(table: Table) -> None:
    """The class whose attributes are taken stands in circles: if nothing holds it, a collection empties it."""
    names = table.schema.names
    usual = gc.get_threshold()
    try:
        for count in range(1, len(names)):
            gc.set_threshold(3 * count)
            assert record_class(table.name, tuple(names[:count])).columns == tuple(names[:count])
    finally:
        gc.set_threshold(*usual)


@EACH
def test_no_column_hides_what_a_record_has_of_its_own(table: Table) -> None:
    assert not set(record_class(table.name).fields) & {name for name in vars(Record) if not name.startswith("__")}
    assert not set(table.schema.names) & {"table", "initial"}


def test_a_record_is_readable_and_can_be_pickled() -> None:
    row = {"ts": datetime(2026, 1, 5, tzinfo=UTC), "seq": 3, "row": 0, "recorder": "main", "price": None}
    made = record_class("midpoints", tuple(row))
    record = made((1_767_571_200_000_000, 3, 0, "main", None))
    assert record.as_dict() == row
    assert repr(record) == "Midpoint(ts_us=1767571200000000, seq=3, row=0, recorder='main', price=None)"
    again = pickle.loads(pickle.dumps(record))
    assert type(again) is made
    assert again == record
