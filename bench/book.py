"""How fast order books are rebuilt from operations: ticktape against the loops that one writes for it.

    python -m bench.book [--hours N] [--rounds N]

From a Parquet file of SMART depth to a frame of the ten best levels of both sides, at every second and after every
change, in seconds of CPU time. Rivals: a loop over Python lists, as one writes it in a notebook, on rows that polars
reads and sorts; and the book that ib_async keeps, fed with the same rows. All on one core, in turn, round by round. The
books are compared: ib_async's are others, as it keeps a dict of positions and does not move the rows behind an insert
or a delete.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from ib_async import IB, Stock

import capture
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.views import prepare
from capture.query.books.book_snapshots import book_snapshots
from capture.schemas import DEPTH, SUBSCRIPTIONS

START = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
START_US, SECOND_US = int(START.timestamp()) * 1_000_000, 1_000_000
AAPL, LEVELS, REQUEST_ID = 265598, 10, 1
WHOSE = {"recorder": "main", "instrument_id": AAPL, "symbol": "AAPL", "stream": "smart_depth",
         "request_id": REQUEST_ID}  # fmt: skip
COLUMNS = [f"{side}_{what}_{level:02}" for side in ("bid", "ask") for what in ("px", "sz") for level in range(LEVELS)]

Row = tuple[int, int, str, str, float, float, str]
Rebuild = Callable[[Path, int, int | None], pl.DataFrame]


def made(folder: Path, hours: float) -> int:
    """Make a lake of so many hours of one book; return its number of operations."""
    market, layout = Market(seed=1), Layout(folder)
    end_us = START_US + int(hours * 3_600) * SECOND_US
    rows = pa.concat_tables([market.book(AAPL, START_US, LEVELS, True),
                             market.depth(AAPL, START_US, end_us, LEVELS, True)])  # fmt: skip
    count = len(rows)
    columns = {name: rows[name] for name in rows.schema.names} | {
        name: pa.repeat(value, count) for name, value in (WHOSE | {"origin": "live", "row": 0}).items()}
    columns["seq"] = pa.array(range(1, count + 1))
    asked = WHOSE | {"ts": START - timedelta(seconds=1), "seq": 0, "row": 0, "event": "requested"}
    prepare(layout)
    for table, found in ((DEPTH, columns), (SUBSCRIPTIONS, {name: [value] for name, value in asked.items()})):
        there = [found.get(name, pa.nulls(len(found["seq"]))) for name in table.schema.names]
        arrays = [pa.chunked_array(value) if isinstance(value, pa.ChunkedArray) else pa.array(value) for value in there]
        path = layout.live_file(table.name, START.date().isoformat(), "main", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(table, pa.table(arrays, names=table.schema.names).cast(table.schema), path)
    return count


def ticktape(folder: Path, end_us: int, every_s: int | None) -> pl.DataFrame:
    """Rebuild with the product."""
    every = None if every_s is None else timedelta(seconds=every_s)
    with capture.open_lake(folder) as lake:
        end = START + timedelta(microseconds=end_us - START_US)
        return book_snapshots(lake.sql, "AAPL", START, end, every=every, levels=LEVELS).pl()


def rows_of(folder: Path) -> Iterator[Row]:
    """Yield the operations in order, as polars gives them."""
    path = next((folder / "live" / "depth").glob("date=2026*/*.parquet"))
    frame = pl.read_parquet(path).filter(pl.col("symbol") == "AAPL").sort("seq", "row")
    names = ("position", "operation", "side", "price", "size", "market_maker")
    return frame.select(pl.col("ts").dt.epoch("us"), *names).iter_rows()


class Snapshots:
    """Collects the best levels, at every second or after every change."""

    def __init__(self, end_us: int, every_s: int | None) -> None:
        self.every_us = None if every_s is None else every_s * SECOND_US
        self.next_us, self.end_us = START_US, end_us
        self.times: list[int] = []
        self.rows: list[list[float | None]] = []

    def take(self, groups: Iterator[tuple[int, Any]], apply: Callable[[Any], None],
             top: Callable[[], list[float | None]]) -> pl.DataFrame:  # fmt: skip
        """Apply the operations of one time after the other, and return a frame of the snapshots."""
        for ts, rows in groups:
            self.until(ts, top)
            apply(rows)
            if self.every_us is None:
                self.times.append(ts)
                self.rows.append(top())
        self.until(self.end_us, top)
        frame = pl.DataFrame(self.rows, schema=dict.fromkeys(COLUMNS, pl.Float64), orient="row")
        return frame.insert_column(0, pl.Series("ts", self.times, pl.Int64).cast(pl.Datetime("us", "UTC")))

    def until(self, ts: int, top: Callable[[], list[float | None]]) -> None:
        """Take the snapshots before a moment."""
        while self.every_us is not None and self.next_us < ts:
            self.times.append(self.next_us)
            self.rows.append(top())
            self.next_us += self.every_us


def loop(folder: Path, end_us: int, every_s: int | None) -> pl.DataFrame:
    """Rebuild with a loop over lists."""
    bids: list[tuple[float, float]] = []
    asks: list[tuple[float, float]] = []

    def apply(rows: Any) -> None:
        for _, position, operation, side, price, size, _ in rows:
            book = bids if side == "bid" else asks
            if operation == "update":
                book[position] = (price, size)
            elif operation == "insert":
                book.insert(position, (price, size))
            else:
                del book[position]

    return Snapshots(end_us, every_s).take(groupby(rows_of(folder), lambda row: row[0]), apply,
                                           lambda: flat(bids) + flat(asks))  # fmt: skip


def flat(levels: Any) -> list[float | None]:
    """Return prices and then sizes of the ten best."""
    best = levels[:LEVELS]
    missing = [None] * (LEVELS - len(best))
    return [one[0] for one in best] + missing + [one[1] for one in best] + missing


def ib_async(folder: Path, end_us: int, every_s: int | None) -> pl.DataFrame:
    """Rebuild with ib_async's own book."""
    wrapper = IB().wrapper
    ticker = wrapper.startTicker(REQUEST_ID, Stock("AAPL", "SMART", "USD", conId=AAPL), "mktDepth")
    operations = {"insert": 0, "update": 1, "delete": 2}

    def apply(rows: Any) -> None:
        for _, position, operation, side, price, size, maker in rows:
            wrapper.updateMktDepthL2(REQUEST_ID, position, maker, operations[operation], side == "bid", price, size)
        ticker.domTicks.clear()

    return Snapshots(end_us, every_s).take(
        groupby(rows_of(folder), lambda row: row[0]), apply,
        lambda: flat([one[:2] for one in ticker.domBids]) + flat([one[:2] for one in ticker.domAsks]))


