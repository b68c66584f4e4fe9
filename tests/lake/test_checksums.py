"""Every page that is written has a checksum, and every read of ours looks at it: no flipped bit becomes a value."""

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.lake.archive import write_sorted
from capture.lake.content import UnreadableError, content_hash, plain, read_rows
from capture.lake.layout import Layout
from capture.lake.parquet_file import (
    parquet_file,
    parquet_writer,
    read_parquet,
    stored_schema,
    write_parquet,
    write_rows,
)
from capture.lake.proof.file_check import check_file, queried_files, repair_of
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.tape_part import Span
from capture.lake.sealing import Sealer
from capture.lake.stored_rows import Files
from capture.schemas import TRADES

BEGIN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def trades(count: int) -> pa.Table:
    random = np.random.default_rng(1)
    prices = np.round(280 + np.cumsum(random.normal(0, 0.01, count)), 2)
    rows = [dict.fromkeys(TRADES.schema.names) | {
        "ts": BEGIN + timedelta(milliseconds=17 * i), "seq": i, "row": 0, "recorder": "main", "instrument_id": 265598,
        "symbol": ("AAPL", "MSFT")[i % 2], "stream": "all_last", "request_id": 5, "origin": "live", "ts_event": BEGIN,
        "price": float(prices[i]), "size": float(random.integers(1, 500)), "past_limit": False,
        "unreported": i % 3 == 0,
    } for i in range(count)]  # fmt: skip
    return pa.Table.from_pylist(rows, TRADES.schema)


def pages(path: Path) -> list[tuple[int, int]]:
    """Where the pages of a file lie: begin and end of each column's."""
    metadata = pq.read_metadata(path)
    chunks = [metadata.row_group(group).column(at) for group in range(metadata.num_row_groups)
              for at in range(metadata.num_columns)]
    begins = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks]
    return [(int(begin), int(begin + chunk.total_compressed_size)) for begin, chunk in zip(begins, chunks, strict=True)]


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flip a bit of a file; done again, the file is as before."""
    with path.open("r+b", buffering=0) as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def has_checksums(path: Path) -> bool:
    """Whether a flipped bit in the last byte of each column is found by its checksum."""
    found = []
    for _, end in pages(path):
        flip(path, end - 1)
        try:
            pq.ParquetFile(path, page_checksum_verification=True).read()
        except (OSError, ValueError) as error:
            found.append("CRC" in str(error))
        flip(path, end - 1)
    return bool(found) and all(found)


@pytest.mark.slow
def test_flipped_bits_in_pages_are_all_found(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(TRADES, trades(100), path)
    good, random = content_hash(read_rows(TRADES, path)), np.random.default_rng(2)
    silent = unseen = 0
    begin, end = pages(path)[0][0], pages(path)[-1][1]
    for at in range(begin, end):
        bit = int(random.integers(8))
        flip(path, at, bit)
        with suppress(UnreadableError):
            assert content_hash(read_rows(TRADES, path)) == good, f"byte {at} gave other values"
            unseen += 1  # in a page's head, of what nobody reads
        if at % 4 == 0:
            with suppress(OSError, ValueError, KeyError):
                silent += content_hash(plain(TRADES, pq.ParquetFile(path).read())) != good
        flip(path, at, bit)
    assert silent > 20, "without looking at checksums, values do change"
    assert unseen < (end - begin) / 10


@pytest.mark.slow
def test_flipped_bits_beside_the_pages_end_no_reader_and_give_no_other_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(TRADES, trades(100), path)
    whole, good = path.read_bytes(), content_hash(read_rows(TRADES, path))
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for at in range(footer, len(whole)):
        if at % 3 and not is_count(whole, at):
            continue
        flip(path, at, at % 8)
        with suppress(UnreadableError):
            assert content_hash(read_rows(TRADES, path)) == good
            assert pq.read_metadata(path).num_rows == 100, "DuckDB answers count(*) by it"
        flip(path, at, at % 8)


def is_count(whole: bytes, at: int) -> bool:
    """Whether a byte belongs to what may be the number of rows, 100."""
    return b"\xc8\x01" in whole[at - 1 : at + 2]


def tables(path: Path) -> None:
    write_parquet(TRADES, trades(30), path)


def archived(path: Path) -> None:
    write_parquet(TRADES, trades(30), path.with_name("source.parquet"))
    write_sorted(TRADES, [path.with_name("source.parquet")], path)


def of_any_columns(path: Path) -> None:
    with parquet_writer(path, pa.schema([("a", pa.int64())])) as writer:
        writer.write_table(pa.table({"a": [1, 2, 3]}))


@pytest.mark.parametrize("write", [
    tables, archived, of_any_columns, lambda path: write_rows(pa.table({"a": [1, 2, 3]}), path)],
    ids=["live", "archive", "any columns", "a few rows"])  # fmt: skip
def test_what_is_written_has_checksums(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "x.parquet")
    assert has_checksums(tmp_path / "x.parquet")


def test_a_spoiled_page_is_refused_by_each_way_to_read(tmp_path: Path) -> None:
    tables(tmp_path / "x.parquet")
    flip(tmp_path / "x.parquet", price_page(tmp_path / "x.parquet"))
    with parquet_file(tmp_path / "x.parquet") as file, pytest.raises(OSError, match="CRC"):
        file.read()
    with pytest.raises(OSError, match="CRC"):
        read_parquet(tmp_path / "x.parquet")


def test_nothing_is_written_or_read_without_checksums() -> None:
    root = Path(__file__).parents[2]
    paths = [path for folder in ("capture", "cli") for path in (root / folder).rglob("*.py")]
    calls = {(str(path.relative_to(root)), name) for path in paths
             for name in re.findall(r"\bpq\.(\w+)\(", path.read_text()) if name != "read_metadata"}
    assert calls == {("capture/lake/parquet_file.py", name)
                     for name in ("ParquetWriter", "write_table", "ParquetFile", "read_table")}


def price_page(path: Path) -> int:
    """The last byte of a file's prices."""
    at: int = TRADES.schema.names.index("price")
    return pages(path)[at][1] - 1


