"""What the page Now shows of how it is: values for JSON, and of streams only those that changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from capture.trouble import Subject, Trouble
from capture.watch.condition import Condition

STREAM_COLUMNS = (
    "recorder", "instrument", "word", "symbol", "instrument_id", "state", "since", "rows", "rows_per_second",
    "last_row", "lag_p50_s", "lag_max_s", "late", "delayed", "venue", "market", "message",
)  # fmt: skip
_TROUBLE_COLUMNS = ("severity", "cause", "remedy", "kind")
_RECORDER = ("recorder", "condition", "running", "stale", "pid", "host", "port", "client_id", "started", "heard",
             "state", "trouble", "sessions", "frames", "tape_bytes", "received_bytes", "behind_marks", "behind_s",
             "wanted", "acknowledged", "flowing", "history", "farms", "farms_since", "line_since", "restart_windows",
             "rows_without_instrument")  # fmt: skip
COLUMNS = (*STREAM_COLUMNS, *_TROUBLE_COLUMNS)

Row = tuple[Any, ...]


def summary(condition: Condition) -> dict[str, Any]:
    """Return all but the streams: verdict, troubles, recorders with their farms and budgets, the lake."""
    return {
        "at": condition.at, "data": str(condition.data), "verdict": condition.verdict, "line": condition.line,
        "troubles": [_told(one) for one in condition.told],
        "more_troubles": len(condition.troubles) - len(condition.told),
        "recorders": [{name: state.get(name) for name in _RECORDER} for state in condition.recorders],
        "lake": condition.lake,
    }


def _told(one: Trouble) -> dict[str, Any]:
    found = asdict(one)
    del found["facts"]
    return found


def stream_rows(condition: Condition) -> dict[str, Row]:
    """Return every stream as a row of COLUMNS, by recorder, instrument and word; its own trouble at the end."""
    troubles = {one.name: one for one in condition.troubles if one.subject is Subject.STREAM}
    rows: dict[str, Row] = {}
    for state in condition.recorders:
        for stream in state.get("streams", ()):
            known = {"recorder": state["recorder"], **stream}
            trouble = troubles.get(f"{state['recorder']} {stream['instrument']} {stream['word']}")
            own = [getattr(trouble, name) for name in _TROUBLE_COLUMNS] if trouble else [None] * len(_TROUBLE_COLUMNS)
            key = "\t".join(str(known[name]) for name in ("recorder", "instrument", "word"))
            rows[key] = (*(known.get(name) for name in STREAM_COLUMNS), *own)
    return rows


class Versions:
    """Streams as they were told, so that a listener of any version gets only what changed since."""

    def __init__(self) -> None:
        self.version = 0
        self._rows: dict[str, tuple[int, Row]] = {}
        self._keys_version = 0  # when streams last came or went

    def take(self, rows: Mapping[str, Row]) -> None:
        """Take all streams as they are now, as a new version."""
        self.version += 1
        if rows.keys() != self._rows.keys():
            self._keys_version = self.version
        self._rows = {key: self._changed(key, row) for key, row in rows.items()}

    def _changed(self, key: str, row: Row) -> tuple[int, Row]:
        known = self._rows.get(key)
        return known if known is not None and known[1] == row else (self.version, row)

    def since(self, version: int) -> dict[str, Any]:
        """Return the rows that changed since a version, as `columns` and `rows`; `whole` says that they are all."""
        whole = version < self._keys_version
        rows: Iterable[Row] = (row for at, row in self._rows.values() if whole or at > version)
        return {"whole": whole, "columns": COLUMNS, "rows": list(rows)}


def as_json(value: Any) -> str:
    """Return a value as compact JSON; times in ISO form, what is no number null."""
    return json.dumps(plain(value), separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value in the types that JSON has."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if value - value == 0 else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Sequence() if not isinstance(value, bytes):
            return [plain(item) for item in value]
        case Path():
            return str(value)
    return value.hex() if isinstance(value, bytes) else str(value)
