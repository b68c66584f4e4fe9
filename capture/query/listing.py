"""The files of a table's archive, listed anew only where something changed."""

import os
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from capture.lake.layout import EMPTY_DATE, EMPTY_NAME, day_folders
from capture.lake.state import SETTLED_NS


class Listing:
    """The files in the folders by date below `folder`. There is always one: the rowless file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, list[Path]]] = {}  # folder -> when it was changed, and its files

    def files(self, days: Iterable[date] | None = None) -> list[Path]:
        """Return the files of some dates, or of all, in order of date."""
        if days is None:
            folders = [self._folder / f"date={EMPTY_DATE}", *day_folders(self._folder).values()]
        else:
            folders = [self._folder / f"date={day}" for day in (EMPTY_DATE, *days)]
        return [path for folder in folders for path in self._files(folder)]

    def _files(self, folder: Path) -> list[Path]:
        try:
            changed_ns = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []  # none of that date, or pruned meanwhile
        known = self._known.get(folder.name)
        if known is not None and known[0] == changed_ns:
            return known[1]
        found = [folder / EMPTY_NAME] if folder.name.endswith(EMPTY_DATE) else _parquet_files(folder)
        if time.time_ns() - changed_ns > SETTLED_NS:
            self._known[folder.name] = changed_ns, found
        return found


def _parquet_files(folder: Path) -> list[Path]:
    # Not by glob: over a thousand dates that takes most of the time of a first question.
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except FileNotFoundError:
        return []  # pruned meanwhile
    return [folder / name for name in names if name.endswith(".parquet")]
