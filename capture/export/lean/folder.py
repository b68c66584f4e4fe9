"""A data folder for LEAN, QuantConnect's engine: zipped lines of text, a zip per day, or per instrument for long bars.

Paths, names and lines are those that LEAN's readers of ticks, trade bars and quote bars expect.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa

from capture.export import source
from capture.export.job import Job
from capture.export.row_writer import Rows, Writer
from capture.query import QueryError

from .days import local_days
from .lines import Lines
from .paths import Kind, Place, entry_name, place_of, zip_path, zone_of
from .zips import Zips

# Seconds of a bar -> LEAN's name of its resolution.
RESOLUTIONS: dict[float, str] = {1: "second", 60: "minute", 3_600: "hour", 86_400: "daily"}

TAKES = {
    "trades": "ticks of trades, or with --every 1 second, minute, hour or day trade bars",
    "quotes": "ticks of quotes, or with --every 1 second, minute, hour or day quote bars",
}
LEAVES_OUT = (
    "LEAN has no place for IB's own time of an event, sequence numbers, recorder, stream, request and the kind of "
    "data (live, delayed, frozen), nor for notices of halts; conditions of trades are left empty, as LEAN wants "
    "them as numbers of its own. Trades that are unreported or past a limit, and quotes past one, are marked "
    "suspicious, which LEAN leaves out of its bars. A side of a quote that is not there is 0. Quotes of "
    "currencies have no sizes and no marks, and are filed under oanda; crypto has no exchanges and is filed under "
    "coinbase: LEAN looks there unless told otherwise. Times are in the zone that LEAN has for a market, of "
    "shares New York's, of currencies and most futures UTC; where clocks go back an hour is there twice. Bars "
    "have no vwap, number of trades and gaps, quote bars sizes of 0; a day is the local one, with all hours that "
    "were recorded, not only regular ones. Map and factor files are not written. LEAN reads no ticks and no "
    "quotes of indices, no trades of currencies, no quote bars of an hour or a day of shares; and only shares in "
    "USD and options on them, and futures of exchanges that it knows."
)


def rows(job: Job) -> Rows:
    """Return the rows that become lines: each trade or quote once, or bars, those of a day of local days.

    Raises QueryError for bars that LEAN does not have.
    """
    kind = kind_of(job)
    if kind.resolution == "tick":
        return source.once(job)
    if kind.resolution == "daily":
        if job.whole or job.min_coverage is not None:
            raise QueryError("days of LEAN are local, and of UTC days it is known what is missing: leave `whole` and "
                             "`min_coverage` out, or choose bars of 1 hour")
        return local_days(job, lambda instrument_id: zone_of(job.details.get(instrument_id)))
    return source.bars(job)


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer into an empty folder."""
    del rows
    return LeanWriter(path, job)


def kind_of(job: Job) -> Kind:
    """Return what the rows become. Raises QueryError where LEAN has no such bars."""
    tick_type = {"trades": "trade", "quotes": "quote"}[job.table.name]
    if job.every is None:
        return Kind("tick", tick_type)
    seconds = source.width_of(job).total_seconds()
    if seconds not in RESOLUTIONS:
        raise QueryError(f"LEAN has no bars of {job.every}: choose 1 second, 1 minute, 1 hour or 1 day, or export to "
                         "Parquet instead")
    return Kind(RESOLUTIONS[seconds], tick_type)


class LeanWriter:
    """Appends each instrument's rows to its entries of zips; rows that LEAN has no place for are taken down."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._job = job
        self._kind = kind_of(job)
        self._lines = Lines(self._kind, job)
        self._zips = Zips(folder)
        self._places: dict[int, Place | str] = {}
        self._taken: set[Place] = set()

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        frame = cast(pl.DataFrame, pl.from_arrow(batch))
        if frame.is_empty():
            return
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for instrument_id, symbol, count in frame.group_by("instrument_id", maintain_order=True).agg(
                pl.col("symbol").first(), pl.len().alias("count")).rows():
            place = self._place(instrument_id, symbol)
            if isinstance(place, str):
                self._job.lose(place, count)
            else:
                groups[place.security, place.zone].append(instrument_id)
        for (security, zone), ids in groups.items():
            self._append(security, zone, frame.filter(pl.col("instrument_id").is_in(ids)))
        self._zips.finish(frame["ts"][-1].date())

    def close(self) -> None:
        """Finish all zips."""
        self._zips.finish()

    def _append(self, security: str, zone: str, some: pl.DataFrame) -> None:
        """Append rows of one type of security and one time zone: their text is made at once, which is much faster."""
        local = some["ts"].dt.convert_time_zone(zone).dt.replace_time_zone(None)
        # A file of long bars is of all days, or of a year.
        begins = local.dt.truncate("1y" if self._kind.long else "1d").dt.date()
        keys = ["instrument_id", "day"]
        lines = self._lines.of(security, some.with_columns(local=local, day=begins), keys)
        for (instrument_id, day), part in lines.partition_by(keys, maintain_order=True, include_key=False,
                                                             as_dict=True).items():
            place = self._places[instrument_id]
            assert isinstance(place, Place) and isinstance(day, date)
            path, entry = zip_path(place, self._kind, day), entry_name(place, self._kind, day)
            self._zips.append(path, entry, part, None if self._kind.long else day)

    def _place(self, instrument_id: int, symbol: str | None) -> Place | str:
        """Return where an instrument's rows belong, or how to take down that they belong nowhere."""
        if instrument_id not in self._places:
            name = symbol or f"contract id {instrument_id}"
            place = place_of(self._job.details.get(instrument_id), self._kind)
            if place in self._taken:
                place = "another instrument has the same name in LEAN"
            if isinstance(place, Place):
                self._taken.add(place)
            self._places[instrument_id] = f"rows of {name}, left out: {place}" if isinstance(place, str) else place
        return self._places[instrument_id]
