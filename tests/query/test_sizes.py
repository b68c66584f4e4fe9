"""What a lake takes on disk: every file counted once, where it belongs."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.query.sizes import sizes
from capture.tape import compress_closed, segments

DAYS = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (5, 6, 7)]


@pytest.fixture
def layout(script: Any, tmp_path: Path) -> Layout:
    """Three days with a trade each, the first sealed; the first segment of the tape is compressed."""
    now = [DAYS[0]]
    tape = type(script)(tmp_path / "sized", now=lambda: int(now[0].timestamp() * 1e9))
    layout = Layout(tape.data)
    prepare(layout)
    tape.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for day, now[0] in enumerate(DAYS):
        tape.trade(5, 1.0 + day)
        tape.marks += 1
        (tape.writer.rotate if not day else tape.writer.mark)(tape.line.as_mark(tape.marks))
    tape.writer.close()
    list(Roller(layout, "main").roll())
    compress_closed(layout.tape / "main")
    list(Sealer(layout, settle_s=0, now_s=lambda: DAYS[1].timestamp()).seal())
    for segment, moment in zip(segments(layout.tape / "main"), DAYS, strict=False):
        os.utime(segment.path, (moment.timestamp(), moment.timestamp()))
    return layout


def parquet(layout: Layout, *folders: str) -> int:
    return sum(path.stat().st_size for folder in folders for path in layout.root.glob(f"{folder}/date=2*/*"))


def test_every_file_is_counted_where_it_belongs(layout: Layout) -> None:
    found = sizes(layout, DAYS[2])
    trades = found["tables"][0]
    assert (trades["table"], trades["rows"]) == ("trades", 3)
    assert trades["archive_bytes"] == parquet(layout, "archive/trades")
    sealed = (layout.live("trades") / "date=2026-01-05").glob("*")
    assert trades["live_bytes"] == parquet(layout, "live/trades") - sum(path.stat().st_size for path in sealed)
    assert found["replaced_bytes"] > 0
    (recorder,) = found["recorders"]
    first, second = segments(layout.tape / "main")
    assert recorder["sealed_bytes"] == first.path.stat().st_size
    assert recorder["open_bytes"] == second.path.stat().st_size
    assert recorder["raw_bytes"] > recorder["sealed_bytes"]
    assert recorder["ratio"] == recorder["raw_bytes"] / recorder["sealed_bytes"]
    tape = recorder["sealed_bytes"] + recorder["open_bytes"]
    assert found["total_bytes"] == tape + parquet(layout, "live/*", "archive/*")
    assert recorder["parquet_bytes"] == found["total_bytes"] - tape - found["replaced_bytes"]


def test_growth_is_the_mean_of_whole_days(layout: Layout) -> None:
    found = sizes(layout, DAYS[2])
    days = {one["date"]: one["parquet_bytes"] + one["tape_bytes"] for one in found["days"]}
    assert set(days) == {day.date() for day in DAYS}
    assert found["bytes_per_day"] == (days[date(2026, 1, 5)] + days[date(2026, 1, 6)]) / 2
    assert found["bytes_per_month"] == 30 * found["bytes_per_day"]
    assert found["days_until_full"] == found["free_bytes"] / found["bytes_per_day"]
    later = sizes(layout, DAYS[2] + timedelta(days=5))
    assert later["bytes_per_day"] == (days[date(2026, 1, 6)] + days[date(2026, 1, 7)]) / 7 + (
        days[date(2026, 1, 5)] / 7), "seven days, of which three have something"
    assert sizes(layout, DAYS[0])["bytes_per_day"] is None


def test_a_lake_without_rows(tmp_path: Path) -> None:
    (tmp_path / "tape").mkdir()
    found = sizes(Layout(tmp_path))
    assert (found["tables"], found["total_bytes"]) == ([], 0)
    assert found["bytes_per_day"] is found["days_until_full"] is None
