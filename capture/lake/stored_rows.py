"""Rows of one recorder that a lake's files hold already: what decoding pairs history with (D48)."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.decode.restore import NEEDED

from .layout import Layout
from .parquet_file import read_parquet, statistics_of

# A row lies in the file of the date it arrived on. Delayed data, and a clock that is off, come no later than this.
_ARRIVAL = timedelta(days=1)
KNOWN_FILES = 100_000  # of which the times are remembered: more than are looked at for a gap, some ten MB


class Files:
    """Finds the rows of one recorder in a lake's files. Remembers what times a file holds until it is replaced."""

    def __init__(self, layout: Layout, recorder: str) -> None:
        self.layout, self.recorder = layout, recorder
        self._times: dict[Path, tuple[int, tuple[datetime, datetime] | None]] = {}

    def __call__(self, name: str, instrument_id: int, first: datetime, last: datetime) -> list[pa.Table]:
        """Return rows of an instrument whose ts_event is between two moments, both included."""
        wanted = [("instrument_id", "=", instrument_id), ("ts_event", ">=", first), ("ts_event", "<=", last)]
        found = []
        for path in self._paths(name, first - _ARRIVAL, last + _ARRIVAL):
            try:
                times = self._times_in(path)
                if times is not None and times[0] <= last and times[1] >= first:
                    found.append(read_parquet(path, columns=NEEDED[name], filters=wanted))
            except FileNotFoundError:
                continue  # sealed meanwhile: the day's file was listed too
        return found

    def _paths(self, name: str, first: datetime, last: datetime) -> list[Path]:
        days = (first.date() + timedelta(days=n) for n in range((last.date() - first.date()).days + 1))
        # Live before archive: what is sealed between the two listings is found in one of them, or in both.
        return [path for day in days for folder in (self.layout.live(name), self.layout.archive(name))
                for path in (folder / f"date={day}").glob(f"{self.recorder}.*.parquet")]

    def _times_in(self, path: Path) -> tuple[datetime, datetime] | None:
        changed_ns = path.stat().st_mtime_ns
        if self._times.get(path, (0, None))[0] != changed_ns:
            self._times[path] = changed_ns, _first_and_last(path)
            if len(self._times) > KNOWN_FILES:
                del self._times[next(iter(self._times))]  # the one that was met first: of the earliest day
        return self._times[path][1]


def _first_and_last(path: Path) -> tuple[datetime, datetime] | None:
    metadata = pq.read_metadata(path)
    at = metadata.schema.names.index("ts_event")
    found = [statistics_of(metadata, group, at) for group in range(metadata.num_row_groups)]
    bounds = [(one.min, one.max) for one in found if one.has_min_max]  # else there are no times at all
    return (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None
