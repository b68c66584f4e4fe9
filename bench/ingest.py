"""How fast a recorder takes market data in: ticktape against a recorder written the usual way on ib_async.

    python -m bench.ingest [--messages N] [--rounds N] [--rival-messages N]

ticktape: the product's recorder and roller, from a TCP socket to tape to Parquet (zstd), every column of its tables;
timed from the first byte sent to the end of the recorder, when the last file is published. The rival (bench/rival.py)
reads the same bytes from a file. Both are pinned to one core, in turn, round by round; the sender has the other core.
Then ticktape once more with two cores, and its CPU share and memory at a steady 10,000 messages a second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from .rounds import note

STILL_S = 0.2  # a tape that has not grown for so long holds all that was sent; not counted as work
LOST_S = 30.0  # one that has not grown for so long will never hold it
ONE_CORE, TWO_CORES, SENDER = {0}, {0, 1}, {1}


@dataclass
class Run:
    """What one run of ticktape gave: messages a second, rows in Parquet, and their bytes."""

    per_second: float
    rows: int
    size_bytes: int


def pinned(cores: set[int]) -> Callable[[], None]:
    """Return what a child process does first: stay on these cores."""
    there = os.sched_getaffinity(0)
    return lambda: os.sched_setaffinity(0, cores & there or there)


@contextmanager
def recording(
    folder: Path, count: int, cores: set[int], *pace: str
) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Start a sender and a recorder, and yield both when all streams are subscribed and the frames prepared."""
    python = sys.executable
    feeder = subprocess.Popen(
        [python, "-m", "bench.feeder", folder / "bytes", folder / "ids.json", str(count), *pace],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(SENDER))
    assert feeder.stdout
    port = feeder.stdout.readline().strip()
    recorder = subprocess.Popen(
        [python, "-m", "bench.record", port, folder / "data", "2"], preexec_fn=pinned(cores))
    try:
        if feeder.stdout.readline().strip() != "ready":
            raise SystemExit("the sender failed; see above")
        yield feeder, psutil.Process(recorder.pid)
    finally:
        for process in (recorder, feeder):
            process.kill()
            process.wait()


def start_sending(feeder: "subprocess.Popen[str]") -> None:
    """Let the sender go."""
    assert feeder.stdin
    feeder.stdin.write("go\n")
    feeder.stdin.flush()


def ticktape(folder: Path, count: int, cores: set[int]) -> Run:
    """Record `count` messages and stop; everything is in Parquet then."""
    with recording(folder, count, cores) as (feeder, recorder):
        before = rows_in(folder / "data")
        begin = time.perf_counter()
        start_sending(feeder)
        assert feeder.stdout
        feeder.stdout.readline()
        wait_until_still(folder / "data" / "tape" / "main", (folder / "bytes").stat().st_size)
        recorder.terminate()
        recorder.wait()
        seconds = time.perf_counter() - begin - STILL_S
    rows = rows_in(folder / "data")
    if rows - before < count:
        raise SystemExit(f"{count} messages were sent, {rows - before} rows are in Parquet")
    size = sum(path.stat().st_size for path in (folder / "data" / "live").rglob("*.parquet"))
    return Run(count / seconds, rows, size)


def wait_until_still(tape: Path, size: int) -> None:
    """Wait until a tape holds at least this many bytes and grows no more for STILL_S."""
    seen, since = 0, time.perf_counter()
    while seen < size or time.perf_counter() - since < STILL_S:
        if time.perf_counter() - since > LOST_S:
            raise SystemExit(f"the tape holds {seen:,} of {size:,} bytes and grows no more: is the machine too busy?")
        now = sum(path.stat().st_size for path in tape.glob("*.tape*"))
        if now != seen:
            seen, since = now, time.perf_counter()
        time.sleep(0.005)


def rows_in(data: Path) -> int:
    """Return the rows of market data in a lake's files."""
    tables = ("trades", "quotes", "depth", "ticks", "bars")
    paths = [path for table in tables for path in (data / "live" / table).rglob("*.parquet")]
    return sum(pq.read_metadata(path).num_rows for path in paths)


def rival(folder: Path, count: int) -> float:
    """Return the rival's messages per second on the first `count` of the frames that ticktape had."""
    data = (folder / "bytes").read_bytes()
    at = 0
    for _ in range(count):
        at += 4 + int.from_bytes(data[at : at + 4], "big")
        if at >= len(data):
            break
    part = folder / "rival.bytes"
    part.write_bytes(data[:at])
    command: list[str | Path] = [sys.executable, "-m", "bench.rival", part, folder / "ids.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=pinned(ONE_CORE))
    return float(done.stdout)


def steady(folder: Path, per_second: int, seconds: int) -> dict[str, float]:
    """Return CPU share of one core and memory of recorder and roller at a steady pace."""
    with recording(folder, 200_000, TWO_CORES, str(per_second), str(seconds)) as (feeder, recorder):
        roller = recorder.children()[0]
        start_sending(feeder)
        time.sleep(2)
        begin, before = time.perf_counter(), [sum(p.cpu_times()[:2]) for p in (recorder, roller)]
        time.sleep(seconds - 4)
        took = time.perf_counter() - begin
        after = [sum(p.cpu_times()[:2]) for p in (recorder, roller)]
        memory = [p.memory_info().rss / 2**20 for p in (recorder, roller)]
        recorder.terminate()
        recorder.wait()
    shares = [100 * (b - a) / took for a, b in zip(before, after, strict=True)]
    return {"recorder_cpu_percent": shares[0], "roller_cpu_percent": shares[1],
            "recorder_mib": memory[0], "roller_mib": memory[1]}


def main() -> None:
    """Run the rounds and print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--rival-messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steady-seconds", type=int, default=20)
    asked = parser.parse_args()
    ones, twos, others = [], [], []
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            run = ticktape(Path(one), asked.messages, ONE_CORE)
            ones.append(run.per_second)
            others.append(rival(Path(one), asked.rival_messages))
            twos.append(ticktape(Path(two), asked.messages, TWO_CORES).per_second)
            print(f"round {number + 1}: ticktape {ones[-1]:,.0f} on one core, {twos[-1]:,.0f} on two; "
                  f"ib_async recorder {others[-1]:,.0f} messages per second", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        share = steady(Path(folder), 10_000, asked.steady_seconds)
    for measure, ours in (("ingest, one core", ones), ("ingest, two cores", twos)):
        note(measure, "ticktape", ours)
        note(measure, "ib_async recorder", others)
    for process in ("recorder", "roller"):
        note(f"steady, {process}", "ticktape", [share[f"{process}_cpu_percent"]])
        note(f"memory, {process}", "ticktape", [share[f"{process}_mib"]])
    print(f"\n{'recorder':<28}{'messages per second (median)':>30}")
    for name, values in (("ticktape, one core", ones), ("ticktape, two cores", twos), ("ib_async recorder", others)):
        print(f"{name:<28}{statistics.median(values):>30,.0f}")
    print(f"\nbytes in Parquet per row: {run.size_bytes / run.rows:.2f}")
    print(f"at a steady 10,000 messages per second: {json.dumps({k: round(v, 1) for k, v in share.items()})}")
    print(f"ratio {statistics.median(a / b for a, b in zip(ones, others, strict=True)):.2f} on one core")
    print(f"ratio {statistics.median(a / b for a, b in zip(twos, others, strict=True)):.2f} on two cores")


if __name__ == "__main__":
    main()
