"""Which dates of the archive are compacted, remembered by when their folders changed: nobody opens them to see it.

    sealed/compacted.json    of each date, by table: when its folder was changed, once nothing is left to do in it
"""

import json
import time
from pathlib import Path

from capture.data_folder import COMPACTED
from capture.lake.kept import UNCHANGED_NS
from capture.lake.layout import Layout, day_folders
from capture.lake.parquet_file import FILE_MODE
from capture.lake.sealed import sealed_through
from capture.publish import publish
from capture.schemas import TABLES

SAVE_INTERVAL_S = 10.0  # a compactor that is killed looks again at what it looked at since


class CompactedDays:
    """The dates of which all files have the row groups of today, as far as is known. Its loss costs another look."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._done = _read(layout.root / COMPACTED)
        self._saved_s = time.monotonic()

    def due(self) -> list[tuple[str, str]]:
        """Return dates (ISO) and tables to look at, the newest date first. Raises LakeStateError."""
        found = []
        for table in TABLES:
            through, done = str(sealed_through(self.layout, table)), self._done.get(table, {})
            for day, folder in day_folders(self.layout.archive(table)).items():
                if day <= through and _changed_ns(folder) != done.get(day):
                    found.append((day, table))
        return sorted(found, reverse=True)

    def note(self, table: str, day: str) -> None:
        """Take note that nothing is left to do for a date; not of one that may change yet without telling another time.
        """
        changed_ns = _changed_ns(self.layout.archive(table) / f"date={day}")
        if changed_ns is not None and time.time_ns() - changed_ns > UNCHANGED_NS:
            self._done.setdefault(table, {})[day] = changed_ns
        if time.monotonic() - self._saved_s >= SAVE_INTERVAL_S:
            self.save()

    def save(self) -> None:
        """Write down what is done, of dates that are there. Raises OSError."""
        there = {table: {day: changed_ns for day, changed_ns in days.items()
                         if (self.layout.archive(table) / f"date={day}").is_dir()}
                 for table, days in self._done.items()}
        text = json.dumps(there, separators=(",", ":"))
        publish(self.layout.root / COMPACTED, lambda path: path.write_text(text), mode=FILE_MODE)
        self._saved_s = time.monotonic()


def _read(path: Path) -> dict[str, dict[str, int]]:
    """Return what a file says, by table and date; nothing where it cannot be read: all is looked at once more."""
    try:
        said = json.loads(path.read_text())
        return {table: {day: int(changed_ns) for day, changed_ns in days.items()} for table, days in said.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _changed_ns(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return None  # pruned meanwhile
