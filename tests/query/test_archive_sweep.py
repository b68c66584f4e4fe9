"""A sealed day swept from its files is the same as what SQL says of it."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import capture
from capture.lake import parquet_file as parquet
from capture.lake.archive import write_sorted
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.replay import archive_sweep, merged_sweep
from capture.replay import past as replay
from capture.schemas import QUOTES, TABLES, Table

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ROWS, SYMBOLS = 6_000, 5
ORDER = 'ts, recorder, seq, "row"'


def made(table: Table, recorder: str, seed: int) -> pa.Table:
    """Return rows of several instruments in order of arrival, many at the same moment."""
    chance = np.random.default_rng(seed)
    ts = np.sort(chance.integers(0, 60_000_000, ROWS) // 20_000 * 20_000)
    owner = chance.integers(0, SYMBOLS, ROWS)
    symbols = np.array(["A", "BB", "C", "D", "é"])[owner]
    zeros = np.zeros(ROWS)
    columns: dict[str, Any] = {
        "ts": pa.array(ts + int(NOON.timestamp() * 1e6)), "seq": np.arange(ROWS) // 2, "row": np.arange(ROWS) % 2,
        "recorder": [recorder] * ROWS, "instrument_id": owner + 100, "symbol": symbols, "request_id": owner,
        "stream": np.where(chance.random(ROWS) < 0.5, "last", "all_last"), "origin": ["live"] * ROWS}
    arrays = [pa.array(columns.get(field.name, zeros if pa.types.is_floating(field.type) else [None] * ROWS
                                   if field.nullable else [False] * ROWS)).cast(field.type) for field in table.schema]
    return pa.table(arrays, schema=table.schema)


@pytest.fixture(scope="module", params=["row groups of several symbols", "row groups of one symbol"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of one sealed day: trades and quotes of two recorders, in files of many row groups."""
    root = tmp_path_factory.mktemp("sweep") / "data"
    layout = Layout(root)
    layout.tape.mkdir(parents=True)
    prepare(layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", 700)
        patch.setattr("capture.lake.row_groups.cuts.ROW_GROUP_ROWS", 700)
        patch.setattr("capture.lake.row_groups.cuts.OWN_ROWS", 100 if "one" in request.param else 10_000)
        for number, recorder in enumerate(("main", "second")):
            for table in (TABLES["trades"], QUOTES):
                source, target = root / "source.parquet", layout.archive_file(table.name, str(DAY), recorder, 1, 2)
                target.parent.mkdir(parents=True, exist_ok=True)
                write_parquet(table, made(table, recorder, 2 * number + (table is QUOTES)), source)
                write_sorted(table, [source], target)
                source.unlink()
    for name in TABLES:
        seal_through(layout, name, DAY)
    return root


@pytest.fixture
def lake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(replay, "STRETCH_ROWS", 1_000)
    with capture.open_lake(folder) as opened:
        yield opened


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the rows of each piece that sweeping yields."""
    counts: list[int] = []
    tables, merged = archive_sweep.sweep, merged_sweep.merged_sweep

    def sweep(*arguments: Any) -> Any:
        for found in tables(*arguments):
            counts.append(sum(map(len, found.values())))
            yield found

    def merge(*arguments: Any) -> Any:
        for stretch in merged(*arguments):
            counts.append(len(stretch))
            yield stretch

    monkeypatch.setattr(replay, "sweep", sweep)
    monkeypatch.setattr(replay, "merged_sweep", merge)
    return counts


START, END = NOON + timedelta(seconds=7.5), NOON + timedelta(seconds=50, microseconds=20_000)


@pytest.mark.parametrize(("options", "where"), [
    ({}, "true"),
    ({"instruments": "BB"}, "symbol = 'BB'"),
    ({"instruments": ["A", 104], "stream": "last"}, "symbol in ('A', 'é') and stream = 'last'"),
    ({"recorder": "second", "columns": ["price", "bid_price"]}, "recorder = 'second'"),
    ({"start": START, "end": END, "state": False}, f"ts >= '{START}' and ts < '{END}'"),
])  # fmt: skip
def test_a_swept_day_is_what_sql_says(
    both_ways: str, lake: capture.Lake, swept: list[int], options: dict[str, Any], where: str
) -> None:
    records = list(lake.replay(tables=["quotes", "trades"], **options))
    both = " union all ".join(f"select '{name}', ts, recorder, seq, \"row\", symbol from {name} where {where}"
                              for name in ("quotes", "trades"))
    # Places of the two tables are the same here: then quotes come first, as they were named first.
    expected = lake.sql(f"from ({both}) order by {ORDER}, 1").rows()
    symbols = [record.symbol for record in records] if "columns" not in options else [row[5] for row in expected]
    found = [(record.table, record.ts, record.recorder, record.seq, record.row) for record in records]
    assert [(*place, symbol) for place, symbol in zip(found, symbols, strict=True)] == expected
    assert sum(swept) == len(expected) > 0
    assert max(swept) < 1_500


@pytest.mark.parametrize("batch_rows", [3, 50])
def test_rows_are_in_order_in_whatever_batches_they_are_read(
    lake: capture.Lake, swept: list[int], batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_sweep, "MOST_BATCH_ROWS", batch_rows)
    found = pa.Table.from_batches(lake.replay("BB", tables=["quotes", "trades"]).batches()).drop(["table", "initial"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "merging", lambda: None)
        expected = lake.replay("BB", tables=["quotes", "trades"]).batches().read_all().drop(["table", "initial"])
    assert found.to_pylist() == expected.to_pylist() and swept


def test_too_wide_a_day_is_read_by_queries(
    both_ways: str, lake: capture.Lake, folder: Path, swept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "HELD_ROWS", 2_000)
    assert len(list(lake.replay(tables=["quotes", "trades"]))) == 4 * ROWS
    # Of a row group of one symbol a batch is held, which is never too much.
    holds_batches = both_ways == "kernel" and merged_sweep.most_held(groups(folder)) == 0
    assert bool(swept) == holds_batches


def groups(folder: Path) -> list[archive_sweep.Group]:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    found = archive_sweep.groups_of(Layout(folder), {QUOTES: 2 * ROWS}, DAY, day, day + timedelta(days=1))
    assert found
    return found


def test_a_damaged_row_group_is_told_of(both_ways: str, folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    path = next(Layout(data).archive("quotes").rglob("main*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, capture.open_lake(data) as opened:
        patch.setattr(replay, "STRETCH_ROWS", 1_000)
        with pytest.raises(capture.query.QueryError, match=rf"{path} cannot be read: "):
            list(opened.replay(tables=["quotes"]))


def test_values_come_as_they_were_stored(both_ways: str, lake: capture.Lake, swept: list[int]) -> None:
    found = [record.as_dict() for record in lake.replay("C", tables=["trades"])]
    query = f"select * exclude (date) from trades where symbol = 'C' order by {ORDER}"
    assert found == lake.sql(query).arrow().to_pylist()
    assert swept


def test_late_rows_from_history_are_in_order_though_their_file_is_not(
    both_ways: str, folder: Path, swept: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    late = made(TABLES["trades"], "main", 9).filter(pc.field("symbol") == "BB")
    backwards = late.take(np.arange(len(late))[::-1])  # the newest page first
    write_parquet(TABLES["trades"], backwards, Layout(data).archive_file("trades", str(DAY), "main", 3, 3))
    monkeypatch.setattr(merged_sweep, "MOST_BATCH_ROWS", 50)
    monkeypatch.setattr(replay, "STRETCH_ROWS", 100)
    with capture.open_lake(data) as opened:
        found = pa.Table.from_batches(opened.replay("BB", tables=["trades"]).batches())
        expected = opened.trades("BB").arrow()
    assert found["ts"].to_pylist() == expected["ts"].to_pylist() and swept
