"""Parquet, Arrow, CSV and JSON lines, read back by the libraries that people read them with, row by row."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import zstandard

import capture
from capture.query import QueryError
from capture.schemas import TABLES
from tests.lake.functions.conftest import MadeLake

TABULAR = ("trades", "quotes", "ticks", "depth", "sessions", "subscriptions", "gaps", "notices")
TEXTS = ("csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst")


def lake_rows(lake: capture.Lake, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table as an export has them: without the columns that say whose an account is."""
    found: list[dict[str, Any]] = lake.rows(table).arrow().select(TABLES[table].open_names).to_pylist()
    return found


def there(lake: capture.Lake, table: str) -> bool:
    return bool(lake.sql(f"select count(*) from {table}").rows()[0][0])


@pytest.mark.parametrize("table", TABULAR)
def test_parquet_and_arrow_hold_all_rows_columns_and_types(lake: capture.Lake, tmp_path: Path, table: str) -> None:
    if not there(lake, table):
        with pytest.raises(QueryError, match="nothing was recorded"):
            lake.export(table, tmp_path / "none.parquet")
        return
    expected = lake_rows(lake, table)
    parquet, feather = tmp_path / "rows.parquet", tmp_path / "rows.feather"
    assert lake.export(table, parquet).rows == lake.export(table, feather).rows == len(expected)
    plain = [(column.name, column.type) for column in TABLES[table].columns if not column.personal]
    for read in (pq.read_table(parquet), pa.feather.read_table(feather)):
        assert [(field.name, field.type) for field in read.schema] == plain
        assert read.to_pylist() == expected
    assert pl.read_parquet(parquet).equals(pl.read_ipc(feather), null_equal=True)
    assert duckdb.connect().execute(f"select count(*) from '{parquet}'").fetchall() == [(len(expected),)]
    version = str(TABLES[table].version).encode() if len(plain) == len(TABLES[table].columns) else None
    assert (pq.read_metadata(parquet).metadata or {}).get(b"ticktape.version") == version


@pytest.mark.parametrize("ending", TEXTS)
@pytest.mark.parametrize("table", TABULAR)
def test_text_holds_every_value(lake: capture.Lake, tmp_path: Path, table: str, ending: str) -> None:
    if not there(lake, table):
        return
    path = tmp_path / f"rows.{ending}"
    lake.export(table, path)
    schema = pa.schema([TABLES[table].schema.field(name) for name in TABLES[table].open_names])
    if ending.startswith("csv"):
        kinds = {field.name: field.type for field in schema}
        options = pa.csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False)
        with pa.input_stream(str(path), compression="detect" if ending != "csv.zst" else "zstd") as file:
            read = pa.csv.read_csv(file, convert_options=options)
    else:
        openers: dict[str, Any] = {".gz": gzip.open, ".zst": zstandard.open}
        with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            lines = list(map(json.loads, file))
        times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
        rows = [{name: _value(name in times, value) for name, value in row.items()} for row in lines]
        read = pa.Table.from_pylist(rows, pa.schema([field.with_nullable(True) for field in schema]))
    assert read.to_pylist() == lake_rows(lake, table)


def _value(is_time: bool, value: Any) -> Any:
    return datetime.fromisoformat(value) if is_time and value is not None else value


def test_raw_bytes_are_hexadecimal_in_text_and_bytes_elsewhere(made: MadeLake, tmp_path: Path) -> None:
    made.add("undecoded", 1, message_id=None, reason="a, \"b\"\nc", server_version=200, frame=b"\x00\xff")
    lake = made.lake
    for ending in ("csv", "jsonl", "parquet"):
        lake.export("undecoded", tmp_path / f"rows.{ending}")
    read = pl.read_csv(tmp_path / "rows.csv").row(0, named=True)
    assert (read["frame"], read["reason"], read["message_id"]) == ("00ff", "a, \"b\"\nc", None)
    assert pl.read_ndjson(tmp_path / "rows.jsonl").row(0, named=True)["frame"] == "00ff"
    assert pq.read_table(tmp_path / "rows.parquet")["frame"].to_pylist() == [b"\x00\xff"]


def test_odd_numbers_and_texts_come_back(made: MadeLake, tmp_path: Path) -> None:
    prices = [0.1 + 0.2, 1e-9, 123456789.123456, -37.63, None, 5e-324, 1.7976931348623157e308]
    for number, price in enumerate(prices):
        made.trade(number, price, conditions=["", None, "@ TI", "ä\t;,'\"", "NaN", "null", "12"][number])
    lake = made.lake
    expected = [(row["price"], row["conditions"]) for row in lake.rows("trades").arrow().to_pylist()]
    assert [price for price, _ in expected] == prices
    for ending in ("csv", "jsonl", "feather"):
        lake.export("trades", tmp_path / f"rows.{ending}")
    options = pa.csv.ConvertOptions(column_types={"conditions": pa.string(), "price": pa.float64()}, null_values=[""],
                                    strings_can_be_null=True, quoted_strings_can_be_null=False)
    csv = pa.csv.read_csv(tmp_path / "rows.csv", convert_options=options)
    feather = pa.feather.read_table(tmp_path / "rows.feather")
    for read in (csv, pl.read_ndjson(tmp_path / "rows.jsonl").to_arrow(), feather):
        assert list(zip(read["price"].to_pylist(), read["conditions"].to_pylist(), strict=True)) == expected


def test_times_are_utc(made: MadeLake, tmp_path: Path) -> None:
    at = datetime(2026, 11, 18, 14, 30, 0, 123_456, UTC)
    made.trade(at, 1.0)
    lake = made.lake
    lake.export("trades", tmp_path / "rows.csv", columns=["ts"])
    lake.export("trades", tmp_path / "rows.jsonl", columns=["ts"])
    assert (tmp_path / "rows.csv").read_text() == "ts\n2026-11-18T14:30:00.123456Z\n"
    assert (tmp_path / "rows.jsonl").read_text() == '{"ts":"2026-11-18T14:30:00.123456+00:00"}\n'
    assert pd.read_csv(tmp_path / "rows.csv", parse_dates=["ts"])["ts"][0] == at
    assert pl.read_csv(tmp_path / "rows.csv", try_parse_dates=True)["ts"].to_list() == [at]
    found = duckdb.connect().execute(f"select ts = timestamptz '{at}' from '{tmp_path}/rows.csv'").fetchall()
    assert found == [(True,)]
