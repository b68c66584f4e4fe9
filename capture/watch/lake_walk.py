"""One walk over a lake's folders: sizes by part, by table and day, and the files of its archive."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from capture.data_folder import ARCHIVE, LIVE, TAPE
from capture.lake.layout import EMPTY_DATE, Layout, day_of
from capture.schemas import TABLES

PARTS = (TAPE, LIVE, ARCHIVE)
_SEGMENT, _ROWS = (".tape", ".tape.zst"), ".parquet"


def _by_kind() -> dict[str, dict[str, int]]:
    return defaultdict(lambda: defaultdict(int))


@dataclass(slots=True)
class LakeWalk:
    """What was found. `part_bytes`: all files by part. `kind_bytes`: by table, or tape, and UTC date in ISO form: the
    date of rows, and of a segment that of its last write. `archive`: the files of sealed days, by their paths below the
    data folder, with their times in seconds since 1970. `live_days`: by table the dates with live files.
    """

    part_bytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    kind_bytes: dict[str, dict[str, int]] = field(default_factory=_by_kind)
    archive: dict[str, float] = field(default_factory=dict)
    live_days: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def walk(layout: Layout) -> LakeWalk:
    """Walk a lake; what goes meanwhile is left out."""
    found = LakeWalk()
    for part in PARTS:
        for entry in _files(layout.root / part):
            try:
                stat = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # sealed, rolled, compressed or published meanwhile
            found.part_bytes[part] += stat.st_size
            if part == TAPE:
                if entry.name.endswith(_SEGMENT):
                    found.kind_bytes[TAPE][_date(stat.st_mtime)] += stat.st_size
            elif entry.name.endswith(_ROWS):
                _rows(found, layout, part, entry.path, stat)
    return found


def _rows(found: LakeWalk, layout: Layout, part: str, path: str, stat: os.stat_result) -> None:
    table, folder = path.rsplit("/", 3)[1:3]
    day = day_of(folder)
    if table not in TABLES or day is None or day == EMPTY_DATE:
        return
    found.kind_bytes[table][day] += stat.st_size
    if part == LIVE:
        found.live_days[table].add(day)
    else:
        found.archive[os.path.relpath(path, layout.root)] = stat.st_mtime


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            there = list(entries)
    except FileNotFoundError:
        return
    for entry in there:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            yield entry


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
