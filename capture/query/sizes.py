"""What a lake takes on disk: per table, per recorder, per day, and for how long the disk will do."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from capture.lake.damage import FAULTS
from capture.lake.kept import KeptDay, is_same, read_kept
from capture.lake.layout import Layout, archive_marks, day_folders, live_mark
from capture.lake.sealed import sealed_dates
from capture.schemas import TABLES
from capture.tape import Segment, segments
from capture.tape.segment import SegmentFile

RECENT_DAYS = 7  # whole ones, of which the growth is the mean
MONTH_DAYS = 30


@dataclass(slots=True)
class _Sizes:
    """Bytes and rows, by what they are of."""

    rows: int = 0
    live_bytes: int = 0
    archive_bytes: int = 0
    days: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def sizes(layout: Layout, now: datetime | None = None) -> dict[str, Any]:
    """Return what a lake takes on disk, as plain values.

    `tables`: per table with rows, `rows`, `live_bytes` (of dates that are not sealed), `archive_bytes`, `bytes_per_row`
    and `bytes_per_day` (mean of the days with rows). `recorders`: per recorder `open_bytes` of the open segments
    of its tape, `sealed_bytes` of the compressed ones, `raw_bytes` that these were before, their `ratio`,
    `parquet_bytes` of its rows. `days`: per UTC date, `parquet_bytes`, by the rows' time, and `tape_bytes`, by when a
    segment was last written. `replaced_bytes` are files that sealing replaced and will remove. Projected:
    `bytes_per_day` is the mean of the last whole days (null before the first), `days_until_full` what `free_bytes`
    will do for at that rate.
    """
    now = now or datetime.now(UTC)
    tables, recorders, replaced_bytes = _files(layout)
    tapes = {name: _tape(layout, name) for name in layout.recorders()}
    days: dict[str, dict[str, int]] = defaultdict(lambda: {"parquet_bytes": 0, "tape_bytes": 0})
    for one in tables.values():
        for day, size_bytes in one.days.items():
            days[day]["parquet_bytes"] += size_bytes
    for tape in tapes.values():
        for day, size_bytes in tape.pop("days").items():
            days[day]["tape_bytes"] += size_bytes
    free_bytes = shutil.disk_usage(layout.root).free
    by_day = {day: sum(size.values()) for day, size in days.items()}
    per_day = _recent(by_day, min(days, default=None), now.date())
    return {
        "tables": [_table(name, one) for name, one in tables.items()],
        "recorders": [{"recorder": name, **tape, "parquet_bytes": recorders.get(name, 0)}
                      for name, tape in tapes.items()],
        "days": [{"date": date.fromisoformat(day), **days[day]} for day in sorted(days)],
        "replaced_bytes": replaced_bytes,
        "total_bytes": replaced_bytes + sum(by_day.values()),
        "bytes_per_day": per_day,
        "bytes_per_month": None if per_day is None else per_day * MONTH_DAYS,
        "free_bytes": free_bytes,
        "days_until_full": free_bytes / per_day if per_day else None,
    }


def growth(
    by_kind: Mapping[str, Mapping[str, int]], retention: Mapping[str, int], free_bytes: int, today: date
) -> dict[str, Any]:
    """Return `bytes_per_day` and `days_until_full` as `sizes` does, of bytes by table (or tape) and date in ISO form.

    `retention` says for how many days what is kept: what has reached that grows no more.
    """
    days: dict[str, int] = defaultdict(int)
    for kind, of_kind in by_kind.items():
        if not _is_full_length(of_kind, retention.get(kind), today):
            for day, size_bytes in of_kind.items():
                days[day] += size_bytes
    per_day = _recent(days, min((day for found in by_kind.values() for day in found), default=None), today)
    return {"bytes_per_day": per_day, "days_until_full": free_bytes / per_day if per_day else None}


def _is_full_length(days: Iterable[str], kept_days: int | None, today: date) -> bool:
    """Return whether what is kept so many days has been there for as many: each day as much goes as comes."""
    return kept_days is not None and (today - date.fromisoformat(min(days))).days >= kept_days


def _files(layout: Layout) -> tuple[dict[str, _Sizes], dict[str, int], int]:
    """Return sizes by table, bytes by recorder, and bytes of files that no query reads any more."""
    found: dict[str, _Sizes] = defaultdict(_Sizes)
    recorders: dict[str, int] = defaultdict(int)
    sealed, replaced_bytes = sealed_dates(layout), 0
    kept = {table: read_kept(layout, table) for table in TABLES}
    for table, path, recorder, in_archive in _named(layout):
        day = path.parent.name.removeprefix("date=")
        try:
            size_bytes, rows = _measured(path, kept[table].get(day) if in_archive else None)
        except FileNotFoundError:
            continue  # sealed or pruned meanwhile
        if (day <= sealed[table]) != in_archive:
            replaced_bytes += size_bytes
            continue
        one = found[table]
        one.rows += rows
        one.days[day] += size_bytes
        one.archive_bytes += size_bytes * in_archive
        one.live_bytes += size_bytes * (not in_archive)
        recorders[recorder] += size_bytes
    return {name: found[name] for name in TABLES if name in found}, recorders, replaced_bytes


def _rows(path: Path) -> int:
    """Return how many rows a file has; 0 for a damaged one, which is told by whoever asks for its rows."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except FileNotFoundError:
        raise
    except FAULTS:
        return 0


