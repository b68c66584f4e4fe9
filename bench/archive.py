"""A lake of sealed days to ask: quotes and trades of many symbols, made with numpy, written as the product writes."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.lake.archive import write_sorted
from capture.lake.layout import Layout
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.schemas import QUOTES, TRADES, Table

from .rivals.environment import FOLDER

FIRST_DAY = date(2026, 1, 5)
OPEN_S, CLOSE_S = 14.5 * 3_600, 21 * 3_600  # New York's hours in winter, UTC
QUOTES_SHARE = 0.75  # of all rows; the rest are trades
EXCHANGES = ("NASDAQ", "ARCA", "NYSE", "BATS", "IEX", "DRCTEDGE", "MEMX", "FINRA")
FIRST_CON_ID, FIRST_REQUEST = 100_000, 1_000
STREAMS = {"quotes": "quotes", "trades": "all_last"}
SECOND_US = 1_000_000

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Size:
    """How much a lake holds: quotes and trades together, spread over symbols unevenly and over days evenly."""

    symbols: int
    days: int
    rows: int

    @property
    def dates(self) -> list[date]:
        """The days, one after the other; weekends are not left out, as nothing here depends on them."""
        return [FIRST_DAY + timedelta(day) for day in range(self.days)]

    def counts(self, share: float) -> Numbers:
        """Return the rows of each symbol on a day: the first is the busiest, a tenth as busy is the 90th or so."""
        weights = 1 / (np.arange(self.symbols) + 10)
        counts: Numbers = np.maximum(self.rows * share / self.days * weights / weights.sum(), 1).astype(np.int64)
        return counts


def symbol(place: int) -> str:
    """Return the name of a symbol; the busiest are spread over the alphabet."""
    return f"{chr(65 + place * 7 % 26)}{chr(65 + place * 11 % 26)}{place:03}"


def made(size: Size) -> Path:
    """Return the folder of a lake, which is kept in `.bench/` once it is made."""
    folder = FOLDER / f"lake-{size.symbols}x{size.days}x{size.rows}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        layout = Layout(unfinished)
        prepare(layout)
        for done, day in enumerate(size.dates):
            for table, path in _sources(size, day, unfinished):
                target = layout.archive_file(table.name, str(day), "main", done, done)
                target.parent.mkdir(parents=True)
                write_sorted(table, [path], target)
                path.unlink()
        for table in (QUOTES, TRADES):
            seal_through(layout, table.name, size.dates[-1])
        unfinished.rename(folder)
    return folder


def _sources(size: Size, day: date, folder: Path) -> Iterator[tuple[Table, Path]]:
    """Yield each table's rows of a day in a file, in the order in which they arrived."""
    rng = np.random.default_rng(day.toordinal())
    midnight_us = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_US
    for table, share in ((QUOTES, QUOTES_SHARE), (TRADES, 1 - QUOTES_SHARE)):
        counts = size.counts(share)
        owner = rng.permutation(np.repeat(np.arange(size.symbols), counts))
        times_s = np.sort(rng.uniform(OPEN_S, CLOSE_S, len(owner)))
        path = folder / f"{table.name}.parquet"
        pq.write_table(_rows(table, owner, midnight_us + (times_s * SECOND_US).astype(np.int64), rng), path,
                       compression="none")
        yield table, path


def _rows(table: Table, owner: Numbers, ts_us: Numbers, rng: np.random.Generator) -> pa.Table:
    """Return rows with every column; prices walk by ticks, sizes are round lots for the most part."""
    count = len(owner)
    price = np.round(50 + owner + _walk(owner, rng.integers(-1, 2, count)) / 100, 2)
    lots = rng.geometric(0.3, (2, count)) * 100.0
    # No two rows of a table at the same moment, so that "the last one" is one for every engine.
    ts_us = np.maximum.accumulate(ts_us - np.arange(count)) + np.arange(count)
    columns: dict[str, Any] = {
        "ts": ts_us, "ts_event": ts_us // SECOND_US * SECOND_US,
        "seq": np.arange(count) * 4 + rng.integers(0, 4, count),
        "instrument_id": owner + FIRST_CON_ID, "request_id": owner + FIRST_REQUEST,
        "symbol": pa.array([symbol(place) for place in range(owner.max() + 1)]).take(pa.array(owner)),
        "bid_price": price, "ask_price": np.round(price + rng.choice((0.01, 0.01, 0.02), count), 2),
        "bid_size": lots[0], "ask_size": lots[1],
        "price": price, "size": np.where(rng.random(count) < 0.4, rng.integers(1, 100, count), lots[0]),
        "exchange": pa.array(EXCHANGES).take(pa.array(rng.integers(0, len(EXCHANGES), count))),
    }
    constants = {"row": 0, "recorder": "main", "stream": STREAMS[table.name], "origin": "live", "bid_past_low": False,
                 "ask_past_high": False, "conditions": None, "past_limit": False, "unreported": False}
    arrays = [pa.array(columns[field.name]).cast(field.type) if field.name in columns
              else pa.repeat(pa.scalar(constants[field.name], field.type), count) for field in table.schema]
    return pa.table(arrays, schema=table.schema)


def _walk(owner: Numbers, steps: Numbers) -> Numbers:
    """Return for each row the sum of its owner's steps so far."""
    order = np.argsort(owner, kind="stable")
    summed = np.cumsum(steps[order])
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    before = np.repeat(summed[first] - steps[order][first], np.diff(first, append=len(owner)))
    walked = np.empty_like(summed)
    walked[order] = summed - before
    return walked
