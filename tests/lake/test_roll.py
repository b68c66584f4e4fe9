"""Rolling is idempotent, complete at every interruption, and splits rows by date."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from capture.decode.merge_rows import Tables
from capture.decode.restore import nothing_stored
from capture.decode.tws import TwsDecoder
from capture.lake.content import row_count
from capture.lake.layout import Layout, Rolled, read_rolled, write_rolled
from capture.lake.parquet_file import ROW_GROUP_ROWS
from capture.lake.pruned import PrunedTape, write_pruned_tape
from capture.lake.ranges import Ranges, _check_place, beginning
from capture.lake.roll import Roll, Roller, publish_range
from capture.lake.views import prepare
from capture.publish import publish
from capture.schemas import TRADES
from capture.tape import TapeWriter
from capture.wire.text.framing import frame
from tests.lake.test_checksums import trades


def rows(layout: Layout, table: str) -> list[tuple[Any, ...]]:
    found = []
    for path in sorted(layout.live(table).glob("date=2*/*.parquet")):
        found += [(r["seq"], r["row"]) for r in pq.ParquetFile(path).read().to_pylist()]
    return sorted(found)


@pytest.fixture
def layout(script: Any) -> Layout:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for i in range(4):
        script.trade(5, 100 + i).answer("tick_by_tick", request_id=5, kind=3, time=1, bid_price=1, ask_price=2).mark()
    script.trade(5, 999)  # not followed by a mark yet
    layout = Layout(script.data)
    prepare(layout)
    return layout


def test_rows_of_another_range_and_ranges_out_of_order_are_faults_of_ours(layout: Layout) -> None:
    first, second, *_ = Ranges(layout.tape / "main", Rolled(1), nothing_stored)
    _check_place(second.tables, 2, 4)
    for before, frames in ((2, 1), (5, 4)):
        with pytest.raises(AssertionError, match="of another range"):
            _check_place(second.tables, before, frames)
    roller = Roller(layout, "main")
    roller._publish(first, None)
    with pytest.raises(AssertionError, match="one behind the other"):
        roller._publish(first, None)


def test_rows_that_a_decoder_puts_into_another_range_are_never_given(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = TwsDecoder.take

    def shifted(decoder: TwsDecoder) -> Tables:
        return {name: rows.set_column(1, "seq", pc.add(rows["seq"], 9)) for name, rows in take(decoder).items()}

    assert TRADES.schema.names[1] == "seq"
    monkeypatch.setattr(TwsDecoder, "take", shifted)
    with pytest.raises(AssertionError, match="of another range"):
        next(iter(Ranges(layout.tape / "main", Rolled(1), nothing_stored)))


def test_a_tape_may_begin_with_mark_0(tmp_path: Path) -> None:
    TapeWriter.open(tmp_path, "main", {"mark": 0, "seq": 0}).close()
    assert beginning(tmp_path / "main") == Rolled(0)
    assert beginning(tmp_path / "other") is None


def test_a_tape_begins_where_it_was_pruned_though_older_segments_are_there_yet(tmp_path: Path) -> None:
    with TapeWriter.open(tmp_path / "tape", "main", {"mark": 0, "seq": 0}) as writer:
        for mark in (1, 2, 3):
            writer.rotate({"mark": mark, "seq": 0})
    folder = tmp_path / "tape" / "main"
    write_pruned_tape(folder, PrunedTape(2, {"heard_us": 7}, 0, 1, "2026-01-01"))
    assert beginning(folder) == Rolled(2, {"heard_us": 7})


def test_a_range_replaces_its_file_unless_the_tape_is_not_whole_any_more(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    path = layout.live_file("trades", "2026-11-20", "main", 1)
    for count, more, held in ((3, {}, 3), (2, {}, 2), (1, {"whole": False}, 2), (1, {"whole": True}, 1)):
        publish_range(layout, "main", 1, {"trades": trades(count)}, **more)
        assert row_count(path) == held
    path.write_bytes(b"no parquet")
    publish_range(layout, "main", 1, {"trades": trades(4)}, whole=False)
    assert row_count(path) == 4


def test_every_complete_range_becomes_files(layout: Layout) -> None:
    rolled = list(Roller(layout, "main").roll())
    assert [(r.from_mark, r.to_mark) for r in rolled] == [(1, 2), (2, 3), (3, 4), (4, 5)]
    assert rows(layout, "trades") == [(2, 0), (4, 0), (6, 0), (8, 0)]
    position = read_rolled(layout, "main")
    assert position is not None
    assert position.mark == 5


def test_rolling_goes_on_where_it_stopped(layout: Layout, script: Any) -> None:
    list(Roller(layout, "main").roll())
    script.mark()
    again = Roller(layout, "main")
    assert [(r.from_mark, r.to_mark) for r in again.roll()] == [(5, 6)]
    script.trade(5, 1).mark()
    assert [(r.from_mark, r.to_mark) for r in again.roll()] == [(6, 7)]
    assert len(rows(layout, "trades")) == 6


def test_rolling_twice_writes_the_same(layout: Layout) -> None:
    list(Roller(layout, "main").roll())
    before = {p: p.read_bytes() for p in layout.live("trades").rglob("*.parquet")}
    layout.rolled("main").unlink()
    list(Roller(layout, "main").roll())
    assert {p: p.read_bytes() for p in layout.live("trades").rglob("*.parquet")} == before


@pytest.mark.parametrize("step", range(12))
def test_an_interruption_at_any_step_loses_and_doubles_nothing(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    count = iter(range(10**6))

    def maybe(real: Any) -> Any:
        def call(*args: Any, **more: Any) -> None:
            if next(count) == step:
                raise KeyboardInterrupt
            real(*args, **more)

        return call

    monkeypatch.setattr("capture.lake.roll.publish", maybe(publish))
    monkeypatch.setattr("capture.lake.roll.write_rolled", maybe(write_rolled))
    with pytest.raises(KeyboardInterrupt):
        list(Roller(layout, "main").roll())
    monkeypatch.undo()
    list(Roller(layout, "main").roll())
    assert rows(layout, "trades") == [(2, 0), (4, 0), (6, 0), (8, 0)]
    assert rows(layout, "quotes") == [(3, 0), (5, 0), (7, 0), (9, 0)]


def test_rows_lie_in_the_folder_of_their_date(script: Any) -> None:
    script.open().ask(9, "req_historical_ticks", what="TRADES")
    ticks = [{"time": day * 86_400 + 5, "price": 1, "size": 1} for day in (20_000, 20_001, 20_001)]
    script.answer("historical_trades", request_id=9, ticks=ticks, done=True).mark()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    found = {p.parent.name: pq.ParquetFile(p).metadata.num_rows for p in layout.live("trades").glob("date=2*/*")}
    assert found == {"date=2024-10-04": 1, "date=2024-10-05": 2}


@pytest.mark.parametrize("count", [10_001, ROW_GROUP_ROWS + 1])
def test_every_row_of_a_long_range_is_in_its_file(script: Any, count: int) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="MidPoint")
    values = {"request_id": 5, "kind": 4, "time": 1_767_623_400, "price": 1.5}
    script.receive(frame(script.answers.encode("tick_by_tick", values)) * count).mark()
    layout = Layout(script.data)
    prepare(layout)
    [rolled] = Roller(layout, "main").roll()
    assert rolled.rows["midpoints"] == count
    [path] = layout.live("midpoints").glob("date=2*/*.parquet")
    seqs = pq.ParquetFile(path).read(["seq"])["seq"].to_numpy()
    assert len(seqs) == count
    assert (np.diff(seqs) == 1).all()


def test_a_missing_tape_rolls_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.tape / "main").mkdir(parents=True)
    assert list(Roller(layout, "main").roll()) == []


def test_rows_without_a_frame_keep_their_place_across_a_mark(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").mark()
    script.ask(6, "req_tick_by_tick", tick_kind="BidAsk").mark()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    found = [row for path in sorted(layout.live("subscriptions").glob("date=2*/*.parquet"))
             for row in pq.read_table(path, partitioning=None).to_pylist()]
    assert [row["row"] for row in found] == [1_000_000_000, 1_000_000_001]
    assert found[0]["seq"] == found[1]["seq"]


def test_half_written_files_of_a_killed_roller_go(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    layout = Layout(script.data)
    prepare(layout)
    day = next(layout.live("trades").glob("date=*"))
    list(Roller(layout, "main").roll())
    path = next(layout.live("trades").glob("date=2*/*.parquet"))
    leftover, another = path.with_name(f".{path.name}.1.tmp"), path.with_name(f".{path.name}x.1.tmp")
    leftover.write_bytes(b"half")
    another.write_bytes(b"of another file")
    layout.rolled("main").unlink()
    list(Roller(layout, "main").roll())
    assert not leftover.exists()
    assert another.exists()
    assert day.exists()


def test_a_range_is_not_published_where_the_one_before_it_could_not_be(layout: Layout) -> None:
    first, second, *_ = Ranges(layout.tape / "main", Rolled(1), nothing_stored)
    roller, failed = Roller(layout, "main"), Future[Roll]()
    failed.set_exception(OSError("no room"))
    with pytest.raises(OSError, match="no room"):
        roller._publish(second, failed)
    assert read_rolled(layout, "main") is None
    done = Future[Roll]()
    done.set_result(roller._publish(first, None))
    assert replace(roller._publish(second, done), through_ns=None) == Roll(2, 3, 2, {"trades": 1, "quotes": 1})
    assert rows(layout, "trades") == [(2, 0), (4, 0)]
    roller._publishing = failed
    with pytest.raises(OSError, match="no room"):
        roller._captured("trades", 1, datetime.now(UTC), datetime.now(UTC))