WAYS: dict[str, Rebuild] = {"ticktape": ticktape, "loop over Python lists": loop, "ib_async's book": ib_async}


def equal_share(frame: pl.DataFrame, own: pl.DataFrame) -> float:
    """Return which share of books is the same as those of ticktape."""
    same = frame.select("ts", *COLUMNS).join(own.select("ts", *COLUMNS), on=["ts", *COLUMNS], nulls_equal=True)
    return len(same) / len(own)


def main() -> None:
    """Run the rounds and print a table with ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = made(folder, asked.hours)
        end_us = START_US + int(asked.hours * 3_600) * SECOND_US
        print(f"{count:,} operations on one book")
        print(f"\n{'books':<20}{'rebuilt by':<26}{'operations/CPU s (median)':>26}{'ratio':>8}{'same books':>12}")
        for label, every_s in (("every second", 1), ("after every change", None)):
            seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            frames: dict[str, pl.DataFrame] = {}
            for _ in range(asked.rounds):
                for way, rebuild in WAYS.items():
                    begin = time.process_time()
                    frames[way] = rebuild(folder, end_us, every_s)
                    seconds[way].append(time.process_time() - begin)
            for way, times in seconds.items():
                ratio = statistics.median(b / a for a, b in zip(seconds["ticktape"], times, strict=True))
                share = equal_share(frames[way], frames["ticktape"])
                print(f"{label:<20}{way:<26}{count / statistics.median(times):>26,.0f}{ratio:>8.2f}{share:>12.0%}")


if __name__ == "__main__":
    main()
