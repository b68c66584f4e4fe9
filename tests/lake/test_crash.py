"""Whatever ends a recorder or a roller, and wherever: afterwards the tables hold the tape, every row once."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.lake.layout import Layout, read_rolled
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.journal import Journal
from capture.tape import TapeWriter, segments
from capture.wanted.settings import Settings

Problems = Callable[[Layout], list[tuple[str, str]]]
KILLS = 20
TRADES = 300


def trade(script: Any, i: int) -> None:
    script.trade(5, 100 + i / 8).answer("tick_by_tick", request_id=5, kind=4, time=i, price=100 + i)


def assert_once(layout: Layout, rows: int) -> None:
    with open_lake(layout.root) as lake:
        counted = lake.sql("select count(*), count(distinct (seq, row)), max(seq) from trades").rows()
    assert counted[0][:2] == (rows, rows)


@pytest.mark.slow
def test_a_roller_killed_at_any_moment_leaves_nothing_out_and_nothing_twice(script: Any, problems: Problems) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for i in range(TRADES):
        trade(script, i)
        if i % 2:
            script.mark()
    layout = Layout(script.data)
    prepare(layout)
    command = [sys.executable, "-m", "capture.lake.processes.roller", str(script.data), "main", str(os.getpid())]
    for kill in range(KILLS):
        with subprocess.Popen(command) as roller:
            started_s, before = time.monotonic(), read_rolled(layout, "main")
            while read_rolled(layout, "main") == before and time.monotonic() < started_s + 20:
                time.sleep(0.005)
            time.sleep(random.Random(kill).random() / 30)
            roller.kill()
        assert problems(layout) == []
    between = read_rolled(layout, "main")
    assert between is not None
    assert between.mark > KILLS
    list(Roller(layout, "main").roll())
    assert problems(layout) == []
    assert_once(layout, TRADES)


@pytest.mark.parametrize("seed", range(6))
def test_a_power_cut_costs_what_was_not_synced_and_no_more(script: Any, problems: Problems, seed: int) -> None:
    """Bytes after the last sync are gone; what was rolled was synced, so no rolled row outlives its tape."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for i in range(4):
        trade(script, i)
    script.mark()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    marked_bytes = script.writer.size_bytes
    for i in range(4, 12):
        trade(script, i)
    script.writer.close()
    (segment,) = segments(layout.tape / "main")
    whole = segment.path.stat().st_size
    os.truncate(segment.path, random.Random(seed).randrange(marked_bytes, whole))
    journal = Journal.open(Settings(data=script.data))
    seq = journal.line.seq
    journal.note({"note": "on again"})
    journal.mark()
    journal.tape.close()
    assert problems(layout) == []
    list(Roller(layout, "main").roll())
    assert problems(layout) == []
    with open_lake(layout.root) as lake:
        (counted,) = lake.sql("select count(*), count(distinct (seq, row)), max(seq) from "
                              "(select seq, row from trades union all select seq, row from midpoints)").rows()
    assert counted == (seq - 1, seq - 1, seq), "every frame but the hello, whole on the tape, is one row"


def test_a_range_is_on_the_disk_before_its_rows_are(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    script.marks += 1
    script.writer.rotate(script.line.as_mark(script.marks))
    script.trade(5, 2.0).mark()
    order: list[Path] = []
    layout = Layout(script.data)
    monkeypatch.setattr("capture.lake.roll.sync_content", order.append)
    monkeypatch.setattr("capture.lake.roll.publish_file", lambda path, *_: order.append(path))
    assert isinstance(script.writer, TapeWriter)
    list(Roller(layout, "main").roll())
    suffixes = "".join("t" if path.suffix == ".tape" else "p" for path in order)
    assert suffixes == "tt" + "p" * 3 + "t" + "p"
    assert [path.name for path in order[:2]] == ["000000000001.tape", "000000000002.tape"]
