"""The log of alerts, and what an alerter must know to go on after it was killed: files of the data folder.

A line of the log is written at once and whole; of a killed process the last one may lack its end, and is left out.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from capture.data_folder import ALERT_LOG, ALERT_LOG_BEFORE, ALERT_STATE
from capture.publish import give, make_folder, publish

from .alert_message import MUTED, Message
from .ledger import HAPPENED

MOST_BYTES = 8 << 20  # of each of the two files of the log
TOLD, SENT, FAILED, GIVEN_UP = "told", "sent", "failed", "given up"


class AlertLog:
    """Writes the log and the state of a data folder's alerts. Raises OSError where that cannot be done."""

    def __init__(self, data: Path) -> None:
        self._data = data
        make_folder((data / ALERT_LOG).parent)

    def told(self, message: Message) -> None:
        """Write that a message was made: a line for each of its troubles."""
        for one in message["troubles"]:
            self._write({"event": TOLD, "at": message["at"], "id": message["id"], "alert": message["alert"],
                         "status": message["status"], **{name: one.get(name) for name in _OF_TROUBLE}})  # fmt: skip

    def outcome(self, event: str, message_id: str, action: str, words: str) -> None:
        """Write what became of a message that an action had to send."""
        at = datetime.now(UTC).isoformat()
        self._write({"event": event, "at": at, "id": message_id, "action": action, "words": words})

    def save(self, state: Mapping[str, Any]) -> None:
        """Publish the state; after a power cut the one of before may be there, or none."""
        text = json.dumps(state, separators=(",", ":"), default=str)
        publish(self._data / ALERT_STATE, lambda temporary: temporary.write_text(text), sync=False)

    def _write(self, line: Mapping[str, Any]) -> None:
        path = self._data / ALERT_LOG
        new = not path.exists()
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, json.dumps(line, default=str).encode() + b"\n")
            full = os.fstat(log).st_size > MOST_BYTES
        finally:
            os.close(log)
        if new:
            give(path)
        if full:
            path.replace(self._data / ALERT_LOG_BEFORE)


_OF_TROUBLE = ("kind", "key", "severity", "subject", "name", "since", "text")


def read_state(data: Path) -> dict[str, Any]:
    """Return the state that was saved last; empty where there is none, or a power cut left one that cannot be read."""
    with suppress(FileNotFoundError, ValueError):
        said = json.loads((data / ALERT_STATE).read_text())
        return said if isinstance(said, dict) else {}
    return {}


def read_log(data: Path) -> list[dict[str, Any]]:
    """Return what was told, oldest first: a row for each trouble of each message, with what became of it.

    `at` is when it was told, `sent` the actions that took it with what they answered, `failed` those that did not yet,
    or were given up, with why; texts are printable, secrets in none of them.
    """
    rows: list[dict[str, Any]] = []
    of_message: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(data):
        if line.get("event") == TOLD:
            row = {name: value for name, value in line.items() if name != "event"} | {"sent": {}, "failed": {}}
            rows.append(row)
            of_message.setdefault(str(line["id"]), []).append(row)
            continue
        for row in of_message.get(str(line.get("id")), []):
            _take_outcome(row, line)
    return rows


class Logged(NamedTuple):
    """What the log holds: ids of messages, deliveries that are done as `Outbox` names them, and what happened: alert
    and key.
    """

    messages: frozenset[str]
    done: frozenset[str]
    happened: frozenset[tuple[str, str]]


def logged(data: Path) -> Logged:
    """Return what the log of a data folder holds."""
    lines = list(_lines(data))
    told = [line for line in lines if line.get("event") == TOLD]
    done = {f"{line['id']} {line['action']}" for line in lines if line.get("event") in (SENT, GIVEN_UP)}
    return Logged(frozenset(str(line["id"]) for line in told), frozenset(done), frozenset(
        (str(line["alert"]), str(line["key"])) for line in told if line["status"] in (HAPPENED, MUTED)))


def _take_outcome(row: dict[str, Any], line: Mapping[str, Any]) -> None:
    action, words = str(line.get("action")), line.get("words")
    if line["event"] == SENT:
        row["failed"].pop(action, None)
        row["sent"][action] = words
    else:
        row["failed"][action] = f"{words}; given up" if line["event"] == GIVEN_UP else words


def _lines(data: Path) -> Iterator[dict[str, Any]]:
    for name in (ALERT_LOG_BEFORE, ALERT_LOG):
        with suppress(FileNotFoundError), (data / name).open(encoding="utf-8", errors="replace") as file:
            for text in file:
                with suppress(ValueError):  # of a process that was killed, or of a power cut
                    line = json.loads(text)
                    if isinstance(line, dict):
                        yield line