def _measured(path: Path, kept: KeptDay | None) -> tuple[int, int]:
    """Return bytes and rows of a file, which is opened where nothing is kept of it."""
    file = kept.files.get(path.name) if kept else None
    if file and is_same(path, file):
        return file.size_bytes, file.rows
    return path.stat().st_size, _rows(path)


def _named(layout: Layout) -> Iterator[tuple[str, Path, str, bool]]:
    """Yield table, path, recorder and whether it is in the archive, of every file that a recorder wrote."""
    for table in TABLES:
        for folder, marks, in_archive in ((layout.live(table), live_mark, False),
                                          (layout.archive(table), archive_marks, True)):
            for path in (path for day in day_folders(folder).values() for path in day.glob("*.parquet")):
                if named := marks(path):
                    yield table, path, str(named[0]), in_archive


def _table(name: str, one: _Sizes) -> dict[str, Any]:
    size_bytes = one.live_bytes + one.archive_bytes
    return {"table": name, "rows": one.rows, "live_bytes": one.live_bytes, "archive_bytes": one.archive_bytes,
            "bytes_per_row": size_bytes / one.rows if one.rows else None,
            "bytes_per_day": size_bytes / len(one.days)}  # fmt: skip


def _tape(layout: Layout, recorder: str) -> dict[str, Any]:
    open_bytes = compressed_bytes = raw_bytes = 0
    days: dict[str, int] = defaultdict(int)
    for segment in segments(layout.tape / recorder):
        try:
            size_bytes, whole_bytes, day = _segment(segment)
        except FileNotFoundError:
            continue  # compressed meanwhile
        days[day] += size_bytes
        open_bytes += size_bytes * (not segment.compressed)
        compressed_bytes += size_bytes * segment.compressed
        raw_bytes += whole_bytes * segment.compressed
    return {"open_bytes": open_bytes, "sealed_bytes": compressed_bytes, "raw_bytes": raw_bytes,
            "ratio": raw_bytes / compressed_bytes if compressed_bytes else None, "days": days}


def _segment(segment: Segment) -> tuple[int, int, str]:
    """Return a segment's bytes on disk, its bytes before it was compressed, and the UTC date of its last write.

    Compressing comes within a minute of the last record, and the file's time is far cheaper to read than that.
    """
    stat = segment.path.stat()
    with SegmentFile(segment.path) as file:
        return stat.st_size, file.size_bytes, datetime.fromtimestamp(stat.st_mtime, UTC).date().isoformat()


def _recent(days: Mapping[str, int], first: str | None, today: date) -> float | None:
    """Return the mean of bytes per day over the last whole days, as far back as there are any; None without."""
    begin = max(date.fromisoformat(first) if first else today, today - timedelta(days=RECENT_DAYS))
    count = (today - begin).days
    recent = sum(size_bytes for day, size_bytes in days.items() if begin <= date.fromisoformat(day) < today)
    return recent / count if count > 0 else None