def test_a_file_without_checksums_stays_readable_and_sealing_writes_them(tmp_path: Path) -> None:
    rows, old, new = trades(30), tmp_path / "old.parquet", tmp_path / "new.parquet"
    pq.write_table(rows.cast(stored_schema(TRADES, rows)), old, store_schema=False)
    assert not has_checksums(old)
    assert content_hash(read_rows(TRADES, old)) == content_hash(plain(TRADES, rows))
    assert (check_file(TRADES, old).fault, check_file(TRADES, old).protected) == (None, False)
    write_sorted(TRADES, [old], new)
    assert has_checksums(new)
    assert (check_file(TRADES, new).rows, check_file(TRADES, new).protected) == (30, True)
    new.write_bytes(b"no parquet")
    found = check_file(TRADES, new)
    assert (found.rows, found.size_bytes, found.protected, bool(found.fault)) == (0, 10, False, True)


def test_damage_is_not_sealed_under_a_checksum_of_its_own(rolled: Layout) -> None:
    (path,) = rolled.live("trades").glob("date=2*/main.000000000003.parquet")
    flip(path, price_page(path))
    sealer = Sealer(rolled, settle_s=0, now_s=lambda: datetime.now(UTC).timestamp() + 3 * 86_400)
    with pytest.raises(UnreadableError, match=rf"{path.name}.*rebuild --replace"):
        list(sealer.seal())
    flip(path, price_page(path))
    assert [sealed.rows["trades"] for sealed in sealer.seal()] == [22]


def test_what_was_captured_before_is_read_with_checksums(rolled: Layout) -> None:
    paths = sorted(rolled.live("trades").glob("date=2*/main.*.parquet"))
    row = read_rows(TRADES, paths[0]).to_pylist()[0]
    files, wanted, instrument_id = Files(rolled, "main"), row["ts_event"], row["instrument_id"]
    day = paths[0].parent
    shutil.move(day, rolled.live("trades") / f"date={wanted.date()}")  # history looks by IB's own time
    path = rolled.live("trades") / f"date={wanted.date()}" / paths[0].name
    flip(path, price_page(path))
    with pytest.raises(OSError, match="CRC"):
        files("trades", instrument_id, wanted, wanted)


TEXT = st.none() | st.sampled_from(["", "AAPL", "ZZZ", "é" * 40])
NUMBER = st.none() | st.floats() | st.sampled_from([0.0, -0.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, NUMBER, st.none() | st.integers(-5, 5)), min_size=1, max_size=6),
       st.lists(st.sampled_from(["", "AAPL", "B", "never"]), max_size=4, unique=True))
def test_what_is_written_passes_its_own_check_whatever_is_null(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], unused: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    rows = trades(len(values))
    symbols, prices, ids = zip(*values, strict=True)
    words = [*unused, *dict.fromkeys(symbol for symbol in symbols if symbol is not None and symbol not in unused)]
    column = pa.DictionaryArray.from_arrays(
        pa.array([None if symbol is None else words.index(symbol) for symbol in symbols], pa.int32()),
        pa.array(words, pa.string()))
    for name, array in (("symbol", column), ("price", pa.array(prices, pa.float64())),
                        ("instrument_id", pa.array(ids, pa.int64()))):  # fmt: skip
        rows = rows.set_column(rows.schema.get_field_index(name), name, array)
    write_parquet(TRADES, rows, path)
    assert check_file(TRADES, path).fault is None
    statistics = pq.read_metadata(path).row_group(0).column(TRADES.schema.names.index("symbol")).statistics
    there = [symbol for symbol in symbols if symbol is not None]
    assert (statistics.min, statistics.max) == (min(there), max(there)) if there else not statistics.has_min_max


def test_bounds_that_earlier_versions_wrote_too_wide_are_no_damage(tmp_path: Path) -> None:
    rows = trades(3)
    column = pa.DictionaryArray.from_arrays(pa.nulls(3, pa.int32()), pa.array(["AAPL"]))
    rows = rows.set_column(rows.schema.get_field_index("symbol"), "symbol", column)
    pq.write_table(rows, tmp_path / "x.parquet", store_schema=False)
    statistics = pq.read_metadata(tmp_path / "x.parquet").row_group(0).column(5).statistics
    assert statistics.has_min_max, "what Arrow makes of a dictionary with one word that no row has"
    assert check_file(TRADES, tmp_path / "x.parquet").fault is None


def test_a_damaged_page_of_a_sealed_day_is_named_by_verify_and_by_rebuild_mended(
    rolled: Layout, problems: Callable[[Layout], list[tuple[str, str]]]
) -> None:
    sealer = Sealer(rolled, settle_s=0, now_s=lambda: datetime.now(UTC).timestamp() + 3 * 86_400)
    list(sealer.seal())
    (path,) = rolled.archive("trades").glob("date=2*/*.parquet")
    flip(path, price_page(path))
    assert problems(rolled) == [("file unreadable", path.name)]
    assert [file for table, file in queried_files(rolled) if check_file(table, file).fault] == [path]
    *_, begin, end = repair_of(rolled, path).split()
    span = Span(int(begin.removeprefix("--from=")), int(end.removeprefix("--until=")))
    list(Rebuilder(rolled, "main", span).ranges())
    assert problems(rolled) == []
