"""The lookout: all troubles that there are at a moment, those that only alerts want among them."""

import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from capture.lake.layout import LakeMissingError, Layout
from capture.query.answer import QueryError
from capture.query.lake_reader import LakeReader, open_reader
from capture.tape import TapeError
from capture.trouble import Trouble
from capture.trouble_kinds import trouble
from capture.wanted.alert_block import AlertBlock
from capture.watch.condition import Condition, Watcher

from .account_watch import AccountWatch
from .alert_limits import GAPS_BACK_S, of_coverage, of_disk, of_recorders, open_gaps, today, unrestored
from .desk import Sight
from .stored_gaps import stored_gaps

LAKE_INTERVAL_S = 60.0  # how often the lake is asked, where an alert wants to know of gaps or coverage
_OF_GAPS = frozenset({"gap-open", "gap-not-restored"})

log = logging.getLogger("ticktape.alerts")


class Lookout:
    """Looks at a data folder for some alerts; at accounts where there is who watches them."""

    def __init__(self, data: Path, blocks: Iterable[AlertBlock], accounts: AccountWatch | None = None) -> None:
        self._data, self._blocks, self.accounts = data, list(blocks), accounts
        self._kinds = frozenset[str]().union(*(block.kinds for block in self._blocks))
        self._watcher = Watcher(data)
        self._lake: LakeReader | None = None
        self._gaps: list[dict[str, Any]] = []
        self._covered: list[dict[str, Any]] = []
        self._due_s = float("-inf")
        self._fault = ""

    def look(self, now: datetime) -> tuple[Condition | None, list[Sight]]:
        """Return how it is, None where there is no lake yet, and what there is to tell.

        Troubles that others cause are left out; what only happens is among them each time, for a day.
        """
        try:
            found = self._watcher.look(now)
        except LakeMissingError as error:
            return None, [(None, plain(trouble("nothing-records", str(self._data), None, str(error), {})))]
        self._ask_lake(now)
        own = [(block.name, plain(one)) for block in self._blocks for one in self._of(block, found, now)]
        return found, [*((None, plain(one)) for one in found.told), *own]

    def close(self) -> None:
        """Let go of the lake."""
        if self._lake:
            self._lake.close()

    def _of(self, block: AlertBlock, found: Condition, now: datetime) -> Iterator[Trouble]:
        yield from of_recorders(block, found.recorders, now)
        yield from of_disk(block, str(self._data), shutil.disk_usage(self._data).free)
        yield from of_coverage(block, self._covered)
        yield from open_gaps(self._gaps, found.recorders, found.troubles, now)
        yield from unrestored(self._gaps, now)
        yield from self.accounts.troubles(block) if self.accounts else ()

    def _ask_lake(self, now: datetime) -> None:
        if not self._kinds & (_OF_GAPS | {"coverage-below"}) or time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + LAKE_INTERVAL_S
        try:
            if self._kinds & _OF_GAPS:
                self._gaps = stored_gaps(Layout(self._data), now - timedelta(seconds=GAPS_BACK_S))
            if "coverage-below" in self._kinds:
                self._lake = self._lake or open_reader(self._data, LakeReader)
                self._covered = _newest(self._lake.coverage(start=today(now)))
            self._fault = ""
        except (OSError, QueryError, TapeError, duckdb.Error, pa.ArrowException) as error:
            if str(error) != self._fault:
                log.warning("gaps and coverage cannot be looked at: %s; it is tried again", error)
            self._fault = str(error)


def _newest(covered: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return of each instrument's stream the row of its newest day."""
    newest = {(row["instrument_id"], row["stream"]): row for row in covered}
    return list(newest.values())


def plain(trouble: Trouble) -> dict[str, Any]:
    """Return a trouble as plain values that JSON has, with `text`, all of it in a sentence."""
    facts = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in trouble.facts.items()}
    since = trouble.since and trouble.since.astimezone(UTC).isoformat()
    return {"kind": trouble.kind, "key": trouble.key, "severity": str(trouble.severity),
            "subject": str(trouble.subject), "name": trouble.name, "since": since, "cause": trouble.cause,
            "remedy": trouble.remedy, "facts": facts, "text": trouble.line}  # fmt: skip
