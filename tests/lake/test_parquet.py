"""Files hold the schema's columns as plain types, with the chosen encodings and the schema's version."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.lake.parquet_file import write_parquet
from capture.schemas import MARKET_TABLES, TABLES


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_file_has_the_schema(name: str, tmp_path: Path) -> None:
    table = TABLES[name]
    write_parquet(table, table.schema.empty_table(), tmp_path / "x.parquet")
    stored = pq.read_schema(tmp_path / "x.parquet")
    assert stored.remove_metadata() == table.schema.remove_metadata()
    metadata = pq.read_metadata(tmp_path / "x.parquet").metadata
    assert metadata[b"ticktape.version"] == str(table.version).encode()
    assert b"ARROW:schema" not in metadata


@pytest.mark.parametrize("table", MARKET_TABLES, ids=lambda table: table.name)
def test_dictionaries_in_memory_are_plain_text_in_the_file(table: object, tmp_path: Path) -> None:
    trades = TABLES["trades"]
    rows = trades.schema.empty_table().to_pydict()
    filled = {c.name: [_value(c.type)] * 3 for c in trades.columns}
    data = pa.table(rows | filled, schema=trades.schema)
    place = data.schema.get_field_index("symbol")
    data = data.set_column(place, "symbol", data["symbol"].dictionary_encode())
    write_parquet(trades, data, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["symbol"].type == pa.string()
    column = pq.read_metadata(tmp_path / "x.parquet").row_group(0).column(0)
    assert "DELTA_BINARY_PACKED" in column.encodings
    assert column.compression == "ZSTD"


def _value(kind: pa.DataType) -> object:
    if pa.types.is_string(kind):
        return "x"
    if pa.types.is_boolean(kind):
        return True
    return 1


def test_a_null_where_none_may_be_is_refused(tmp_path: Path) -> None:
    trades = TABLES["trades"]
    rows = pa.table({c.name: pa.nulls(1, c.type) for c in trades.columns})
    with pytest.raises(ValueError, match="null"):
        write_parquet(trades, rows, tmp_path / "x.parquet")
