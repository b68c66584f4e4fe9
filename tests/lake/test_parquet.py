"""Files hold the schema's columns as plain types, with the chosen encodings and the schema's version."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.lake.parquet_file import open_parquet, statistics_of, write_parquet
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


def test_a_column_whose_type_a_file_calls_by_two_names_is_refused() -> None:
    def described(physical_type: str) -> object:
        chunk = SimpleNamespace(physical_type=physical_type, path_in_schema="price", statistics="what it says")
        column = SimpleNamespace(physical_type="DOUBLE")
        return SimpleNamespace(row_group=lambda group: SimpleNamespace(column=lambda at: chunk),
                               schema=SimpleNamespace(column=lambda at: column))

    assert statistics_of(described("DOUBLE"), 3, 7) == "what it says"
    with pytest.raises(ValueError, match=r"^price is of type DOUBLE, and in row group 3 INT64$"):
        statistics_of(described("INT64"), 3, 7)


@pytest.mark.parametrize("archive", [False, True])
def test_files_say_their_version_and_that_their_pages_have_checksums(tmp_path: Path, archive: bool) -> None:
    trades = TABLES["trades"]
    for version, said in ((None, trades.version), (1, 1)):
        with open_parquet(trades, trades.schema, tmp_path / "x", archive=archive, version=version):
            pass
        metadata = pq.read_metadata(tmp_path / "x").metadata
        assert metadata[b"ticktape.version"] == str(said).encode()
        assert metadata[b"ticktape.page_checksums"] == b"crc32"
        assert metadata[b"ticktape.table"] == b"trades"


def test_archives_are_compressed_harder_than_files_of_a_day(tmp_path: Path) -> None:
    trades = TABLES["trades"]
    rows = pa.table({c.name: [at * at % 997 if c.type == pa.float64() else None if c.nullable
                              else _value(c.type) for at in range(20_000)] for c in trades.columns}, trades.schema)
    write_parquet(trades, rows, tmp_path / "live")
    for name, archive in (("default", {}), ("archive", {"archive": True})):
        with open_parquet(trades, trades.schema, tmp_path / name, **archive) as writer:
            writer.write_table(rows)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes["archive"] < sizes["live"] == sizes["default"]


def test_rows_lie_in_groups_of_one_size_with_an_index_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.lake.parquet_file.ROW_GROUP_ROWS", 3)
    notices = TABLES["notices"]
    rows = pa.table({c.name: [None if c.nullable else _value(c.type)] * 7 for c in notices.columns}, notices.schema)
    write_parquet(notices, rows, tmp_path / "x")
    metadata = pq.read_metadata(tmp_path / "x")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [3, 3, 1]
    assert metadata.row_group(0).column(0).has_offset_index
    measured = {c.name: metadata.row_group(0).column(at).statistics is not None
                for at, c in enumerate(notices.columns)}
    assert measured["ts"] and measured["seq"] and measured["symbol"] and not measured["message"]
