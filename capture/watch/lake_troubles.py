"""Troubles of the lake: its disk, damaged files, what is not sealed, read or verified in time."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from capture.trouble import Severity, Trouble
from capture.trouble_kinds import trouble

NEARLY_FULL_DAYS, ALARM_DAYS = 7.0, 1.0
SEAL_LATE_S = 6 * 3_600.0  # after midnight; sealing begins an hour after it
CHECK_DAYS, VERIFY_DAYS = 45, 45  # each file is read once in 30 days


def disk_trouble(lack: str | None, disk: Mapping[str, Any], data: str, now: datetime) -> Trouble | None:
    """Return the trouble of the disk; `lack` says that recording has no room on it, None where it has."""
    facts = {**disk, "data": data}
    if lack:
        return trouble("disk-full", data, None, lack, facts)
    left = disk.get("days_until_full")
    if left is None or left > NEARLY_FULL_DAYS:
        return None
    full = now + timedelta(days=left)
    severity = Severity.ALARM if left <= ALARM_DAYS else Severity.WARNING
    return trouble("disk-nearly-full", data, None,
                   f"the disk is full on {full:%Y-%m-%d} at the growth of the last days",
                   facts | {"full_at": full.isoformat()}, severity=severity)


def lake_troubles(lake: Mapping[str, Any], data: str, now: datetime, *, recording: bool) -> Iterator[Trouble]:
    """Yield what is wrong with the files of a lake; what recorders see to is judged only while one is `recording`."""
    archive = lake["archive"]
    for one in archive["damaged"]:
        yield trouble("damage-found", one["path"], datetime.fromisoformat(one["found"]), f"damaged: {one['why']}", one)
    yield from _verified(lake["verified"], data, now)
    if recording:
        yield from _unsealed(lake["unsealed_since"], data, now)
        yield from _unread(archive, data, now)


def _verified(verified: Mapping[str, Any] | None, data: str, now: datetime) -> Iterator[Trouble]:
    if verified is None:
        return
    at, facts = datetime.fromisoformat(verified["finished"]), {**verified, "data": data}
    if verified["findings"]:
        yield trouble("verify-failed", data, at, f"{verified['findings']} findings on {at:%Y-%m-%d %H:%M} UTC", facts)
    elif now - at > timedelta(days=VERIFY_DAYS):
        yield trouble("verify-overdue", data, at + timedelta(days=VERIFY_DAYS),
                      f"the last `ticktape verify` was {(now - at).days} days ago", facts)


def _unsealed(day: date | None, data: str, now: datetime) -> Iterator[Trouble]:
    if day is None:
        return
    due = datetime.combine(day + timedelta(days=1), time(), UTC) + timedelta(seconds=SEAL_LATE_S)
    if now > due:
        yield trouble("sealer-late", data, due, f"{day} is over and not sealed", {"date": str(day), "data": data})


def _unread(archive: Mapping[str, Any], data: str, now: datetime) -> Iterator[Trouble]:
    oldest: datetime | None = archive["unread_since"]
    if oldest is not None and now - oldest > timedelta(days=CHECK_DAYS):
        yield trouble("check-overdue", data, oldest + timedelta(days=CHECK_DAYS),
                      f"the archive file of longest ago was last read or written {(now - oldest).days} days ago",
                      {"data": data, "unread_since": oldest.isoformat()})
