"""Every stored table: what its columns say about themselves."""

import pyarrow as pa
import pytest

from capture.functions import FUNCTIONS
from capture.schemas import (
    ACCOUNT_TABLES,
    DELTA,
    DICTIONARY,
    EVERY_TABLE,
    MARKET_TABLES,
    PLAIN,
    STATEMENT_TABLES,
    SYSTEM_TABLES,
    TABLES,
    TIMESTAMP,
    Table,
)

EACH_TABLE = pytest.mark.parametrize("table", EVERY_TABLE.values(), ids=list(EVERY_TABLE))
OF_TAPES = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))

PLACE = ["ts", "seq", "row", "recorder"]
COMMON = [*PLACE, "instrument_id", "symbol", "stream", "request_id", "origin"]
TYPES = {pa.string(), pa.float64(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.binary(), TIMESTAMP}


@EACH_TABLE
def test_columns_are_unique_and_described(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert table.meaning.endswith(".")
    for column in table.columns:
        assert column.name.isidentifier()
        assert column.name == column.name.lower()
        assert column.meaning
        assert column.null
        assert column.type in TYPES
        assert column.encoding in (DELTA, DICTIONARY, PLAIN)


@EACH_TABLE
def test_what_is_said_of_columns_names_columns(table: Table) -> None:
    names = set(table.schema.names)
    assert table.shown
    assert {*table.shown, *(table.state_key or ()), *table.equal_by, *table.sort_key} <= names
    assert table.bars is None or table.bars in FUNCTIONS


@EACH_TABLE
def test_numbers_have_a_unit_and_times_are_utc(table: Table) -> None:
    for column in table.columns:
        if column.type == pa.float64():
            assert column.unit, column.name
        if column.type == TIMESTAMP:
            assert (column.unit, column.encoding) == ("UTC", DELTA), column.name


@OF_TAPES
def test_a_rows_place_comes_first_and_is_never_null(table: Table) -> None:
    assert [column.name for column in table.columns[:4]] == PLACE
    assert not any(column.nullable for column in table.columns[:4])


@OF_TAPES
def test_the_sort_key_is_of_columns_and_ends_in_the_place_within_a_tape(table: Table) -> None:
    assert all(table.column(name) for name in table.sort_key)
    assert table.sort_key[-3:] == ("ts", "seq", "row")


@EACH_TABLE
def test_the_arrow_schema_says_table_version_and_nulls(table: Table) -> None:
    assert table.schema.metadata == {
        b"ticktape.table": table.name.encode(),
        b"ticktape.version": str(table.version).encode(),
    }
    assert table.version >= 1
    assert table.schema.names == [column.name for column in table.columns]
    for column in table.columns:
        field = table.schema.field(column.name)
        assert (field.type, field.nullable) == (column.type, column.null != "never")


@pytest.mark.parametrize("table", MARKET_TABLES, ids=lambda table: table.name)
def test_market_tables_begin_with_the_common_columns_and_sort_by_symbol(table: Table) -> None:
    assert [column.name for column in table.columns[: len(COMMON)]] == COMMON
    assert table.sort_key == ("symbol", "ts", "seq", "row")


def test_rows_of_statements_say_whose_they_are_what_they_are_and_which_statement_said_so() -> None:
    for table in STATEMENT_TABLES.values():
        assert table.schema.names[:8] == ["ts", "dated_by", "account", "model_code", "key", "generated_ts", "statement",
                                          "report_date"]  # fmt: skip
        assert table.sort_key == ("ts", "account", "key")
        assert [column.name for column in table.columns if column.personal] == ["account", "rest"]


def test_every_table_is_listed_once_by_its_name() -> None:
    assert [*MARKET_TABLES, TABLES["instruments"], *ACCOUNT_TABLES, *SYSTEM_TABLES] == list(TABLES.values())
    assert all(name == table.name for name, table in EVERY_TABLE.items())
    with pytest.raises(KeyError, match="table trades has no column prize"):
        TABLES["trades"].column("prize")
