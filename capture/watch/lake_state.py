"""How a lake's files stand: disk, archive, sealing, and the last verify. It walks folders, so it is asked seldom."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from capture.lake.layout import Layout
from capture.lake.proof.audited import read_audited
from capture.lake.proof.file_round import read_damaged, read_times
from capture.lake.proof.verified import read_verified
from capture.lake.sealed import sealed_through
from capture.query.sizes import growth

from .lake_walk import LakeWalk, walk


def lake_state(layout: Layout, retention: Mapping[str, int]) -> dict[str, Any]:
    """Return how a lake's files stand, as plain values. Raises LakeStateError where what is sealed is not known.

    `disk`: bytes used and free, by `retention` (days by table, and tape) the growth per day and days until full, None
    where not known. `archive`: how many files of sealed days, when the one of longest ago was read, which are damaged.
    `unsealed_since` is the oldest date that is not sealed, None without one; `verified` what the last verify found,
    and `audited` which findings the last audit of accounts had.
    """
    walked, free_bytes = walk(layout), shutil.disk_usage(layout.root).free
    used = walked.part_bytes
    disk = {"used_bytes": sum(used.values()), **{f"{name}_bytes": size for name, size in used.items()},
            "free_bytes": free_bytes}
    return {"disk": disk | growth(walked.kind_bytes, retention, free_bytes, datetime.now(UTC).date()),
            "archive": _archive(layout, walked), "unsealed_since": _unsealed_since(layout, walked),
            "verified": read_verified(layout), "audited": _audited(layout)}


def _archive(layout: Layout, walked: LakeWalk) -> dict[str, Any]:
    known = read_times(layout)
    read_s = {path: known[path][0] for path in walked.archive if path in known}
    return {
        "files": len(walked.archive), "not_read_yet": len(walked.archive) - len(read_s),
        "read_since": _utc(min(read_s.values(), default=None)),
        "unread_since": _utc(min((max(at_s, read_s.get(path, 0.0)) for path, at_s in walked.archive.items()),
                                 default=None)),
        "damaged": [asdict(one) | {"path": str(layout.root / one.path)} for one in read_damaged(layout)],
    }


def _audited(layout: Layout) -> list[dict[str, Any]]:
    audited = read_audited(layout)
    return [one._asdict() for one in audited.findings] if audited else []


def _utc(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _unsealed_since(layout: Layout, walked: LakeWalk) -> date | None:
    found = []
    for table, days in walked.live_days.items():
        through = sealed_through(layout, table)
        found += [day for text in days if (day := date.fromisoformat(text)) > through]
    return min(found, default=None)


def no_lake_state(data: Path) -> dict[str, Any]:
    """Return what can be said of a lake whose own state cannot be read."""
    disk = {"used_bytes": 0, "tape_bytes": 0, "live_bytes": 0, "archive_bytes": 0,
            "free_bytes": shutil.disk_usage(data).free, "bytes_per_day": None, "days_until_full": None}
    archive: dict[str, Any] = {"files": 0, "not_read_yet": 0, "read_since": None, "unread_since": None, "damaged": []}
    return {"disk": disk, "archive": archive, "unsealed_since": None, "verified": None, "audited": []}
