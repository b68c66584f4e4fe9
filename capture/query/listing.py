"""The files of a table's archive, listed anew only where something changed (D89)."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

from capture.lake.kept import KeptDay, is_same
from capture.lake.layout import EMPTY_NAME, day_folders, parquet_names
from capture.lake.state import SETTLED_NS


class Listing:
    """The files in the folders by date below `folder`, after the rowless file, which there always is.

    `kept` returns what is kept of them, by date: asked once, for folders that were not listed yet.
    """

    def __init__(self, folder: Path, rowless: Path, kept: Callable[[], Mapping[str, KeptDay]] = dict) -> None:
        self._folder, self._rowless = folder, rowless
        self._read_kept = kept
        self._kept: Mapping[str, KeptDay] | None = None
        self._days: tuple[int, dict[str, Path]] = 0, {}  # when a folder came or went, and the folders
        self._known: dict[str, tuple[int, list[Path]]] = {}  # folder -> when it was changed, and its files

    def days(self) -> list[date]:
        """Return the dates of which there are folders, oldest first."""
        return list(map(date.fromisoformat, self._folders()))

    def files(self, days: Iterable[date] | None = None) -> list[Path]:
        """Return the files of some dates, or of all, in order of date."""
        folders = (list(self._folders().values()) if days is None
                   else [self._folder / f"date={day}" for day in days])
        return [self._rowless, *(path for folder in folders for path in self._files(folder))]

    def kept_rows(self, paths: Iterable[Path]) -> dict[Path, int]:
        """Return of files of which that is kept how many rows they hold; all else is to be seen in them."""
        kept = self._kept_days()
        found = {}
        for path in paths:
            day = kept.get(path.parent.name.removeprefix("date="))
            file = day.files.get(path.name) if day else None
            if file and is_same(path, file):
                found[path] = file.rows
        return found

    def _kept_days(self) -> Mapping[str, KeptDay]:
        if self._kept is None:
            self._kept = self._read_kept()
        return self._kept

    def _folders(self) -> dict[str, Path]:
        changed_ns, days = self._days
        try:
            now_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if now_ns != changed_ns:
            days = day_folders(self._folder)
            self._days = now_ns if time.time_ns() - now_ns > SETTLED_NS else 0, days
        return days

    def _files(self, folder: Path) -> list[Path]:
        try:
            changed_ns = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []  # none of that date, or pruned meanwhile
        known = self._known.get(folder.name)
        if known is not None and known[0] == changed_ns:
            return known[1]
        kept = self._kept_days().get(folder.name.removeprefix("date="))
        whole = kept is not None and kept.changed_ns == changed_ns
        found = [folder / name for name in (kept.files if kept and whole else parquet_names(folder))]
        if time.time_ns() - changed_ns > SETTLED_NS:
            self._known[folder.name] = changed_ns, found
        return found


def size_bytes(path: Path) -> int:
    """Return the size of a file of rows; 0 for the rowless one, and for one that is sealed or pruned meanwhile."""
    try:
        return path.stat().st_size if path.name != EMPTY_NAME else 0
    except FileNotFoundError:
        return 0
