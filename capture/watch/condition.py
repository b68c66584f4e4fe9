"""How it is: all that recorders say and a lake's files show, the troubles in it, and one verdict."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.data_folder import SNAPSHOT
from capture.disk_space import LEAST_BYTES, no_room
from capture.lake.layout import LakeStateError, Layout
from capture.printable import one_line
from capture.trouble import Severity, Trouble, Verdict
from capture.trouble_kinds import trouble

from . import recorder_state as states
from .account_troubles import account_troubles, audit_troubles
from .lake_state import lake_state, no_lake_state
from .lake_troubles import disk_trouble, lake_troubles
from .line_troubles import farm_troubles, has_session, is_starting, moment, recorder_troubles
from .process_troubles import backfill_troubles, helper_troubles, roller_troubles
from .stream_troubles import is_late, stream_troubles

if TYPE_CHECKING:
    from .account_figures import AccountFigure

LAKE_INTERVAL_S = 300.0  # how often a lake's folders are walked by who looks again and again
CALM = frozenset({"stopped", "has not started"})  # conditions that are nobody's trouble while another recorder runs
_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Condition:
    """How it is at a moment, UTC. `troubles` are the worst first; `recorders` and `lake` what they were judged by.

    `recorders` are as `recorder_state` gives them, `lake` as `lake_state` does. `accounts` is empty unless somebody who
    may know them asked for them (see capture.watch.account_figures).
    """

    at: datetime
    data: Path
    verdict: Verdict
    line: str
    troubles: tuple[Trouble, ...]
    recorders: tuple[dict[str, Any], ...] = ()
    lake: dict[str, Any] = field(default_factory=dict)
    accounts: "tuple[AccountFigure, ...]" = ()

    @property
    def told(self) -> tuple[Trouble, ...]:
        """The troubles that a person is told of: without those that another one causes."""
        return tuple(one for one in self.troubles if one.within is None)

    def judged(self, least: Severity) -> tuple[Verdict, str]:
        """Return verdict and line where only troubles of a severity or a worse one count."""
        counted = [one for one in self.told if _ORDER[one.severity] <= _ORDER[least]]
        return _verdict(self.at, counted, self.recorders)


class Watcher:
    """Looks at a lake again and again; what takes long is looked at every `lake_interval_s` only."""

    def __init__(self, data: Path, lake_interval_s: float = LAKE_INTERVAL_S) -> None:
        self._layout, self._interval_s = Layout(data), lake_interval_s
        self._lake: dict[str, Any] | None = None
        self._fault: Trouble | None = None
        self._due_s = float("-inf")

    def look(self, now: datetime | None = None) -> Condition:
        """Return how it is. Raises LakeMissingError where there is no lake."""
        now = now or datetime.now(UTC)
        self._layout.require()
        data = str(self._layout.root)
        recorders, faults = _recorders(self._layout, now)
        if self._lake is None or time.monotonic() >= self._due_s:
            self._look_at_lake(recorders)
        assert self._lake is not None
        lack = no_room(self._layout.root, LEAST_BYTES)
        full = disk_trouble(lack, self._lake["disk"], data, now)
        _derive(recorders, lack, now)
        found = [one for one in (full, self._fault, *faults) if one]
        for state in recorders:
            found += _of_recorder(state, data, now, full if lack else None)
        recording = any(state["running"] for state in recorders)
        found += lake_troubles(self._lake, data, now, recording=recording)
        found += audit_troubles(self._lake["audited"], data, now)
        if not any(state["running"] or state["condition"] not in CALM for state in recorders):
            found.append(_nothing_records(data, recorders))
        return _condition(now, self._layout.root, found, recorders, self._lake)

    def _look_at_lake(self, recorders: list[dict[str, Any]]) -> None:
        retention = {name: days for state in recorders for name, days in state.get("retention", {}).items()}
        try:
            self._lake, self._fault = lake_state(self._layout, retention), None
        except LakeStateError as error:
            self._lake, self._fault = no_lake_state(self._layout.root), _unreadable(self._layout, error)
        self._due_s = time.monotonic() + self._interval_s


def look(data: Path, now: datetime | None = None) -> Condition:
    """Return how it is with a data folder, once. Raises LakeMissingError where there is none."""
    return Watcher(data).look(now)


def _recorders(layout: Layout, now: datetime) -> tuple[list[dict[str, Any]], list[Trouble]]:
    """Return the recorders' states, and the trouble of state that cannot be read."""
    found, faults = [], []
    for name in layout.recorders():
        try:
            state = states.recorder_state(layout, name, now)
        except LakeStateError as error:
            state = states.said_alone(layout, name, now)
            faults = [_unreadable(layout, error)]
        # Who took a snapshot is no recorder any more once all of it is in files.
        if name != SNAPSHOT or state["running"] or state["behind_marks"]:
            found.append(state)
    return found, faults


