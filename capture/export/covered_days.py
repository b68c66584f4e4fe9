"""What of the time of an export was recorded: for its manifest, and to leave out days that are not covered enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.account_rows import STREAM_OF_ACCOUNT_TABLE
from capture.replay.row_filter import US
from capture.times import DAY, microseconds
from capture.wire.messages.live_streams import TABLE_OF_STREAM

from .job import Job

RESTORED = "backfill"  # the origin of rows from IB's history


def coverage_of(job: Job) -> list[dict[str, Any]]:
    """Return coverage by symbol, stream and day of the instrument, as `lake.coverage` does, of the days of a job.

    Where the job has no start or no end, of the first and the last day all that was wanted counts.
    """
    streams = [stream for stream, table in TABLE_OF_STREAM.items()
               if table == job.table.name and job.stream in (None, stream)]
    if not streams:
        return []
    start, end = job.span
    rows = job.lake.coverage(job.symbols, job.start, job.end, streams=streams)
    return [row for row in rows
            if start.astimezone(ZoneInfo(row["zone"])).date() <= date.fromisoformat(row["day"])
            <= (end - US).astimezone(ZoneInfo(row["zone"])).date()]


def gaps_of(job: Job) -> list[dict[str, Any]]:
    """Return the gaps, as `lake.gaps` does, that touch a job's time and table; `lasted_s` is what lies in its time."""
    since, end = job.span
    until = end if job.end is not None else max(end - US, since)  # what began with the last row is no part of it
    gaps: list[dict[str, Any]] = job.lake.gaps(job.symbols, since, until
                                               ).arrow().to_pylist()
    return [gap | {"lasted_s": (min(gap["to_ts"] or until, until) - max(gap["from_ts"], since)).total_seconds()}
            for gap in gaps
            if _fills(gap["stream"], job.table.name) and job.stream in (None, gap["stream"])]


def _fills(stream: str, table: str) -> bool:
    return TABLE_OF_STREAM.get(stream) == table or STREAM_OF_ACCOUNT_TABLE.get(table) == stream


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


def without(
    batches: Iterator[pa.RecordBatch], days: list[Uncovered], *, restored: bool = True
) -> Iterator[pa.RecordBatch]:
    """Yield rows but for those of some days, and those from history if need be; no empty batch.

    They have the columns `ts` and `instrument_id`, and `origin` if `restored` is False.
    """
    for batch in batches:
        kept = batch if restored else batch.filter(pc.not_equal(batch["origin"].cast(pa.string()), RESTORED))
        kept = kept.filter(pa.array(_kept(kept, days))) if days else kept
        if len(kept):
            yield kept


def _kept(batch: pa.RecordBatch, days: list[Uncovered]) -> npt.NDArray[np.bool_]:
    ts = batch["ts"].cast(pa.int64()).to_numpy()
    ids = batch["instrument_id"].fill_null(0).to_numpy()
    keep = np.ones(len(batch), bool)
    for day in days:
        keep &= ~((ids == day.instrument_id) & (ts >= day.start_us) & (ts < day.end_us))
    return keep
