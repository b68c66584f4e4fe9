"""What of the time of an export was recorded: for its manifest, and to leave out days that are not covered enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.query.coverage import TABLE_OF_STREAM
from capture.wire.times import microseconds

from .job import Job

DAY = timedelta(days=1)


def coverage_of(job: Job) -> list[dict[str, Any]]:
    """Return coverage by symbol, stream and day of the instrument, as `lake.coverage` does, for a job."""
    streams = [stream for stream, table in TABLE_OF_STREAM.items()
               if table == job.table.name and job.stream in (None, stream)]
    return job.lake.coverage(job.symbols, *job.span, streams=streams) if streams else []


def gaps_of(job: Job) -> list[dict[str, Any]]:
    """Return the gaps, as `lake.gaps` does, that touch a job's time and table."""
    since, until = (at.isoformat() for at in job.span)
    found: list[dict[str, Any]] = job.lake.gaps(job.symbols, since=since, until=until).arrow().to_pylist()
    return [gap for gap in found if TABLE_OF_STREAM[gap["stream"]] == job.table.name
            and job.stream in (None, gap["stream"])]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A day of an instrument that is left out: [start_us, end_us) in microseconds since 1970."""

    instrument_id: int
    symbol: str
    day: str
    share: float
    start_us: int
    end_us: int


def uncovered(job: Job, coverage: list[dict[str, Any]]) -> list[Uncovered]:
    """Return the days of which less is covered than a job wants; of several streams the best counts."""
    best: dict[tuple[int, str], dict[str, Any]] = {}
    for row in coverage:
        key = row["instrument_id"], row["day"]
        if row["share"] is not None and row["share"] >= best.get(key, {"share": -1.0})["share"]:
            best[key] = row
    wanted = job.min_coverage or 0.0
    return [_day(row) for row in best.values() if row["share"] < wanted]


def _day(row: dict[str, Any]) -> Uncovered:
    zone, day = ZoneInfo(row["zone"]), date.fromisoformat(row["day"])
    start, end = (microseconds(datetime.combine(at, time(), zone)) for at in (day, day + DAY))
    return Uncovered(row["instrument_id"], row["symbol"], row["day"], row["share"], start, end)


def without(batches: Iterator[pa.RecordBatch], days: list[Uncovered]) -> Iterator[pa.RecordBatch]:
    """Yield rows but for those of some days, and no empty batch; they have the columns `ts` and `instrument_id`."""
    for batch in batches:
        kept = batch.filter(pa.array(_kept(batch, days))) if days else batch
        if len(kept):
            yield kept


def _kept(batch: pa.RecordBatch, days: list[Uncovered]) -> npt.NDArray[np.bool_]:
    ts = batch["ts"].cast(pa.int64()).to_numpy()
    ids = batch["instrument_id"].fill_null(0).to_numpy()
    keep = np.ones(len(batch), bool)
    for day in days:
        keep &= ~((ids == day.instrument_id) & (ts >= day.start_us) & (ts < day.end_us))
    return keep
