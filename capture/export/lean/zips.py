"""Zips whose entries grow side by side: as plain files first, which are zipped as soon as no more lines can come."""

import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

# No time zone is further from UTC than this, so that a local day has ended everywhere.
LATEST = timedelta(days=2)


@dataclass(slots=True)
class _Growing:
    day: date | None
    entries: dict[str, Path] = field(default_factory=dict)


class Zips:
    """The zips of a folder, by their paths in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._growing: dict[str, _Growing] = {}

    def append(self, path: str, entry: str, lines: pl.DataFrame, day: date | None) -> None:
        """Append lines of text to an entry of the zip of a local day; of None, if it may grow till the end."""
        if lines.is_empty():
            return
        growing = self._growing.setdefault(path, _Growing(day))
        if entry not in growing.entries:
            folder = self._parts(path)
            folder.mkdir(parents=True, exist_ok=True)
            growing.entries[entry] = folder / entry
        with growing.entries[entry].open("ab") as file:
            lines.write_csv(file, include_header=False, quote_style="never", null_value="")

    def finish(self, now: date | None = None) -> None:
        """Zip the entries of days that are over, as the UTC day is `now`; without one, all entries."""
        over = [path for path, growing in self._growing.items()
                if now is None or (growing.day is not None and growing.day + LATEST <= now)]
        for path in over:
            entries = self._growing.pop(path).entries
            with zipfile.ZipFile(self._folder / path, "x", zipfile.ZIP_DEFLATED) as zipped:
                for entry, file in entries.items():
                    zipped.write(file, entry)
                    file.unlink()
            self._parts(path).rmdir()

    def _parts(self, path: str) -> Path:
        return (self._folder / path).with_suffix(".parts")
