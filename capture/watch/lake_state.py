"""How a lake's files stand: disk, archive, sealing, and the last verify. It walks folders, so it is asked seldom."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from capture.data_folder import ARCHIVE, LIVE, TAPE
from capture.lake.layout import Layout, day_folders
from capture.lake.proof.file_check import archive_files
from capture.lake.proof.file_round import read_damaged, read_times
from capture.lake.proof.verified import read_verified
from capture.lake.sealed import sealed_through
from capture.query.sizes import growth
from capture.schemas import TABLES

from .recorder_state import disk_bytes


def lake_state(layout: Layout, retention: Mapping[str, int]) -> dict[str, Any]:
    """Return how a lake's files stand, as plain values. Raises LakeStateError where what is sealed is not known.

    `disk`: bytes used and free, by `retention` (days by table, and tape) the growth per day and days until full, None
    where not known. `archive`: how many files of sealed days, when the one of longest ago was read, which are damaged.
    `unsealed_since` is the oldest date that is not sealed, None without one; `verified` what the last verify found.
    """
    used = {name: disk_bytes([layout.root / name]) for name in (TAPE, LIVE, ARCHIVE)}
    disk = {"used_bytes": sum(used.values()), **{f"{name}_bytes": size for name, size in used.items()},
            "free_bytes": shutil.disk_usage(layout.root).free, "bytes_per_day": None, "days_until_full": None}
    return {"disk": disk | growth(layout, retention), "archive": _archive(layout),
            "unsealed_since": _unsealed_since(layout), "verified": read_verified(layout)}


def _archive(layout: Layout) -> dict[str, Any]:
    known = read_times(layout)
    times: list[tuple[float | None, float]] = []
    for _, path in archive_files(layout):
        with suppress(FileNotFoundError):  # sealed anew or pruned meanwhile
            read_s = known.get(str(path.relative_to(layout.root)), (None, 0))[0]
            times.append((read_s, max(read_s or 0.0, path.stat().st_mtime)))
    read = [read_s for read_s, _ in times if read_s is not None]
    return {
        "files": len(times), "not_read_yet": len(times) - len(read), "read_since": _utc(min(read, default=None)),
        "unread_since": _utc(min((at_s for _, at_s in times), default=None)),
        "damaged": [asdict(one) | {"path": str(layout.root / one.path)} for one in read_damaged(layout)],
    }


def _utc(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _unsealed_since(layout: Layout) -> date | None:
    found = []
    for table in TABLES:
        live = day_folders(layout.live(table))
        through = sealed_through(layout, table) if live else None
        found += [day for text in live if through and (day := date.fromisoformat(text)) > through]
    return min(found, default=None)


def no_lake_state(data: Path) -> dict[str, Any]:
    """Return what can be said of a lake whose own state cannot be read."""
    disk = {"used_bytes": 0, "tape_bytes": 0, "live_bytes": 0, "archive_bytes": 0,
            "free_bytes": shutil.disk_usage(data).free, "bytes_per_day": None, "days_until_full": None}
    archive: dict[str, Any] = {"files": 0, "not_read_yet": 0, "read_since": None, "unread_since": None, "damaged": []}
    return {"disk": disk, "archive": archive, "unsealed_since": None, "verified": None}
