"""Rolling: the rows between two marks become one Parquet file per table and date.

The same two marks always give the same rows under the same names, whenever and by whomever it is done; the rolled
position moves on only when all files of a range are published. So rolling twice does no harm and nothing is missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES
from capture.tape import Follower, Kind, Record, publish, segments
from capture.tape.segment import Segment

from .decode import Decoder, Tables
from .layout import Layout, Rolled, read_rolled, write_rolled
from .parquet import FILE_MODE, write_parquet


@dataclass(slots=True)
class Roll:
    """What one roll did: the marks it went from and to, frames, and rows per table."""

    from_mark: int
    to_mark: int
    frames: int
    rows: dict[str, int] = field(default_factory=dict)


class Roller:
    """Rolls one recorder's tape, from its rolled position on. Raises TapeError where the tape cannot be read."""

    def __init__(self, layout: Layout, recorder: str) -> None:
        self.layout, self.recorder = layout, recorder
        self._follower: Follower | None = None
        self._mark: Record | None = None
        self._records: list[Record] = []
        self._damage_seen = 0
        self._gaps: dict[str, Any] | None = None

    def roll(self) -> Iterator[Roll]:
        """Roll every range that is complete by now, one at a time."""
        follower = self._follow()
        if follower is None:
            return
        while records := follower.poll():
            for record in records:
                if record.kind == Kind.MARK:
                    if self._mark is not None:
                        yield self._range(self._mark, record, follower)
                    self._mark, self._records = record, []
                else:
                    self._records.append(record)

    def _follow(self) -> Follower | None:
        if self._follower is None:
            folder = self.layout.tape / self.recorder
            start = first_unrolled(self.layout, self.recorder, segments(folder))
            if start is not None:
                self._gaps = start.gaps
                self._follower = Follower(folder, start.mark)
        return self._follower

    def _range(self, start: Record, end: Record, follower: Follower) -> Roll:
        decoder = Decoder(self.recorder, self._gaps)
        decoder.feed([start])
        decoder.feed(self._records)
        for damage in follower.damage[self._damage_seen :]:
            decoder.damaged(damage)
        self._damage_seen = len(follower.damage)
        from_mark, to_mark = start.json()["mark"], end.json()["mark"]
        tables = decoder.take()
        publish_range(self.layout, self.recorder, from_mark, tables)
        self._gaps = decoder.gaps.as_json()
        write_rolled(self.layout, self.recorder, Rolled(to_mark, self._gaps))
        return Roll(from_mark, to_mark, decoder.frames, {name: rows.num_rows for name, rows in tables.items()})


def first_unrolled(layout: Layout, recorder: str, tape: list[Segment]) -> Rolled | None:
    """Return the position from which a recorder's tape is still to be rolled; None while it has no tape."""
    rolled = read_rolled(layout, recorder)
    if rolled is not None:
        return rolled
    return Rolled(tape[0].first_mark) if tape else None


def publish_range(layout: Layout, recorder: str, mark: int, tables: Tables) -> None:
    """Publish the rows that followed a mark, one file per table and UTC date."""
    for name, rows in tables.items():
        for day, part in by_date(rows):
            path = layout.live_file(name, day, recorder, mark)
            path.parent.mkdir(parents=True, exist_ok=True)
            publish(path, partial(write_parquet, TABLES[name], part), mode=FILE_MODE)


def by_date(rows: pa.Table) -> list[tuple[str, pa.Table]]:
    """Split rows by the UTC date of their ts, keeping their order; dates in ISO form."""
    if not rows.num_rows:
        return []
    bounds = pc.min_max(rows["ts"]).as_py()
    if bounds["min"].date() == bounds["max"].date():
        return [(bounds["min"].date().isoformat(), rows)]
    dates = pc.cast(pc.floor_temporal(rows["ts"], unit="day"), pa.date32())
    return [(day.isoformat(), rows.filter(pc.equal(dates, day))) for day in sorted(pc.unique(dates).to_pylist())]
