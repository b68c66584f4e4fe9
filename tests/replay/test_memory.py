"""A replay holds no more of three days than of one."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from capture.lake.archive import write_sorted
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.schemas import MIDPOINTS, TABLES

FIRST = date(2026, 1, 5)
ROWS = 1_100_000  # a day: more than are read at once
DAY_US = 86_400_000_000

PLAY = """
import resource, sys
from collections import deque
import capture

def most_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with capture.open_lake(sys.argv[1]) as lake:
    counts = []
    for days in (1, 3):
        until = f"2026-01-{5 + days:02}"
        counts.append(sum(map(len, lake.replay(end=until, tables=["midpoints"]).batches())))
        counts.append(sum(1 for _ in lake.replay(end=until, tables=["midpoints"], columns=["price"])))
        print(most_kib(), *counts)
"""


def fill(layout: Layout, day: date) -> None:
    begin_us = (day - date(1970, 1, 1)).days * DAY_US
    owner = np.arange(ROWS) % 3
    number = np.arange(ROWS)
    columns = {"ts": begin_us + number * (DAY_US // ROWS), "seq": number, "price": number / 4, "instrument_id": owner,
               "request_id": owner, "symbol": pa.array(["A", "B", "C"]).take(pa.array(owner)),
               "row": np.zeros(ROWS), "recorder": pa.repeat("main", ROWS), "origin": pa.repeat("live", ROWS)}
    rows = pa.table([pa.array(columns[field.name]).cast(field.type) if field.name in columns
                     else pa.nulls(ROWS, field.type) for field in MIDPOINTS.schema], schema=MIDPOINTS.schema)
    source, target = layout.root / "source.parquet", layout.archive_file("midpoints", str(day), "main", 1, 2)
    target.parent.mkdir(parents=True)
    write_parquet(MIDPOINTS, rows, source)
    write_sorted(MIDPOINTS, [source], target)
    source.unlink()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_span(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.tape.mkdir(parents=True)
    prepare(layout)
    days = [FIRST + timedelta(day) for day in range(3)]
    for day in days:
        fill(layout, day)
    for name in TABLES:
        seal_through(layout, name, days[-1])
    ran = subprocess.run([sys.executable, "-c", PLAY, layout.root], capture_output=True, text=True, check=True)
    one, three = ([int(word) for word in line.split()] for line in ran.stdout.splitlines())
    assert one[1:] == [ROWS, ROWS]
    assert three[3:] == [3 * ROWS, 3 * ROWS]
    assert three[0] < one[0] * 1.15 + 20_000, f"{one[0]:,} KiB for a day, {three[0]:,} KiB for three"
