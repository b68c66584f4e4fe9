"""What the last audit of accounts found: sealed/audited.json, for who watches. Its loss costs nothing.

It names accounts as commands show them, and says nothing of what they hold but which kinds of difference there are.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from capture.data_folder import AUDITED
from capture.lake.layout import Layout
from capture.lake.parquet_file import PERSONAL_MODE
from capture.publish import make_folder, publish


class Finding(NamedTuple):
    """Differences of one kind and reason in an account: how many, and since when some were found, UTC."""

    account: str
    kind: str
    why: str
    times: int
    since: datetime


class Audited(NamedTuple):
    """When the last audit ended, UTC, and what it found."""

    finished: datetime
    findings: tuple[Finding, ...]


def findings_of(rows: Iterable[Mapping[str, Any]], before: Audited | None, now: datetime) -> tuple[Finding, ...]:
    """Return the findings in rows of account_differences; those that were found before are of then."""
    since = {one[:3]: one.since for one in before.findings} if before else {}
    counts = Counter((row["account"] or "", row["kind"], row["why"]) for row in rows)
    return tuple(Finding(*key, times, since.get(key, now)) for key, times in sorted(counts.items()))


def write_audited(layout: Layout, findings: Iterable[Finding], now: datetime) -> None:
    """Write down what an audit found just now; nothing where it cannot be written."""
    path = layout.root / AUDITED
    said = json.dumps({"finished": now.isoformat(), "findings": [
        one._asdict() | {"since": one.since.isoformat()} for one in findings]})  # fmt: skip
    with suppress(OSError):  # a lake that is only read
        make_folder(path.parent)
        publish(path, partial(_write, said), mode=PERSONAL_MODE)


def read_audited(layout: Layout) -> Audited | None:
    """Return what the last audit found; None where that is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        said = json.loads((layout.root / AUDITED).read_text())
        found = [Finding(str(one["account"]), str(one["kind"]), str(one["why"]), int(one["times"]), _utc(one["since"]))
                 for one in said["findings"]]
        return Audited(_utc(said["finished"]), tuple(found))
    return None


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _write(text: str, path: Path) -> None:
    path.write_text(text)