def _unreadable(layout: Layout, error: LakeStateError) -> Trouble:
    return trouble("lake-unreadable", str(layout.root), None, str(error), {"data": str(layout.root)})


def _nothing_records(data: str, recorders: Iterable[dict[str, Any]]) -> Trouble:
    stopped = max((heard for state in recorders if (heard := state.get("heard"))), default=None)
    return trouble("nothing-records", data, moment(stopped), "every recorder was stopped" if stopped else
                   "no recorder has started here", {})


def _derive(recorders: Iterable[dict[str, Any]], lack: str | None, now: datetime) -> None:
    """Put beside what recorders say what follows from it."""
    for recorder in recorders:
        recorder["condition"] = states.condition(recorder)
        recorder["stale"] = states.stale(recorder, lack)
        for stream in recorder.setdefault("accounts", []):
            stream["last_row_age_s"] = states.last_row_age_s(recorder, stream, now)
        for stream in recorder.setdefault("streams", []):
            stream["last_row_age_s"] = states.last_row_age_s(recorder, stream, now)
            stream.setdefault("lag_p50_s", None)  # a recorder of before says nothing of it
            stream.setdefault("lag_max_s", None)
            stream["late"] = is_late(stream) and recorder["running"]
            if not recorder["running"]:
                stream["rows_per_second"] = 0.0
            if recorder["condition"] in states.ENDED and stream["state"] != "refused":
                stream["state"] = "stopped"
        if recorder["condition"] in states.ENDED and "wanted" in recorder:
            recorder["acknowledged"] = recorder["flowing"] = 0


def _of_recorder(state: dict[str, Any], data: str, now: datetime, no_room: Trouble | None) -> list[Trouble]:
    own = [*recorder_troubles(state, now, no_room), *farm_troubles(state, now)]
    return [*own, *stream_troubles(state, now, own), *account_troubles(state), *roller_troubles(state, now, no_room),
            *helper_troubles(state, data, no_room), *backfill_troubles(state, now, own)]


def _condition(
    now: datetime, data: Path, found: Iterable[Trouble], recorders: Sequence[dict[str, Any]], lake: dict[str, Any]
) -> Condition:
    unique = {one.key: one for one in found}
    troubles = tuple(sorted(unique.values(), key=lambda one: (one.within is not None, _ORDER[one.severity], one.key)))
    verdict, line = _verdict(now, [one for one in troubles if one.within is None], recorders)
    return Condition(now, data, verdict, line, troubles, tuple(recorders), lake)


def _verdict(
    now: datetime, troubles: Sequence[Trouble], recorders: Sequence[dict[str, Any]]
) -> tuple[Verdict, str]:
    wrong = [one for one in troubles if one.severity is not Severity.ROUTINE]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return Verdict.TROUBLE, one_line(f"{wrong[0].line}{more}")
    if starting := [state["recorder"] for state in recorders if is_starting(state, now)]:
        return Verdict.UNKNOWN, f"{', '.join(starting)} is starting: nothing can be said yet"
    if troubles:
        return Verdict.WELL, f"routine: {troubles[0].name}: {troubles[0].cause}"
    running = [state for state in recorders if has_session(state)]
    flowing = sum(state.get("flowing", 0) for state in running)
    return Verdict.WELL, f"{', '.join(state['recorder'] for state in running)}: recording, {flowing} streams flow"
