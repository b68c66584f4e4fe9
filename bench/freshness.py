"""How long it takes from the gateway's send to a row that a query sees.

    python -m bench.freshness [--seconds N] [--rate N] [--questions N]

A gateway with an invented market, in a process of its own, notes when it sends each quote; `ticktape record` with its
defaults (a roll every 30 s) records them into a lake that holds ten sealed days; and `lake.sql()` is asked for their
count, over and over. Also asked: the views in `ticktape.duckdb`, as another tool sees them, which show what was rolled.
A row is seen when the answer is there that counts it. Then bench.growing_tail measures what the last of many questions
takes where nobody rolls.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

import capture
from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.gateway.run import running
from capture.lake.layout import Layout

from . import growing_tail
from .archive import Size, made
from .rounds import note

INSTRUMENTS = ("AAPL", "ESZ6", "EUR.USD")
BEFORE = Size(symbols=20, days=10, rows=4_000_000)
PAUSE_S = 0.02  # between two questions
VIEWS_EVERY_S = 1.0
PATIENCE_S = 30.0
ROLLED_S = 35.0  # the first roll is there after so long

Times = list[tuple[int, int]]  # wall clock in ns, and the number of rows by then


def serve(pipe: Connection, rate: float) -> None:
    """Run a gateway until told to stop; send its port, and at the end when how many quotes had been sent."""
    sent: Times = []

    def note(client_id: int, request_id: int, stream: str, table: str, rows: pa.Table) -> None:
        if table == "quotes":
            sent.append((time.time_ns(), len(rows) + (sent[-1][1] if sent else 0)))

    with running(Gateway(Market(rate=rate), on_rows=note)) as gateway:
        pipe.send(gateway.port)
        pipe.recv()
    pipe.send(sent)


class Watch:
    """When how many rows were seen by one way of asking, and what each question took, in seconds."""

    def __init__(self) -> None:
        self.seen: Times = []
        self.costs_s: list[float] = []

    def note(self, begin: float, count: int) -> None:
        """Note an answer to a question asked at a time of `time.perf_counter`."""
        self.costs_s.append(time.perf_counter() - begin)
        self.seen.append((time.time_ns(), count))

    def late_s(self, sent: Times) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return how long each row took from being sent to being seen, of those that were seen."""
        numbers = np.arange(1, self.seen[-1][1] + 1)
        when = [np.array([ns for ns, _ in times])[np.searchsorted([count for _, count in times], numbers)]
                for times in (self.seen, sent)]  # fmt: skip
        late_s: np.ndarray[tuple[int], np.dtype[np.float64]] = (when[0] - when[1]) / 1e9
        return late_s

    def line(self, name: str, sent: Times) -> str:
        """Return the figures as a line of the table."""
        late = self.late_s(sent)
        half, most = np.percentile(late, [50, 99])
        if name == "lake.sql()":
            note("freshness, p99", "ticktape", [most * 1e3])
        return (f"{name:<18}{len(late):>10,}{half * 1e3:>12,.0f}{most * 1e3:>12,.0f}"
                f"{np.median(self.costs_s) * 1e3:>18,.1f}{len(self.costs_s):>12,}")


def watch(folder: Path, seconds: float) -> tuple[Watch, Watch]:
    """Ask the lake, and now and then its views, for the number of quotes of today on."""
    question = f"select count(*) from quotes where date >= date '{datetime.now(UTC).date()}'"
    lake_watch, views_watch = Watch(), Watch()
    with capture.open_lake(folder) as lake:
        end = time.perf_counter() + seconds
        views_due = time.perf_counter() + ROLLED_S
        while (begin := time.perf_counter()) < end:
            lake_watch.note(begin, lake.sql(question).rows()[0][0])
            if (begin := time.perf_counter()) >= views_due:
                with duckdb.connect(str(Layout(folder).database), read_only=True) as connection:
                    found = connection.execute(question).fetchone()
                views_watch.note(begin, found[0] if found else 0)
                views_due += VIEWS_EVERY_S
            time.sleep(PAUSE_S)
    return lake_watch, views_watch


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--rate", type=float, default=20, help="how busy the market is: at 1 some 30 quotes a second")
    parser.add_argument("--questions", type=int, default=growing_tail.QUESTIONS, help="about a tail that grows")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        shutil.copytree(made(BEFORE), folder, copy_function=os.link if _same_disk(folder) else shutil.copy2)
        processes = multiprocessing.get_context("spawn")
        mine, theirs = processes.Pipe()
        gateway = processes.Process(target=serve, args=(theirs, asked.rate))
        gateway.start()
        recorder = subprocess.Popen(
            [sys.executable, "-m", "capture.cli", "record", *INSTRUMENTS, "--streams", "quotes", "--data", folder,
             "--port", str(mine.recv())], stderr=subprocess.DEVNULL)
        try:
            lake_watch, views_watch = watch(folder, asked.seconds)
        finally:
            recorder.terminate()
            recorder.wait(PATIENCE_S)
            mine.send("stop")
            sent: Times = mine.recv()
            gateway.join()
    seconds = (sent[-1][0] - sent[0][0]) / 1e9
    print(f"{sent[-1][1] / seconds:,.0f} quotes a second for {seconds:.0f} s, into a lake of {BEFORE.rows:,} rows\n")
    print(f"{'asked':<18}{'rows':>10}{'p50 ms':>12}{'p99 ms':>12}{'one question ms':>18}{'questions':>12}")
    print(lake_watch.line("lake.sql()", sent))
    print(views_watch.line("ticktape.duckdb", sent))
    print(f"\nbeside a recorder that nobody rolls, {growing_tail.MESSAGES} messages before each question")
    with tempfile.TemporaryDirectory() as name:
        growing_tail.report(growing_tail.cpu_s(Path(name) / "data", asked.questions, growing_tail.MESSAGES))


def _same_disk(folder: Path) -> bool:
    """Return whether files can be linked instead of copied: recorders never write into files that are there."""
    return folder.parent.stat().st_dev == made(BEFORE).stat().st_dev


if __name__ == "__main__":
    main()
