"""The gaps that are open, wait for history or were not filled by it, as the roller left them: no tape is decoded."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from capture.lake.layout import Layout, day_folders
from capture.lake.parquet_file import read_parquet
from capture.lake.roll import first_unrolled
from capture.schemas import GAPS
from capture.tape import segments
from capture.times import moment_of

_TIMES = ("from_ts", "to_ts")
_COLUMNS = ("recorder", "instrument_id", "symbol", "stream", "gap_id", "state", "from_ts", "to_ts", "reason")


def stored_gaps(layout: Layout, since: datetime) -> list[dict[str, Any]]:
    """Return gaps as rows of `gaps` have them: those that are open, closed ones that wait for history, and those since
    a moment of which it is known that history lacks them. Raises OSError, and what Arrow raises.
    """
    lacking = {row["gap_id"]: row for row in _unavailable(layout, since)}
    return [*(gap for name in layout.recorders() for gap in _of_recorder(layout, name)), *lacking.values()]


def _of_recorder(layout: Layout, recorder: str) -> Iterator[dict[str, Any]]:
    rolled = first_unrolled(layout, recorder, segments(layout.tape / recorder))
    state = (rolled and rolled.state) or {}
    found = [("open", watch["gap"]) for watch in state.get("watches", ()) if watch["gap"]]
    for word, gap in [*found, *(("closed", gap) for gap in state.get("waiting", ()))]:
        times = {name: moment_of(gap[name]) if gap.get(name) is not None else None for name in _TIMES}
        yield {name: gap.get(name) for name in _COLUMNS} | times | {"recorder": recorder, "state": word}


def _unavailable(layout: Layout, since: datetime) -> Iterator[dict[str, Any]]:
    for path in _files(layout, since.date().isoformat()):
        rows = read_parquet(path)
        for row in rows.select([name for name in _COLUMNS if name in rows.column_names]).to_pylist():
            if row["state"] == "unavailable":
                yield row


def _files(layout: Layout, first: str) -> Iterator[Path]:
    for folder in (layout.archive(GAPS.name), layout.live(GAPS.name)):
        for day, of_day in day_folders(folder).items():
            if day >= first:
                yield from sorted(of_day.glob("*.parquet"))
